"""Formats by name, and what all exports hold to."""

from __future__ import annotations

import time

import pytest

from forebear.errors import InvalidInput
from forebear.lineage.export.registry import FORMATS, export, find_format
from forebear.lineage.model import GraphData, Step, Walk
from forebear.records.lineage import Direction
from forebear.testing.graphs import edge, line_of, run_info, version_info

#: Seconds; the aim is two on a quiet machine, and this leaves room for a busy one.
SLOWEST = 6.0
TEXT_FORMATS = [name for name in FORMATS if name != "png"]


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match="no export format 'pdf'; there are mermaid, dot, graphml, gexf, node-link"):
        export(GraphData((), ()), "pdf")
    assert find_format("node-link").suffix == ".json"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_what_it_says(name: str):
    written = export(line_of(5), name)
    assert isinstance(written, bytes if FORMATS[name].binary else str)
    assert export(line_of(5), name) == written
    assert export(GraphData((), ()), name)


def test_an_answer_is_exported_as_its_graph():
    version, run = version_info(1), run_info(1)
    walk = Walk(version, Direction.UPSTREAM, (Step(run, 1),), (edge(run, version),))
    assert export(walk, "dot") == export(GraphData((version, run), (edge(run, version),)), "dot")
    assert walk.graph.focus == version.key


def test_a_graph_with_a_loose_end_is_refused():
    with pytest.raises(InvalidInput, match="is not among the 1 nodes"):
        GraphData((run_info(1),), (edge(run_info(1), version_info(1)),))
    with pytest.raises(InvalidInput, match="each node once"):
        GraphData((run_info(1), run_info(1)), ())


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_ten_thousand_nodes_are_quick(name: str):
    graph = line_of(10_000)
    started = time.perf_counter()
    export(graph, name)
    assert time.perf_counter() - started < SLOWEST
