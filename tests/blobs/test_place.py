"""Files appear whole, replace what stood there, and are never written through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.local import LocalObjects
from forebear.blobs.place import copy_loose, link_loose, replacing, write_new
from forebear.errors import CorruptData, StorageFailure, Unsupported
from forebear.records.content import CODEC_RAW, Location
from forebear.testing.memory_objects import MemoryObjects

CONTENT = bytes(range(256)) * 5_000
DIGEST = digest_of(CONTENT)
WHERE = Location("loose/aa/x", 0, len(CONTENT), len(CONTENT), CODEC_RAW)


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    objects = LocalObjects(tmp_path / "store")
    objects.put(WHERE.object, CONTENT)
    return objects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


def test_a_new_file_is_written(folder: Path) -> None:
    old = os.umask(0o027)
    try:
        write_new(str(folder / "a"), b"content")
        write_new(str(folder / "a"), b"other")
    finally:
        os.umask(old)
    assert (folder / "a").read_bytes() == b"other"
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640
    assert os.listdir(folder) == ["a"]


@pytest.mark.parametrize("how", ["small", "large"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_replaced_and_not_written_through(
    objects: LocalObjects, folder: Path, tmp_path: Path, how: str, dangling: bool
) -> None:
    precious = tmp_path / "precious"
    if not dangling:
        precious.write_bytes(b"mine")
    (folder / "a").symlink_to(precious)
    if how == "small":
        write_new(str(folder / "a"), CONTENT)
    else:
        copy_loose(objects, DIGEST, WHERE, str(folder / "a"))
    assert not (folder / "a").is_symlink()
    assert (folder / "a").read_bytes() == CONTENT
    assert precious.exists() is not dangling
    if not dangling:
        assert precious.read_bytes() == b"mine"


def test_a_hard_linked_file_is_replaced_and_its_other_name_stays(folder: Path) -> None:
    (folder / "other").write_bytes(b"mine")
    os.link(folder / "other", folder / "a")
    write_new(str(folder / "a"), b"new")
    assert (folder / "other").read_bytes() == b"mine"


def test_when_the_block_fails_everything_is_as_before(folder: Path) -> None:
    (folder / "a").write_bytes(b"old")

    def fail() -> None:
        with replacing(str(folder / "a")) as temporary:
            os.write(temporary.descriptor, b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (folder / "a").read_bytes() == b"old"
    assert os.listdir(folder) == ["a"]


def test_a_large_file_is_a_copy_of_its_own(objects: LocalObjects, folder: Path) -> None:
    copy_loose(objects, DIGEST, WHERE, str(folder / "a"))
    assert (folder / "a").read_bytes() == CONTENT
    assert os.stat(folder / "a").st_ino != objects.local_path(WHERE.object).stat().st_ino
    assert os.access(folder / "a", os.W_OK)


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_a_damaged_object_leaves_what_was_there(objects: LocalObjects, folder: Path, damage: str) -> None:
    path = objects.local_path(WHERE.object)
    path.unlink()
    if damage == "flipped":
        path.write_bytes(CONTENT[:-1] + b"\x00")
    elif damage == "cut":
        path.write_bytes(CONTENT[:-1])
    (folder / "a").write_bytes(b"old")
    with pytest.raises(CorruptData, match="loose/aa/x") as caught:
        copy_loose(objects, DIGEST, WHERE, str(folder / "a"))
    assert caught.value.digest == DIGEST
    assert (folder / "a").read_bytes() == b"old"
    assert os.listdir(folder) == ["a"]


def test_a_link_shares_the_object_and_replaces_what_was_there(objects: LocalObjects, folder: Path) -> None:
    (folder / "a").write_bytes(b"old")
    source = link_loose(objects, WHERE, str(folder / "a"))
    assert source.samefile(folder / "a")
    assert os.listdir(folder) == ["a"]


def test_a_link_that_cannot_be_made_leaves_what_was_there(objects: LocalObjects, folder: Path) -> None:
    objects.delete(WHERE.object)
    (folder / "a").write_bytes(b"old")
    with pytest.raises(CorruptData, match="missing"):
        link_loose(objects, WHERE, str(folder / "a"))
    assert (folder / "a").read_bytes() == b"old"
    assert os.listdir(folder) == ["a"]


def test_a_store_without_files_cannot_link(folder: Path) -> None:
    with pytest.raises(Unsupported, match="needs a store in a folder"):
        link_loose(MemoryObjects(), WHERE, str(folder / "a"))


def test_a_folder_that_is_not_there_is_a_storage_failure(folder: Path) -> None:
    with pytest.raises(StorageFailure, match="No such file or directory"):
        write_new(str(folder / "none" / "a"), b"x")
