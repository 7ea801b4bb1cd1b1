"""Every format, read back by a real program of it: the same nodes, the same edges, the same texts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable
from html import unescape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import networkx as nx
import pandas as pd
import pydot
import pytest
from hypothesis import Phase, given, settings

from forebear.lineage.export import dot, mermaid
from forebear.lineage.export.registry import export
from forebear.lineage.export.rows import rows_of, utf8_text, xml_text
from forebear.lineage.model import GraphData
from forebear.records.lineage import EdgeKind
from forebear.testing.graphs import HOSTILE, edge, hostile_graphs, line_of, run_info, version_info

if TYPE_CHECKING:
    from conftest import Consume

    from forebear.records.lineage import NodeInfo

SVG = "{http://www.w3.org/2000/svg}"
Found = tuple[dict[str, dict[str, Any]], list[tuple[str, str]]]

#: One node for each hostile text, as label and as type, each used by a run that has it as its name.
ALL_HOSTILE = GraphData(
    tuple(info for n, text in enumerate(HOSTILE) for info in (version_info(n, text, type=text), run_info(n, text))),
    tuple(edge(version_info(n), run_info(n), use_as=text) for n, text in enumerate(HOSTILE)),
)
#: The same two nodes joined by a *used* and a *feedback* edge, and by a circle.
PARALLEL = GraphData(
    (version_info(1), run_info(1)),
    (
        edge(version_info(1), run_info(1), EdgeKind.USED),
        edge(version_info(1), run_info(1), EdgeKind.FEEDBACK),
        edge(run_info(1), version_info(1), EdgeKind.LOGGED),
    ),
)
#: A run that was rewound, which is an edge to itself, and one that went on from it.
FORKED = GraphData(
    (run_info(1), run_info(2)),
    (edge(run_info(1), run_info(1), EdgeKind.REWOUND), edge(run_info(1), run_info(2), EdgeKind.FORKED)),
)
EXAMPLES = {
    "empty": GraphData((), ()),
    "one": GraphData((version_info(0),), ()),
    "parallel": PARALLEL,
    "forked": FORKED,
    "hostile": ALL_HOSTILE,
    "line": line_of(60),
}


def check(graph: GraphData, found: Found, clean: Callable[[str], str]) -> None:
    """The program found the nodes and edges of ``graph``, neither more nor less, and the labels it has."""
    nodes, edges = found
    assert nodes.keys() == {info.id for info in graph.nodes}
    ids = {info.key: info.id for info in graph.nodes}
    assert Counter(edges) == Counter((ids[e.source], ids[e.target]) for e in graph.edges)
    for info in graph.nodes:
        assert nodes[info.id]["label"] == clean(info.label)
        assert (nodes[info.id].get("type") or "") == clean(info.type or "")
        assert nodes[info.id]["kind"] == info.kind


def of_networkx(read: nx.Graph) -> Found:
    assert read.is_directed()
    return dict(read.nodes(data=True)), list(read.edges())


def multi(read: nx.Graph) -> nx.Graph:
    # Readers of networkx give a plain graph where there are no parallel edges.
    return nx.MultiDiGraph(read)


# -- networkx -----------------------------------------------------------------------------------------------------


def read_graphml(text: str) -> nx.Graph:
    return nx.parse_graphml(text, force_multigraph=True)


def read_gexf(text: str) -> nx.Graph:
    return nx.read_gexf(io.BytesIO(text.encode("utf-8")))


def read_nodelink(text: str) -> nx.Graph:
    return nx.node_link_graph(json.loads(text), edges="edges")


def read_cytoscape(text: str) -> nx.Graph:
    return nx.cytoscape_graph(json.loads(text))


NETWORKX = {
    "graphml": (read_graphml, xml_text),
    "gexf": (read_gexf, xml_text),
    "node-link": (read_nodelink, utf8_text),
    "cytoscape": (read_cytoscape, utf8_text),
}


@pytest.mark.parametrize("format", NETWORKX)
@pytest.mark.parametrize("name", EXAMPLES)
def test_networkx_reads(format: str, name: str):
    read, clean = NETWORKX[format]
    check(EXAMPLES[name], of_networkx(read(export(EXAMPLES[name], format))), clean)


@pytest.mark.parametrize("format", NETWORKX)
@given(graph=hostile_graphs())
@settings(max_examples=60)
def test_networkx_reads_whatever_the_texts(format: str, graph: GraphData):
    read, clean = NETWORKX[format]
    check(graph, of_networkx(read(export(graph, format))), clean)


@pytest.mark.parametrize("format", NETWORKX)
def test_networkx_tells_parallel_edges_apart(format: str):
    read = multi(NETWORKX[format][0](export(PARALLEL, format)))
    kinds = {data["kind"] for _, _, data in read.edges(data=True)}
    assert kinds == {"used", "feedback", "logged"}
    assert len({key for *_, key in read.edges(keys=True)}) == 3


@pytest.mark.parametrize("format", ["graphml", "gexf"])
def test_ids_of_edges_are_unique(format: str):
    """A writer that numbers the edges between each two nodes repeats the ids, which the formats forbid."""
    tree = ET.fromstring(export(EXAMPLES["line"], format))
    ids = [element.get("id") for element in tree.iter() if element.tag.endswith("}edge")]
    assert len(ids) == len(EXAMPLES["line"].edges)
    assert len(set(ids)) == len(ids)


# -- programs from npm ----------------------------------------------------------------------------------------------


def of_node(answer: dict[str, Any]) -> Found:
    nodes = {node["id"]: node for node in answer["nodes"]}
    assert len(nodes) == len(answer["nodes"])
    return nodes, [(found["source"], found["target"]) for found in answer["edges"]]


def some_hostile_graphs(count: int) -> list[GraphData]:
    """Graphs for one call of a program that takes a second to start; so they are not made smaller when one fails."""
    graphs: list[GraphData] = []

    @given(graph=hostile_graphs())
    @settings(max_examples=count, phases=[Phase.generate], database=None)
    def collect(graph: GraphData) -> None:
        graphs.append(graph)

    collect()
    return graphs


NPM_CLEAN = {"graphml": xml_text, "gexf": xml_text, "node-link": utf8_text, "cytoscape": utf8_text}


@pytest.mark.parametrize("format", NPM_CLEAN)
def test_graphology_and_cytoscape_read(consume: Consume, format: str):
    graphs = list(EXAMPLES.values())
    answers = consume(format, [str(export(graph, format)) for graph in graphs])
    for graph, answer in zip(graphs, answers, strict=True):
        check(graph, of_node(answer), NPM_CLEAN[format])
        assert len({found["id"] if "id" in found else found["key"] for found in answer["edges"]}) == len(graph.edges)


@pytest.mark.parametrize("format", NPM_CLEAN)
def test_graphology_and_cytoscape_read_whatever_the_texts(consume: Consume, format: str):
    graphs = some_hostile_graphs(60)
    answers = consume(format, [str(export(graph, format)) for graph in graphs])
    for graph, answer in zip(graphs, answers, strict=True):
        check(graph, of_node(answer), NPM_CLEAN[format])


def check_mermaid(graph: GraphData, answer: dict[str, Any]) -> None:
    nodes, edges = of_node(answer)
    ids = {info.key: info.id for info in graph.nodes}
    assert {mermaid.decode_id(key) for key in nodes} == set(ids.values())
    found = Counter((mermaid.decode_id(a), mermaid.decode_id(b)) for a, b in edges)
    assert found == Counter((ids[e.source], ids[e.target]) for e in graph.edges)
    for info in graph.nodes:
        node = nodes[mermaid.encode_id(info.id)]
        assert _mermaid_words(node["text"]) == _words(info)
        assert node["type"] == ("stadium" if info.kind == "run" else "square")


def _mermaid_words(text: str) -> list[str]:
    """The words that a browser shows: Mermaid hides character codes from its parser in odd letters."""
    shown = text.replace("ﬂ°°", "&#").replace("ﬂ°", "&").replace("¶ß", ";")
    return unescape(shown.replace("<br>", "\n").replace("<br/>", "\n")).split()


def _words(info: NodeInfo) -> list[str]:
    return " ".join(xml_text(part) for part in (info.label or info.id, info.type) if part).split()


def test_mermaid_reads(consume: Consume):
    graphs = list(EXAMPLES.values())
    for graph, answer in zip(graphs, consume("mermaid", [str(export(g, "mermaid")) for g in graphs]), strict=True):
        check_mermaid(graph, answer)


def test_mermaid_reads_whatever_the_texts(consume: Consume):
    graphs = some_hostile_graphs(60)
    for graph, answer in zip(graphs, consume("mermaid", [str(export(g, "mermaid")) for g in graphs]), strict=True):
        check_mermaid(graph, answer)


# -- Graphviz -------------------------------------------------------------------------------------------------------


def unquote(text: str) -> str:
    assert text.startswith('"')
    assert text.endswith('"')
    return text[1:-1].replace(r"\"", '"')


# pydot itself uses old names of pyparsing.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")
@pytest.mark.parametrize("name", EXAMPLES)
def test_pydot_reads(name: str):
    graph = EXAMPLES[name]
    (read,) = pydot.graph_from_dot_data(export(graph, "dot"))
    named = {
        unquote(node.get_name()): node for node in read.get_nodes() if node.get_name() not in {"node", "graph", "edge"}
    }
    ids = {info.key: info.id for info in graph.nodes}
    assert named.keys() == set(ids.values())
    for info in graph.nodes:
        assert unquote(named[info.id].get("title")) == xml_text(info.label).replace("\\", "\ufffd")
    found = Counter((unquote(e.get_source()), unquote(e.get_destination())) for e in read.get_edges())
    assert found == Counter((ids[e.source], ids[e.target]) for e in graph.edges)


def run_dot(text: str) -> dict[str, Any]:
    result = subprocess.run(["dot", "-Tjson"], input=text.encode("utf-8"), capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    assert b"syntax error" not in result.stderr
    answer: dict[str, Any] = json.loads(result.stdout, strict=False)
    return answer


def check_dot(graph: GraphData, answer: dict[str, Any]) -> None:
    nodes = answer.get("objects", [])
    assert Counter(node["name"] for node in nodes) == Counter(info.id for info in graph.nodes)
    names = {node["_gvid"]: node["name"] for node in nodes}
    ids = {info.key: info.id for info in graph.nodes}
    found = Counter((names[e["tail"]], names[e["head"]]) for e in answer.get("edges", []))
    assert found == Counter((ids[e.source], ids[e.target]) for e in graph.edges)
    assert {e["kind"] for e in answer.get("edges", [])} == {e.kind.name.lower() for e in graph.edges}


@pytest.mark.debian("dot")
@pytest.mark.parametrize("name", EXAMPLES)
def test_graphviz_reads(name: str):
    check_dot(EXAMPLES[name], run_dot(str(export(EXAMPLES[name], "dot"))))


@pytest.mark.debian("dot")
@given(graph=hostile_graphs())
@settings(max_examples=25)
def test_graphviz_reads_whatever_the_texts(graph: GraphData):
    check_dot(graph, run_dot(dot.write(graph)))


@pytest.mark.debian("dot")
def test_graphviz_draws_the_label_that_was_meant():
    label = 'a\\nb "c" <d> &amp; &#65; {e|f} \\'
    graph = GraphData((version_info(0, label, type=None),), ())
    result = subprocess.run(["dot", "-Tsvg"], input=dot.write(graph).encode(), capture_output=True, check=True)
    texts = [element.text for element in ET.fromstring(result.stdout).iter(f"{SVG}text")]
    assert [text.replace("\xa0", " ") for text in texts if text] == [label]


# -- tables and drawings ----------------------------------------------------------------------------------------------


def tables_of(archive: bytes) -> tuple[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        assert file.namelist() == ["nodes.csv", "edges.csv"]
        nodes, edges = (file.read(name).decode("utf-8") for name in file.namelist())
    return nodes, edges


def csv_text(text: str) -> str:
    return utf8_text(text).replace("\0", "\ufffd")


@given(graph=hostile_graphs())
@settings(max_examples=60)
def test_the_csv_module_reads(graph: GraphData):
    nodes, edges = (list(csv.DictReader(io.StringIO(text, newline=""))) for text in tables_of(export(graph, "csv")))
    found = {row["id"]: row for row in nodes}
    assert len(found) == len(nodes)
    check(graph, (found, [(row["source"], row["target"]) for row in edges]), csv_text)
    assert len({row["id"] for row in edges}) == len(edges)


@pytest.mark.parametrize("name", EXAMPLES)
def test_pandas_reads(name: str):
    nodes, edges = (
        pd.read_csv(io.StringIO(text, newline=""), keep_default_na=False, dtype=str)
        for text in tables_of(export(EXAMPLES[name], "csv"))
    )
    found = {row["id"]: row for row in nodes.to_dict("records")}
    check(EXAMPLES[name], (found, list(zip(edges["source"], edges["target"], strict=True))), csv_text)


def check_svg(graph: GraphData, text: str) -> None:
    tree = ET.fromstring(text)
    nodes = [group for group in tree.iter(f"{SVG}g") if "node" in group.get("class", "").split()]
    ids = {info.key: info.id for info in graph.nodes}
    assert Counter(group.get("data-id") for group in nodes) == Counter(ids.values())
    paths = [path for path in tree.iter(f"{SVG}path") if path.get("data-source") is not None]
    found = Counter((path.get("data-source"), path.get("data-target")) for path in paths)
    assert found == Counter((ids[e.source], ids[e.target]) for e in graph.edges)
    titles = {group.get("data-id"): group.findtext(f"{SVG}title") for group in nodes}
    for info in graph.nodes:
        assert info.id in titles[info.id]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_xml_parser_reads_the_drawing(name: str):
    check_svg(EXAMPLES[name], str(export(EXAMPLES[name], "svg")))


@given(graph=hostile_graphs())
@settings(max_examples=60)
def test_an_xml_parser_reads_the_drawing_whatever_the_texts(graph: GraphData):
    check_svg(graph, str(export(graph, "svg")))


@given(graph=hostile_graphs())
@settings(max_examples=40)
def test_ids_stay_apart_where_a_format_cannot_hold_them(graph: GraphData):
    """A clean text that is the same for all still gives every node an id of its own, and every edge its ends."""
    nodes, edges = rows_of(graph, lambda text: "same")
    assert len({node.id for node in nodes}) == len(graph.nodes)
    places = {info.key: place for place, info in enumerate(graph.nodes)}
    assert [(e.source, e.target) for e in edges] == [
        (nodes[places[e.source]].id, nodes[places[e.target]].id) for e in graph.edges
    ]
