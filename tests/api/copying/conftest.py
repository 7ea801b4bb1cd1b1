from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forebear.blobs import writer
from forebear.store import near_equal
from forebear.store.shared import shared_store
from tests.api.copying.stores import MIB, pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.store import Store


@pytest.fixture(autouse=True)
def _low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of a few MiB be a large one, and packs be small."""
    for module in (writer, near_equal):
        monkeypatch.setattr(module, "CHUNKED_BYTES", 2 * MIB)
        monkeypatch.setattr(module, "FAR_SMALL_BYTES", 3 * MIB)
    monkeypatch.setattr("forebear.api.copying.freight.FAR_SMALL_BYTES", 3 * MIB)
    monkeypatch.setattr(writer, "FAR_PACK_BYTES", MIB)


@pytest.fixture
def source(tmp_path: Path) -> Store:
    """A store that has something of everything."""
    pipeline(str(tmp_path / "source"))
    return shared_store(str(tmp_path / "source"))


@pytest.fixture
def target(tmp_path: Path) -> Store:
    """A store that is empty."""
    return shared_store(str(tmp_path / "target"))
