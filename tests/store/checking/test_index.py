"""The index of blobs, made again from the objects alone, knows all that the catalog knew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forebear.blobs.digest import digest_of
from forebear.blobs.objects import object_name
from forebear.blobs.pack import PackWriter
from forebear.records.content import CODEC_RAW, LOOSE, PACK, Location, Recipe, Slice, StoredObject
from forebear.store.checking.index import scan, with_recipes_of
from forebear.testing.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD, TAIL, OTHER = b"head" * 100, b"tail" * 100, b"other" * 100
WHOLE = HEAD + TAIL + OTHER


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


def pack_of(
    objects: MemoryObjects,
    blobs: list[bytes],
    recipes: Mapping[bytes, list[bytes]] = {},
    places: Mapping[bytes, Location] = {},
    *,
    compress: bool = False,
) -> StoredObject:
    pack = PackWriter(objects.sink())
    for blob in blobs:
        pack.add(digest_of(blob), blob, compress=compress)
    for whole, parts in recipes.items():
        pack.add_recipe(digest_of(whole), Recipe(len(whole), tuple(map(digest_of, parts))), places)
    return pack.finish()


def assembled(objects: MemoryObjects, digest: bytes, found: dict[str, StoredObject], recipe: Recipe) -> bytes:
    places = {part.digest: (each.name, part) for each in found.values() for part in each.slices}
    pieces = []
    for part in recipe.parts:
        name, where = places[part]
        assert where.codec == CODEC_RAW
        pieces.append(objects.read(name, where.offset, where.stored))
    assert digest_of(b"".join(pieces)) == digest
    return b"".join(pieces)


def test_loose_objects_and_packs_say_what_is_in_them(objects: MemoryObjects) -> None:
    stored = pack_of(objects, [HEAD, TAIL], compress=True)
    name = object_name(LOOSE, digest_of(OTHER))
    objects.put(name, OTHER)
    objects.put("loose/no/digest", b"x")
    objects.put("versions/e/p/n/v0-00.json", b"{}")
    objects.put("quarantine/loose/ab", b"x")
    found = scan(objects)
    assert found.damaged == {}
    assert set(found.objects) == {stored.name, name}
    assert sorted(found.objects[stored.name].slices) == sorted(stored.slices)
    assert found.objects[name].slices == [Slice(digest_of(OTHER), 0, len(OTHER), len(OTHER), CODEC_RAW)]


def test_recipes_are_followed_through_packs_and_ranges_of_loose_objects(objects: MemoryObjects) -> None:
    base = object_name(LOOSE, digest_of(HEAD + TAIL))
    objects.put(base, HEAD + TAIL)
    places = {
        digest_of(HEAD): Location(base, 0, len(HEAD), len(HEAD), CODEC_RAW),
        digest_of(TAIL): Location(base, len(HEAD), len(TAIL), len(TAIL), CODEC_RAW),
    }
    stored = pack_of(objects, [OTHER], {WHOLE: [HEAD, TAIL, OTHER]}, places)
    found = scan(objects)
    recipe = found.recipes[digest_of(WHOLE)]
    assert assembled(objects, digest_of(WHOLE), found.objects, recipe) == WHOLE
    assert found.objects[stored.name].recipes == {digest_of(WHOLE): recipe}
    assert scan(objects, known={digest_of(WHOLE)}).recipes == {}
    (last,) = [each for each in with_recipes_of(found.objects.values(), ()) if each.recipes]
    assert last.name == stored.name


@pytest.mark.parametrize("compress", [False, True])
def test_neighbours_in_a_pack_are_its_slices_again(objects: MemoryObjects, compress: bool) -> None:
    """In the pack they are one piece where they are stored as they are; an empty blob lies between any two."""
    stored = pack_of(objects, [b"", HEAD, TAIL, OTHER], {WHOLE: [HEAD, TAIL, OTHER]}, compress=compress)
    found = scan(objects)
    assert found.recipes[digest_of(WHOLE)].parts == (digest_of(HEAD), digest_of(TAIL), digest_of(OTHER))
    assert sorted(found.objects[stored.name].slices) == sorted(stored.slices)


def test_a_recipe_that_lost_an_object_is_told_and_another_one_of_the_same_blob_counts(objects: MemoryObjects) -> None:
    first = pack_of(objects, [HEAD, TAIL])
    places = {part.digest: Location(first.name, *part[1:]) for part in first.slices}
    pack_of(objects, [OTHER], {WHOLE: [HEAD, TAIL, OTHER]}, places)
    objects.delete(first.name)
    found = scan(objects)
    assert found.recipes == {}
    assert "not all there" in str(found.damaged[digest_of(WHOLE).hex()])
    pack_of(objects, [HEAD, TAIL, OTHER], {WHOLE: [HEAD, TAIL, OTHER]})
    found = scan(objects)
    assert found.damaged == {}
    assert found.recipes[digest_of(WHOLE)].size == len(WHOLE)


@pytest.mark.parametrize("damage", [b"", b"x" * 500])
def test_a_pack_that_cannot_be_read_is_told(objects: MemoryObjects, damage: bytes) -> None:
    stored = pack_of(objects, [HEAD])
    objects.delete(stored.name)
    objects.put(stored.name, damage)
    found = scan(objects)
    assert (found.objects, list(found.damaged)) == ({}, [stored.name])


def test_recipes_come_only_with_all_of_their_parts() -> None:
    recipe = Recipe(8, (digest_of(b"here"), digest_of(b"else")))
    stored = StoredObject("pack/p", PACK, 4, [Slice(digest_of(b"here"), 0, 4, 4, 0)], {digest_of(b"hereelse"): recipe})
    assert with_recipes_of([stored], ())[0].recipes == {}
    assert with_recipes_of([stored], {digest_of(b"else")})[0].recipes == stored.recipes
