"""Reading takes few reads, gives what was asked for, and never anything else."""

from __future__ import annotations

import random

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.reader import GAP_BYTES, WINDOW_BYTES, read_blob, read_blobs
from forebear.blobs.writer import BlobWriter
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, Location
from forebear.testing.memory_objects import MemoryObjects


def stored(contents: list[bytes]) -> tuple[MemoryObjects, dict[bytes, Location]]:
    """Blobs in one object, one behind the other, without any format around them."""
    objects = MemoryObjects()
    where, offset = {}, 0
    for content in contents:
        where[digest_of(content)] = Location("pack/p", offset, len(content), len(content), CODEC_RAW)
        offset += len(content)
    objects.put("pack/p", b"".join(contents))
    return objects, where


def blobs_of(count: int, size: int) -> list[bytes]:
    return [b"%06d" % number + bytes(size - 6) for number in range(count)]


def test_neighbours_are_read_together() -> None:
    contents = blobs_of(1_000, 4_096)
    objects, where = stored(contents)
    wanted = list(where.items())
    random.Random(3).shuffle(wanted)
    found = list(read_blobs(objects, wanted))
    assert [bytes(content) for _, content in found] == contents
    assert [digest for digest, _ in found] == list(where)
    assert len(objects.reads) == 1


def test_a_window_is_bounded() -> None:
    contents = blobs_of(64, 400_000)
    objects, where = stored(contents)
    assert [bytes(content) for _, content in read_blobs(objects, where.items())] == contents
    assert max(length or 0 for _, _, length in objects.reads) <= WINDOW_BYTES
    assert len(objects.reads) == -(-64 // (WINDOW_BYTES // 400_000))


def test_what_lies_far_apart_is_read_apart() -> None:
    contents = blobs_of(3, GAP_BYTES + 10)
    objects, where = stored([contents[0], b"small", contents[1], contents[2]])
    first, last = digest_of(contents[0]), digest_of(contents[2])
    assert [digest for digest, _ in read_blobs(objects, [(last, where[last]), (first, where[first])])] == [first, last]
    assert len(objects.reads) == 2
    assert sum(length or 0 for _, _, length in objects.reads) == 2 * len(contents[0])


def test_one_blob_larger_than_a_window_is_one_read() -> None:
    content = random.Random(4).randbytes(WINDOW_BYTES + 5)
    objects, where = stored([b"before", content, b"behind"])
    digest = digest_of(content)
    assert read_blob(objects, digest, where[digest]) == content
    assert objects.reads == [("pack/p", 6, len(content))]


def test_several_objects_are_read_one_after_the_other() -> None:
    objects = MemoryObjects()
    writer = BlobWriter(objects)
    for number in range(10):
        writer.add(digest_of(b"%d" % number), b"%d" % number)
    first = writer.finish()
    for number in range(10, 20):
        writer.add(digest_of(b"%d" % number), b"%d" % number)
    wanted = [
        (part.digest, Location(item.name, part.offset, part.stored, part.size, part.codec))
        for item in [*first, *writer.finish()]
        for part in item.slices
    ]
    random.Random(5).shuffle(wanted)
    found = {digest: bytes(content) for digest, content in read_blobs(objects, wanted)}
    assert found == {digest_of(b"%d" % number): b"%d" % number for number in range(20)}
    assert len(objects.reads) == 2


def test_the_same_slice_may_be_wanted_twice_and_nothing_may_be_wanted() -> None:
    objects, where = stored([b"one", b"two"])
    digest = digest_of(b"two")
    assert [bytes(content) for _, content in read_blobs(objects, [(digest, where[digest])] * 2)] == [b"two", b"two"]
    assert list(read_blobs(objects, [])) == []


def test_a_wrong_byte_is_noticed_and_what_came_before_is_right() -> None:
    contents = blobs_of(3, 100)
    objects, where = stored(contents)
    objects.replace("pack/p", b"".join(contents)[:150] + b"X" + b"".join(contents)[151:])
    reading = read_blobs(objects, where.items())
    assert bytes(next(reading)[1]) == contents[0]
    with pytest.raises(CorruptData, match="pack/p is damaged") as caught:
        next(reading)
    assert caught.value.digest == digest_of(contents[1])
    assert caught.value.code == "corrupt-object"


def test_a_missing_and_a_short_object_say_which_blob_was_wanted() -> None:
    objects, where = stored([b"one", b"two"])
    digest = digest_of(b"two")
    objects.replace("pack/p", b"onet")
    with pytest.raises(CorruptData, match="cut short: 3 bytes wanted at 3, 1 there") as caught:
        read_blob(objects, digest, where[digest])
    assert caught.value.digest == digest
    objects.delete("pack/p")
    with pytest.raises(CorruptData, match="pack/p is missing") as caught:
        read_blob(objects, digest, where[digest])
    assert (caught.value.digest, caught.value.code) == (digest, "missing-object")


def test_the_right_bytes_under_the_wrong_digest_are_refused() -> None:
    objects, where = stored([b"one"])
    with pytest.raises(CorruptData, match="do not have the digest"):
        read_blob(objects, digest_of(b"two"), where[digest_of(b"one")])
