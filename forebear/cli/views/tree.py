"""A walk through the lineage as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from forebear.cli.layout import Line, Span, fit, width_of
from forebear.cli.text import clean
from forebear.cli.views.artifacts import ALIAS_STYLE, VERSION_STYLE
from forebear.cli.views.run_columns import STATE_STYLES
from forebear.lineage.model import GraphData
from forebear.records.lineage import WALKED, Direction, EdgeKind, NodeInfo

if TYPE_CHECKING:
    from forebear.lineage.model import Walk

_BRANCH, _LAST, _PASS, _GAP = "├─ ", "└─ ", "│  ", "   "
#: Cells that the name of a node keeps on a narrow terminal; a branch that would leave less is cut off.
_NAME_CELLS = 18
#: A pipe has no edge, but a line of descent of thousands of steps is not for reading as a tree.
_PIPE_CELLS = 400
_ASIDES = {
    EdgeKind.REPRODUCED: "reproduced",
    EdgeKind.FEEDBACK: "fed back",
    EdgeKind.FORKED: "forked",
    EdgeKind.REWOUND: "rewound",
}


class Marks(NamedTuple):
    """Keys of nodes to warn of: built on an old version, or being one that something stale was built on."""

    stale: frozenset[int] = frozenset()
    outdated: frozenset[int] = frozenset()

    def word(self, key: int) -> str:
        """Return the warning for a node, or nothing."""
        return "stale" if key in self.stale else "old" if key in self.outdated else ""


def joined(walks: Sequence[Walk]) -> GraphData:
    """Return the graph of walks from one node, with what several of them found once."""
    nodes = {node.key: node for walk in walks for node in walk.graph.nodes}
    edges = {edge: None for walk in walks for edge in walk.edges}
    return GraphData(tuple(nodes.values()), tuple(edges), focus=walks[0].start.key)


def scope_of(node: NodeInfo) -> str:
    """Return ``entity/project/`` of a node."""
    return node.id.rpartition("/")[0] + "/"


def short_name(node: NodeInfo, scope: str) -> str:
    """Return the label of a node, with its project in front where that is not ``scope``."""
    if not scope or node.id.startswith(scope):
        return node.label
    return scope_of(node) + node.label


def node_line(node: NodeInfo, scope: str, marks: Marks) -> Line:
    """Return what a node is called and what matters about it, the most important first."""
    name = clean(short_name(node, scope))
    warning = marks.word(node.key)
    tail = [Span(f"  {warning}", "yellow")] if warning else []
    if node.kind == "artifact":
        tail += [Span("  deleted", "red")] if node.state == "DELETED" else []
        aliases = [Span(f"  {' '.join(node.aliases)}", ALIAS_STYLE)] if node.aliases else []
        return (Span(name, VERSION_STYLE), *tail, *aliases, Span(f"  {node.type or ''}", "dim"))
    state = [] if node.state == "finished" else [Span(f"  {node.state}", STATE_STYLES.get(node.state, ""))]
    sweep = [Span(f"  of sweep {clean(node.sweep)}", "dim")] if node.sweep else []
    return (Span(clean(node.type or "run"), "magenta"), *tail, *state, Span(f"  {name}", "dim"), *sweep)


class _Branch(NamedTuple):
    """A node still to be drawn: the lines that pass by on its left, and the kind of the edge that leads to it."""

    key: int
    left: str
    last: bool
    kind: EdgeKind


def tree_lines(walk: Walk, marks: Marks, width: int | None) -> Iterator[Line]:
    """Yield the nodes of a walk as a tree, depth first; one that was drawn before is not followed again.

    Cost: one line an edge of the walk. It does without recursion, because lines of descent can be long.
    """
    infos = {node.key: node for node in walk.graph.nodes}
    scope = scope_of(walk.start)
    below = _children(walk)
    drawn = {walk.start.key}
    waiting = _branches(below.get(walk.start.key, []), "")
    while waiting:
        branch = waiting.pop()
        joint = _LAST if branch.last else _BRANCH
        again = branch.key in drawn
        further = branch.kind in WALKED and not again and branch.key in below
        head = Span(branch.left + joint, "dim")
        left = branch.left + (_GAP if branch.last else _PASS)
        cut = further and len(left) + len(joint) > (width or _PIPE_CELLS) - _NAME_CELLS
        content = list(node_line(infos[branch.key], scope, marks))
        if branch.kind in _ASIDES:
            content.insert(1, Span(f"  {_ASIDES[branch.kind]}", "yellow"))
        elif again and branch.key in below:
            content.insert(1, Span("  ↑ shown above", "dim"))
        elif cut:
            content.insert(1, Span("  … goes on", "dim"))
        room = None if width is None else width - width_of((head,))
        yield (head, *fit(tuple(content), room))
        if branch.kind in WALKED:
            drawn.add(branch.key)
        if further and not cut:
            waiting += _branches(below[branch.key], left)


def _branches(children: list[tuple[int, EdgeKind]], left: str) -> list[_Branch]:
    """Return branches in the order in which a stack gives them back from first to last."""
    end = len(children) - 1
    return [_Branch(key, left, index == end, kind) for index, (key, kind) in enumerate(children)][::-1]


def _children(walk: Walk) -> dict[int, list[tuple[int, EdgeKind]]]:
    """Return key → what hangs on it, for the direction of the walk."""
    distances = {walk.start.key: 0} | {step.node.key: step.distance for step in walk.steps}
    below: dict[int, list[tuple[int, EdgeKind]]] = {}
    for edge in walk.edges:
        near, far = edge.source, edge.target
        if walk.direction == Direction.UPSTREAM:
            near, far = far, near
        if far != walk.start.key or near == far:  # a run that was rewound hangs on itself
            below.setdefault(near, []).append((far, edge.kind))
    for children in below.values():
        children.sort(key=lambda child: (child[1], distances[child[0]], child[0]))
    return below
