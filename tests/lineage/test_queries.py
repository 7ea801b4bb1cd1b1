"""Questions about lineage, asked of the reference catalog and of SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import InvalidInput, NotFound
from forebear.lineage import graph
from forebear.lineage.ancestry import diff_ancestry
from forebear.lineage.model import GraphData, Walk
from forebear.lineage.queries import Lineage
from forebear.records.history import Branch
from forebear.records.lineage import Direction, EdgeKind
from forebear.testing.builders import Author, ManualClock, digest_of, node

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog


class CountingCatalog:
    """A catalog that counts the calls it passes on."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.catalog, name)


@pytest.fixture
def lineage(catalog: Catalog) -> Lineage:
    return Lineage(catalog)


def found(walk: Walk) -> dict[str, int]:
    return {step.node.label: step.distance for step in walk.steps}


def arrows(answer: Any) -> set[tuple[str, str]]:
    names = {info.key: info.label for info in answer.graph.nodes}
    return {(names[edge.source], names[edge.target]) for edge in answer.graph.edges}


UPSTREAM_OF_SCORES = {
    "evaluate": 1,
    "model:v1": 2,
    "test-set:v0": 2,
    "train-b": 3,
    "prepare": 3,
    "train-set:v0": 4,
    "raw:v0": 4,
    "ingest": 5,
}


class TestWalks:
    def test_upstream_is_all_that_went_into_a_version(self, lineage: Lineage, story: SimpleNamespace):
        walk = lineage.upstream(node(story.scores))
        assert walk.start.label == "scores:v0"
        assert found(walk) == UPSTREAM_OF_SCORES
        assert arrows(walk) == {
            ("ingest", "raw:v0"),
            ("raw:v0", "prepare"),
            ("prepare", "train-set:v0"),
            ("prepare", "test-set:v0"),
            ("train-set:v0", "train-b"),
            ("train-b", "model:v1"),
            ("model:v1", "evaluate"),
            ("test-set:v0", "evaluate"),
            ("evaluate", "scores:v0"),
        }
        distances = [step.distance for step in walk.steps]
        assert distances == sorted(distances)

    def test_downstream_is_all_that_came_of_a_version(self, lineage: Lineage, story: SimpleNamespace):
        assert found(lineage.downstream(node(story.train_set))) == {
            "train-a": 1,
            "train-b": 1,
            "model:v0": 2,
            "model:v1": 2,
            "evaluate": 3,
            "scores:v0": 4,
        }
        assert lineage.downstream(node(story.scores)).steps == ()

    @pytest.mark.parametrize("depth", range(7))
    def test_depth_ends_a_walk(self, lineage: Lineage, story: SimpleNamespace, depth: int):
        walk = lineage.upstream(node(story.scores), depth=depth)
        assert found(walk) == {label: far for label, far in UPSTREAM_OF_SCORES.items() if far <= depth}

    def test_an_edge_between_nodes_at_the_end_of_a_walk_is_shown(self, lineage: Lineage, author: Author):
        data = author.version("a", name="data")
        first = author.version("b", name="first", run=author.run("make", data))
        both = author.run("both", data, first)
        # "both" is one edge away from data, and first two; the edge from first to both leads back to a nearer node.
        assert ("first:v0", "both") in arrows(lineage.downstream(node(data), depth=2))
        assert found(lineage.downstream(node(data), depth=2))["both"] == 1
        assert node(both) in {info.key for info in lineage.downstream(node(data), depth=2).graph.nodes}

    def test_a_filter_hides_and_walks_through(self, lineage: Lineage, story: SimpleNamespace):
        walk = lineage.upstream(node(story.scores), types=["dataset", "train"])
        assert found(walk) == {"test-set:v0": 2, "train-b": 3, "train-set:v0": 4, "raw:v0": 4}
        assert arrows(walk) == {("train-set:v0", "train-b")}
        assert found(lineage.upstream(node(story.scores), types="model")) == {"model:v1": 2}
        assert lineage.upstream(node(story.scores), types=["no such type"]).steps == ()

    def test_a_kind_shows_only_versions_or_runs(self, lineage: Lineage, story: SimpleNamespace):
        runs = found(lineage.upstream(node(story.scores), kind="run"))
        assert set(runs) == {"evaluate", "train-b", "prepare", "ingest"}
        versions = found(lineage.upstream(node(story.scores), kind="artifact"))
        assert versions.keys() | runs.keys() == UPSTREAM_OF_SCORES.keys()
        assert found(lineage.upstream(node(story.scores), kind="run", types=["train"])) == {"train-b": 3}
        with pytest.raises(InvalidInput, match="there are artifact, run"):
            lineage.upstream(node(story.scores), kind="model")

    def test_an_unknown_node_is_named(self, lineage: Lineage, story: SimpleNamespace):
        with pytest.raises(NotFound, match="no run of key 4711"):
            lineage.upstream(4711 * 2 + 1)
        with pytest.raises(NotFound, match="no version of key 4711"):
            lineage.leaves(4711 * 2)
        with pytest.raises(InvalidInput, match="may not be -1"):
            lineage.downstream(node(story.scores), depth=-1)

    def test_a_walk_needs_few_calls(self, catalog: Catalog, story: SimpleNamespace):
        counting = CountingCatalog(catalog)
        Lineage(counting).upstream(node(story.scores))
        assert sorted(counting.calls) == ["describe", "describe", "edges", "walk"]

    def test_several_starts_are_walked_from_at_once(self, lineage: Lineage, story: SimpleNamespace):
        starts = [node(story.train_set), node(story.test_set)]
        reached = lineage.reach(starts, Direction.DOWNSTREAM)
        assert reached == {
            node(story.train_a): 1,
            node(story.train_b): 1,
            node(story.evaluate): 1,
            node(story.model_v0): 2,
            node(story.model_v1): 2,
            node(story.scores): 2,
        }
        assert lineage.reach(starts, Direction.DOWNSTREAM, depth=1) == dict.fromkeys(list(reached)[:3], 1)
        assert lineage.reach([], Direction.UPSTREAM) == {}


class TestAsides:
    def test_a_reproduction_is_shown_and_not_walked(self, lineage: Lineage, author: Author, story: SimpleNamespace):
        other = author.version("x", name="other")
        again = author.run("again", story.train_set, other)
        author.version("weights b", name="model", type="model", run=again)
        walk = lineage.upstream(node(story.model_v1))
        asides = {step.node.label: (step.distance, step.aside) for step in walk.steps if step.aside is not None}
        assert asides == {"again": (1, EdgeKind.REPRODUCED)}
        assert "other:v0" not in found(walk)
        assert ("again", "model:v1") in arrows(walk)
        # It is shown with what it shares with the rest of the picture.
        assert ("train-set:v0", "again") in arrows(walk)
        assert node(again) not in lineage.reach([node(story.model_v1)], Direction.UPSTREAM)

    def test_feedback_is_shown_and_not_walked(self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
        assert catalog.add_use(story.train_b.key, story.scores.id) == EdgeKind.FEEDBACK
        down = lineage.downstream(node(story.scores))
        assert [(step.node.label, step.distance, step.aside) for step in down.steps] == [
            ("train-b", 1, EdgeKind.FEEDBACK)
        ]
        up = lineage.upstream(node(story.train_b))
        assert ("scores:v0", "train-b") in arrows(up)
        assert "evaluate" not in found(up)
        # From the end of the circle both ends are there anyhow, and nothing stands aside.
        whole = lineage.upstream(node(story.scores))
        assert ("scores:v0", "train-b") in arrows(whole)
        assert [step for step in whole.steps if step.aside is not None] == []

    def test_depth_holds_for_asides_too(self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
        catalog.add_use(story.train_b.key, story.scores.id)
        assert lineage.downstream(node(story.scores), depth=0).steps == ()

    def test_a_fork_is_shown_and_not_walked(self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
        branch = Branch(0, story.train_a.key, 0, 10, datetime.now(UTC))
        catalog.add_branch(story.evaluate.key, branch, kind=EdgeKind.FORKED)
        up = lineage.upstream(node(story.evaluate))
        asides = {step.node.label: (step.distance, step.aside) for step in up.steps if step.aside is not None}
        assert asides == {"train-a": (1, EdgeKind.FORKED)}
        assert ("train-a", "evaluate") in arrows(up)
        down = lineage.downstream(node(story.train_a))
        assert found(down) == {"model:v0": 1, "evaluate": 1}
        assert node(story.scores) not in lineage.reach([node(story.train_a)], Direction.DOWNSTREAM)
        # Where both are there anyhow, nothing stands aside.
        assert not any(step.aside for step in lineage.downstream(node(story.train_set)).steps)

    @pytest.mark.parametrize("direction", Direction)
    def test_a_rewound_run_is_not_its_own_ancestor(
        self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace, direction: Direction
    ):
        run = story.train_b
        catalog.add_branch(run.key, Branch(0, run.key, 0, 10, datetime.now(UTC)), kind=EdgeKind.REWOUND)
        walk = lineage.upstream(node(run)) if direction is Direction.UPSTREAM else lineage.downstream(node(run))
        assert ("train-b", "train-b") in arrows(walk)
        assert sum(edge.source == edge.target for edge in walk.edges) == 1
        assert "train-b" not in found(walk)
        assert node(run) not in lineage.reach([node(run)], direction)


class TestLeaves:
    def test_leaves_are_versions_that_nobody_used(self, lineage: Lineage, story: SimpleNamespace):
        leaves = lineage.leaves(node(story.raw_v0))
        assert [(step.node.label, step.distance) for step in leaves] == [("model:v0", 4), ("scores:v0", 4)]
        assert lineage.leaves(node(story.scores)) == []

    def test_feedback_leaves_a_leaf(self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
        catalog.add_use(story.train_b.key, story.scores.id)
        assert [step.node.label for step in lineage.leaves(node(story.train_b))] == ["scores:v0"]


class TestStale:
    def test_everything_built_on_an_old_version_is_stale(self, lineage: Lineage, story: SimpleNamespace):
        stale = {item.node.label: item for item in lineage.stale()}
        assert {label: item.distance for label, item in stale.items()} == {
            "prepare": 0,
            "train-set:v0": 1,
            "test-set:v0": 1,
            "train-a": 2,
            "train-b": 2,
            "evaluate": 2,
            "model:v0": 3,
            "model:v1": 3,
            "scores:v0": 3,
        }
        for item in stale.values():
            (reason,) = item.reasons
            assert (reason.run.label, reason.used.label, reason.newest.label) == ("prepare", "raw:v0", "raw:v1")
        assert [label for label, item in stale.items() if item.direct] == ["prepare"]
        assert set(stale["evaluate"].through) == {node(story.model_v1), node(story.test_set)}
        assert stale["prepare"].through == ()

    def test_nothing_is_stale_before_there_is_a_newer_version(self, lineage: Lineage, story: SimpleNamespace):
        assert lineage.as_of(story.before_correction).stale() == []

    def test_reasons_of_its_own_go_before_inherited_ones(
        self, lineage: Lineage, author: Author, story: SimpleNamespace
    ):
        author.version("other cat", name="train-set")
        stale = {item.node.label: item for item in lineage.stale()}
        assert [reason.used.label for reason in stale["train-a"].reasons] == ["train-set:v0"]
        assert stale["train-a"].direct
        # The farther cause is not lost: the way leads through the version that is stale itself.
        assert stale["train-a"].through == (node(story.train_set),)
        assert [reason.used.label for reason in stale["train-set:v0"].reasons] == ["raw:v0"]

    def test_reasons_of_equal_distance_are_all_told(self, lineage: Lineage, author: Author):
        left, right = author.version("l", name="left"), author.version("r", name="right")
        made = [
            author.version(f"m{v.name}", name=f"m-{v.name}", run=author.run(f"use-{v.name}", v)) for v in (left, right)
        ]
        author.version("both", name="both", run=author.run("join", *made))
        author.version("l2", name="left")
        author.version("r2", name="right")
        joined = next(item for item in lineage.stale() if item.node.label == "both:v0")
        assert [reason.used.label for reason in joined.reasons] == ["left:v0", "right:v0"]

    def test_a_scope_narrows_where_the_old_version_lies(self, lineage: Lineage, author: Author, story: SimpleNamespace):
        elsewhere = author.version("a", project="faces")
        author.run("cross", elsewhere)
        author.version("b", project="faces")
        assert {item.node.label for item in lineage.stale(project="faces")} == {"cross"}
        assert {item.node.label for item in lineage.stale(collection_id=elsewhere.collection_id)} == {"cross"}
        assert len(lineage.stale()) == 10
        assert len(lineage.stale(entity="team", project="digits")) == 9
        assert lineage.stale(entity="nobody") == []

    def test_as_of_tells_what_was_newest_then(self, lineage: Lineage, author: Author, clock: ManualClock):
        first = author.version("a")
        clock.tick()
        author.run("r1", first)
        clock.tick()
        second = author.version("b")
        after_second = clock.tick()
        third = author.version("c")
        author.run("late", second)
        clock.tick()
        (then,) = lineage.as_of(after_second).stale()
        assert [reason.newest.label for reason in then.reasons] == ["data:v1"]
        now = {item.node.label: [reason.newest.label for reason in item.reasons] for item in lineage.stale()}
        assert now == {"r1": ["data:v2"], "late": [f"data:v{third.number}"]}

    def test_a_drawing_is_marked(self, lineage: Lineage, story: SimpleNamespace):
        marked = lineage.mark_stale(lineage.upstream(node(story.model_v0)).graph)
        assert marked.outdated == {node(story.raw_v0)}
        assert marked.stale == {
            node(thing) for thing in (story.prepare, story.train_set, story.train_a, story.model_v0)
        }
        assert marked.focus == node(story.model_v0)

    def test_a_chain_of_versions_costs_no_more_than_its_length(self, lineage: Lineage, author: Author):
        version = author.version("0", name="model")
        for number in range(1, 40):
            version = author.version(str(number), name="model", run=author.run(f"r{number}", version))
        stale = lineage.stale()
        assert sum(len(item.reasons) for item in stale) <= len(stale)


class TestImpact:
    def test_who_used_a_file(self, lineage: Lineage, story: SimpleNamespace):
        impact = lineage.impact(digest_of("dog"))
        assert [use.collection for use in impact.holders] == ["team/digits/raw", "team/digits/test-set"]
        assert [info.label for info in impact.versions] == ["raw:v0", "test-set:v0"]
        assert {(touch.run.label, touch.version.label, touch.kind.name) for touch in impact.touches} == {
            ("ingest", "raw:v0", "LOGGED"),
            ("prepare", "raw:v0", "USED"),
            ("prepare", "test-set:v0", "LOGGED"),
            ("evaluate", "test-set:v0", "USED"),
        }
        assert {step.node.label: step.distance for step in impact.reached} == {
            "prepare": 1,
            "evaluate": 1,
            "train-set:v0": 2,
            "scores:v0": 2,
            "train-a": 3,
            "train-b": 3,
            "model:v0": 4,
            "model:v1": 4,
        }
        assert ("ingest", "raw:v0") in arrows(impact)
        assert len(impact.graph.nodes) == 11

    def test_a_file_that_nobody_has(self, lineage: Lineage, story: SimpleNamespace):
        impact = lineage.impact(digest_of("never seen"))
        assert (impact.holders, impact.versions, impact.touches, impact.reached) == ((), (), (), ())
        assert impact.graph == GraphData((), ())
        with pytest.raises(InvalidInput):
            lineage.impact(b"short")

    def test_impact_as_of_a_time(self, lineage: Lineage, story: SimpleNamespace):
        assert [info.label for info in lineage.impact(digest_of("cat")).versions] == [
            "raw:v0",
            "train-set:v0",
            "raw:v1",
        ]
        then = lineage.as_of(story.before_correction).impact(digest_of("cat"))
        assert [info.label for info in then.versions] == ["raw:v0", "train-set:v0"]


class TestTwoNodes:
    """The algorithms have tests of their own; here the object that people ask hands its catalog and time on."""

    def test_algorithms_are_asked_for_by_the_same_object(
        self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace
    ):
        raw, scores, model = node(story.raw_v0), node(story.scores), node(story.model_v0)
        assert lineage.shortest_path(raw, scores) == graph.shortest_path(catalog, raw, scores) is not None
        assert len(list(lineage.all_paths(raw, scores))) == 2
        assert len(list(lineage.all_paths(raw, scores, limit=1))) == 1
        assert list(lineage.all_paths(raw, scores, cutoff=3)) == []
        assert lineage.common_ancestors(model, scores) == graph.common_ancestors(catalog, model, scores)
        assert [info.label for info in lineage.common_ancestors(model, scores).nearest] == ["train-set:v0"]
        assert lineage.diff(model, scores) == diff_ancestry(catalog, model, scores)

    def test_they_keep_to_its_time(self, lineage: Lineage, story: SimpleNamespace):
        raw, later = node(story.raw_v0), node(story.raw_v1)
        then = lineage.as_of(story.before_correction)
        for ask in (then.shortest_path, then.common_ancestors, then.diff, lambda a, b: list(then.all_paths(a, b))):
            with pytest.raises(NotFound, match="did not exist before"):
                ask(raw, later)


class TestAsOf:
    def test_what_came_later_does_not_count(self, catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
        made = catalog.describe([node(story.model_v1)])[node(story.model_v1)].created_at
        then = lineage.as_of(made + timedelta(seconds=1))
        assert found(then.downstream(node(story.train_set))) == {
            "train-a": 1,
            "train-b": 1,
            "model:v0": 2,
            "model:v1": 2,
        }
        assert found(lineage.as_of(made).downstream(node(story.train_set))) == {
            "train-a": 1,
            "train-b": 1,
            "model:v0": 2,
        }

    def test_a_use_of_an_old_version_may_be_late(self, lineage: Lineage, author: Author, clock: ManualClock):
        version = author.version("a")
        then = clock.tick()
        author.run("late", version)
        clock.tick()
        assert found(lineage.as_of(then).downstream(node(version))) == {}
        assert found(lineage.downstream(node(version))) == {"late": 1}

    def test_the_node_itself_must_have_existed(self, lineage: Lineage, story: SimpleNamespace):
        with pytest.raises(NotFound, match="team/digits/raw:v1 did not exist before 2026-01-01"):
            lineage.as_of(story.before_correction).upstream(node(story.raw_v1))

    def test_times_are_utc_unless_they_say_otherwise(self, lineage: Lineage, author: Author, clock: ManualClock):
        version = author.version("a")
        noon = clock.now.replace(hour=12)
        for moment in (noon, noon.replace(tzinfo=None), "2026-01-01T12:00", "2026-01-01T14:00+02:00"):
            assert lineage.as_of(moment).info(node(version)).label == "data:v0"
        with pytest.raises(NotFound):
            lineage.as_of("2026-01-01T01:00+02:00").info(node(version))
        with pytest.raises(InvalidInput, match="is not a time"):
            lineage.as_of("yesterday")

    def test_leaves_as_of_a_time(self, lineage: Lineage, author: Author, clock: ManualClock):
        data = author.version("a")
        clock.tick()
        model = author.version("m", name="model", run=author.run("train", data))
        then = clock.tick()
        clock.tick()
        author.version("s", name="scores", run=author.run("evaluate", model))
        clock.tick()
        assert [step.node.label for step in lineage.as_of(then).leaves(node(data))] == ["model:v0"]
        assert [step.node.label for step in lineage.leaves(node(data))] == ["scores:v0"]


def test_levels_and_one_statement_agree(catalog: Catalog, lineage: Lineage, story: SimpleNamespace):
    """As of a time far ahead, walks go level by level, and find what the catalog's own walk finds."""
    ahead = lineage.as_of(datetime(2100, 1, 1, tzinfo=UTC))

    def everything() -> Iterator[int]:
        for edge in catalog.all_edges(EdgeKind):
            yield from (edge.source, edge.target)

    for key in set(everything()):
        for direction in Direction:
            for depth in (None, 0, 1, 2, 3):
                assert ahead.reach([key], direction, depth) == lineage.reach([key], direction, depth)
