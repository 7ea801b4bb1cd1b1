"""Conformance of a catalog's lineage: edges, circles, walks and the questions about files and stale inputs."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from forebear.errors import NotFound
from forebear.records.artifacts import COMMITTED, DELETED, Version
from forebear.records.lineage import Direction, Edge, EdgeKind, FileUse, NodeInfo, StaleUse
from forebear.records.runs import FINISHED, RunChanges, RunRecord
from forebear.testing.builders import Author, Tick, digest_of, node

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
USED, LOGGED, REPRODUCED, FEEDBACK, FORKED, REWOUND = EdgeKind
#: Edges that some adapter must fetch in more than one go.
MANY = 5_000


class EdgeSuite:
    """What every catalog promises of edges and of walking them."""

    def test_an_empty_graph_answers(self, catalog: Catalog) -> None:
        assert list(catalog.all_edges(EdgeKind)) == []
        assert list(catalog.edges([2, 3], DOWN, EdgeKind)) == []
        assert catalog.walk(2, UP) == {}
        assert catalog.describe([2, 3]) == {}

    def test_the_run_that_logs_new_content_is_its_origin(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run = author.run()
        now = tick()
        version = author.version("a", run=run)
        assert list(catalog.all_edges(EdgeKind)) == [Edge(node(run), node(version), LOGGED, now)]

    def test_a_version_logged_outside_a_run_has_no_edge(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        assert list(catalog.all_edges(EdgeKind)) == []

    def test_a_later_run_with_the_same_content_reproduced_it(
        self, catalog: Catalog, author: Author, tick: Tick
    ) -> None:
        first, second = author.run("r1"), author.run("r2")
        version = author.version("a", run=first)
        now = tick()
        author.version("a", run=second)
        tick()
        for run in (second, first, None):
            author.version("a", run=run)
        assert list(catalog.all_edges([LOGGED])) == [Edge(node(first), node(version), LOGGED, version.created_at)]
        assert list(catalog.all_edges([REPRODUCED])) == [Edge(node(second), node(version), REPRODUCED, now)]

    def test_content_first_logged_outside_a_run_is_reproduced_by_one(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        run = author.run()
        author.version("a", run=run)
        assert [(e.source, e.target, e.kind) for e in catalog.all_edges(EdgeKind)] == [
            (node(run), node(version), REPRODUCED)
        ]

    def test_deleted_content_logged_again_has_a_new_origin(self, catalog: Catalog, author: Author) -> None:
        first, second = author.run("r1"), author.run("r2")
        old = author.version("a", run=first)
        catalog.delete_version(old.id)
        new = author.version("a", run=second)
        assert [(e.source, e.target) for e in catalog.all_edges([LOGGED])] == [
            (node(first), node(old)),
            (node(second), node(new)),
        ]
        assert list(catalog.all_edges([REPRODUCED])) == []

    def test_a_use_is_recorded_once(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        version, run = author.version("a"), author.run()
        now = tick()
        assert catalog.add_use(run.key, version.id, "training data") is USED
        tick()
        assert catalog.add_use(run.key, version.id) is USED
        assert catalog.add_use(run.key, version.id, "other") is USED
        assert list(catalog.all_edges(EdgeKind)) == [Edge(node(version), node(run), USED, now, "training data")]

    def test_a_deleted_version_may_be_used(self, catalog: Catalog, author: Author) -> None:
        version, run = author.version("a"), author.run()
        catalog.delete_version(version.id)
        assert catalog.add_use(run.key, version.id) is USED

    def test_a_use_needs_a_run_and_a_version(self, catalog: Catalog, author: Author) -> None:
        version, run = author.version("a"), author.run()
        with pytest.raises(NotFound):
            catalog.add_use(4711, version.id)
        with pytest.raises(NotFound):
            catalog.add_use(run.key, 4711)
        assert list(catalog.all_edges(EdgeKind)) == []

    # -- circles --------------------------------------------------------------------------------------------------

    def test_using_ones_own_output_is_feedback(self, catalog: Catalog, author: Author) -> None:
        run = author.run()
        version = author.version("a", run=run)
        assert catalog.add_use(run.key, version.id, "again") is FEEDBACK
        assert catalog.add_use(run.key, version.id) is FEEDBACK
        edges = [e for e in catalog.all_edges(EdgeKind) if e.kind is not LOGGED]
        assert [(e.source, e.target, e.kind, e.use_as) for e in edges] == [
            (node(version), node(run), FEEDBACK, "again")
        ]

    @pytest.mark.parametrize("length", [1, 2, 5, 40])
    def test_using_what_came_of_ones_output_is_feedback(self, catalog: Catalog, author: Author, length: int) -> None:
        first = author.run("r0")
        version = author.version("0", name="step0", run=first)
        for step in range(1, length + 1):
            version = _derive(author, version, f"step{step}")
        assert catalog.add_use(first.key, version.id) is FEEDBACK
        assert node(first) not in catalog.walk(node(first), DOWN)
        assert len(catalog.walk(node(first), DOWN)) == 2 * length + 1
        assert len(catalog.walk(node(version), UP)) == 2 * length + 1

    def test_a_circle_through_one_of_many_inputs_is_feedback(self, catalog: Catalog, author: Author) -> None:
        first = author.run("first")
        outputs = [author.version(letter, name=f"out-{letter}", run=first) for letter in "abc"]
        unrelated = author.version("u", name="unrelated")
        merged = author.version("m", name="merged", run=author.run("merge", unrelated, *outputs))
        assert catalog.add_use(first.key, unrelated.id) is USED
        assert catalog.add_use(first.key, merged.id) is FEEDBACK

    def test_a_run_that_logged_nothing_closes_no_circle(self, catalog: Catalog, author: Author) -> None:
        first = author.run("first")
        versions = [author.version("0", name="step0", run=first)]
        for step in range(1, 4):
            versions.append(_derive(author, versions[-1], f"step{step}"))
        reader = author.run("reader")
        assert [catalog.add_use(reader.key, version.id) for version in versions] == [USED] * 4

    def test_what_was_used_before_stays_used(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        run = author.run("r1", version)
        _derive(author, author.version("b", name="out", run=run), "derived")
        author.version("a", run=run)
        assert catalog.add_use(run.key, version.id) is USED
        assert [e.kind for e in catalog.edges([node(version)], DOWN, EdgeKind)] == [USED]

    def test_reproducing_closes_no_circle(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a", run=author.run("origin"))
        run = author.run("again")
        author.version("a", run=run)
        assert catalog.add_use(run.key, version.id) is USED

    def test_feedback_closes_no_further_circle(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        out = author.version("a", name="out", run=run)
        before = author.version("b", name="before", run=author.run("r0"))
        assert catalog.add_use(run.key, out.id) is FEEDBACK
        assert catalog.add_use(run.key, before.id) is USED
        assert set(catalog.walk(node(run), UP)) == {node(before), _origin(catalog, before)}

    def test_however_runs_use_and_log_the_walked_graph_has_no_circle(self, catalog: Catalog, author: Author) -> None:
        runs = [author.run(f"r{i}") for i in range(4)]
        versions = [author.version(str(i), name=f"d{i}", run=run) for i, run in enumerate(runs)]
        kinds = [catalog.add_use(runs[(i + 1) % 4].key, versions[i].id) for i in range(4)]
        kinds += [catalog.add_use(runs[i].key, versions[(i + 2) % 4].id) for i in range(4)]
        assert kinds == [USED, USED, USED, FEEDBACK, FEEDBACK, FEEDBACK, USED, USED]
        for key in [*map(node, runs), *map(node, versions)]:
            assert not catalog.walk(key, UP).keys() & catalog.walk(key, DOWN).keys()

    # -- asking for edges -----------------------------------------------------------------------------------------

    def test_edges_are_found_from_both_ends(self, catalog: Catalog, author: Author) -> None:
        data = author.version("a", run=author.run("ingest"))
        train = author.run("train", data)
        model = author.version("m", name="model", type="model", run=train)
        evaluate = author.run("evaluate", data, model)

        def found(things: list[Version | RunRecord], direction: Direction) -> set[tuple[int, int, EdgeKind]]:
            edges = list(catalog.edges(iter([node(t) for t in things]), direction, EdgeKind))
            assert len(set(edges)) == len(edges)
            return {(e.source, e.target, e.kind) for e in edges}

        into_train = (node(data), node(train), USED)
        assert found([train], UP) == {into_train}
        assert found([train], DOWN) == {(node(train), node(model), LOGGED)}
        assert found([data], DOWN) == {into_train, (node(data), node(evaluate), USED)}
        assert found([evaluate], DOWN) == set()
        assert found([evaluate, train, evaluate], UP) == {
            into_train,
            (node(data), node(evaluate), USED),
            (node(model), node(evaluate), USED),
        }
        assert found([], UP) == set()

    def test_edges_are_those_of_the_kinds_asked(self, catalog: Catalog, author: Author) -> None:
        version, run = _all_kinds(catalog, author)
        for kind in (USED, LOGGED, REPRODUCED, FEEDBACK):
            assert [e.kind for e in catalog.all_edges([kind])] == [kind]
        assert [e.kind for e in catalog.edges([node(version)], UP, [REPRODUCED, FEEDBACK])] == [REPRODUCED]
        assert {e.kind for e in catalog.edges([node(version)], DOWN, iter(EdgeKind))} == {USED, FEEDBACK}
        assert list(catalog.edges([node(run)], UP, [LOGGED])) == []
        assert list(catalog.edges([node(run)], UP, [])) == []
        assert list(catalog.all_edges([])) == []

    def test_a_node_given_often_has_its_edges_once(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        run = author.run("r1", version)
        assert len(list(catalog.edges([node(version)] * MANY, DOWN, [USED]))) == 1
        assert len(list(catalog.edges([node(run), *range(10**6, 10**6 + 2 * MANY), node(run)], UP, [USED]))) == 1

    def test_all_edges_come_in_order(self, catalog: Catalog, author: Author) -> None:
        versions = [author.version(str(i), name=f"d{i}") for i in range(3)]
        runs = [author.run(f"r{i}") for i in range(3)]
        for run in reversed(runs):
            for version in reversed(versions):
                catalog.add_use(run.key, version.id)
        pairs = [(e.source, e.target) for e in catalog.all_edges(EdgeKind)]
        assert pairs == sorted((node(version), node(run)) for version in versions for run in runs)

    def test_edges_before_a_time_leave_out_that_time(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        version = author.version("a")
        times = []
        for i in range(3):
            times.append(tick())
            author.run(f"r{i}", version)
        assert [len(list(catalog.all_edges(EdgeKind, before=at))) for at in times] == [0, 1, 2]
        assert len(list(catalog.all_edges([USED], before=times[2] + timedelta(microseconds=1)))) == 3
        assert list(catalog.all_edges([LOGGED], before=tick())) == []

    def test_writing_while_edges_are_read_leaves_none_out(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        for i in range(20):
            author.run(f"r{i:02}", version)
        reads: list[Callable[[], Iterator[Edge]]] = [
            lambda: catalog.all_edges([USED]),
            lambda: catalog.edges([node(version)], DOWN, [USED]),
        ]
        for read in reads:
            before = {(e.source, e.target) for e in read()}
            reading = read()
            seen = [next(reading)]
            author.run(f"late{len(before)}", version)
            seen.extend(reading)
            assert before <= {(e.source, e.target) for e in seen}
            assert len({(e.source, e.target) for e in seen}) == len(seen)

    # -- walking --------------------------------------------------------------------------------------------------

    def test_a_walk_reaches_everything_nearest_first(self, catalog: Catalog, author: Author) -> None:
        ingest = author.run("ingest")
        data = author.version("a", run=ingest)
        split = author.run("split", data)
        train_set = author.version("t", name="train-set", run=split)
        train = author.run("train", train_set, data)
        model = author.version("m", name="model", run=train)
        reached = catalog.walk(node(model), UP)
        assert reached == {node(train): 1, node(train_set): 2, node(data): 2, node(split): 3, node(ingest): 3}
        assert list(reached.values()) == sorted(reached.values())
        down = catalog.walk(node(ingest), DOWN)
        assert down == {node(data): 1, node(split): 2, node(train): 2, node(train_set): 3, node(model): 3}
        assert list(down.values()) == sorted(down.values())
        assert catalog.walk(node(model), DOWN) == {}
        assert catalog.walk(4711, UP) == {}

    def test_a_walk_goes_as_deep_as_asked(self, catalog: Catalog, author: Author) -> None:
        version = author.version("0", name="step0", run=author.run("r0"))
        for step in range(1, 4):
            version = _derive(author, version, f"step{step}")
        for depth in range(9):
            assert len(catalog.walk(node(version), UP, depth=depth)) == min(depth, 7)
        assert len(catalog.walk(node(version), UP, depth=None)) == 7

    def test_a_walk_follows_the_kinds_asked(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        version = author.version("a", run=run)
        other = author.run("r2")
        author.version("a", run=other)
        catalog.add_use(run.key, version.id)
        assert catalog.walk(node(version), UP) == {node(run): 1}
        assert catalog.walk(node(version), DOWN) == {}
        assert catalog.walk(node(version), UP, kinds=iter(EdgeKind)) == {node(run): 1, node(other): 1}
        # With feedback the way leads back to the start, which is not part of the answer.
        assert catalog.walk(node(version), DOWN, kinds=EdgeKind) == {node(run): 1}
        assert catalog.walk(node(version), UP, kinds=[USED]) == {}

    def test_a_wide_walk_reaches_everything(self, catalog: Catalog, author: Author) -> None:
        version = author.version("a")
        runs = [author.run(f"r{i}", version) for i in range(50)]
        outputs = [author.version(str(i), name=f"out{i}", run=run) for i, run in enumerate(runs)]
        assert catalog.walk(node(version), DOWN) == {node(r): 1 for r in runs} | {node(v): 2 for v in outputs}

    # -- describing -----------------------------------------------------------------------------------------------

    def test_nodes_are_described(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        started = tick()
        run = author.run("r1", name="brave-fox", job_type="train", sweep="s1")
        made = tick()
        version = author.version("a", run=run, aliases=("prod",))
        old = author.version("b", name="other", type="model")
        catalog.update_run(run.key, RunChanges(state=FINISHED))
        catalog.delete_version(old.id)
        found = catalog.describe(iter([node(version), node(run), node(old), node(run), 4710, 4711]))
        about_version = NodeInfo(
            node(version), "artifact", "team/digits/data:v0", "data:v0", "dataset", COMMITTED, made, ("latest", "prod")
        )
        about_run = NodeInfo(node(run), "run", "team/digits/r1", "brave-fox", "train", FINISHED, started, (), "s1")
        about_old = NodeInfo(node(old), "artifact", "team/digits/other:v0", "other:v0", "model", DELETED, made)
        assert found == {node(version): about_version, node(run): about_run, node(old): about_old}
        assert catalog.describe([]) == {}


class StaleSuite:
    """What every catalog promises of uses that a newer version has overtaken."""

    def test_uses_of_the_newest_version_are_not_stale(self, catalog: Catalog, author: Author) -> None:
        author.run("r1", author.version("a"))
        assert catalog.stale_uses() == []

    def test_uses_of_what_has_a_newer_version_are_stale(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a")
        early = author.run("early", first)
        second = author.version("b")
        middle = author.run("middle", first, second)
        assert catalog.stale_uses() == [
            StaleUse(node(early), node(first), node(second)),
            StaleUse(node(middle), node(first), node(second)),
        ]
        third = author.version("c")
        assert catalog.stale_uses() == [
            StaleUse(node(early), node(first), node(third)),
            StaleUse(node(middle), node(first), node(third)),
            StaleUse(node(middle), node(second), node(third)),
        ]

    def test_stale_uses_are_found_by_collection(self, catalog: Catalog, author: Author) -> None:
        data, other = author.version("a"), author.version("x", name="other")
        run = author.run("r1", data, other)
        newest = author.version("b")
        author.version("y", name="other")
        assert catalog.stale_uses(data.collection_id) == [StaleUse(node(run), node(data), node(newest))]
        assert len(catalog.stale_uses()) == 2
        assert catalog.stale_uses(4711) == []

    def test_a_deleted_version_makes_nothing_stale(self, catalog: Catalog, author: Author) -> None:
        first = author.version("a")
        run = author.run("r1", first)
        second, third = author.version("b"), author.version("c")
        catalog.delete_version(third.id)
        assert catalog.stale_uses() == [StaleUse(node(run), node(first), node(second))]
        catalog.delete_version(second.id)
        assert catalog.stale_uses() == []

    def test_a_use_of_a_deleted_version_is_stale_where_there_is_a_newer_one(
        self, catalog: Catalog, author: Author
    ) -> None:
        first, second = author.version("a"), author.version("b")
        early, late = author.run("early", first), author.run("late", second)
        catalog.delete_version(first.id)
        assert catalog.stale_uses() == [StaleUse(node(early), node(first), node(second))]
        catalog.delete_version(second.id)
        assert catalog.stale_uses() == []
        third = author.version("c")
        assert {use.run for use in catalog.stale_uses()} == {node(early), node(late)}
        assert {use.newest for use in catalog.stale_uses()} == {node(third)}

    def test_an_older_version_makes_nothing_stale(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        second = author.version("b")
        author.run("r1", second)
        catalog.delete_version(second.id)
        assert catalog.stale_uses() == []

    def test_where_latest_stands_makes_nothing_stale(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b")
        author.run("r1", second)
        catalog.move_alias(first.id, "latest")
        assert catalog.stale_uses() == []

    def test_feedback_is_not_stale(self, catalog: Catalog, author: Author) -> None:
        run = author.run("r1")
        version = author.version("a", run=run)
        catalog.add_use(run.key, version.id)
        author.version("b", run=run)
        assert catalog.stale_uses() == []


class FileSuite:
    """What every catalog promises of the versions that hold a file."""

    def test_an_unknown_file_is_nowhere(self, catalog: Catalog, author: Author) -> None:
        author.version("a")
        assert catalog.file_uses(digest_of("other")) == []

    def test_a_file_is_held_until_it_is_lost(self, catalog: Catalog, author: Author) -> None:
        versions = [author.version(*contents) for contents in ("a", "ab", "abc", "bc", "c")]
        keys = [node(version) for version in versions]
        assert catalog.file_uses(digest_of("a")) == [FileUse("team/digits/data", 0, 3, tuple(keys[:3]))]
        assert catalog.file_uses(digest_of("b")) == [FileUse("team/digits/data", 1, 4, tuple(keys[1:4]))]
        assert catalog.file_uses(digest_of("c")) == [FileUse("team/digits/data", 2, None, tuple(keys[2:]))]

    def test_a_file_that_comes_back_has_two_stretches(self, catalog: Catalog, author: Author) -> None:
        keys = [node(author.version(*contents)) for contents in ("ax", "b", "ac", "ad")]
        assert catalog.file_uses(digest_of("a")) == [
            FileUse("team/digits/data", 0, 1, (keys[0],)),
            FileUse("team/digits/data", 2, None, (keys[2], keys[3])),
        ]

    def test_a_file_is_found_in_every_collection(self, catalog: Catalog, author: Author) -> None:
        author.version("z", name="b-set")
        second = author.version("a", name="b-set")
        first = author.version("a", name="a-set")
        elsewhere = author.version("a", entity="anna")
        assert catalog.file_uses(digest_of("a")) == [
            FileUse("anna/digits/data", 0, None, (node(elsewhere),)),
            FileUse("team/digits/a-set", 0, None, (node(first),)),
            FileUse("team/digits/b-set", 1, None, (node(second),)),
        ]

    def test_content_logged_again_changes_no_stretch(self, catalog: Catalog, author: Author) -> None:
        first, second = author.version("a"), author.version("b")
        author.version("a")
        assert catalog.file_uses(digest_of("a")) == [FileUse("team/digits/data", 0, 1, (node(first),))]
        third = author.version("b", "c")
        assert catalog.file_uses(digest_of("b")) == [FileUse("team/digits/data", 1, None, (node(second), node(third)))]

    def test_deleted_versions_leave_the_stretch(self, catalog: Catalog, author: Author) -> None:
        versions = [author.version("a", str(i)) for i in range(3)]
        catalog.delete_version(versions[1].id)
        kept = (node(versions[0]), node(versions[2]))
        assert catalog.file_uses(digest_of("a")) == [FileUse("team/digits/data", 0, None, kept)]
        assert catalog.file_uses(digest_of("1")) == [FileUse("team/digits/data", 1, 2, ())]
        catalog.delete_version(versions[2].id)
        last = author.version("a", "2")
        kept = (node(versions[0]), node(last))
        assert catalog.file_uses(digest_of("a")) == [FileUse("team/digits/data", 0, None, kept)]
        assert catalog.file_uses(digest_of("2")) == [FileUse("team/digits/data", 2, None, (node(last),))]

    def test_a_version_may_gain_and_lose_many_files(self, catalog: Catalog, author: Author) -> None:
        first = author.version(*(str(i) for i in range(MANY)))
        second = author.version("0")
        assert catalog.file_uses(digest_of("7")) == [FileUse("team/digits/data", 0, 1, (node(first),))]
        assert catalog.file_uses(digest_of("0")) == [FileUse("team/digits/data", 0, None, (node(first), node(second)))]


def _origin(catalog: Catalog, version: Version) -> int:
    """The node of the run that logged ``version``."""
    (edge,) = catalog.edges([node(version)], UP, [LOGGED])
    return edge.source


def _derive(author: Author, version: Version, name: str) -> Version:
    """A version made from ``version`` by a run of its own."""
    return author.version(name, name=name, run=author.run(f"make-{name}", version))


def _all_kinds(catalog: Catalog, author: Author) -> tuple[Version, RunRecord]:
    """A version and a run with one edge of every kind in the catalog."""
    run = author.run("r1")
    version = author.version("a", run=run)
    catalog.add_use(run.key, version.id)
    author.version("a", run=author.run("r2"))
    author.run("r3", version)
    return version, run
