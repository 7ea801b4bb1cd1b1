"""Copies at hand: they save requests, stay within their limit, and are never believed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forebear.blobs.assembly import assemble, stream_blob
from forebear.blobs.cache import BLOCK_BYTES, CachedObjects, sweep
from forebear.blobs.digest import digest_of
from forebear.blobs.reader import read_blob
from forebear.errors import CorruptData, NotFound
from forebear.records.content import CODEC_RAW, Location, Recipe
from forebear.testing.memory_objects import MemoryObjects
from forebear.testing.store import StoreSuite

NAME = "pack/ab/abcdef"
#: Two blocks and a half.
CONTENT = os.urandom(BLOCK_BYTES * 5 // 2)


class TestCached(StoreSuite):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> CachedObjects:
        return CachedObjects(MemoryObjects(), tmp_path / "cache", 100 * BLOCK_BYTES)


@pytest.fixture
def behind() -> MemoryObjects:
    objects = MemoryObjects()
    objects.put(NAME, CONTENT)
    return objects


@pytest.fixture
def cached(behind: MemoryObjects, tmp_path: Path) -> CachedObjects:
    return CachedObjects(behind, tmp_path / "cache", 100 * BLOCK_BYTES)


def blocks(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "cache").glob("*/*"))


def test_what_was_read_is_read_here(cached: CachedObjects, behind: MemoryObjects, tmp_path: Path):
    for _ in range(2):
        assert cached.read(NAME, 10, BLOCK_BYTES) == CONTENT[10 : 10 + BLOCK_BYTES]
    assert behind.reads == [(NAME, 0, 2 * BLOCK_BYTES)]
    assert len(blocks(tmp_path)) == 2
    other = CachedObjects(behind, tmp_path / "cache", 100 * BLOCK_BYTES)
    assert other.read(NAME, 0, len(CONTENT)) == CONTENT
    assert behind.reads[1:] == [(NAME, 2 * BLOCK_BYTES, BLOCK_BYTES)], "only what is missing is fetched"
    assert other.read(NAME, len(CONTENT) - 5, 100) == CONTENT[-5:]
    assert len(behind.reads) == 2


def test_only_the_gaps_are_fetched(cached: CachedObjects, behind: MemoryObjects):
    content = os.urandom(7 * BLOCK_BYTES)
    behind.put("loose/aa/big", content)
    cached.read("loose/aa/big", 2 * BLOCK_BYTES, 1)
    cached.read("loose/aa/big", 5 * BLOCK_BYTES, 1)
    behind.reads.clear()
    assert cached.read("loose/aa/big", 0, len(content)) == content
    assert [(offset // BLOCK_BYTES, (length or 0) // BLOCK_BYTES) for _, offset, length in behind.reads] == [
        (0, 2),
        (3, 2),
        (6, 1),
    ]


def test_other_objects_and_whole_reads_are_not_kept(cached: CachedObjects, behind: MemoryObjects, tmp_path: Path):
    behind.put("versions/a/v0.json", b"{}")
    assert cached.read("versions/a/v0.json") == b"{}"
    assert cached.read("versions/a/v0.json", 0, 2) == b"{}"
    assert cached.read(NAME) == CONTENT
    assert blocks(tmp_path) == []


def test_what_is_missing_behind_is_missing(cached: CachedObjects):
    with pytest.raises(NotFound):
        cached.read("pack/cd/other", 0, 10)


def test_damaged_blocks_are_read_anew(cached: CachedObjects, behind: MemoryObjects, tmp_path: Path):
    cached.read(NAME, 0, len(CONTENT))
    first, second, third = blocks(tmp_path)
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(b"")
    damaged = bytearray(third.read_bytes())
    damaged[0] ^= 1
    third.write_bytes(damaged)
    assert cached.read(NAME, 0, len(CONTENT)) == CONTENT
    behind.reads.clear()
    assert cached.read(NAME, 0, len(CONTENT)) == CONTENT
    assert behind.reads == []


def test_wrong_bytes_that_once_came_from_behind_are_not_kept_for_ever(
    cached: CachedObjects, behind: MemoryObjects, tmp_path: Path
):
    digest = digest_of(CONTENT)
    where = Location(NAME, 0, len(CONTENT), len(CONTENT), CODEC_RAW)
    recipe = Recipe(len(CONTENT), (digest,))
    for read in (
        lambda: read_blob(cached, digest, where),
        lambda: assemble(cached, digest, recipe, {digest: where}, str(tmp_path / "file")),
    ):
        behind.replace(NAME, bytes(len(CONTENT)))
        cached.forget(NAME)
        with pytest.raises(CorruptData, match="abcdef"):
            read()
        cached.read(NAME, 0, len(CONTENT))
        behind.replace(NAME, CONTENT)
        read()
        assert cached.read(NAME, 0, len(CONTENT)) == CONTENT
    assert (tmp_path / "file").read_bytes() == CONTENT
    behind.replace(NAME, bytes(len(CONTENT)))
    cached.forget(NAME)
    cached.read(NAME, 0, len(CONTENT))
    behind.replace(NAME, CONTENT)
    with pytest.raises(CorruptData):
        list(stream_blob(cached, digest, recipe, {digest: where}))
    assert b"".join(stream_blob(cached, digest, recipe, {digest: where})) == CONTENT


def test_a_short_answer_that_once_came_from_behind_is_not_kept_for_ever(
    cached: CachedObjects, behind: MemoryObjects, tmp_path: Path
):
    digest = digest_of(CONTENT)
    where = Location(NAME, 0, len(CONTENT), len(CONTENT), CODEC_RAW)
    recipe = Recipe(len(CONTENT), (digest,))
    for read in (
        lambda: read_blob(cached, digest, where),
        lambda: b"".join(stream_blob(cached, digest, recipe, {digest: where})),
        lambda: assemble(cached, digest, recipe, {digest: where}, str(tmp_path / "file")),
    ):
        behind.replace(NAME, CONTENT[:-BLOCK_BYTES])
        cached.forget(NAME)
        with pytest.raises(CorruptData, match="cut short"):
            read()
        behind.replace(NAME, CONTENT)
        assert read() in {CONTENT, None}
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_deleted_object_is_forgotten(cached: CachedObjects, tmp_path: Path):
    cached.read(NAME, 0, 10)
    cached.delete(NAME)
    assert blocks(tmp_path) == []
    with pytest.raises(NotFound):
        cached.read(NAME, 0, 10)


def test_the_limit_holds_and_what_was_used_last_stays(behind: MemoryObjects, tmp_path: Path):
    limit = 32 * BLOCK_BYTES
    cached = CachedObjects(behind, tmp_path / "cache", limit)
    old = time.time() - 1000
    for number in range(100):
        name = f"loose/{number:02x}/object"
        behind.put(name, bytes([number]) * BLOCK_BYTES)
        cached.read(name, 0, BLOCK_BYTES)
        for path in blocks(tmp_path):
            if path.stat().st_mtime > old + 500:
                os.utime(path, (old + number, old + number))
        cached.read("loose/00/object", 0, 10)  # always in use
        assert sum(path.stat().st_size for path in blocks(tmp_path)) <= limit
    behind.reads.clear()
    cached.read("loose/00/object", 0, 10)
    cached.read("loose/63/object", 0, 10)
    assert behind.reads == []
    cached.read("loose/01/object", 0, 10)
    assert len(behind.reads) == 1


def test_leftovers_of_killed_processes_go(cached: CachedObjects, tmp_path: Path):
    cached.read(NAME, 0, 10)
    folder = blocks(tmp_path)[0].parent
    (folder / "write-new").write_bytes(b"x")
    (folder / "write-old").write_bytes(b"x")
    os.utime(folder / "write-old", (0, 0))
    sweep(tmp_path / "cache", 100 * BLOCK_BYTES)
    assert sorted(path.name for path in blocks(tmp_path)) == ["0", "write-new"]


def test_a_folder_that_cannot_be_written_keeps_nobody_from_reading(behind: MemoryObjects, tmp_path: Path):
    (tmp_path / "cache").write_bytes(b"a file is in the way")
    cached = CachedObjects(behind, tmp_path / "cache")
    assert cached.read(NAME, 5, 10) == CONTENT[5:15]
    cached.forget(NAME)


READER = """
import sys
from pathlib import Path
from forebear.blobs.cache import CachedObjects
from forebear.blobs.local import LocalObjects
cached = CachedObjects(LocalObjects(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
print("begun", flush=True)
while True:
    for name in sorted(cached.names("pack/")):
        content = cached.read(name, 0, 3 << 20)
        assert content == bytes([int(name[-2:], 16)]) * len(content) and len(content) == 3 << 20
    print("turn", flush=True)
"""


def test_several_processes_and_a_kill(tmp_path: Path):
    from forebear.blobs.local import LocalObjects

    behind = LocalObjects(tmp_path / "behind")
    for number in range(8):
        behind.put(f"pack/ab/{number:02x}", bytes([number]) * (3 << 20))
    limit = 12 * BLOCK_BYTES  # half of it, so that all of them write and drop all the time
    words = [sys.executable, "-c", READER, str(behind.root), str(tmp_path / "cache"), str(limit)]
    readers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert [reader.stdout.readline() for _ in range(3)] == ["begun\n", "turn\n", "turn\n"]
        readers[0].kill()
        readers[0].wait()
        cached = CachedObjects(behind, tmp_path / "cache", limit)
        for number in range(8):
            assert cached.read(f"pack/ab/{number:02x}", 0, 3 << 20) == bytes([number]) * (3 << 20)
        assert readers[1].poll() is None
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
