"""What is said of one object, on every kind of store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.local import LocalObjects
from forebear.blobs.objects import object_name
from forebear.blobs.pack import PackWriter
from forebear.records.content import CODEC_RAW, LOOSE, PACK, Slice, StoredObject
from forebear.store.checking import objects as checking
from forebear.store.checking.aside import aside, put_aside
from forebear.store.checking.objects import DAMAGED, MISMATCH, MISSING, digest_in, look_at, read_through
from forebear.testing.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

BLOBS = [b"one" * 40, bytes(range(256)) * 300, b"three", b"", b"four" * 5_000]
BIG = bytes(range(251)) * 90_000


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return LocalObjects(tmp_path) if request.param == "folder" else MemoryObjects()


def loose(objects: ObjectStore, content: bytes) -> StoredObject:
    name = object_name(LOOSE, digest_of(content))
    objects.put(name, content)
    size = len(content)
    return StoredObject(name, LOOSE, size, [Slice(digest_of(content), 0, size, size, CODEC_RAW)])


def packed(objects: ObjectStore, blobs: list[bytes]) -> StoredObject:
    pack = PackWriter(objects.sink())
    for number, blob in enumerate(blobs):
        pack.add(digest_of(blob), blob, compress=bool(number % 2))
    return pack.finish()


def replace(objects: ObjectStore, name: str, content: bytes) -> None:
    objects.delete(name)
    objects.put(name, content)


@pytest.fixture(params=["loose", "pack", "empty", "big pack"])
def stored(request: pytest.FixtureRequest, objects: ObjectStore) -> StoredObject:
    makers = {
        "loose": lambda: loose(objects, BIG),
        "empty": lambda: loose(objects, b""),
        "pack": lambda: packed(objects, BLOBS),
        "big pack": lambda: packed(objects, [BIG[:9_000_000], BIG[1:8_000_000], *BLOBS]),
    }
    made: StoredObject = makers[request.param]()
    return made


def test_a_sound_object_is_sound(objects: ObjectStore, stored: StoredObject) -> None:
    assert look_at(objects, stored).kind is None
    assert read_through(objects, stored).kind is None


def test_part_of_what_a_pack_holds_may_be_unknown(objects: ObjectStore) -> None:
    stored = packed(objects, BLOBS)
    for known in ([], stored.slices[1:2], stored.slices[3:]):
        assert read_through(objects, StoredObject(stored.name, PACK, stored.size, known)).kind is None


def test_a_missing_object_has_lost_all(objects: ObjectStore, stored: StoredObject) -> None:
    objects.delete(stored.name)
    for look in (look_at, read_through):
        verdict = look(objects, stored)
        assert (verdict.kind, verdict.lost) == (MISSING, {part.digest for part in stored.slices})


@pytest.mark.parametrize("change", [b"x", b"longer than the end of any pack" * 9])
def test_bytes_behind_the_end_lose_nothing_but_hit_whoever_takes_it_whole(
    objects: ObjectStore, stored: StoredObject, change: bytes
) -> None:
    replace(objects, stored.name, objects.read(stored.name) + change)
    verdict = look_at(objects, stored)
    assert (verdict.kind, verdict.lost) == (DAMAGED, frozenset())
    assert verdict.hit == ({digest_in(stored.name)} if stored.kind == LOOSE else frozenset())


def test_a_byte_less_is_seen_without_reading(objects: ObjectStore) -> None:
    stored = packed(objects, BLOBS)
    replace(objects, stored.name, objects.read(stored.name)[:-1])
    assert (look_at(objects, stored).kind, look_at(objects, stored).lost) == (DAMAGED, frozenset())
    stored = loose(objects, BIG)
    replace(objects, stored.name, BIG[:-1])
    assert look_at(objects, stored).lost == {digest_of(BIG)}


@pytest.mark.parametrize("at", [0, 8, 400, -57, -1])
def test_a_flipped_byte_is_found_by_reading(objects: ObjectStore, at: int) -> None:
    stored = packed(objects, BLOBS)
    content = bytearray(objects.read(stored.name))
    content[at] ^= 4
    replace(objects, stored.name, bytes(content))
    verdict = read_through(objects, stored)
    assert verdict.kind == DAMAGED
    at %= len(content)
    hit = {part.digest for part in stored.slices if part.offset <= at < part.offset + part.stored}
    assert verdict.lost == hit


def test_a_flipped_byte_of_a_loose_object_is_found_by_reading_alone(objects: ObjectStore) -> None:
    stored = loose(objects, BIG)
    replace(objects, stored.name, BIG[:-1] + b"?")
    assert look_at(objects, stored).kind is None
    assert read_through(objects, stored).lost == {digest_of(BIG)}


def test_a_pack_that_was_written_wrong_is_found_though_its_own_digest_is_right(objects: ObjectStore) -> None:
    pack = PackWriter(objects.sink())
    pack.add(digest_of(b"what it is to be"), b"what it became..")
    stored = pack.finish()
    assert look_at(objects, stored).kind is None
    assert read_through(objects, stored).lost == {digest_of(b"what it is to be")}


def test_where_the_index_is_wrong_the_pack_says_what_is_right(objects: ObjectStore) -> None:
    stored = packed(objects, BLOBS)
    wrong = [stored.slices[0]._replace(offset=9), *stored.slices[1:], Slice(digest_of(b"not in it"), 8, 5, 5, 0)]
    verdict = look_at(objects, StoredObject(stored.name, PACK, stored.size, wrong))
    assert verdict.kind == MISMATCH
    assert verdict.lost == {stored.slices[0].digest, digest_of(b"not in it")}
    assert verdict.mended is not None
    assert sorted(verdict.mended.slices) == sorted(stored.slices)


def test_where_the_index_is_wrong_the_name_of_a_loose_object_says_what_is_right(objects: ObjectStore) -> None:
    stored = loose(objects, BIG)
    chunk = Slice(digest_of(BIG[5:10]), 5, 5, 5, CODEC_RAW)
    beyond = Slice(digest_of(b"x"), len(BIG), 1, 1, CODEC_RAW)
    wrong = StoredObject(stored.name, LOOSE, stored.size, [stored.slices[0]._replace(size=7), chunk, beyond])
    verdict = look_at(objects, wrong)
    assert verdict.kind == MISMATCH
    assert verdict.mended is not None
    assert verdict.mended.slices == [*stored.slices, chunk]
    assert verdict.lost == {digest_of(BIG), digest_of(b"x")}


def test_memory_is_bounded(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "WINDOW_BYTES", 1_000)
    stored = packed(objects, BLOBS)
    longest = 0
    read = objects.read

    def spy(name: str, offset: int = 0, length: int | None = None) -> bytes:
        nonlocal longest
        longest = max(longest, length or 0)
        return read(name, offset, length)

    monkeypatch.setattr(objects, "read", spy)
    assert read_through(objects, stored).kind is None
    assert 0 < longest <= 1_000


def test_names_that_hold_no_digest_are_known() -> None:
    assert digest_in("loose/ab/abcd") is None
    assert digest_in("versions/x.json") is None
    assert digest_in(object_name(LOOSE, bytes(32))) == bytes(32)


def test_what_is_put_aside_keeps_its_bytes(objects: ObjectStore) -> None:
    stored = loose(objects, BIG)
    for content in (BIG, b"damaged again, in another way"):
        replace(objects, stored.name, content)
        assert put_aside(objects, stored.name) == aside(stored.name)
        assert objects.size(stored.name) is None
        assert objects.read(aside(stored.name)) == content
    assert put_aside(objects, stored.name) is None
