"""Small blobs go into packs, large ones are files; nothing is written twice, and nothing counts before the end."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from forebear.blobs import writer as module
from forebear.blobs.digest import digest_of
from forebear.blobs.local import LocalObjects
from forebear.blobs.reader import read_blob
from forebear.blobs.writer import SMALL_BYTES, BlobWriter
from forebear.catalog.fingerprints import print_of
from forebear.errors import Conflict, StorageFailure, Unsupported
from forebear.records.content import LOOSE, PACK, Location, StoredObject
from forebear.testing.memory_objects import MemoryObjects


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "store")


def contents(objects: LocalObjects | MemoryObjects, stored: list[StoredObject]) -> dict[bytes, bytes]:
    return {
        part.digest: read_blob(
            objects, part.digest, Location(item.name, part.offset, part.stored, part.size, part.codec)
        )
        for item in stored
        for part in item.slices
    }


@pytest.mark.parametrize(("size", "kind"), [(SMALL_BYTES - 1, PACK), (SMALL_BYTES, LOOSE), (0, PACK)])
def test_the_bound_between_small_and_large(objects: LocalObjects, size: int, kind: str) -> None:
    content = os.urandom(size)
    writer = BlobWriter(objects)
    writer.add(digest_of(content), content)
    (stored,) = writer.finish()
    assert stored.kind == kind
    assert contents(objects, [stored]) == {digest_of(content): content}
    if kind == LOOSE:
        path = objects.local_path(stored.name)
        assert path.read_bytes() == content
        assert stored.name.endswith(digest_of(content).hex())


def test_a_blob_is_written_once(objects: LocalObjects) -> None:
    small, large = b"small", os.urandom(SMALL_BYTES)
    writer = BlobWriter(objects)
    for _ in range(3):
        writer.add(digest_of(small), small)
        writer.add(digest_of(large), large)
    stored = writer.finish()
    assert sorted(item.kind for item in stored) == [LOOSE, PACK]
    assert sum(len(item.slices) for item in stored) == 2
    assert writer.holds(digest_of(small))
    assert not writer.holds(digest_of(b"other"))
    writer.add(digest_of(small), small)
    assert writer.finish() == []


def test_a_full_pack_is_closed_and_the_next_begun(objects: LocalObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACK_BYTES", 10_000)
    writer = BlobWriter(objects)
    blobs = [os.urandom(3_000) for _ in range(10)]
    for blob in blobs:
        writer.add(digest_of(blob), blob)
    assert len(list(objects.names("pack/"))) == 2, "a full pack is durable at once"
    stored = writer.finish()
    assert [len(item.slices) for item in stored] == [4, 4, 2]
    assert contents(objects, stored) == {digest_of(blob): blob for blob in blobs}


def test_nothing_appears_before_the_end_and_nothing_after_an_abort(objects: LocalObjects, tmp_path: Path) -> None:
    writer = BlobWriter(objects)
    writer.add(digest_of(b"x"), b"x")
    assert list(objects.names()) == []
    writer.abort()
    assert list(objects.names()) == []
    assert os.listdir(tmp_path / "store" / "tmp") == []


def test_a_file_is_copied_and_hashed_in_one_pass(objects: LocalObjects, tmp_path: Path) -> None:
    content = os.urandom(SMALL_BYTES * 3)
    (tmp_path / "file").write_bytes(content)
    writer = BlobWriter(objects)
    assert writer.copy_file(str(tmp_path / "file")) == (digest_of(content), len(content))
    assert writer.copy_file(str(tmp_path / "file")) == (digest_of(content), len(content))
    stored = writer.finish()
    assert [item.size for item in stored] == [len(content)]
    assert contents(objects, stored) == {digest_of(content): content}
    assert os.listdir(tmp_path / "store" / "tmp") == []


def test_a_file_that_changes_while_it_is_copied_is_refused(
    objects: LocalObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SMALL_BYTES))
    name = "copy_file_range" if hasattr(os, "copy_file_range") else "readv"
    real = getattr(os, name)

    def move_and_grow(*arguments: Any) -> int:
        count: int = real(*arguments)
        if path.stat().st_size == SMALL_BYTES:
            with path.open("ab") as file:
                file.write(b"more")
        return count

    monkeypatch.setattr(os, name, move_and_grow)
    with pytest.raises(Conflict, match="changed while it was being read"):
        BlobWriter(objects).copy_file(str(path))
    monkeypatch.undo()
    assert list(objects.names()) == []
    assert os.listdir(tmp_path / "store" / "tmp") == []


def test_a_file_can_be_linked_into_a_folder_only(objects: LocalObjects, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"w" * SMALL_BYTES)
    digest = digest_of(path.read_bytes())
    look = print_of(path.stat())
    writer = BlobWriter(objects)
    writer.link_file(str(path), digest, look)
    writer.link_file(str(path), digest, look)
    (stored,) = writer.finish()
    assert objects.local_path(stored.name).samefile(path)
    with pytest.raises(Unsupported, match="needs a store in a folder"):
        BlobWriter(MemoryObjects()).link_file(str(path), digest, look)
    (tmp_path / "soft").symlink_to(path)
    other = BlobWriter(objects)
    other.link_file(str(tmp_path / "soft"), digest, look)
    assert other.finish() == [stored]


def test_a_file_that_changed_since_it_was_hashed_is_not_linked(objects: LocalObjects, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"w" * SMALL_BYTES)
    digest, look = digest_of(path.read_bytes()), print_of(path.stat())
    first = BlobWriter(objects)
    first.add(digest, path.read_bytes())
    (stored,) = first.finish()
    path.write_bytes(b"other")
    with pytest.raises(Conflict, match="changed while"):
        BlobWriter(objects).link_file(str(path), digest, look)
    assert objects.read(stored.name) == b"w" * SMALL_BYTES, "somebody else's object of that name stays"
    path.write_bytes(b"and it can still be written")


def test_after_a_failure_that_loses_bytes_the_writer_says_so_and_gives_nothing(
    objects: LocalObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed fsync may have dropped the bytes; no later success may be believed."""
    writer = BlobWriter(objects)
    writer.add(digest_of(b"x"), b"x")
    with monkeypatch.context() as patch:

        def fail(descriptor: int) -> None:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(5, os.strerror(5))

        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageFailure, match="Input/output error"):
            writer.finish()
    with pytest.raises(StorageFailure, match="begin a new artifact"):
        writer.finish()
    assert list(objects.names()) == []
