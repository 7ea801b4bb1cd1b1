"""Opening stores whose halves are apart: they belong together, or nothing is opened."""

from __future__ import annotations

import os
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forebear.blobs.cache import CachedObjects
from forebear.blobs.local import LocalObjects
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, InvalidInput, NotFound, StorageFailure, Unsupported
from forebear.records.content import PACK, StoredObject
from forebear.store import opening
from forebear.store.marks import FolderPlace, StoreMark
from forebear.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.store.store import Store


@pytest.fixture(params=["folder", "far"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where blobs are that are not beside their catalog."""
    return str(tmp_path / "blobs") if request.param == "folder" else f"memory://{uuid.uuid4().hex}/pre"


@pytest.fixture
def url(tmp_path: Path, blobs: str) -> str:
    return f"{tmp_path / 'store'}?blobs={blobs}"


def identity(url: str | Path, **options: bool) -> str:
    with closing(open_store(url, **options)) as store:
        return store.id


def put(store: Store, content: bytes) -> bytes:
    intake = store.intake()
    digest = intake.add_bytes(content)
    store.catalog.add_objects(intake.finish())
    return digest


def test_a_store_that_is_whole_in_one_folder(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "s")) as store:
        assert isinstance(store.objects, LocalObjects)
        assert (store.url, store.address, store.local) == (*[str(tmp_path / "s")] * 2, tmp_path / "s")
        assert store.folders == (tmp_path / "s",)
    assert FolderPlace(tmp_path / "s").read() == StoreMark(1, store.id)
    assert identity(tmp_path / "s", create=False) == store.id


def test_blobs_elsewhere_are_used(url: str, blobs: str, tmp_path: Path) -> None:
    with closing(open_store(url)) as store:
        digest = put(store, b"content")
        assert store.read(digest) == b"content"
        assert store.url == url
        assert store.local == tmp_path / "store"
        assert isinstance(store.objects, CachedObjects) == ("://" in blobs)
        assert store.folders == ((tmp_path / "store",) if "://" in blobs else (tmp_path / "store", Path(blobs)))
    assert not (tmp_path / "store" / "objects").exists()
    assert FolderPlace(tmp_path / "store").read() == StoreMark(2, store.id, f"blobs={blobs}")
    with closing(open_store(url, create=False)) as again:
        assert (again.id, again.read(digest)) == (store.id, b"content")


def test_the_folder_alone_says_where_its_blobs_are(url: str, tmp_path: Path) -> None:
    with closing(open_store(url)) as store:
        digest = put(store, b"content")
    with closing(open_store(tmp_path / "store", create=False)) as again:
        assert again.read(digest) == b"content"
        assert again.url == url


def test_another_place_for_the_blobs_is_refused(url: str, tmp_path: Path) -> None:
    open_store(url).close()
    with pytest.raises(StorageFailure, match="forebear store copy") as caught:
        open_store(f"{tmp_path / 'store'}?blobs={tmp_path / 'elsewhere'}")
    assert caught.value.code == "store-mismatch"
    assert not (tmp_path / "elsewhere").exists()


def test_blobs_of_another_store_are_refused(url: str, blobs: str, tmp_path: Path) -> None:
    open_store(url).close()
    # Nothing is made for a catalog that would begin for them.
    with pytest.raises(CorruptData, match="belong to store") as caught:
        open_store(f"{tmp_path / 'other'}?blobs={blobs}")
    assert caught.value.code == "catalog-missing"
    assert not (tmp_path / "other" / "catalog.db").exists()
    # A catalog that was put in the place of the right one.
    SqliteCatalog(tmp_path / "stray.db", store_id="f" * 32).close()
    os.replace(tmp_path / "stray.db", tmp_path / "store" / "catalog.db")
    with pytest.raises(StorageFailure, match="belongs to store ffffffff") as caught:
        open_store(url)
    assert caught.value.code == "store-mismatch"


def test_a_catalog_that_is_gone_is_told(url: str, tmp_path: Path) -> None:
    open_store(url).close()
    (tmp_path / "store" / "catalog.db").unlink()
    with pytest.raises(CorruptData, match="put it back from a backup"):
        open_store(url)


def test_blobs_that_are_gone_are_told(tmp_path: Path) -> None:
    url = f"{tmp_path / 'store'}?blobs={tmp_path / 'blobs'}"
    with closing(open_store(url)) as store:
        store.catalog.add_objects([StoredObject("pack/aa/aa", PACK, 1, [])])
    os.replace(tmp_path / "blobs", tmp_path / "away")
    with pytest.raises(CorruptData, match="names blobs that are not at") as caught:
        open_store(url)
    assert caught.value.code == "blobs-missing"
    assert not (tmp_path / "blobs").exists()


def test_a_first_start_that_was_cut_off_is_finished(tmp_path: Path, blobs: str, url: str) -> None:
    """The catalog is there, and the blobs were not marked yet."""
    (tmp_path / "store").mkdir()
    SqliteCatalog(tmp_path / "store" / "catalog.db", store_id="a" * 32).close()
    with pytest.raises(NotFound):
        open_store(url, create=False)
    assert identity(url) == "a" * 32
    assert identity(url, create=False) == "a" * 32


def test_what_is_not_there_is_not_made(url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="forebear init --store '"):
        open_store(url, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_form_is_refused(tmp_path: Path, blobs: str, url: str) -> None:
    open_store(url).close()
    mark = tmp_path / "store" / "store.json"
    mark.write_bytes(msgspec.json.encode({"format": 99, "id": "x"}))
    with pytest.raises(Unsupported, match="pip install -U forebear"):
        open_store(url)
    mark.write_text("{}")
    with pytest.raises(CorruptData, match="is damaged"):
        open_store(url)


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="a file is in its place"):
        open_store(f"{tmp_path / 'store'}?blobs={tmp_path / 'file'}")


def together(work: Callable[[], None], processes: int = 4) -> None:
    """Run work in several processes that begin at the same moment."""
    read, write = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            try:
                os.close(write)
                os.read(read, 1)  # until the parent closes the other end
                work()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    os.close(read)
    os.close(write)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * processes


def test_first_starts_at_once_make_one_store(tmp_path: Path) -> None:
    url = f"{tmp_path / 'store'}?blobs={tmp_path / 'blobs'}"
    together(lambda: (tmp_path / f"id-{identity(url)}-{os.getpid()}").touch())
    found = {path.name.split("-")[1] for path in tmp_path.glob("id-*")}
    assert found == {identity(url, create=False)}
    assert len(list(tmp_path.glob("id-*"))) == 4


def test_a_first_start_that_another_overtakes_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """It has seen that there is no catalog, and then sees blobs that have one: that of the other."""
    overtake(url, monkeypatch)
    with closing(open_store(url)) as store:
        assert store.id == identity(url, create=False)


def overtake(url: str, patch: pytest.MonkeyPatch) -> None:
    """Let another first start come to its end when the next one has looked for a catalog."""
    look = opening._refuse_foreign

    def overtaken(*args: Any, **options: Any) -> Any:
        patch.setattr(opening, "_refuse_foreign", look)
        open_store(url).close()
        return look(*args, **options)

    patch.setattr(opening, "_refuse_foreign", overtaken)
