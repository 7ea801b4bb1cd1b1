"""Cuts follow the content: the same bytes give the same chunks wherever they lie, and every byte is in one chunk."""

from __future__ import annotations

import os
import random
from itertools import pairwise
from pathlib import Path

import pytest

from forebear.blobs import chunking
from forebear.blobs.chunking import MAX_CHUNK_BYTES, MEAN_CHUNK_BYTES, MIN_CHUNK_BYTES, Chunk, cut_bytes, cut_file
from forebear.blobs.digest import digest_of

MIB = 1024 * 1024
CONTENT = random.Random(1).randbytes(40 * MIB)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cut") / "file"
    path.write_bytes(CONTENT)
    return path


def shared(chunks: list[Chunk], others: list[Chunk]) -> int:
    """Bytes of ``chunks`` that are in ``others`` too."""
    known = {chunk.digest for chunk in others}
    return sum(chunk.length for chunk in chunks if chunk.digest in known)


def test_chunks_follow_each_other_without_gaps_and_have_the_digests_of_their_bytes(file: Path) -> None:
    cut = cut_file(file)
    assert (cut.digest, cut.size) == (digest_of(CONTENT), len(CONTENT))
    assert cut.chunks[0].offset == 0
    assert all(one.offset + one.length == two.offset for one, two in pairwise(cut.chunks))
    assert cut.chunks[-1].offset + cut.chunks[-1].length == len(CONTENT)
    for offset, length, digest in cut.chunks:
        assert digest == digest_of(CONTENT[offset : offset + length])


def test_lengths_are_within_their_bounds_and_near_the_mean(file: Path) -> None:
    lengths = [chunk.length for chunk in cut_file(file).chunks]
    assert all(MIN_CHUNK_BYTES <= length <= MAX_CHUNK_BYTES for length in lengths[:-1])
    assert 0.8 * MEAN_CHUNK_BYTES < sum(lengths) / len(lengths) < 1.25 * MEAN_CHUNK_BYTES


def test_a_file_is_cut_as_its_bytes_are_however_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cut_bytes(CONTENT)
    assert cut_file(file).chunks == whole
    read = os.preadv

    def short(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        return read(descriptor, [buffers[0][:777_777]], offset)

    monkeypatch.setattr(os, "preadv", short)
    assert cut_file(file).chunks == whole
    with file.open("rb") as stream:
        assert chunking.chunks_of_open_file(stream.fileno()) == whole


@pytest.mark.parametrize("at", [0, 7 * MIB + 3, 39 * MIB])
def test_an_insertion_makes_few_chunks_new(tmp_path: Path, at: int) -> None:
    fresh = random.Random(at).randbytes(100_001)
    (tmp_path / "file").write_bytes(CONTENT[:at] + fresh + CONTENT[at:])
    cut = cut_file(tmp_path / "file")
    assert cut.size - shared(cut.chunks, cut_bytes(CONTENT)) < 3 * MIB


def test_content_that_offers_no_cut_is_cut_at_the_longest(tmp_path: Path) -> None:
    assert [chunk.length for chunk in cut_bytes(bytes(3 * MIB + 5))] == [MAX_CHUNK_BYTES] * 3 + [5]
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(20 * MIB)
    assert len({chunk.digest for chunk in cut_file(tmp_path / "sparse").chunks}) == 1


@pytest.mark.parametrize("size", [0, 1, MIN_CHUNK_BYTES, 8 * MIB, 8 * MIB + 1])
def test_sizes_at_the_edges(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(CONTENT[:size])
    cut = cut_file(tmp_path / "file")
    assert (cut.digest, cut.size) == (digest_of(CONTENT[:size]), size)
    assert sum(chunk.length for chunk in cut.chunks) == size
    assert cut.chunks == cut_bytes(CONTENT[:size])


def test_a_sample_finds_most_chunks_of_its_place(file: Path) -> None:
    whole = cut_file(file).chunks
    with file.open("rb") as stream:
        for offset in (0, 5 * MIB + 1, 31 * MIB):
            sample = chunking.sample(stream.fileno(), offset)
            assert all(offset <= chunk.offset < offset + chunking.SAMPLE_BYTES for chunk in sample)
            assert shared(sample, whole) > MIB
        assert chunking.sample(stream.fileno(), 50 * MIB) == []


def test_a_file_that_shrinks_while_it_is_read_ends_where_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    read = os.preadv

    def shrinking(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        if offset > 10 * MIB:
            os.truncate(path, 5 * MIB)
        return read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", shrinking)
    cut = cut_file(path)
    assert 10 * MIB < cut.size < 30 * MIB
    assert cut.digest == digest_of(CONTENT[: cut.size])


def test_what_fails_while_hashing_is_raised(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(content: memoryview) -> bytes:
        raise MemoryError("no room for a digest")

    monkeypatch.setattr(chunking, "digest_of", fail)
    with pytest.raises(MemoryError, match="no room for a digest"):
        cut_file(file)
