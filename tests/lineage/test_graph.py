"""Algorithms on the graph, and what they load of the catalog."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest

from forebear.errors import InvalidInput, NotFound
from forebear.lineage import graph
from forebear.records.lineage import Direction, Edge, EdgeKind
from forebear.testing.builders import Author, node

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.lineage.model import GraphData


def labels(path: GraphData | None) -> list[str]:
    assert path is not None
    return [info.label for info in path.nodes]


class TestBuild:
    def test_everything_with_an_edge(self, catalog: Catalog, author: Author, story: SimpleNamespace):
        author.version("alone", name="lonely")
        built = graph.build(catalog)
        assert isinstance(built, nx.MultiDiGraph)
        assert nx.is_directed_acyclic_graph(built)
        assert (built.number_of_nodes(), built.number_of_edges()) == (13, 12)
        assert built.nodes[node(story.model_v1)] == {
            "id": "team/digits/model:v1",
            "kind": "artifact",
            "label": "model:v1",
            "type": "model",
            "state": "COMMITTED",
            "created_at": story.model_v1.created_at.isoformat(),
            "aliases": "latest",
        }
        edge = built.edges[node(story.train_b), node(story.model_v1), "logged"]
        assert edge == {"kind": "logged", "at": story.model_v1.created_at.isoformat()}

    def test_only_the_nodes_asked_for(self, catalog: Catalog, story: SimpleNamespace):
        keys = [node(thing) for thing in (story.train_b, story.model_v1, story.scores)]
        built = graph.build(catalog, keys)
        assert set(built) == set(keys)
        assert list(built.edges(keys=True)) == [(node(story.train_b), node(story.model_v1), "logged")]
        assert set(graph.build(catalog, [4711])) == set()

    def test_other_kinds_when_asked(self, catalog: Catalog, story: SimpleNamespace):
        catalog.add_use(story.train_b.key, story.scores.id, use_as="teacher")
        assert nx.is_directed_acyclic_graph(graph.build(catalog))
        built = graph.build(catalog, kinds=EdgeKind)
        assert built.edges[node(story.scores), node(story.train_b), "feedback"]["use_as"] == "teacher"
        assert not nx.is_directed_acyclic_graph(built)

    def test_before_a_time(self, catalog: Catalog, story: SimpleNamespace):
        assert node(story.raw_v1) not in graph.build(catalog, before=story.before_correction)
        assert node(story.scores) in graph.build(catalog, before=story.before_correction)

    def test_a_graph_can_be_written_by_networkx(self, catalog: Catalog, story: SimpleNamespace):
        assert len(list(nx.generate_graphml(graph.build(catalog)))) > 0


class TestPaths:
    def test_the_shortest_path_whatever_the_order_of_the_ends(self, catalog: Catalog, story: SimpleNamespace):
        raw, scores = node(story.raw_v0), node(story.scores)
        path = graph.shortest_path(catalog, raw, scores)
        assert labels(path) == ["raw:v0", "prepare", "test-set:v0", "evaluate", "scores:v0"]
        assert [edge.kind for edge in path.edges] == [EdgeKind.USED, EdgeKind.LOGGED] * 2
        assert graph.shortest_path(catalog, scores, raw) == path

    def test_every_path(self, catalog: Catalog, story: SimpleNamespace):
        raw, scores = node(story.raw_v0), node(story.scores)
        short = ["raw:v0", "prepare", "test-set:v0", "evaluate", "scores:v0"]
        long = ["raw:v0", "prepare", "train-set:v0", "train-b", "model:v1", "evaluate", "scores:v0"]
        for ends in ((raw, scores), (scores, raw)):
            assert sorted(map(labels, graph.all_paths(catalog, *ends))) == [short, long]
            assert [labels(path) for path in graph.all_paths(catalog, *ends, cutoff=4)] == [short]
            assert len(list(graph.all_paths(catalog, *ends, limit=1))) == 1
            assert list(graph.all_paths(catalog, *ends, limit=0)) == []
            assert list(graph.all_paths(catalog, *ends, cutoff=3)) == []

    def test_two_nodes_of_which_neither_made_the_other(self, catalog: Catalog, story: SimpleNamespace):
        pair = node(story.model_v0), node(story.model_v1)
        assert graph.shortest_path(catalog, *pair) is None
        assert list(graph.all_paths(catalog, *pair)) == []

    def test_a_node_is_a_path_to_itself(self, catalog: Catalog, story: SimpleNamespace):
        key = node(story.scores)
        assert labels(graph.shortest_path(catalog, key, key)) == ["scores:v0"]

    def test_neither_feedback_nor_reproduction_is_a_path(
        self, catalog: Catalog, author: Author, story: SimpleNamespace
    ):
        catalog.add_use(story.train_b.key, story.scores.id)
        again = author.run("again")
        author.version("weights b", name="model", type="model", run=again)
        assert graph.shortest_path(catalog, node(again), node(story.model_v1)) is None
        assert len(list(graph.all_paths(catalog, node(story.train_b), node(story.scores)))) == 1

    def test_paths_as_of_a_time(self, catalog: Catalog, story: SimpleNamespace):
        pair = node(story.raw_v0), node(story.scores)
        before = {"before": story.scores.created_at}
        with pytest.raises(NotFound, match="did not exist before"):
            graph.shortest_path(catalog, *pair, **before)
        assert graph.shortest_path(catalog, node(story.raw_v0), node(story.model_v1), **before) is not None

    def test_what_cannot_be_asked(self, catalog: Catalog, story: SimpleNamespace):
        with pytest.raises(NotFound):
            graph.shortest_path(catalog, node(story.scores), 4711)
        with pytest.raises(InvalidInput, match="limit may not be negative, and is -1"):
            graph.all_paths(catalog, node(story.scores), node(story.raw_v0), limit=-1)
        with pytest.raises(InvalidInput, match="cutoff"):
            graph.all_paths(catalog, node(story.scores), node(story.raw_v0), cutoff=-2)

    def test_many_paths_come_one_at_a_time(self, catalog: Catalog, author: Author):
        version = first = author.version("start", name="start")
        for step in range(30):
            run = author.run(f"split{step}", version)
            halves = [author.version(f"{side}{step}", name=f"{side}{step}", run=run) for side in "lr"]
            version = author.version(f"join{step}", name=f"join{step}", run=author.run(f"join{step}", *halves))
        some = list(graph.all_paths(catalog, node(first), node(version), limit=5))
        assert len({tuple(labels(path)) for path in some}) == 5
        assert {len(path.edges) for path in some} == {120}

    def test_a_path_looks_at_ancestors_only(self, catalog: Catalog, author: Author, story: SimpleNamespace):
        for number in range(50):
            author.version(str(number), name=f"other{number}", run=author.run(f"o{number}", story.raw_v0))
        asked: list[int] = []
        seen = Spy(catalog, asked)
        graph.shortest_path(seen, node(story.raw_v0), node(story.scores))
        assert len(set(asked)) <= 9


class Spy:
    """A catalog that notes which nodes are described or asked for edges."""

    def __init__(self, catalog: Catalog, asked: list[int]) -> None:
        self._catalog = catalog
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        assert name != "all_edges"
        method = getattr(self._catalog, name)
        if name == "walk":
            return method

        def noted(nodes: Any, *args: Any) -> Any:
            nodes = list(nodes)
            self._asked.extend(nodes)
            return method(nodes, *args)

        return noted


class TestCommonAncestors:
    def test_what_two_versions_share(self, catalog: Catalog, story: SimpleNamespace):
        common = graph.common_ancestors(catalog, node(story.model_v0), node(story.model_v1))
        assert [(step.node.label, step.distance) for step in common.all] == [
            ("train-set:v0", 2),
            ("prepare", 3),
            ("raw:v0", 4),
            ("ingest", 5),
        ]
        assert [info.label for info in common.nearest] == ["train-set:v0"]

    def test_an_ancestor_is_the_nearest_itself(self, catalog: Catalog, story: SimpleNamespace):
        for pair in ((story.train_set, story.scores), (story.scores, story.train_set)):
            common = graph.common_ancestors(catalog, *map(node, pair))
            assert [info.label for info in common.nearest] == ["train-set:v0"]
            assert common.all[0].distance == 0

    def test_several_may_be_nearest(self, catalog: Catalog, author: Author):
        left, right = author.version("l", name="left"), author.version("r", name="right")
        both = [author.version(str(i), name=f"m{i}", run=author.run(f"r{i}", left, right)) for i in range(2)]
        common = graph.common_ancestors(catalog, *map(node, both))
        assert {info.label for info in common.nearest} == {"left:v0", "right:v0"}

    def test_strangers_share_nothing(self, catalog: Catalog, story: SimpleNamespace):
        common = graph.common_ancestors(catalog, node(story.raw_v0), node(story.raw_v1))
        assert (common.all, common.nearest) == ((), ())

    def test_networkx_agrees(self, catalog: Catalog, story: SimpleNamespace):
        built = nx.DiGraph(graph.build(catalog))
        for a in built:
            for b in built:
                common = graph.common_ancestors(catalog, a, b)
                nearest = {info.key for info in common.nearest}
                expected = ({a} | nx.ancestors(built, a)) & ({b} | nx.ancestors(built, b))
                assert {step.node.key for step in common.all} == expected
                assert nearest == {n for n in expected if not (nx.descendants(built, n) & expected)}


class TestCycles:
    def test_a_sound_catalog_has_none(self, catalog: Catalog, story: SimpleNamespace):
        catalog.add_use(story.train_b.key, story.scores.id)
        assert graph.find_cycle(catalog) is None

    def test_a_circle_is_found(self, catalog: Catalog, story: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
        at = story.scores.created_at
        forged = Edge(node(story.scores), node(story.train_b), EdgeKind.USED, at)
        every, some = catalog.all_edges, catalog.edges

        def edges(nodes: Any, direction: Direction, kinds: Any) -> Any:
            return [*some(nodes, direction, kinds), forged]

        monkeypatch.setattr(catalog, "all_edges", lambda kinds, before=None: [*every(kinds, before), forged])
        monkeypatch.setattr(catalog, "edges", edges)
        circle = graph.find_cycle(catalog)
        assert set(labels(circle)) == {"train-b", "model:v1", "evaluate", "scores:v0"}
        assert len(circle.edges) == 4


def test_networkx_is_loaded_by_algorithms_alone():
    code = "import sys, forebear.lineage.graph, forebear.lineage.export.registry; print('networkx' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
