"""What questions about lineage are answered with; nodes and edges are the records of `forebear.records.lineage`."""

from __future__ import annotations

from typing import Any

import msgspec

from forebear.errors import InvalidInput
from forebear.records.lineage import Direction, Edge, EdgeKind, FileUse, NodeInfo


class GraphData(msgspec.Struct, frozen=True):
    """A piece of the graph, complete in itself: the input of every export.

    Attributes:
        nodes: Each once. A path lists them in the order in which data flows.
        edges: Only edges whose two ends are in ``nodes``.
        focus: Key of the node that was asked about; drawings stress it.
        stale: Keys of nodes that are built on an old version.
        outdated: Keys of versions that stale nodes used although newer ones exist.

    Raises:
        InvalidInput: a node is there twice, or an edge leads out of ``nodes``.
    """

    nodes: tuple[NodeInfo, ...]
    edges: tuple[Edge, ...]
    focus: int | None = None
    stale: frozenset[int] = frozenset()
    outdated: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        keys = {node.key for node in self.nodes}
        if len(keys) != len(self.nodes) or len({node.id for node in self.nodes}) != len(self.nodes):
            raise InvalidInput("a graph holds each node once; a key or an id is there twice", code="invalid-graph")
        for edge in self.edges:
            if edge.source not in keys or edge.target not in keys:
                raise InvalidInput(
                    f"an edge leads from {edge.source} to {edge.target}, and one of them is not among the "
                    f"{len(keys)} nodes of the graph",
                    code="invalid-graph",
                )

    @property
    def graph(self) -> GraphData:
        """Itself, so that every answer about lineage has a ``graph``."""
        return self


class Step(msgspec.Struct, frozen=True, gc=False):
    """A node that a walk found, and its distance from the start in edges.

    ``aside`` is the kind of the edge (*reproduced*, *feedback* or *forked*) over which alone it was found; the walk
    shows such a node and does not go on from it. It is ``None`` for a node that was walked to.
    """

    node: NodeInfo
    distance: int
    aside: EdgeKind | None = None


class Walk(msgspec.Struct, frozen=True):
    """Answer of a walk: what was found, nearest first, and every edge among what is shown.

    Edges that are not walked are among ``edges`` too, known by their kind; a *rewound* one leads from a run to itself.
    """

    start: NodeInfo
    direction: Direction
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]

    @property
    def graph(self) -> GraphData:
        """The start and what was found, ready for an export."""
        nodes = (self.start, *(step.node for step in self.steps))
        return GraphData(nodes, self.edges, focus=self.start.key)


class Reason(msgspec.Struct, frozen=True):
    """Why something is stale: ``run`` used ``used``, and ``newest`` of the same collection is newer."""

    run: NodeInfo
    used: NodeInfo
    newest: NodeInfo


class Stale(msgspec.Struct, frozen=True):
    """A run or version that is built on an old version.

    Attributes:
        distance: Edges from the nearest run that used an old version itself; 0 for such a run.
        reasons: Its own, or where it has none, those of the nearest nodes it is built from.
        through: Keys of the stale nodes that it is directly built from, for following every cause.
    """

    node: NodeInfo
    distance: int
    reasons: tuple[Reason, ...]
    through: tuple[int, ...]

    @property
    def direct(self) -> bool:
        """Whether this is a run that used an old version itself."""
        return self.distance == 0


class Touch(msgspec.Struct, frozen=True, gc=False):
    """A run that logged (or reproduced) or used (or fed back) a version that holds a file."""

    run: NodeInfo
    version: NodeInfo
    kind: EdgeKind


class Impact(msgspec.Struct, frozen=True):
    """Who has to do with one file content.

    Attributes:
        holders: Stretches of versions that hold it, by collection.
        versions: The versions themselves.
        touches: Runs that logged or used those versions, one for each such edge.
        reached: Everything downstream of the versions, nearest first, themselves left out.
    """

    digest: bytes
    holders: tuple[FileUse, ...]
    versions: tuple[NodeInfo, ...]
    touches: tuple[Touch, ...]
    reached: tuple[Step, ...]
    edges: tuple[Edge, ...]

    @property
    def graph(self) -> GraphData:
        """All of it, ready for an export."""
        nodes = {node.key: node for node in self.versions}
        nodes |= {touch.run.key: touch.run for touch in self.touches}
        nodes |= {step.node.key: step.node for step in self.reached}
        return GraphData(tuple(nodes.values()), self.edges)


class CommonAncestors(msgspec.Struct, frozen=True):
    """What two nodes have both come from, each with its distance to the nearer of the two.

    ``nearest`` are those of which no other common ancestor is made. Where one of the two nodes comes from the other,
    that one is itself a common ancestor, and the nearest.
    """

    all: tuple[Step, ...]
    nearest: tuple[NodeInfo, ...]


class DataChange(msgspec.Struct, frozen=True):
    """Versions of one collection that only one of two ancestries has; an empty side means added or removed."""

    collection: str
    old: tuple[NodeInfo, ...]
    new: tuple[NodeInfo, ...]

    @property
    def change(self) -> str:
        """``"added"``, ``"removed"`` or ``"changed"``."""
        return "changed" if self.old and self.new else "removed" if self.old else "added"


class ConfigChange(msgspec.Struct, frozen=True):
    """A setting with different values; a side that lacks it is `msgspec.UNSET`. Nested keys are joined by dots."""

    key: str
    old: Any = msgspec.UNSET
    new: Any = msgspec.UNSET


class CodeState(msgspec.Struct, frozen=True):
    """What is known of the code of a run."""

    commit: str | None
    dirty: bool | None
    program: str | None


class RunChange(msgspec.Struct, frozen=True):
    """Two runs in the same role, one in each ancestry; a side that has none is ``None``."""

    role: str
    old: NodeInfo | None
    new: NodeInfo | None
    old_code: CodeState | None
    new_code: CodeState | None
    config: tuple[ConfigChange, ...]

    @property
    def code_changed(self) -> bool:
        """Whether the code is known to differ: another commit or program, or uncommitted changes on one side."""
        return self.old_code is not None and self.new_code is not None and self.old_code != self.new_code


class AncestryDiff(msgspec.Struct, frozen=True):
    """What differs in where two nodes came from; what both share is left out.

    ``runs`` has one row for each pair of different runs, also where code and config are equal: it ran again.
    """

    old: NodeInfo
    new: NodeInfo
    data: tuple[DataChange, ...]
    runs: tuple[RunChange, ...]
    shared: int
    """Number of nodes that both ancestries have."""
