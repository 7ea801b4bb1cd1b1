"""Conformance of a catalog's aliases: moving them, expecting where they stand, and their history."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.artifacts import AliasMove

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.testing.builders import Author, Tick


class AliasSuite:
    """What every catalog promises of aliases."""

    def test_an_alias_names_one_version(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a", aliases=("prod",)), author.version("b")
        catalog.move_alias(second.id, "prod")
        assert author.resolve("data:prod").number == 1
        assert [v.aliases for v in catalog.versions(first.collection_id)] == [("latest", "prod"), ()]

    def test_a_commit_moves_the_aliases_it_names(self, catalog: Catalog, author: Author) -> None:
        author.version("a", aliases=("prod", "old"))
        second = author.version("b", aliases=("prod", "new", "prod", "latest"))
        assert second.aliases == ("latest", "new", "prod")
        assert author.resolve("data:old").number == 0
        assert [m.number for m in catalog.alias_moves(second.collection_id, "prod")] == [0, 1]
        assert [m.number for m in catalog.alias_moves(second.collection_id, "latest")] == [0, 1]

    def test_aliases_belong_to_their_collection(self, author: Author) -> None:
        author.version("a", aliases=("prod",))
        author.version("b", name="other", aliases=("prod",))
        assert author.resolve("data:prod").name == "data"
        assert author.resolve("other:prod").name == "other"

    def test_latest_may_be_moved_by_hand_until_the_next_commit(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a")
        author.version("b")
        catalog.move_alias(first.id, "latest")
        assert author.resolve("data").number == 0
        author.version("c")
        assert author.resolve("data").number == 2

    def test_moves_tell_what_happened(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run = author.run("mover")
        version = author.version("a")
        moved_at = tick()
        moved = catalog.move_alias(version.id, "prod", run_key=run.key)
        assert moved == AliasMove("prod", 0, moved_at, "mover")
        removed_at = tick()
        removed = catalog.remove_alias(version.collection_id, "prod", run_key=run.key)
        assert removed == AliasMove("prod", None, removed_at, "mover")
        assert catalog.alias_moves(version.collection_id, "prod") == [moved, removed]

    def test_the_history_is_kept_oldest_first(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run = author.run("r7")
        times = [tick()]
        first = author.version("a", run=run, aliases=("prod",))
        times.append(tick())
        second = author.version("b")
        catalog.move_alias(second.id, "prod")
        latest = [AliasMove("latest", 0, times[0], "r7"), AliasMove("latest", 1, times[1])]
        prod = [AliasMove("prod", 0, times[0], "r7"), AliasMove("prod", 1, times[1])]
        assert catalog.alias_moves(first.collection_id, "latest") == latest
        assert catalog.alias_moves(first.collection_id, "prod") == prod
        everything = catalog.alias_moves(first.collection_id)
        assert [move.at for move in everything] == sorted(move.at for move in everything)
        assert sorted(everything, key=lambda m: (m.alias, m.at)) == [*latest, *prod]
        assert catalog.alias_moves(first.collection_id, "nothing") == []
        assert catalog.alias_moves(4711) == []

    def test_moving_an_alias_to_where_it_stands_is_no_move(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        version = author.version("a")
        moved = catalog.move_alias(version.id, "prod")
        tick()
        assert catalog.move_alias(version.id, "prod") == moved
        author.version("a", aliases=("prod",))
        assert catalog.alias_moves(version.collection_id, "prod") == [moved]
        assert len(catalog.alias_moves(version.collection_id, "latest")) == 1

    def test_only_live_versions_get_aliases(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        catalog.delete_version(version.id)
        for version_id in (version.id, 4711):
            with pytest.raises(NotFound):
                catalog.move_alias(version_id, "prod")
        assert catalog.alias_moves(version.collection_id, "prod") == []

    def test_an_unknown_run_moves_nothing(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", aliases=("old",))
        with pytest.raises(NotFound):
            catalog.move_alias(version.id, "prod", run_key=4711)
        with pytest.raises(NotFound):
            catalog.remove_alias(version.collection_id, "old", run_key=4711)
        assert author.resolve("data").aliases == ("latest", "old")

    # -- taking away ----------------------------------------------------------------------------------------------

    def test_a_removed_alias_names_nothing(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", aliases=("prod",))
        catalog.remove_alias(version.collection_id, "prod")
        with pytest.raises(NotFound):
            author.resolve("data:prod")
        assert author.resolve("data").aliases == ("latest",)
        assert author.version("a", aliases=("prod",)).aliases == ("latest", "prod")

    def test_what_is_not_there_is_not_removed(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", aliases=("staging",))
        with pytest.raises(NotFound, match="staging"):
            catalog.remove_alias(version.collection_id, "prod")
        with pytest.raises(NotFound):
            catalog.remove_alias(4711, "latest")
        assert catalog.alias_moves(version.collection_id, "prod") == []

    # -- expecting ------------------------------------------------------------------------------------------------

    def test_a_move_happens_where_the_alias_was_expected(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b")
        catalog.move_alias(first.id, "prod", expect="")
        catalog.move_alias(second.id, "prod", expect="v0")
        assert author.resolve("data:prod").number == 1
        catalog.move_alias(second.id, "prod", expect="v1")
        catalog.remove_alias(first.collection_id, "prod", expect="v1")
        catalog.move_alias(first.id, "prod", expect="")
        assert author.resolve("data:prod").number == 0

    @pytest.mark.parametrize("expect", ["", "v0", "v2", "v9"])
    def test_a_move_from_elsewhere_is_refused(self, catalog: Catalog, author: Author, expect: str) -> None:
        versions = [author.version(letter) for letter in "abc"]
        catalog.move_alias(versions[1].id, "prod")
        with pytest.raises(Conflict) as raised:
            catalog.move_alias(versions[2].id, "prod", expect=expect)
        assert "prod" in str(raised.value)
        assert "v1" in str(raised.value)
        with pytest.raises(Conflict):
            catalog.move_alias(versions[1].id, "prod", expect=expect)
        with pytest.raises(Conflict):
            catalog.remove_alias(versions[0].collection_id, "prod", expect=expect)
        assert author.resolve("data:prod").number == 1
        assert len(catalog.alias_moves(versions[0].collection_id, "prod")) == 1

    def test_an_absent_alias_stands_on_no_version(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        with pytest.raises(Conflict):
            catalog.move_alias(version.id, "prod", expect="v0")
        with pytest.raises(Conflict):
            catalog.remove_alias(version.collection_id, "prod", expect="v0")
        with pytest.raises(NotFound):
            catalog.remove_alias(version.collection_id, "prod", expect="")

    @pytest.mark.parametrize("expect", ["prod", "7", "v07", "v-1", " v0"])
    def test_an_expectation_has_two_forms(self, catalog: Catalog, author: Author, expect: str) -> None:
        version = author.version("a", aliases=("prod",))
        with pytest.raises(InvalidInput):
            catalog.move_alias(version.id, "prod", expect=expect)
        with pytest.raises(InvalidInput):
            author.version("b", aliases=("prod",), expect=expect)
        with pytest.raises(InvalidInput):
            catalog.remove_alias(version.collection_id, "prod", expect=expect)
        assert author.resolve("data").number == 0

    def test_a_commit_moves_aliases_as_expected(self, author: Author) -> None:
        author.version("a", aliases=("prod", "best"), expect="")
        assert author.version("b", aliases=("prod", "best"), expect="v0").aliases == ("best", "latest", "prod")
        assert author.version("a", aliases=("prod",), expect="v1").aliases == ("latest", "prod")

    def test_a_commit_that_expected_otherwise_makes_no_version(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a", aliases=("prod",))
        for expect, aliases in (("", ("prod",)), ("v1", ("prod",)), ("v0", ("prod", "new")), ("", ("new", "prod"))):
            with pytest.raises(Conflict):
                author.version("b", aliases=aliases, expect=expect)
        with pytest.raises(Conflict):
            author.version("a", aliases=("prod",), expect="")
        assert [v.number for v in catalog.versions(first.collection_id)] == [0]
        assert author.resolve("data:v0").aliases == ("latest", "prod")

    def test_a_commit_expects_nothing_of_latest(self, author: Author) -> None:
        author.version("a")
        author.version("b")
        assert author.version("c", aliases=("prod", "latest"), expect="").aliases == ("latest", "prod")
        assert author.version("d", expect="v0").number == 3

    # -- as of a time ---------------------------------------------------------------------------------------------

    def test_an_alias_resolves_as_it_stood_at_a_time(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        before = tick()
        given = tick()
        first = author.version("a", aliases=("prod",))
        moved = tick()
        second = author.version("b", aliases=("prod",))
        removed = tick()
        catalog.remove_alias(first.collection_id, "prod")
        after = tick()
        assert author.at("prod", given).id == first.id
        assert author.at("prod", moved - timedelta(microseconds=1)).id == first.id
        assert author.at("prod", moved).id == second.id
        assert author.at("prod", removed - timedelta(microseconds=1)).id == second.id
        assert author.at("latest", after).id == second.id
        assert author.at("latest", given).id == first.id
        for moment in (before, given - timedelta(microseconds=1), removed, after):
            with pytest.raises(NotFound, match="prod"):
                author.at("prod", moment)

    def test_a_reference_may_name_a_time(self, author: Author, tick: Tick) -> None:
        given = tick()
        author.version("a", aliases=("prod",))
        tick()
        author.version("b", aliases=("prod",))
        assert author.resolve(f"data:prod@{given.isoformat()}").number == 0
        # What is told of the version is what holds now.
        assert author.resolve(f"data:prod@{given.isoformat()}").aliases == ()

    def test_of_moves_at_one_moment_the_last_holds(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        now = tick()
        first = author.version("a", aliases=("prod",))
        second = author.version("b", aliases=("prod",))
        catalog.move_alias(first.id, "prod")
        catalog.move_alias(second.id, "prod")
        assert author.at("prod", now).number == 1

    def test_an_alias_that_stood_on_a_deleted_version_finds_nothing(
        self, catalog: Catalog, author: Author, tick: Tick
    ) -> None:
        given = tick()
        first = author.version("a", aliases=("prod",))
        tick()
        author.version("b", aliases=("prod",))
        catalog.delete_version(first.id)
        with pytest.raises(NotFound, match="deleted"):
            author.at("prod", given)

    def test_an_alias_that_never_was_says_so(self, author: Author, tick: Tick) -> None:
        author.version("a")
        with pytest.raises(NotFound, match="prod"):
            author.at("prod", tick())
