"""Conformance of what a check asks of a catalog."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forebear.catalog.port import MissingBlobs
from forebear.records.content import PACK, Location, Recipe, StoredObject
from forebear.records.history import HistoryBatch, RunFile
from forebear.testing.builders import digest_of, loose, new_version, pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.catalog.port import Catalog
    from forebear.testing.builders import Author, ManualClock

#: Ways to change what is said of a version that has a record, by the one that then needs a new one.
CHANGES: dict[str, tuple[int, Callable[[Catalog, list[Any]], object]]] = {
    "described": (0, lambda catalog, made: catalog.update_version(made[0].id, description="x")),
    "metadata": (0, lambda catalog, made: catalog.update_version(made[0].id, metadata={"a": 1})),
    "tagged": (0, lambda catalog, made: catalog.update_version(made[0].id, tags=("t",))),
    "alias": (0, lambda catalog, made: catalog.move_alias(made[0].id, "new")),
    "alias moved on": (1, lambda catalog, made: catalog.move_alias(made[1].id, "prod")),
    "alias removed": (0, lambda catalog, made: catalog.remove_alias(made[0].collection_id, "prod")),
    "deleted": (0, lambda catalog, made: catalog.delete_version(made[0].id, delete_aliases=True)),
    "logged again": (0, lambda catalog, made: catalog.commit_version(new_version("a", aliases=("again",)))),
    "tagged again": (1, lambda catalog, made: catalog.commit_version(new_version("b", tags=("again",)))),
}


class CheckSuite:
    """What every catalog promises to who checks and mends it."""

    def test_a_catalog_that_was_only_used_is_in_order(self, catalog: Catalog, author: Author) -> None:
        run = author.run()
        version = author.version("a", run=run, aliases=("prod",))
        catalog.add_use(run.key, version.id)
        catalog.add_objects([pack("p", "one", "two"), loose("l")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, (digest_of("one"), digest_of("two")))})
        author.version("b")
        catalog.delete_version(version.id, delete_aliases=True)
        assert catalog.integrity() == []
        assert catalog.dangling() == []
        assert catalog.drop_dangling() == []

    def test_recipes_are_told(self, catalog: Catalog) -> None:
        assert list(catalog.recipes()) == []
        recipe = Recipe(6, (digest_of("one"), digest_of("two")))
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({digest_of("onetwo"): recipe})
        assert list(catalog.recipes()) == [(digest_of("onetwo"), recipe)]
        catalog.forget_recipes(iter([digest_of("onetwo"), digest_of("unknown")]))
        assert list(catalog.recipes()) == []
        assert catalog.known([digest_of("onetwo"), digest_of("one")]) == {digest_of("one")}

    def test_objects_are_replaced_in_one_step(self, catalog: Catalog) -> None:
        recipe = Recipe(6, (digest_of("one"), digest_of("two")))
        catalog.add_objects([pack("p", "one", "two", "lost"), loose("l")])
        catalog.add_recipes({digest_of("onetwo"): recipe})
        catalog.replace_objects(iter(["pack/p", "pack/unknown"]), iter([pack("q", "one", "two")]))
        assert catalog.known([digest_of(text) for text in ("one", "lost", "onetwo")]) == {
            digest_of("one"),
            digest_of("onetwo"),
        }
        assert [stored.name for stored in catalog.objects()] == [loose("l").name, "pack/q"]
        catalog.replace_objects(["pack/q"], [])
        assert catalog.known([digest_of("onetwo"), digest_of("l")]) == {digest_of("l")}
        catalog.replace_objects([], [])
        assert [stored.name for stored in catalog.objects()] == [loose("l").name]

    def test_slices_of_an_object_that_is_known_are_replaced(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "old", "both")])
        catalog.replace_objects([], [pack("p", "both", "new")])
        assert catalog.locate([digest_of(text) for text in ("old", "both", "new")]) == {
            digest_of("both"): Location("pack/p", 0, 4, 4, 0),
            digest_of("new"): Location("pack/p", 4, 3, 3, 0),
        }

    def test_a_replacement_that_lacks_a_part_changes_nothing(self, catalog: Catalog) -> None:
        catalog.add_objects([pack("p", "one")])
        recipes = {digest_of("oneone"): Recipe(6, (digest_of("one"), digest_of("one")))}
        with pytest.raises(MissingBlobs):
            catalog.replace_objects(["pack/p"], [StoredObject("pack/q", PACK, 3, pack("q", "two").slices, recipes)])
        assert list(catalog.objects()) == [pack("p", "one")]

    def test_files_of_runs_are_found_by_content(self, catalog: Catalog, author: Author, clock: ManualClock) -> None:
        runs = [author.run(name) for name in ("a", "b")]
        held, lost = digest_of("held"), digest_of("lost")
        catalog.add_objects([pack("p", "held")])
        for run, files in zip(runs, [{"x": held, "y": lost}, {"z": held}], strict=True):
            kept = tuple(RunFile(path, digest, 4, clock()) for path, digest in files.items())
            assert catalog.append_history(HistoryBatch(run.key, f"j{run.key}", 0, 1, files=kept))
        assert catalog.lost_run_files() == [lost]
        assert catalog.runs_with_files([held, lost, digest_of("other")]) == {
            held: [runs[0].key, runs[1].key],
            lost: [runs[0].key],
        }
        assert catalog.runs_with_files([]) == {}

    @pytest.mark.parametrize("change", CHANGES)
    def test_what_is_said_anew_of_a_version_is_recorded_anew(
        self, catalog: Catalog, author: Author, change: str
    ) -> None:
        made = [author.version("a", aliases=("prod",)), author.version("b"), author.version("c")]
        catalog.mark_recorded(version.id for version in made)
        assert catalog.unrecorded_versions(9) == []
        number, call = CHANGES[change]
        call(catalog, made)
        assert made[number].id in [version.id for version, _ in catalog.unrecorded_versions(9)]
        assert made[2].id not in [version.id for version, _ in catalog.unrecorded_versions(9)]
        catalog.mark_recorded(version.id for version in made)
        assert catalog.unrecorded_versions(9) == []

    def test_who_gets_latest_from_a_deleted_version_is_recorded_anew(self, catalog: Catalog, author: Author) -> None:
        made = [author.version("a"), author.version("b")]
        catalog.mark_recorded(version.id for version in made)
        catalog.delete_version(made[1].id)
        assert [version.id for version, _ in catalog.unrecorded_versions(9)] == [version.id for version in made]
