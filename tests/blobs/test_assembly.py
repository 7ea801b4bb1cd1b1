"""Blobs of several pieces are put together in order, verified as a whole, and damage names the object it is in."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import pytest

from forebear.blobs.assembly import assemble, stream_blob
from forebear.blobs.digest import digest_of
from forebear.blobs.local import LocalObjects
from forebear.blobs.objects import ObjectStore, object_name
from forebear.blobs.pack import PackWriter, footer_range, index_range, joined, read_index, read_recipe
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, CODEC_RECIPE, LOOSE, Location, Recipe, StoredObject
from forebear.testing.memory_objects import MemoryObjects

BASE = random.Random(1).randbytes(20_000_000)
NOISE = [random.Random(seed).randbytes(70_000) for seed in (2, 3)]
TEXT = [b"".join(b"%d, row of %d\n" % (i, seed) for i in range(9_000)) for seed in (4, 5)]
CONTENT = BASE[:9_000_000] + NOISE[0] + TEXT[0] + TEXT[1] + BASE[9_000_000:] + NOISE[1] + NOISE[0]
DIGEST = digest_of(CONTENT)


class Made:
    """A store that holds `CONTENT` as a loose object's ranges and slices of a pack."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.loose = object_name(LOOSE, digest_of(BASE))
        objects.put(self.loose, BASE)
        ranges = [(0, 4_000_000), (4_000_000, 9_000_000), (9_000_000, len(BASE))]
        self.places: dict[bytes, Location | Recipe] = {
            digest_of(BASE[a:b]): Location(self.loose, a, b - a, b - a, CODEC_RAW) for a, b in ranges
        }
        one, two, three = self.places
        small = [digest_of(each) for each in (NOISE[0], TEXT[0], TEXT[1], NOISE[1])]
        self.recipe = Recipe(len(CONTENT), (one, two, *small[:3], three, small[3], small[0]))
        pack = PackWriter(objects.sink())
        for content in (*NOISE, *TEXT):
            pack.add(digest_of(content), content, compress=True)
        pack.add_recipe(DIGEST, self.recipe, dict(self.places))  # type: ignore[arg-type]
        self.pack: StoredObject = pack.finish()
        self.places |= {part.digest: Location(self.pack.name, *part[1:]) for part in self.pack.slices}

    def read(self) -> bytes:
        return b"".join(stream_blob(self.objects, DIGEST, self.recipe, self.places))


@pytest.fixture(params=[LocalObjects, MemoryObjects])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    return Made(LocalObjects(tmp_path / "store") if request.param is LocalObjects else MemoryObjects())


@pytest.fixture
def local(tmp_path: Path) -> Made:
    return Made(LocalObjects(tmp_path / "store"))


def writable(made: Made, name: str) -> Path:
    path = made.objects.local_path(name)
    assert path is not None
    path.chmod(0o644)
    return path


def test_pieces_come_in_order(made: Made) -> None:
    pieces = list(stream_blob(made.objects, DIGEST, made.recipe, made.places))
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= 8 * 1024 * 1024


def test_a_file_is_put_together(made: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    assemble(made.objects, DIGEST, made.recipe, made.places, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]


@pytest.mark.parametrize("after", [0, 3])
def test_where_the_kernel_does_not_copy_this_process_does(
    local: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, calls = os.copy_file_range, []

    def refuse(source: int, target: int, count: int, begin: int, end: int) -> int:
        calls.append(begin)
        if len(calls) > after and begin in (0, 9_000_000):
            raise OSError(errno.EXDEV, "not here")
        return real(source, target, count, begin, end)

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assemble(local.objects, DIGEST, local.recipe, local.places, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert calls


def test_what_the_kernel_cannot_copy_is_an_error_of_storage(
    local: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="free some space"):
        assemble(local.objects, DIGEST, local.recipe, local.places, str(tmp_path / "file"))
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("kind", ["loose", "pack"])
def test_a_flipped_bit_names_its_object(local: Made, tmp_path: Path, kind: str) -> None:
    name = local.loose if kind == "loose" else local.pack.name
    path = writable(local, name)
    content = bytearray(path.read_bytes())
    content[50_000] ^= 4
    path.write_bytes(content)
    with pytest.raises(CorruptData, match=f"object {name} is damaged") as raised:
        local.read()
    assert raised.value.digest == DIGEST
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(CorruptData, match=f"object {name} is damaged") as raised:
        assemble(local.objects, DIGEST, local.recipe, local.places, str(tmp_path / "file"))
    assert raised.value.digest == DIGEST
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["loose", "pack"])
@pytest.mark.parametrize("way", ["missing", "cut short"])
def test_an_object_that_is_missing_or_short_is_named(local: Made, tmp_path: Path, kind: str, way: str) -> None:
    name = local.loose if kind == "loose" else local.pack.name
    path = writable(local, name)
    if way == "missing":
        path.unlink()
    else:
        os.truncate(path, 30_000)
    for work in (
        local.read,
        lambda: assemble(local.objects, DIGEST, local.recipe, local.places, str(tmp_path / "file")),
    ):
        with pytest.raises(CorruptData, match=f"object {name} is {way}") as raised:
            work()
        assert raised.value.digest == DIGEST
    assert not (tmp_path / "file").exists()


def test_a_part_that_is_nowhere_is_named(made: Made) -> None:
    lost = made.recipe.parts[3]
    del made.places[lost]
    with pytest.raises(CorruptData, match=f"one, {lost.hex()[:16]}…, is not in the store") as raised:
        made.read()
    assert (raised.value.code, raised.value.digest) == ("missing-blob", DIGEST)


def test_sound_parts_in_a_wrong_order_are_not_handed_out(made: Made) -> None:
    made.recipe = Recipe(made.recipe.size, made.recipe.parts[::-1])
    with pytest.raises(CorruptData, match="sound but make up something else") as raised:
        made.read()
    assert raised.value.code == "corrupt-recipe"


def test_an_empty_blob_may_be_made_of_nothing(made: Made, tmp_path: Path) -> None:
    nothing = digest_of(b"")
    assert list(stream_blob(made.objects, nothing, Recipe(0, ()), {})) == []
    assemble(made.objects, nothing, Recipe(0, ()), {}, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b""


# -- the same in a pack -----------------------------------------------------------------------------------------------


def stored_recipe(made: Made) -> tuple[bytes, int]:
    name, size = made.pack.name, made.pack.size
    footer = made.objects.read(name, *footer_range(size))
    slices = read_index(name, footer, made.objects.read(name, *index_range(name, size, footer)))
    (part,) = [part for part in slices if part.codec == CODEC_RECIPE]
    assert (part.digest, part.size) == (DIGEST, len(CONTENT))
    return made.objects.read(name, part.offset, part.stored), part.size


def test_the_pack_says_of_which_pieces_a_blob_is_made(made: Made) -> None:
    assert made.pack.recipes == {DIGEST: made.recipe}
    assert DIGEST not in {part.digest for part in made.pack.slices}
    pieces = read_recipe(made.pack.name, *stored_recipe(made))
    assert pieces == joined(made.places[part] for part in made.recipe.parts)  # type: ignore[misc]
    assert [piece.size for piece in pieces][:2] == [9_000_000, 70_000]


@pytest.mark.parametrize("at", [0, 4, 20, -1])
def test_damage_to_it_is_an_error_or_other_pieces_of_the_same_size(made: Made, at: int) -> None:
    stored, size = stored_recipe(made)
    damaged = bytearray(stored)
    damaged[at] ^= 0x55
    for given in (bytes(damaged), stored[:-1], b""):
        try:
            pieces = read_recipe(made.pack.name, given, size)
        except CorruptData:
            continue
        assert sum(piece.size for piece in pieces) == size


def test_pieces_that_do_not_make_up_the_blob_are_refused(made: Made) -> None:
    stored, size = stored_recipe(made)
    with pytest.raises(CorruptData, match="does not make up"):
        read_recipe(made.pack.name, stored, size + 1)


def test_neighbours_become_one_piece() -> None:
    a, b = Location("loose/a", 0, 5, 5, 0), Location("loose/a", 5, 4, 4, 0)
    packed = Location("loose/a", 9, 3, 30, 1)
    other = Location("loose/b", 9, 3, 3, 0)
    assert joined([a, b, packed, other, b, a]) == [Location("loose/a", 0, 9, 9, 0), packed, other, b, a]
    assert joined([]) == []


def test_work_in_the_background_ends_with_the_error(local: Made, tmp_path: Path) -> None:

    before = threading.active_count()
    writable(local, local.loose).unlink()
    with pytest.raises(CorruptData):
        assemble(local.objects, DIGEST, local.recipe, local.places, str(tmp_path / "file"))
    assert threading.active_count() == before
