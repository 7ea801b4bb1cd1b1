"""Packs are read back as they were written, and no damage to them goes unnoticed."""

from __future__ import annotations

import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from forebear.blobs.digest import digest_of
from forebear.blobs.pack import (
    FOOTER_BYTES,
    MAGIC,
    MAX_SLICE_BYTES,
    PackWriter,
    footer_range,
    index_range,
    read_index,
    unpack,
)
from forebear.blobs.reader import read_blob
from forebear.errors import CorruptData, StorageFailure
from forebear.records.content import CODEC_RAW, CODEC_ZSTD, PACK, Location, Slice, StoredObject
from forebear.testing.memory_objects import MemoryObjects, MemorySink


def write(contents: list[tuple[bytes, bool]]) -> tuple[MemoryObjects, StoredObject]:
    objects = MemoryObjects()
    pack = PackWriter(objects.sink())
    for content, compress in contents:
        pack.add(digest_of(content), content, compress=compress)
    return objects, pack.finish()


def index_of(objects: MemoryObjects, name: str) -> list[Slice]:
    """Read a pack as someone would who has no catalog."""
    size = objects.size(name)
    assert size is not None
    footer = objects.read(name, *footer_range(size))
    return read_index(name, footer, objects.read(name, *index_range(name, size, footer)))


def location(name: str, part: Slice) -> Location:
    return Location(name, part.offset, part.stored, part.size, part.codec)


def contents_of(objects: MemoryObjects, name: str) -> dict[bytes, bytes]:
    return {part.digest: read_blob(objects, part.digest, location(name, part)) for part in index_of(objects, name)}


@given(st.lists(st.tuples(st.binary(max_size=2_000), st.booleans()), max_size=30, unique_by=lambda item: item[0]))
def test_what_was_packed_is_read_back(contents: list[tuple[bytes, bool]]) -> None:
    objects, stored = write(contents)
    whole = objects.read(stored.name)
    assert stored.kind == PACK
    assert stored.size == len(whole)
    assert stored.name == f"pack/{digest_of(whole).hex()[:2]}/{digest_of(whole).hex()}"
    assert contents_of(objects, stored.name) == {digest_of(content): content for content, _ in contents}
    assert index_of(objects, stored.name) == sorted(stored.slices)
    for part in stored.slices:
        assert part.stored <= part.size


def test_compression_is_used_where_it_wins_and_was_asked_for() -> None:
    dull, noise = b"a" * 5_000, random.Random(1).randbytes(5_000)
    _, stored = write([(dull, True), (noise, True), (dull + b"b", False)])
    assert [part.codec for part in stored.slices] == [CODEC_ZSTD, CODEC_RAW, CODEC_RAW]
    assert stored.slices[0].stored < 100


def test_a_pack_is_written_in_pieces_and_equal_packs_have_equal_names() -> None:
    big = [(random.Random(seed).randbytes(400_000), False) for seed in range(9)]
    objects, stored = write(big)
    assert contents_of(objects, stored.name) == {digest_of(content): content for content, _ in big}
    assert write(big)[1] == stored


class Refusing(MemorySink):
    """Has no room for the second write, once; a later write of the same succeeds."""

    calls = 0

    def write(self, content: bytes | bytearray | memoryview) -> None:
        self.calls += 1
        if self.calls == 2:
            raise StorageFailure("full")
        super().write(content)


@pytest.mark.parametrize("blobs", [1, 6, 7, 8])
def test_a_pack_whose_write_failed_can_be_gone_on_with(blobs: int) -> None:
    objects = MemoryObjects()
    pack = PackWriter(Refusing(objects))
    contents = [random.Random(seed).randbytes(400_000) for seed in range(blobs)]
    failures = 0
    for content in contents:
        try:
            pack.add(digest_of(content), content)
        except StorageFailure:
            failures += 1
            pack.add(digest_of(content), content)
    try:
        stored = pack.finish()
    except StorageFailure:
        failures += 1
        stored = pack.finish()
    assert failures == (blobs > 1)
    assert stored.name.endswith(digest_of(objects.read(stored.name)).hex())
    assert contents_of(objects, stored.name) == {digest_of(content): content for content in contents}


# -- damage -------------------------------------------------------------------------------------------------------


def small_pack() -> tuple[MemoryObjects, StoredObject, dict[bytes, bytes]]:
    contents = [(b"hello", False), (b"", False), (b"zipped " * 30, True), (bytes(range(60)), True)]
    objects, stored = write(contents)
    return objects, stored, {digest_of(content): content for content, _ in contents}


def test_every_flipped_bit_is_noticed_or_changes_nothing() -> None:
    """By the catalog's slices and by the pack's own index: what is read is what was written, or an error."""
    objects, stored, expected = small_pack()
    whole = objects.read(stored.name)
    noticed = 0
    for position in range(len(whole)):
        for mask in (0x01, 0x80):
            damaged = bytearray(whole)
            damaged[position] ^= mask
            objects.replace(stored.name, bytes(damaged))
            errors = 0
            try:
                found = contents_of(objects, stored.name)
            except CorruptData:
                errors += 1
            else:
                assert found == expected
            for part in stored.slices:
                try:
                    content = read_blob(objects, part.digest, location(stored.name, part))
                except CorruptData:
                    errors += 1
                else:
                    assert content == expected[part.digest]
            noticed += bool(errors)
    # Only the magic in front is nobody's content.
    assert noticed == 2 * (len(whole) - len(MAGIC))


def test_every_truncation_is_noticed() -> None:
    objects, stored, expected = small_pack()
    whole = objects.read(stored.name)
    for size in range(len(whole)):
        objects.replace(stored.name, whole[:size])
        with pytest.raises(CorruptData):
            index_of(objects, stored.name)
        for part in stored.slices:
            if part.stored and part.offset + part.stored > size:
                with pytest.raises(CorruptData):
                    read_blob(objects, part.digest, location(stored.name, part))
            else:
                assert read_blob(objects, part.digest, location(stored.name, part)) == expected[part.digest]


def forge(lines: list[Slice], body: bytes = b"") -> tuple[MemoryObjects, str]:
    """A pack whose index is consistent in itself, whatever it says."""
    import struct

    index = b"".join(struct.pack("<32sQQQB", *line) for line in lines)
    offset = len(MAGIC) + len(body)
    footer = struct.pack("<QQ32s8s", offset, len(lines), digest_of(index), MAGIC)
    objects = MemoryObjects()
    objects.put("pack/forged", MAGIC + body + index + footer)
    return objects, "pack/forged"


KEY = b"k" * 32


@pytest.mark.parametrize(
    "line",
    [
        Slice(KEY, 0, 4, 4, CODEC_RAW),
        Slice(KEY, 8, 11, 11, CODEC_RAW),
        Slice(KEY, 9, 10, 10, CODEC_RAW),
        Slice(KEY, 2**63, 10, 10, CODEC_RAW),
        Slice(KEY, 8, 2**64 - 1, 10, CODEC_RAW),
        Slice(KEY, 2**64 - 8, 16, 16, CODEC_RAW),
        Slice(KEY, 8, 10, MAX_SLICE_BYTES + 1, CODEC_ZSTD),
        Slice(KEY, 8, 10, 2**64 - 1, CODEC_ZSTD),
    ],
)
def test_an_index_that_names_bytes_outside_is_refused(line: Slice) -> None:
    objects, name = forge([line], b"0123456789")
    with pytest.raises(CorruptData, match="outside"):
        index_of(objects, name)


@pytest.mark.parametrize(
    ("offset", "count", "magic"),
    [(8, 2**60, MAGIC), (2**64 - 1, 1, MAGIC), (0, 0, MAGIC), (8, 1, MAGIC), (7, 0, MAGIC), (8, 0, b"FBPACK2\n")],
)
def test_a_footer_that_does_not_fit_is_refused(offset: int, count: int, magic: bytes) -> None:
    import struct

    footer = struct.pack("<QQ32s8s", offset, count, digest_of(b""), magic)
    with pytest.raises(CorruptData, match="its end is not that of a pack"):
        index_range("pack/x", len(MAGIC) + FOOTER_BYTES, footer)


def test_an_empty_object_is_no_pack() -> None:
    objects = MemoryObjects()
    objects.put("pack/empty", b"")
    with pytest.raises(CorruptData, match="its end is not that of a pack"):
        index_of(objects, "pack/empty")


def test_a_slice_that_unpacks_to_more_than_it_says_is_refused_unopened() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(64 * 1024 * 1024))
    assert len(bomb) < 10_000
    with pytest.raises(CorruptData, match="length"):
        unpack(bomb, 1_000, CODEC_ZSTD)


def test_a_slice_whose_frame_hides_its_length_is_refused() -> None:
    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1_000_000))
    with pytest.raises(CorruptData, match="length"):
        unpack(hidden, 1_000, CODEC_ZSTD)


def test_a_frame_that_lies_about_its_length_is_refused() -> None:
    """The header says 300 bytes, the blocks behind it hold a million."""
    honest = bytearray(zstandard.ZstdCompressor().compress(bytes(1_000_000)))
    short = zstandard.ZstdCompressor().compress(bytes(300))
    # RFC 8878, 3.1.1.1: magic 4, descriptor 1, then the content size (2 bytes here, 4 there).
    parameters = zstandard.get_frame_parameters(bytes(honest))
    assert parameters.content_size == 1_000_000
    liar = short[:7] + bytes(honest[9:])
    with pytest.raises(CorruptData):
        unpack(liar, 300, CODEC_ZSTD)


@pytest.mark.parametrize("junk", [b"", b"\x00", b"not a frame at all", MAGIC])
def test_what_is_no_frame_is_refused(junk: bytes) -> None:
    with pytest.raises(CorruptData):
        unpack(junk, 5, CODEC_ZSTD)


def test_bytes_behind_a_frame_are_refused() -> None:
    frame = zstandard.ZstdCompressor().compress(b"hello")
    assert unpack(frame, 5, CODEC_ZSTD) == b"hello"
    with pytest.raises(CorruptData):
        unpack(frame + b"x", 5, CODEC_ZSTD)


def test_unknown_codecs_and_wrong_lengths_are_refused() -> None:
    with pytest.raises(CorruptData, match="codec 7"):
        unpack(b"hello", 5, 7)
    with pytest.raises(CorruptData, match="5 bytes instead of 6"):
        unpack(b"hello", 6, CODEC_RAW)
