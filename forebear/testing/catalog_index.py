"""Conformance of a catalog's index of blobs."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import pytest

from forebear.catalog.port import Catalog, MissingBlobs
from forebear.records.content import CODEC_RAW, CODEC_ZSTD, LOOSE, PACK, Location, Recipe, Slice, StoredObject
from forebear.testing.builders import digest_of, loose, pack

#: More keys than any database takes as parameters of one statement.
MANY = 40_000


class BlobIndexSuite:
    """What every catalog promises of objects, slices and recipes."""

    def test_an_empty_index_knows_nothing(self, catalog: Catalog) -> None:
        digest = digest_of("a")
        assert catalog.known([digest]) == set()
        assert catalog.locate([digest]) == {}
        assert catalog.sizes_held([0, 1]) == set()
        assert list(catalog.objects()) == []

    def test_empty_batches_are_answered_and_taken(self, catalog: Catalog) -> None:
        catalog.add_objects([])
        catalog.add_recipes({})
        catalog.forget_objects([])
        assert catalog.known([]) == set()
        assert catalog.locate([]) == {}
        assert catalog.sizes_held([]) == set()

    def test_objects_that_were_added_are_known_and_located(self, catalog: Catalog) -> None:
        zipped = StoredObject("pack/z", PACK, 9, [Slice(digest_of("z"), 4, 5, 70, CODEC_ZSTD)])
        catalog.add_objects(iter([pack("p", "one", "three"), zipped]))
        asked = [digest_of(text) for text in ("one", "three", "z", "absent")]
        assert catalog.known(iter(asked)) == set(asked[:3])
        assert catalog.locate(iter(asked)) == {
            digest_of("one"): Location("pack/p", 0, 3, 3, 0),
            digest_of("three"): Location("pack/p", 3, 5, 5, 0),
            digest_of("z"): Location("pack/z", 4, 5, 70, CODEC_ZSTD),
        }

    def test_a_batch_may_be_longer_than_a_statement(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one")])
        digests = [digest_of(str(i)) for i in range(MANY)] + [digest_of("one")]
        assert catalog.known(digests) == {digest_of("one")}
        assert set(catalog.locate(digests)) == {digest_of("one")}
        assert catalog.sizes_held(range(MANY)) == set()

    def test_an_object_is_registered_once(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one")])
        catalog.add_objects([pack("p", "one"), pack("q", "two")])
        assert list(catalog.objects()) == [pack("p", "one"), pack("q", "two")]

    def test_chunks_of_an_object_may_come_later_than_itself(self, catalog: Catalog) -> None:
        big = loose("big", size=1000)
        chunks = [Slice(digest_of("head"), 0, 400, 400, 0), Slice(digest_of("tail"), 400, 600, 600, 0)]
        catalog.add_objects([big])
        catalog.add_objects([StoredObject(big.name, LOOSE, 1000, chunks)])
        (stored,) = catalog.objects()
        assert sorted(stored.slices) == sorted([*big.slices, *chunks])

    def test_large_objects_are_the_loose_ones_of_a_range_of_sizes_newest_first(self, catalog: Catalog) -> None:
        made = [loose("a", size=10), loose("b", size=20), loose("c", size=30), loose("d", size=20)]
        catalog.add_objects([*made, pack("p", "x" * 20)])
        names = {o.name: text for o, text in zip(made, "abcd", strict=True)}
        assert [names[o.name] for o in catalog.large_objects(10, 20, 9)] == ["d", "b", "a"]
        assert [(names[o.name], o.size) for o in catalog.large_objects(20, 40, 2)] == [("d", 20), ("c", 30)]
        assert catalog.large_objects(21, 29, 2) == []

    def test_objects_come_by_name_and_slices_by_offset(self, catalog: Catalog) -> None:
        shuffled = StoredObject("pack/b", PACK, 9, list(reversed(pack("b", "x", "yy", "zzz").slices)))
        catalog.add_objects([shuffled, loose("l"), pack("a", "one"), StoredObject("pack/empty", PACK, 0, [])])
        assert list(catalog.objects()) == [
            loose("l"),
            pack("a", "one"),
            StoredObject("pack/b", PACK, 9, pack("b", "x", "yy", "zzz").slices),
            StoredObject("pack/empty", PACK, 0, []),
        ]

    def test_sizes_are_those_of_loose_objects(self, catalog: Catalog) -> None:
        catalog.add_objects([loose("l", size=2**40), loose("m", size=7), pack("p", "12345")])
        assert catalog.sizes_held(iter([2**40, 7, 5, 6])) == {2**40, 7}

    def test_a_loose_copy_is_located_before_a_slice_of_a_pack(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("a", "both"), loose("both"), pack("z", "both")])
        place = catalog.locate([digest_of("both")])[digest_of("both")]
        assert isinstance(place, Location)
        assert place.object == loose("both").name

    def test_of_copies_alike_the_one_that_was_registered_last_is_located(self, catalog: Catalog) -> None:
        """It may have been written because the other one was lost."""
        for names in (("b", "c", "a"), ("f", "d", "e")):
            for name in names:
                catalog.add_objects([pack(name, "both")])
            assert catalog.locate([digest_of("both")])[digest_of("both")] == Location(f"pack/{names[-1]}", 0, 4, 4, 0)

    def test_a_chunk_of_a_loose_object_is_one_copy_among_others(self, catalog: Catalog) -> None:
        whole, digest = loose("whole", size=9), digest_of("both")
        with_chunk = StoredObject(whole.name, LOOSE, 9, [*whole.slices, Slice(digest, 3, 4, 4, CODEC_RAW)])
        catalog.add_objects([with_chunk])
        assert catalog.locate([digest])[digest] == Location(whole.name, 3, 4, 4, CODEC_RAW)
        catalog.add_objects([pack("later", "both")])
        assert catalog.locate([digest])[digest] == Location("pack/later", 0, 4, 4, CODEC_RAW)

    def test_forgotten_objects_are_gone_and_may_come_back(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one", "two"), loose("l", size=7)])
        catalog.forget_objects(iter(["pack/p", loose("l", size=7).name, "pack/unknown"]))
        assert list(catalog.objects()) == []
        assert catalog.known([digest_of("one"), digest_of("two"), digest_of("l")]) == set()
        assert catalog.sizes_held([7]) == set()
        catalog.add_objects([pack("p", "one", "two")])
        assert catalog.known([digest_of("one"), digest_of("two")]) == {digest_of("one"), digest_of("two")}

    def test_a_blob_with_another_copy_outlives_the_first(self, catalog: Catalog) -> None:
        catalog.add_objects([loose("both"), pack("p", "both", "alone")])
        catalog.forget_objects([loose("both").name])
        assert catalog.locate([digest_of("both")]) == {digest_of("both"): Location("pack/p", 0, 4, 4, 0)}
        catalog.forget_objects(["pack/p"])
        assert catalog.known([digest_of("both"), digest_of("alone")]) == set()

    def test_a_recipe_makes_a_blob_known(self, catalog: Catalog) -> None:
        whole, parts = digest_of("onetwoone"), (digest_of("one"), digest_of("two"), digest_of("one"))
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({whole: Recipe(9, parts)})
        catalog.add_recipes({whole: Recipe(9, parts)})
        assert catalog.known([whole]) == {whole}
        assert catalog.locate([whole]) == {whole: Recipe(9, parts)}

    def test_a_copy_in_one_piece_is_located_before_a_recipe(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, (digest_of("one"), digest_of("two")))})
        catalog.add_objects([loose("onetwo")])
        place = catalog.locate([digest_of("onetwo")])[digest_of("onetwo")]
        assert isinstance(place, Location)
        assert place.object == loose("onetwo").name

    def test_a_recipe_of_unknown_parts_is_refused(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one")])
        fine = {digest_of("oneone"): Recipe(6, (digest_of("one"), digest_of("one")))}
        bad = {digest_of("onetwo"): Recipe(6, (digest_of("one"), digest_of("two")))}
        with pytest.raises(MissingBlobs) as raised:
            catalog.add_recipes({**fine, **bad})
        assert raised.value.digests == [digest_of("two")]
        assert catalog.known([*fine, *bad]) == set()

    def test_recipes_come_with_the_object_that_was_written_for_them(self, catalog: Catalog) -> None:
        whole, recipe = digest_of("onetwo"), Recipe(6, (digest_of("one"), digest_of("two")))
        catalog.add_objects([pack("p", "one")])
        second = pack("q", "two")
        catalog.add_objects([StoredObject(second.name, PACK, second.size, second.slices, {whole: recipe})])
        assert catalog.locate([whole]) == {whole: recipe}
        assert list(catalog.objects()) == [pack("p", "one"), second]

    def test_a_recipe_whose_parts_went_comes_with_nothing(self, catalog: Catalog) -> None:
        recipes = {digest_of("onetwo"): Recipe(6, (digest_of("one"), digest_of("two")))}
        with pytest.raises(MissingBlobs) as raised:
            catalog.add_objects([StoredObject("pack/q", PACK, 3, pack("q", "two").slices, recipes)])
        assert raised.value.digests == [digest_of("one")]
        assert list(catalog.objects()) == []
        assert catalog.known([digest_of("onetwo"), digest_of("two")]) == set()

    def test_a_recipe_goes_with_its_parts(self, catalog: Catalog) -> None:
        lost, kept = digest_of("onetwo"), digest_of("oneone")
        catalog.add_objects([pack("p", "one"), pack("q", "two")])
        catalog.add_recipes(
            {lost: Recipe(6, (digest_of("one"), digest_of("two"))), kept: Recipe(6, (digest_of("one"),) * 2)}
        )
        catalog.forget_objects(["pack/q"])
        assert catalog.known([lost, kept]) == {kept}
        assert set(catalog.locate([lost, kept])) == {kept}

    def test_chunks_of_a_loose_object_are_slices_like_any(self, catalog: Catalog) -> None:
        big = loose("big", size=1000)
        chunks = [Slice(digest_of("head"), 0, 400, 400, 0), Slice(digest_of("tail"), 400, 600, 600, 0)]
        catalog.add_objects([StoredObject(big.name, LOOSE, 1000, [*big.slices, *chunks])])
        assert catalog.locate([digest_of("big"), digest_of("tail")]) == {
            digest_of("big"): Location(big.name, 0, 1000, 1000, 0),
            digest_of("tail"): Location(big.name, 400, 600, 600, 0),
        }

    def test_writing_while_objects_are_read_leaves_none_out(self, catalog: Catalog) -> None:
        # More than an adapter fetches at once, so that the second half is still to be read.
        names = [f"pack/{i:05d}" for i in range(6_000)]
        catalog.add_objects(StoredObject(name, PACK, 0, []) for name in names)
        reading = catalog.objects()
        seen = [next(reading).name]
        catalog.forget_objects(names[:10])
        catalog.add_objects([StoredObject("pack/zzz", PACK, 0, [])])
        seen.extend(stored.name for stored in reading)
        assert [name for name in seen if name in set(names[:1] + names[10:])] == names[:1] + names[10:]
        next(catalog.objects())  # and left unread, it stops no writer
        catalog.forget_objects(names)
        assert [stored.name for stored in catalog.objects()] == ["pack/zzz"]
