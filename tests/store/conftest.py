"""What tests of large files share: bounds low enough that a large file is a few MiB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forebear.blobs import writer
from forebear.store import near_equal
from forebear.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forebear.store.store import Store

MIB = 1024 * 1024


@pytest.fixture
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut files of 2 MiB and more, also where objects are far away, and look at samples of half a MiB."""
    for module in (writer, near_equal):
        for bound in ("CHUNKED_BYTES", "FAR_SMALL_BYTES"):
            monkeypatch.setattr(module, bound, 2 * MIB)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()
