"""Graphs to export: small ones by hand, hostile ones by hypothesis, large ones by number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from forebear.lineage.model import GraphData
from forebear.names import check_scope_name
from forebear.records.artifacts import COMMITTED
from forebear.records.lineage import Edge, EdgeKind, Node, NodeInfo
from forebear.records.runs import FINISHED

START = datetime(2026, 1, 1, tzinfo=UTC)
#: Texts that have broken one format or another.
HOSTILE = (
    'say "hi"',
    "a<b>&c</b>",
    "end",
    "two\nlines\r\nand\rmore\tor less",
    "nul\0bell\x07escape\x1b[31m",
    "🦊 fox, 狐狸, 👩‍👩‍👧",
    "x" * 3000,
    "team:port",
    "[square](round){curly}|bar|",
    "back\\slash\\",
    "`code` **bold**",
    "#quot; #35; &amp; &lt;",
    "style a:#fff;b",
    "classDef x:y#;z;",
    "]]> --> %%{init}%% <!-- ;",
    "\ufffe\uffff\u202e",
    "\ud800 alone",
    "1. a list",
    "   ",
    "",
)


def version_info(number: int, label: str = "", *, scope: str = "team/digits", type: str | None = "dataset") -> NodeInfo:
    """The node of a version of ``data``; its catalog id is its number."""
    key = Node.of_version(number).key
    at = START + timedelta(minutes=number)
    return NodeInfo(key, "artifact", f"{scope}/data:v{number}", label or f"data:v{number}", type, COMMITTED, at)


def run_info(number: int, label: str = "", *, scope: str = "team/digits", type: str | None = "train") -> NodeInfo:
    """The node of a run ``r3``; its catalog key is its number."""
    key = Node.of_run(number).key
    at = START + timedelta(minutes=number)
    return NodeInfo(key, "run", f"{scope}/r{number}", label or f"run {number}", type, FINISHED, at)


def edge(source: NodeInfo, target: NodeInfo, kind: EdgeKind | None = None, use_as: str | None = None) -> Edge:
    """An edge in the direction of the flow; its kind follows from its ends unless given."""
    kind = kind if kind is not None else EdgeKind.LOGGED if source.kind == "run" else EdgeKind.USED
    return Edge(source.key, target.key, kind, START, use_as)


def line_of(count: int) -> GraphData:
    """``count`` nodes, about half of them runs: each run uses three of the last versions and logs the next one."""
    nodes: list[NodeInfo] = [version_info(0)]
    edges: list[Edge] = []
    number = 0
    while len(nodes) < count:
        number += 1
        run, made = run_info(number), version_info(number)
        inputs = {max(0, number - 1 - step) for step in (0, number % 7, number % 23)}
        edges += [edge(version_info(other), run) for other in sorted(inputs)]
        edges.append(edge(run, made))
        nodes += [run, made]
    kept = nodes[:count]
    keys = {node.key for node in kept}
    return GraphData(tuple(kept), tuple(e for e in edges if e.source in keys and e.target in keys))


def _may_be_a_scope(text: str) -> bool:
    try:
        check_scope_name("project", text)
    except ValueError:
        return False
    return True


#: Names of entities and projects: whatever the grammar lets through, but for what nothing can write.
scopes = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=12).filter(_may_be_a_scope)
labels = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))


@st.composite
def hostile_graphs(draw: st.DrawFn, max_nodes: int = 8) -> GraphData:
    """Graphs with texts as bad as can be, edges of every kind and in parallel, circles included."""
    scope = f"{draw(scopes)}/{draw(scopes)}"
    nodes = []
    for number in range(draw(st.integers(0, max_nodes))):
        info = draw(st.sampled_from((version_info, run_info)))
        node = info(number, draw(labels), scope=scope, type=draw(st.none() | labels))
        nodes.append(node)
    if len(nodes) < 2:
        return GraphData(tuple(nodes), ())
    ends = st.sampled_from(nodes)
    kinds = st.sampled_from(list(EdgeKind))
    drawn = draw(st.lists(st.tuples(ends, ends, kinds, st.none() | labels), max_size=2 * max_nodes))
    return GraphData(tuple(nodes), tuple(edge(*parts) for parts in drawn))
