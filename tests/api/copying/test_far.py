"""Copies to and from stores whose blobs are far away."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from forebear.api.api import Api
from forebear.api.copying.copying import copy_store
from forebear.blobs.objects import calls_at_once
from forebear.blobs.remote import RemoteObjects
from forebear.records.content import LOOSE, PACK, Recipe
from forebear.store.shared import shared_store
from tests.api.copying.stores import LARGE, SIMILAR, begin, everything, log

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.store import Store


def far_store(folder: Path) -> Store:
    """A store whose catalog is in a folder and whose blobs are on another system."""
    return shared_store(f"{folder}?blobs=memory://{uuid.uuid4().hex}/pre")


@pytest.fixture
def far(tmp_path: Path) -> Store:
    return far_store(tmp_path / "far")


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of objects that were sent."""
    sent: list[str] = []
    for method in ("put", "put_file"):
        original = getattr(RemoteObjects, method)

        def spy(self, name, content, original=original):  # type: ignore[no-untyped-def]
            if self.size(name) is None:
                sent.append(name)
            original(self, name, content)

        monkeypatch.setattr(RemoteObjects, method, spy)
    return sent


def test_from_a_folder_to_far_away_and_back(source: Store, far: Store, target: Store) -> None:
    assert calls_at_once(far.objects) > 1
    copy_store(source, far)
    assert everything(far) == everything(source)
    copied = copy_store(far, target)
    assert everything(target) == everything(source)
    assert copied.troubles == []


def test_from_far_away_to_far_away(source: Store, far: Store, tmp_path: Path) -> None:
    copy_store(source, far)
    other = far_store(tmp_path / "other")
    copy_store(far, other)
    assert everything(other) == everything(source)
    assert copy_store(far, other).bytes == 0


def test_files_go_as_they_would_be_logged_there(source: Store, far: Store, puts: list[str]) -> None:
    """Large ones in chunks, of which only new ones go for a file that resembles another; others in packs."""
    copy_store(source, far)
    objects = list(far.catalog.objects())
    assert {stored.kind for stored in objects} == {PACK}
    assert sum(stored.size for stored in objects) < len(LARGE) * 1.5
    assert sorted(name for name in puts if name.startswith((PACK, LOOSE))) == [stored.name for stored in objects]
    entries = Api(far.address, project="p").artifact("data:v1").manifest.entries
    places = far.catalog.locate([entries["large.bin"].digest])
    assert all(isinstance(where, Recipe) for where in places.values())
    assert b"".join(bytes(far.read(digest)) for digest in places) == SIMILAR


def test_many_files_are_few_requests(tmp_path: Path, far: Store, puts: list[str]) -> None:
    with begin(str(tmp_path / "many"), "many") as run:
        log(run, "data", {f"{number:05}": f"file {number}".encode() * 50 for number in range(3_000)})
        log(run, "medium", {f"{number}": LARGE[number : number + 600_000] for number in range(8)})
    copy_store(shared_store(str(tmp_path / "many")), far)
    assert len([name for name in puts if name.startswith((PACK, LOOSE))]) <= 9  # of 4.8 MB in packs of 1 MiB
    assert [name for name in puts if name.startswith(LOOSE)] == []


def test_what_is_there_under_other_names_is_not_sent(source: Store, far: Store, puts: list[str]) -> None:
    """The same files logged there by somebody else lie in other objects."""
    with begin(far.address, "theirs") as run:
        log(run, "theirs", {"large": LARGE, "medium": LARGE[: 1024 * 1024]})
    puts.clear()
    copied = copy_store(source, far)
    assert copied.bytes < 700_000
    assert everything(far)["versions"].items() >= everything(source)["versions"].items()
