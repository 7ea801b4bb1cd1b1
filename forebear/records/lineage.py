"""Records of the lineage graph.

The graph is bipartite: runs and versions. Edges are stored in the direction in which data flows, so "downstream"
follows them and "upstream" goes against them.

Answers hold hundreds of thousands of the small records, and these can be in no circle of references; ``gc=False``
spares the collector from looking at each again and again, and 16 bytes each.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

import msgspec


class EdgeKind(IntEnum):
    """What an edge says. Only the first two are walked by default."""

    USED = 0
    """version → run: the run took the version as input."""
    LOGGED = 1
    """run → version: the run is the version's origin."""
    REPRODUCED = 2
    """run → version: a later run logged the same content again."""
    FEEDBACK = 3
    """version → run: a use that would close a circle."""
    FORKED = 4
    """run → run: the second went on from a step of the first."""
    REWOUND = 5
    """run → itself: it went back to a step of its own and on from there."""


WALKED = (EdgeKind.USED, EdgeKind.LOGGED)


class Direction(IntEnum):
    """Which way to walk."""

    UPSTREAM = 0
    DOWNSTREAM = 1


class Node(msgspec.Struct, frozen=True, order=True):
    """A run or a version, as one integer: twice its catalog key, plus one for a run."""

    key: int

    @classmethod
    def of_version(cls, version_id: int) -> Node:
        """The node of a version's catalog id."""
        return cls(version_id * 2)

    @classmethod
    def of_run(cls, run_key: int) -> Node:
        """The node of a run's catalog key."""
        return cls(run_key * 2 + 1)

    @property
    def is_run(self) -> bool:
        """Whether it is a run, not a version."""
        return bool(self.key & 1)

    @property
    def row_id(self) -> int:
        """Key of the run, or id of the version, in the catalog."""
        return self.key >> 1


class Edge(msgspec.Struct, frozen=True, gc=False):
    """One edge, in the direction of the flow of data. ``use_as`` is the role a run gave to an input."""

    source: int
    target: int
    kind: EdgeKind
    at: datetime
    use_as: str | None = None


class NodeInfo(msgspec.Struct, frozen=True, gc=False):
    """What a person wants to read about a node.

    Attributes:
        key: As in `Node`.
        kind: ``"run"`` or ``"artifact"``.
        id: Stable text identity, unique in the store: ``entity/project/name:v3`` or ``entity/project/run_id``.
        label: Short name: ``name:v3``, or the run's display name.
        type: Artifact type, or the run's job type.
        state: State of the version or run.
        created_at: When it came to be, aware UTC.
        aliases: Of a version; empty for a run.
        sweep: Id of the sweep that a run is a trial of.
    """

    key: int
    kind: str
    id: str
    label: str
    type: str | None
    state: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    sweep: str | None = None


class StaleUse(msgspec.Struct, frozen=True, gc=False):
    """A run that used a version whose collection has a newer one; keys as in `Node`."""

    run: int
    used: int
    newest: int


class FileUse(msgspec.Struct, frozen=True):
    """A stretch of versions of one collection that hold a file: numbers ``first`` up to but not including ``until``.

    ``until`` is ``None`` while the tip still holds it. ``versions`` are the node keys of the live versions in it.
    """

    collection: str
    first: int
    until: int | None
    versions: tuple[int, ...]
