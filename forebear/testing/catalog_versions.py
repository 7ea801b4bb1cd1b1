"""Conformance of a catalog's collections and versions."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import threading
from typing import Any

import pytest

from forebear.catalog.port import Catalog, MissingBlobs, TipMoved
from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.artifacts import COMMITTED, DELETED
from forebear.records.content import Recipe
from forebear.records.lineage import EdgeKind
from forebear.testing.builders import (
    ENTITY,
    PROJECT,
    Author,
    Tick,
    digest_of,
    loose,
    new_version,
    node,
    pack,
    root_of,
)

#: Commits of each thread in the race; enough that both are inside at once many times.
RACES = 25


class VersionSuite:
    """What every catalog promises of collections and versions."""

    # -- committing -----------------------------------------------------------------------------------------------

    def test_the_first_commit_makes_project_collection_and_version(self, catalog: Catalog, tick: Tick) -> None:
        now = tick()
        metadata = {"rows": 3, "none": None, "nested": {"list": [1, 2.5, "é"]}}
        made = catalog.commit_version(
            new_version(["a", "b"], description="first", metadata=metadata, tags=("z", "y"), aliases=("prod",))
        )
        version = made.version
        assert made.created
        assert (version.entity, version.project, version.name, version.type) == (ENTITY, PROJECT, "data", "dataset")
        assert (version.number, version.root, version.state) == (0, root_of("ab"), COMMITTED)
        assert (version.size, version.file_count, version.description) == (2, 2, "first")
        assert version.metadata == metadata
        assert version.aliases == ("latest", "prod")
        assert version.tags == ("y", "z")
        assert version.created_at == now
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        assert collection.id == version.collection_id
        assert (collection.type, collection.created_at) == ("dataset", now)
        assert (collection.tip, collection.next_number, collection.version_count) == (version.root, 1, 1)
        assert [(p.entity, p.name, p.created_at) for p in catalog.projects()] == [(ENTITY, PROJECT, now)]

    def test_new_content_gets_the_next_number_and_latest(self, catalog: Catalog, author: Author) -> None:
        numbers = [author.version(*"abc"[: i + 1]).number for i in range(3)]
        assert numbers == [0, 1, 2]
        assert author.resolve("data").number == 2
        collection_id = author.resolve("data").collection_id
        assert [v.number for v in catalog.versions(collection_id)] == [2, 1, 0]
        assert [v.aliases for v in catalog.versions(collection_id)] == [("latest",), (), ()]

    def test_collections_count_by_themselves(self, author: Author) -> None:
        author.version("a")
        author.version("b")
        others = [
            author.version("a", name="other"),
            author.version("a", project="elsewhere"),
            author.version("a", entity="somebody"),
        ]
        assert [version.number for version in others] == [0, 0, 0]

    def test_an_empty_description_is_none(self, catalog: Catalog) -> None:
        assert catalog.commit_version(new_version(description="")).version.description is None

    def test_what_was_committed_does_not_change_with_the_callers_objects(self, catalog: Catalog) -> None:
        metadata: dict[str, Any] = {"rows": [1]}
        made = catalog.commit_version(new_version(metadata=metadata)).version
        metadata["rows"].append(2)
        assert catalog.versions_by_id([made.id])[made.id].metadata == {"rows": [1]}

    def test_same_content_is_the_same_version_again(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        first = author.version("a", description="first", metadata={"n": 1}, tags=("x",), aliases=("old",))
        author.version("b")
        tick()
        again = author.commit("a", description="other", metadata={"n": 2}, tags=("y",), aliases=("prod",))
        assert not again.created
        assert (again.version.id, again.version.number) == (first.id, 0)
        assert (again.version.description, again.version.metadata) == ("first", {"n": 1})
        assert again.version.created_at == first.created_at
        assert again.version.aliases == ("latest", "old", "prod")
        assert again.version.tags == ("x", "y")
        assert author.resolve("data:latest").number == 0
        assert [v.number for v in catalog.versions(first.collection_id)] == [1, 0]

    def test_same_content_again_leaves_tip_and_next_number(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        newest = author.version("b")
        author.version("a")
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        assert (collection.tip, collection.next_number) == (newest.root, 2)

    def test_same_content_again_needs_no_tip(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        author.version("b")
        assert not catalog.commit_version(new_version("a", tip=digest_of("whatever"))).created

    def test_the_same_content_in_another_collection_is_its_own_version(self, author: Author) -> None:
        first = author.commit("a")
        other = author.commit("a", name="other")
        assert other.created
        assert other.version.id != first.version.id

    def test_the_objects_of_a_commit_are_registered(self, catalog: Catalog) -> None:
        made = catalog.commit_version(new_version(objects=[pack("p", "one", "two")], needs=[digest_of("one")]))
        assert made.version.added_bytes == 6
        assert catalog.known([digest_of("two")]) == {digest_of("two")}

    def test_bytes_count_as_added_once(self, catalog: Catalog, author: Author) -> None:
        catalog.add_objects([pack("p", "one")])
        version = author.version("a", objects=[pack("p", "one"), loose("l", size=70)])
        assert version.added_bytes == 70
        assert author.version("b", objects=[pack("p", "one")]).added_bytes == 0

    def test_objects_are_registered_for_a_version_that_is_there_already(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        assert not author.commit("a", objects=[loose("l")]).created
        assert catalog.known([digest_of("l")]) == {digest_of("l")}

    # -- refusing -------------------------------------------------------------------------------------------------

    def test_a_collection_has_one_type(self, author: Author) -> None:
        author.version("a")
        with pytest.raises(Conflict) as raised:
            author.version("b", type="model")
        assert "dataset" in str(raised.value)
        assert "model" in str(raised.value)
        with pytest.raises(Conflict):
            author.version("a", type="model")
        assert author.resolve("data").number == 0

    def test_a_moved_tip_is_refused_and_told(self, catalog: Catalog, author: Author) -> None:
        newest = author.version("a")
        for stale in (None, digest_of("elsewhere")):
            with pytest.raises(TipMoved) as raised:
                catalog.commit_version(new_version("b", tip=stale))
            assert raised.value.tip == newest.root
        assert catalog.commit_version(new_version("b", tip=newest.root)).created

    def test_a_tip_where_there_is_no_collection_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(TipMoved) as raised:
            catalog.commit_version(new_version("a", tip=digest_of("gone")))
        assert raised.value.tip is None

    def test_missing_blobs_are_told(self, catalog: Catalog) -> None:
        catalog.add_objects([loose("held")])
        needs = [digest_of(text) for text in ("held", "brought", "missing", "absent")]
        with pytest.raises(MissingBlobs) as raised:
            catalog.commit_version(new_version(objects=[loose("brought")], needs=needs))
        assert sorted(raised.value.digests) == sorted(needs[2:])

    def test_a_recipe_is_a_blob_that_a_commit_may_need(self, catalog: Catalog, author: Author) -> None:
        catalog.add_objects([pack("p", "one", "two")])
        catalog.add_recipes({digest_of("onetwo"): Recipe(6, (digest_of("one"), digest_of("two")))})
        assert author.commit("a", needs=[digest_of("onetwo")]).created

    @pytest.mark.parametrize(
        ("refused", "error"),
        [
            ({"needs": [digest_of("missing")]}, MissingBlobs),
            ({"tip": digest_of("gone")}, TipMoved),
            ({"aliases": ("prod",), "expect": "v3"}, Conflict),
            ({"run_key": 4711}, NotFound),
        ],
    )
    def test_a_refused_commit_leaves_nothing(
        self, catalog: Catalog, refused: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            catalog.commit_version(new_version(**{"objects": [loose("brought")], "tags": ("x",), **refused}))
        assert catalog.projects() == []
        assert catalog.collections() == []
        assert catalog.known([digest_of("brought")]) == set()
        assert list(catalog.objects()) == []
        assert catalog.unrecorded_versions(10) == []
        assert list(catalog.all_edges(EdgeKind)) == []
        assert catalog.file_uses(digest_of("a")) == []

    # -- collections ----------------------------------------------------------------------------------------------

    def test_collections_are_found_by_what_is_given(self, catalog: Catalog, author: Author) -> None:
        author.version("a", name="b-data")
        author.version("a", name="a-data")
        author.version("a", name="net", type="model")
        author.version("a", project="alpha")
        author.version("a", entity="anna")

        def names(**asked: Any) -> list[str]:
            return [collection.qualified_name for collection in catalog.collections(**asked)]

        everything = [
            "anna/digits/data",
            "team/alpha/data",
            "team/digits/a-data",
            "team/digits/b-data",
            "team/digits/net",
        ]
        assert names() == everything
        assert names(entity="team") == everything[1:]
        assert names(project="digits") == [everything[0], *everything[2:]]
        assert names(entity="team", project="digits", type="model") == ["team/digits/net"]
        assert names(type="nothing") == []

    def test_unknown_collections_are_none_or_empty(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        assert catalog.collection(ENTITY, PROJECT, "other") is None
        assert catalog.collection("other", PROJECT, "data") is None
        assert catalog.collection(ENTITY, "other", "data") is None
        assert catalog.versions(4711) == []

    def test_a_collection_counts_its_live_versions(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a")
        author.version("b")
        catalog.delete_version(first.id)
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        assert (collection.version_count, collection.next_number) == (1, 2)
        assert catalog.collections() == [collection]

    # -- resolving ------------------------------------------------------------------------------------------------

    def test_references_without_scope_take_that_of_the_call(self, author: Author) -> None:
        here = author.version("a")
        there = author.version("b", entity="anna", project="faces")
        assert author.resolve("data").id == here.id
        assert author.resolve("anna/faces/data").id == there.id
        beside = author.version("c", project="faces")
        assert author.resolve("faces/data:v0").id == beside.id

    def test_a_version_is_found_by_number_alias_and_digest(self, author: Author) -> None:
        first = author.version("a", aliases=("prod",), tags=("t",))
        author.version("b")
        wanted = [
            author.resolve(f"data{how}") for how in (":v0", ":prod", f"@{first.root.hex()}", f"@{first.root.hex()[:8]}")
        ]
        assert {version.id for version in wanted} == {first.id}
        assert all(version.aliases == ("prod",) and version.tags == ("t",) for version in wanted)

    def test_an_unknown_collection_lists_what_is_near(self, author: Author) -> None:
        author.version("a", name="faces")
        author.version("a", name="secrets", project="elsewhere")
        with pytest.raises(NotFound) as raised:
            author.resolve("face")
        assert "'face'" in str(raised.value)
        assert "faces" in str(raised.value)
        assert "secrets" not in str(raised.value)

    def test_a_collection_of_another_project_is_named_in_full(self, author: Author) -> None:
        author.version("a", name="faces", project="elsewhere")
        with pytest.raises(NotFound, match=f"{ENTITY}/elsewhere/faces"):
            author.resolve("faces")

    def test_unknown_selectors_list_what_there_is(self, catalog: Catalog, author: Author) -> None:
        for letter in "abc":
            author.version(letter, aliases=("staging",))
        catalog.delete_version(author.resolve("data:v1").id)
        for selector in (":prod", ":v9", ":v1", "@" + "0" * 8):
            with pytest.raises(NotFound) as raised:
                author.resolve(f"data{selector}")
            message = str(raised.value)
            assert selector[1:] in message
            assert "v0" in message
            assert "v2" in message
        with pytest.raises(NotFound, match=r"latest.*staging"):
            author.resolve("data:prod")
        with pytest.raises(NotFound, match="deleted"):
            author.resolve("data:v1")

    def test_a_digest_prefix_must_fit_one_version(self, catalog: Catalog, author: Author) -> None:
        roots = [bytes.fromhex("abcdef01" + "00" * 28), bytes.fromhex("abcdef01" + "ff" * 28)]
        first = catalog.commit_version(new_version("a", root=roots[0])).version
        catalog.commit_version(new_version("b", root=roots[1], tip=roots[0]))
        assert author.resolve("data@abcdef010").id == first.id
        with pytest.raises(InvalidInput, match="v0"):
            author.resolve("data@abcdef01")
        catalog.delete_version(author.resolve("data:v1").id)
        assert author.resolve("data@abcdef01").id == first.id

    def test_versions_come_by_id_deleted_ones_too(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b")
        catalog.delete_version(first.id)
        found = catalog.versions_by_id(iter([first.id, second.id, second.id, 4711]))
        assert set(found) == {first.id, second.id}
        assert (found[first.id].state, found[first.id].root) == (DELETED, first.root)
        assert found[second.id].state == COMMITTED
        assert catalog.versions_by_id([]) == {}

    # -- changing -------------------------------------------------------------------------------------------------

    def test_update_replaces_what_is_given(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", description="old", metadata={"n": 1, "m": 2}, tags=("x", "y"))
        changed = catalog.update_version(version.id, description="new")
        assert (changed.description, changed.metadata, changed.tags) == ("new", {"n": 1, "m": 2}, ("x", "y"))
        changed = catalog.update_version(version.id, metadata={"k": [1, None]}, tags=("z", "b", "z"))
        assert (changed.description, changed.metadata, changed.tags) == ("new", {"k": [1, None]}, ("b", "z"))
        changed = catalog.update_version(version.id, description="", metadata={}, tags=())
        assert (changed.description, changed.metadata, changed.tags) == (None, {}, ())
        assert catalog.update_version(version.id) == changed
        assert author.resolve("data") == changed
        assert changed.root == version.root

    def test_what_is_not_live_is_not_updated(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        catalog.delete_version(version.id)
        for version_id in (version.id, 4711):
            with pytest.raises(NotFound):
                catalog.update_version(version_id, description="new")

    # -- deleting -------------------------------------------------------------------------------------------------

    def test_deleted_numbers_are_not_given_again(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        catalog.delete_version(author.version("b").id)
        assert author.version("c").number == 2
        for version in catalog.versions(author.resolve("data").collection_id):
            catalog.delete_version(version.id)
        assert author.version("d").number == 3

    def test_deleted_content_logged_again_is_a_new_version(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a")
        catalog.delete_version(first.id)
        again = author.commit("a")
        assert again.created
        assert (again.version.number, again.version.root) == (1, first.root)
        assert author.resolve(f"data@{first.root.hex()}").number == 1

    def test_latest_falls_back_to_the_newest_left(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        versions = [author.version(letter) for letter in "abcd"]
        catalog.delete_version(versions[1].id)
        assert author.resolve("data:latest").number == 3
        catalog.delete_version(versions[3].id)
        assert author.resolve("data:latest").number == 2
        now = tick()
        catalog.delete_version(versions[2].id)
        assert author.resolve("data:latest").number == 0
        assert author.resolve("data:latest").aliases == ("latest",)
        moves = catalog.alias_moves(versions[0].collection_id, "latest")
        assert [move.number for move in moves] == [0, 1, 2, 3, 2, 0]
        assert moves[-1].at == now

    def test_the_last_version_takes_latest_with_it(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        catalog.delete_version(version.id)
        assert catalog.versions(version.collection_id) == []
        with pytest.raises(NotFound):
            author.resolve("data")
        assert [m.number for m in catalog.alias_moves(version.collection_id, "latest")] == [0, None]
        author.version("b")
        assert author.resolve("data").number == 1

    def test_latest_stays_where_it_was_put_by_hand(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b")
        catalog.move_alias(first.id, "latest")
        catalog.delete_version(second.id)
        assert author.resolve("data:latest").number == 0

    def test_a_version_with_aliases_is_deleted_on_request_only(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", aliases=("prod", "best"))
        author.version("b")
        with pytest.raises(Conflict) as raised:
            catalog.delete_version(version.id)
        assert "prod" in str(raised.value)
        assert "best" in str(raised.value)
        assert author.resolve("data:prod").state == COMMITTED
        catalog.delete_version(version.id, delete_aliases=True)
        with pytest.raises(NotFound):
            author.resolve("data:prod")
        assert catalog.versions_by_id([version.id])[version.id].aliases == ()
        assert [m.number for m in catalog.alias_moves(version.collection_id, "prod")] == [0, None]

    def test_what_is_not_live_is_not_deleted(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        catalog.delete_version(version.id)
        for version_id in (version.id, 4711):
            with pytest.raises(NotFound):
                catalog.delete_version(version_id, delete_aliases=True)

    def test_the_tip_stays_when_its_version_is_deleted(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        last = author.version("b")
        catalog.delete_version(last.id)
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        assert collection.tip == last.root
        with pytest.raises(TipMoved) as raised:
            catalog.commit_version(new_version("c", tip=root_of("a")))
        assert raised.value.tip == last.root
        assert catalog.commit_version(new_version("c", tip=last.root)).version.number == 2

    def test_lineage_outlives_its_versions(self, catalog: Catalog, author: Author) -> None:
        run = author.run()
        version = author.version("a", run=run)
        catalog.delete_version(version.id)
        assert [(e.source, e.target) for e in catalog.all_edges(EdgeKind)] == [(node(run), node(version))]

    # -- records beside the blobs ---------------------------------------------------------------------------------

    def test_versions_wait_for_their_records(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r7")
        versions = [author.version("a"), author.version("b", run=run), author.version("c", name="other")]
        author.version("a", run=run)
        waiting = catalog.unrecorded_versions(10)
        assert [(version.id, run_id) for version, run_id in waiting] == list(
            zip([v.id for v in versions], [None, "r7", None], strict=True)
        )
        assert waiting[0][0].aliases == ("latest",)
        assert [version.id for version, _ in catalog.unrecorded_versions(2)] == [v.id for v in versions[:2]]
        catalog.mark_recorded(iter([versions[0].id, versions[2].id, 4711]))
        catalog.mark_recorded([])
        assert [version.id for version, _ in catalog.unrecorded_versions(10)] == [versions[1].id]

    def test_deleted_versions_are_recorded_too(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        catalog.delete_version(version.id)
        assert [(found.id, found.state) for found, _ in catalog.unrecorded_versions(10)] == [(version.id, DELETED)]

    # -- threads --------------------------------------------------------------------------------------------------

    def test_racing_commits_lose_no_version_and_share_no_number(self, catalog: Catalog) -> None:
        start = threading.Barrier(2)
        errors: list[BaseException] = []

        def log_many(who: str) -> None:
            start.wait()
            try:
                for i in range(RACES):
                    _commit_until_it_holds(catalog, f"{who}{i}")
            except BaseException as err:  # noqa: BLE001 - shown by the test, which a thread's traceback is not
                errors.append(err)

        threads = [threading.Thread(target=log_many, args=(who,)) for who in "xy"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        collection = catalog.collection(ENTITY, PROJECT, "data")
        assert collection is not None
        versions = catalog.versions(collection.id)
        assert [version.number for version in versions] == list(reversed(range(2 * RACES)))
        assert {version.root for version in versions} == {root_of([f"{w}{i}"]) for w in "xy" for i in range(RACES)}
        assert collection.tip == versions[0].root
        assert versions[0].aliases == ("latest",)

    def test_racing_for_an_alias_has_one_winner(self, catalog: Catalog, author: Author) -> None:
        versions = [author.version(letter) for letter in "abcd"]
        start = threading.Barrier(len(versions))
        outcomes: list[str] = []

        def claim(version_id: int) -> None:
            start.wait()
            try:
                catalog.move_alias(version_id, "prod", expect="")
                outcomes.append("won")
            except Conflict:
                outcomes.append("lost")

        threads = [threading.Thread(target=claim, args=(version.id,)) for version in versions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
        assert len(catalog.alias_moves(versions[0].collection_id, "prod")) == 1


def _commit_until_it_holds(catalog: Catalog, text: str) -> None:
    tip = None
    while True:
        try:
            assert catalog.commit_version(new_version([text], tip=tip)).created
            return
        except TipMoved as moved:
            tip = moved.tip
