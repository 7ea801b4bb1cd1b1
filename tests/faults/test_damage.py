"""Bytes that are not what was stored are found on reading, are never handed out, and verify names what is hit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import CorruptData
from forebear.records.content import LOOSE, PACK
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = {"small/1.txt": b"one" * 50, "small/2.txt": b"two" * 50, "large.bin": bytes(range(256)) * 8_000}


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x10]))


def cut(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.truncate(position)


def remove(path: Path, position: int) -> None:
    path.unlink()


WAYS = {"flipped bit": flip, "truncated": cut, "missing": remove}


@pytest.fixture
def version(home: Path) -> Any:
    with forebear.init(project="p", settings={"silent": True}) as run:
        artifact = forebear.Artifact("ds", "dataset")
        for path, content in CONTENT.items():
            artifact.add(content, path)
        return run.log_artifact(artifact)


def place_of(version: Any, kind: str, wanted: bytes | None) -> tuple[Path, int]:
    """The file of an object, and where in it the bytes of a blob begin."""
    store = version.store
    for stored in store.catalog.objects():
        for part in stored.slices:
            if stored.kind == kind and (wanted is None or store.read(part.digest) == wanted):
                path = store.objects.local_path(stored.name)
                path.chmod(0o644)
                return path, part.offset
    raise AssertionError("no such object")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["large.bin", "small/2.txt"])
def test_a_damaged_file_is_never_handed_out_and_is_named(
    version: Any, tmp_path: Path, way: Callable[[Path, int], None], name: str
) -> None:
    kind = LOOSE if name == "large.bin" else PACK
    path, offset = place_of(version, kind, CONTENT[name])
    way(path, offset + 5)
    with pytest.raises(CorruptData):
        version.read(name)
    # Where the rest of a pack is gone, so is the manifest, which lies behind the files.
    hit = f"'{name}' of ds:v0" if kind == LOOSE or way is flip else "the manifest of ds:v0"
    with pytest.raises(CorruptData, match=hit):
        version.download(tmp_path / "out", path_prefix=name)
    assert not (tmp_path / "out" / name).exists()
    for link in (False, True):
        with pytest.raises(CorruptData):
            version.download(tmp_path / f"out{link}", link=link)
        for file in (tmp_path / f"out{link}").rglob("*"):
            assert file.is_dir() or file.read_bytes() == CONTENT[str(file.relative_to(tmp_path / f"out{link}"))]
    if "manifest" not in hit:
        with pytest.raises(CorruptData, match="ds:v0 is not whole") as caught:
            version.verify()
        assert f"{name}: object" in str(caught.value)
        assert [item.path for item in version.damage()] == [name]
        others = [other for other in CONTENT if other != name]
        assert all(version.read(other) == CONTENT[other] for other in others)
    assert troubles(version.store) != []


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_damaged_manifest_is_named(version: Any, tmp_path: Path, way: Callable[[Path, int], None]) -> None:
    root = version.store.read(bytes.fromhex(version.digest))
    path, offset = place_of(version, PACK, root)
    way(path, offset + 5)
    for attempt in (
        version.verify,
        version.damage,
        version.files,
        lambda: version.download(tmp_path / "out"),
        lambda: version.checkout(tmp_path / "out"),
        lambda: version.read("large.bin"),
    ):
        with pytest.raises(CorruptData) as caught:
            attempt()
        assert "ds:v0" in str(caught.value)
        assert "manifest" in str(caught.value)


def test_a_folder_that_is_whole_already_needs_nothing_of_a_damaged_object(version: Any, tmp_path: Path) -> None:
    version.download(tmp_path / "out")
    path, _ = place_of(version, LOOSE, None)
    path.unlink()
    version.download(tmp_path / "out")
    version.verify(tmp_path / "out")


def test_what_is_logged_beside_a_damaged_object_is_sound(version: Any) -> None:
    path, offset = place_of(version, LOOSE, None)
    flip(path, offset)
    with forebear.init(project="p", settings={"silent": True}) as run:
        draft = forebear.Artifact("other", "dataset")
        draft.add(b"fine", "a")
        run.log_artifact(draft).verify()
        assert draft.read("a") == b"fine"


@pytest.mark.parametrize("size", [0, 1, 50, 5_000])
def test_a_truncated_catalog_is_said_to_be_damaged(version: Any, size: int) -> None:
    folder = Path(version.store.url)
    close_stores()
    cut(folder / "catalog.db", size)
    with pytest.raises(forebear.ForebearError) as caught:
        forebear.Api(project="p").artifact("ds")
    assert "catalog" in str(caught.value)


def test_a_catalog_full_of_noise_is_said_to_be_damaged(version: Any) -> None:
    folder = Path(version.store.url)
    close_stores()
    (folder / "catalog.db").write_bytes(os.urandom(100_000))
    with pytest.raises(CorruptData, match=r"catalog.db is damaged"):
        forebear.Api(project="p").artifact("ds")


def test_a_catalog_that_is_gone_or_of_another_store_is_not_taken_for_an_empty_one(version: Any, tmp_path: Path) -> None:
    folder = Path(version.store.url)
    close_stores()
    kept = (folder / "catalog.db").read_bytes()
    (folder / "catalog.db").unlink()
    for use in (lambda: forebear.Api(project="p"), lambda: forebear.init(project="p")):
        with pytest.raises(forebear.ForebearError, match="catalog"):
            use()
    other = open_store(tmp_path / "other")
    other.close()
    (folder / "catalog.db").write_bytes((tmp_path / "other" / "catalog.db").read_bytes())
    with pytest.raises(forebear.StorageFailure, match="belongs to store"):
        forebear.Api(project="p")
    (folder / "catalog.db").write_bytes(kept)
    assert forebear.Api(project="p").artifact("ds").read("small/1.txt") == CONTENT["small/1.txt"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "x", "id": 1}', b"\xff\xfe"])
def test_a_damaged_mark_is_said_to_be_damaged(version: Any, content: bytes) -> None:
    folder = Path(version.store.url)
    close_stores()
    (folder / "store.json").write_bytes(content)
    with pytest.raises(CorruptData, match=r"store\.json is damaged"):
        forebear.Api(project="p")


def test_a_store_of_a_later_format_is_left_alone(version: Any) -> None:
    folder = Path(version.store.url)
    close_stores()
    text = (folder / "store.json").read_text()
    (folder / "store.json").write_text(text.replace('"format":1', '"format":99'))
    with pytest.raises(forebear.Unsupported, match=r"format 99.* pip install -U forebear"):
        forebear.Api(project="p")


@pytest.mark.parametrize("damage", ["noise", "gone", "empty", "folder"])
def test_the_fingerprint_cache_may_be_lost_or_damaged_without_anybody_noticing(version: Any, damage: str) -> None:
    folder = Path(version.store.url)
    Path("data").mkdir()
    Path("data/x").write_text("1")
    with forebear.init(project="p", settings={"silent": True}) as run:
        run.log_artifact("data", name="files", type="dataset")
    close_stores()
    cache = folder / "cache" / "fingerprints.db"
    for name in (cache, Path(f"{cache}-wal"), Path(f"{cache}-shm")):
        name.unlink(missing_ok=True)
    if damage == "noise":
        cache.write_bytes(os.urandom(50_000))
    elif damage == "empty":
        cache.write_bytes(b"")
    elif damage == "folder":
        cache.mkdir()
    with forebear.init(project="p", settings={"silent": True}) as run:
        assert run.log_artifact("data", name="files", type="dataset").version == "v0"
        Path("data/x").write_text("2")
        changed = run.log_artifact("data", name="files", type="dataset")
        assert (changed.version, changed.read("x")) == ("v1", b"2")
        assert troubles(run.store) == []
