"""Classes, graphs, and tables that are joined or in parts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.media.classes import Classes
from forebear.media.graph import Edge, Graph, Node
from forebear.media.joined_table import JoinedTable
from forebear.media.partitioned_table import PartitionedTable
from forebear.media.registry import revive
from forebear.media.table import Table
from tests.media.kept_files import Files


def test_classes() -> None:
    classes = Classes([{"id": np.int64(0), "name": "cat"}, {"id": 7, "name": "dog", "color": "#fff"}])
    assert classes.names == {0: "cat", 7: "dog"}
    assert len(classes) == 2
    assert list(classes)[1] == {"id": 7, "name": "dog", "color": "#fff"}
    files = Files()
    value = classes.to_json(files)
    assert json.loads(json.dumps(value)) == {"_type": "classes", "class_set": classes.class_set}
    assert files == {}
    assert revive(value, files.read) == classes
    assert Classes.from_names(["cat", "dog"]) == Classes.from_names({0: "cat", 1: "dog"})
    assert Classes.from_names(["cat"]) != classes


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["cat"], "class 0 is 'cat'; a class is a mapping such as"),
        ([{"id": 0}], "class 0 is"),
        ([{"id": 0, "name": "a"}, {"id": "1", "name": "b"}], "class 1 has the id '1'; an id is a whole number"),
        ([{"id": True, "name": "a"}], "class 0 has the id True"),
        ([{"id": 1.0, "name": "a"}], "class 0 has the id 1.0"),
        ([{"id": 3, "name": "a"}, {"id": 3, "name": "b"}], "the class id 3 is given twice"),
    ],
)
def test_classes_that_are_none(items: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Classes(items)


@pytest.fixture
def graph() -> Graph:
    graph = Graph()
    graph.add_node(id="in", name="Input", class_name="InputLayer", output_shape=(None, 28), num_parameters=0)
    graph.add_node(Node(id="out", class_name="Dense", size=np.array([28, 10]), is_output=True, activation="relu"))
    graph.add_edge("in", graph["out"], weight=0.5)
    return graph


def test_a_graph_comes_back(graph: Graph) -> None:
    files = Files()
    value = graph.to_json(files)
    assert (value["_type"], value["nodes"], value["edges"]) == ("graph-file", 2, 1)
    assert value["path"].startswith("media/graphs/")
    assert value["path"].endswith(".graph.json")
    back = revive(value, files.read)
    assert isinstance(back, Graph)
    assert back == graph
    assert back["out"].size == [28, 10]
    assert back["out"].activation == "relu"
    assert (back["in"].name, back["in"].is_output) == ("Input", None)
    assert [edge.name for edge in back.edges] == ["in->out"]
    assert back.edges[0].attributes["weight"] == 0.5
    assert (len(back), [node.id for node in back]) == (2, ["in", "out"])
    assert repr(back) == "Graph(2 nodes, 1 edges)"


def test_nodes_and_edges_are_what_they_say(graph: Graph) -> None:
    assert Node(id=1) == Node(id=1)
    assert Node(id=1) != Node(id=2)
    assert repr(Node(id=1, name="x")) == "Node(id=1, name='x')"
    assert Edge(graph["in"], graph["out"], weight=0.5) in graph.edges
    assert Edge(graph["in"], graph["out"]) not in graph.edges
    assert graph.add_node().id == "node_2"


def test_what_a_graph_refuses(graph: Graph) -> None:
    with pytest.raises(InvalidInput, match="has a node 'in' already"):
        graph.add_node(id="in")
    with pytest.raises(NotFound, match="the graph of 2 nodes has no node 'nowhere'; add_node first"):
        graph.add_edge("in", "nowhere")
    graph.add_node(id="odd", size=object())
    with pytest.raises(InvalidInput, match="an? object"):
        graph.to_json(Files())
    for content in (b"", b"[]", b'{"format": "x"}', b'{"format": "x", "nodes": [], "edges": [{"from": 1, "to": 2}]}'):
        with pytest.raises(CorruptData, match="the file 'g' is no graph"):
            Graph.from_json({"path": "g"}, {"g": content}.__getitem__)


def test_joined_tables() -> None:
    left = Table(columns=["id", "x"], data=[["a", 1], ["b", 2], ["a", 3]])
    right = Table(columns=["key", "y"], data=[["a", 10], ["c", 30], ["a", 11]])
    joined = JoinedTable(left, right, ["id", "key"])
    assert list(joined.iterrows()) == [
        ("a", ["a", 1], ["a", 10]),
        ("a", ["a", 1], ["a", 11]),
        ("b", ["b", 2], None),
        ("a", ["a", 3], ["a", 10]),
        ("a", ["a", 3], ["a", 11]),
        ("c", None, ["c", 30]),
    ]
    files = Files()
    back = revive(joined.to_json(files), files.read)
    assert isinstance(back, JoinedTable)
    assert (back.table1, back.table2, back.join_key) == (left, right, ["id", "key"])
    assert back == joined
    assert len(files) == 2
    assert len(list(JoinedTable(left, left, "x").iterrows())) == 3


def test_joins_of_nothing() -> None:
    table = Table(columns=["id"], data=[["a"]])
    with pytest.raises(InvalidInput, match="joins two tables, not a list"):
        JoinedTable(table, [], "id")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"no column 'x'; it has \['id'\]"):
        JoinedTable(table, table, ["id", "x"])
    with pytest.raises(InvalidInput, match="join_key is a column or a pair of columns"):
        JoinedTable(table, table, ["id"])


def test_a_table_in_parts() -> None:
    parts = [Table(columns=["n"], data=[[0], [1]]), Table(columns=["n"], data=[[2]])]
    whole = PartitionedTable(parts)
    assert (len(whole), whole.columns, whole.get_column("n")) == (3, ["n"], [0, 1, 2])
    assert list(whole.iterrows()) == [(0, [0]), (1, [1]), (2, [2])]
    files = Files()
    back = revive(whole.to_json(files), files.read)
    assert isinstance(back, PartitionedTable)
    assert back.parts == parts
    assert len(list(JoinedTable(whole, parts[0], "n").iterrows())) == 3
    with pytest.raises(InvalidInput, match="one part or more"):
        PartitionedTable([])
    with pytest.raises(InvalidInput, match=r"part 1 has the columns \['m'\], but part 0 has \['n'\]"):
        PartitionedTable([parts[0], Table(columns=["m"])])


def test_values_say_what_they_are(graph: Graph) -> None:
    table = Table(columns=["n"], data=[[1]])
    assert repr(Classes.from_names(["cat"])) == "Classes([{'id': 0, 'name': 'cat'}])"
    assert repr(graph.edges[0]) == "Edge(in->out)"
    assert repr(JoinedTable(table, table, "n")) == f"JoinedTable({table!r}, {table!r}, ['n', 'n'])"
    assert repr(PartitionedTable([table])) == "PartitionedTable(1 parts, 1 rows, columns=['n'])"
    assert len({*graph.nodes, *graph.edges}) == 3
    with pytest.raises(AttributeError):
        graph.nodes[0]._private  # noqa: B018


def test_lists_can_be_keys_of_a_join() -> None:
    table = Table(columns=["k"], data=[[[1]], [[2]]])
    assert [row for _, row, _ in JoinedTable(table, table, "k").iterrows()] == [[[1]], [[2]]]
