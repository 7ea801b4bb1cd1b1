"""Records of a run's history: blocks of rows kept as columns, and what a journal hands to the catalog.

A block holds rows of one writer, as a rule with the same keys. Its axis (sequence, step, runtime) is shared by all its
columns, so a row of 500 values keeps them once. The bytes are made and read by `forebear.tracking.history.columns`; a
catalog does not look into them.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

#: Names of what each row says besides its values: step, seconds since the run began, seconds since 1970, and the label
#: of the process that wrote it where several did.
STEP, RUNTIME, TIMESTAMP, WRITER = "_step", "_runtime", "_timestamp", "_writer"
AXES = (STEP, RUNTIME, TIMESTAMP, WRITER)


class Stream(IntEnum):
    """What a row is about."""

    HISTORY = 0
    """What the run logged."""
    SYSTEM = 1
    """What was measured of the machine; such rows have no steps of their own."""


class Span(NamedTuple):
    """Rows of a block that have a value of a key: how many, and their smallest and largest step."""

    rows: int
    first_step: int
    last_step: int


class Column(msgspec.Struct, frozen=True, gc=False):
    """The values of one key in a block; ``kind`` says how ``data`` is read. ``span`` is of some rows, else of all."""

    kind: int
    data: bytes
    span: Span | None = None


class HistoryBlock(msgspec.Struct, frozen=True):
    """Rows of one writer in the order in which they were written: all have the same keys, or each a few of many.

    Attributes:
        branch: Branch of the run; 0 unless it was rewound.
        writer: Label of the process, such as its rank; empty where there is one alone.
        time_base: Microseconds since 1970 that runtime 0 stands for.
        first_seq: Sequence number of the first row; of two rows with one step the later number wins.
        first_step: Smallest step.
        last_step: Largest step.
        axis: Sequence, step and runtime (microseconds) of each row.
        columns: By key; all keys of a block that is read whole, or only those that were asked for.
        id: Given by the catalog; 0 before.
    """

    stream: Stream
    branch: int
    writer: str
    time_base: int
    rows: int
    first_seq: int
    first_step: int
    last_step: int
    axis: bytes
    columns: dict[str, Column]
    id: int = 0


class RunFile(msgspec.Struct, frozen=True):
    """A file of a run whose bytes are a blob of the store. ``digest`` is 32 raw bytes, ``size`` in bytes."""

    path: str
    digest: bytes
    size: int
    at: datetime


class Branch(msgspec.Struct, frozen=True):
    """Where the history of a run goes on from: steps up to ``fork_step`` of a branch of a run, maybe its own.

    Branch 0 of a run that began by itself has no record.
    """

    number: int
    parent_run: int
    parent_branch: int
    fork_step: int
    at: datetime


class KeyInfo(msgspec.Struct, frozen=True):
    """What is known of one key of a history: its stream, rows that have it, and its smallest and largest step."""

    key: str
    stream: Stream
    rows: int
    first_step: int
    last_step: int


class HistoryBatch(msgspec.Struct, frozen=True):
    """What one journal held from ``start`` to ``end`` (bytes): the catalog takes it whole, once.

    Attributes:
        journal: Name of the journal, unique in the store.
        summary: The whole summary of the run as it stands now; ``None`` leaves it.
        config: Likewise.
        metrics: Definitions of metrics by name, as `forebear.tracking.metrics` encodes them; ``None`` leaves them.
        lost_rows: Rows that no disk would take, to be added to what the run has lost.
    """

    run_key: int
    journal: str
    start: int
    end: int
    blocks: tuple[HistoryBlock, ...] = ()
    files: tuple[RunFile, ...] = ()
    summary: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    lost_rows: int = 0


class HistoryView(msgspec.Struct, frozen=True):
    """A consistent look at what the catalog has of runs' histories: blocks by order of writing, and journal positions.

    Attributes:
        positions: Journal name → bytes of it that ``blocks`` cover already.
    """

    blocks: tuple[HistoryBlock, ...]
    positions: dict[str, int]
