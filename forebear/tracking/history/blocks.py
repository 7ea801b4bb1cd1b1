"""From rows to blocks: the rows of one set of keys are turned on their side, column by column.

Where a run uses a great many sets of keys, those that hardly ever come share *mixed* blocks: there a column says which
rows it has values for, so that a million keys that came once are not a million blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.records.history import HistoryBlock, Stream
from forebear.tracking.history.columns import Axis, Kind, Packer
from forebear.tracking.history.sparse import Sparse
from forebear.tracking.working import no_pause

if TYPE_CHECKING:
    from forebear.tracking.journal.frames import Session
    from forebear.tracking.journal.reader import Rows

#: Rows and values of one block; larger ones save little, and are read whole for one step.
BLOCK_ROWS = 16_384
BLOCK_VALUES = 1 << 18
#: Sets of keys of fewer rows are rare; where there are so many rare ones at once, they share mixed blocks.
RARE_ROWS, MANY_SETS = 16, 64
#: Rows of one mixed block: whoever reads one key of it reads the axis of all.
MIXED_ROWS = 4_096
#: Places in a row of a journal: its steps, its runtimes, its first value.
_STEP, _RUNTIME, _VALUE = 1, 2, 3


class Origin(NamedTuple):
    """What all blocks of one writer share; see `HistoryBlock`."""

    branch: int
    writer: str
    time_base: int

    @classmethod
    def of(cls, session: Session) -> Origin:
        """Return the origin of what a session writes."""
        return cls(session.branch, session.writer, session.time_base)


class RowBuffer:
    """Rows that wait to become blocks, by stream and set of keys."""

    def __init__(self) -> None:
        self._sets: dict[tuple[bool, tuple[str, ...]], tuple[list[int], list[list[Any]]]] = {}
        #: All rows that wait, and the most of one set.
        self.rows = self.most = 0

    def __bool__(self) -> bool:
        return bool(self._sets)

    @property
    def sets(self) -> int:
        """How many sets of keys wait."""
        return len(self._sets)

    def add(self, group: Rows) -> None:
        """Take in rows that were written later than those before."""
        seqs, rows = self._sets.setdefault((group.system, group.keys), ([], []))
        seqs += group.seqs
        rows += group.rows
        self.rows += len(group.rows)
        self.most = max(self.most, len(rows))

    def take(self, origin: Origin, pause: Callable[[], None] = no_pause) -> list[HistoryBlock]:
        """Return everything as blocks, and be empty.

        Args:
            pause: Called between columns, so that this thread does not keep the interpreter for long.
        """
        packer = Packer()
        blocks = self._take_rare(packer, origin, pause)
        for (system, keys), (seqs, rows) in self._sets.items():
            shares = max(1, round(len(rows) / rows_in_block(len(keys))))
            size = -(-len(rows) // shares)
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                axis = Axis(
                    seqs[start : start + size],
                    list(map(itemgetter(_STEP), some)),
                    list(map(itemgetter(_RUNTIME), some)),
                )
                stream = Stream.SYSTEM if system else Stream.HISTORY
                blocks.append(build_block(packer, origin, stream, axis, _turned(keys, some), pause))
        self._sets = {}
        self.rows = self.most = 0
        return blocks

    def _take_rare(self, packer: Packer, origin: Origin, pause: Callable[[], None]) -> list[HistoryBlock]:
        """Take out the sets of keys that are rare, if they are many."""
        blocks: list[HistoryBlock] = []
        for system in (False, True):
            rare = [name for name, (_, rows) in self._sets.items() if name[0] is system and len(rows) < RARE_ROWS]
            if len(rare) < MANY_SETS:
                continue
            entries: list[MixedRow] = []
            for name in rare:
                seqs, rows = self._sets.pop(name)
                entries += [
                    MixedRow(seq, row[_STEP], row[_RUNTIME], name[1], row[_VALUE:])
                    for seq, row in zip(seqs, rows, strict=True)
                ]
            entries.sort(key=itemgetter(0))
            blocks += mixed_blocks(packer, origin, Stream.SYSTEM if system else Stream.HISTORY, entries, pause)
        return blocks


class MixedRow(NamedTuple):
    """A row of a mixed block: sequence number, step, runtime, its keys and their values."""

    seq: int
    step: int
    runtime: int
    keys: Sequence[str]
    values: Sequence[Any]


def is_mixed(block: HistoryBlock) -> bool:
    """Whether some column of a block that is read whole is of some of its rows alone."""
    return any(column.kind in (Kind.FEW, Kind.SOME) for column in block.columns.values())


def mixed_blocks(
    packer: Packer,
    origin: Origin,
    stream: Stream,
    entries: Sequence[MixedRow],
    pause: Callable[[], None] = no_pause,
) -> Iterator[HistoryBlock]:
    """Yield blocks of rows of many sets of keys, given in the order of their sequence numbers."""
    first = values = 0
    for place, entry in enumerate(entries):
        values += len(entry.keys)
        if place > first and (values > BLOCK_VALUES or place - first >= MIXED_ROWS):
            yield _mixed_block(packer, origin, stream, entries[first:place], pause)
            first, values = place, len(entry.keys)
    yield _mixed_block(packer, origin, stream, entries[first:], pause)


def _mixed_block(
    packer: Packer, origin: Origin, stream: Stream, entries: Sequence[MixedRow], pause: Callable[[], None]
) -> HistoryBlock:
    axis = Axis(
        [entry.seq for entry in entries], [entry.step for entry in entries], [entry.runtime for entry in entries]
    )
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for row, entry in enumerate(entries):
        for key, value in zip(entry.keys, entry.values, strict=True):
            rows, values = found.setdefault(key, ([], []))
            rows.append(row)
            values.append(value)
    columns = (
        (key, values if len(rows) == len(entries) else Sparse(rows, values, len(entries)))
        for key, (rows, values) in found.items()
    )
    return build_block(packer, origin, stream, axis, columns, pause)


def rows_in_block(keys: int) -> int:
    """Return how many rows a full block of so many keys has, about."""
    return max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(1, keys)))


def build_block(
    packer: Packer,
    origin: Origin,
    stream: Stream,
    axis: Axis,
    columns: Iterable[tuple[str, Sequence[Any]]],
    pause: Callable[[], None] = no_pause,
) -> HistoryBlock:
    """Return a block of rows in the order of their sequence numbers; ``columns`` may be made one by one."""
    packed = {}
    for key, values in columns:
        packed[key] = packer.sparse(values, axis.steps) if isinstance(values, Sparse) else packer.column(values)
        pause()
    return HistoryBlock(
        stream=stream,
        branch=origin.branch,
        writer=origin.writer,
        time_base=origin.time_base,
        rows=len(axis.seqs),
        first_seq=axis.seqs[0],
        first_step=min(axis.steps),
        last_step=max(axis.steps),
        axis=packer.axis(axis),
        columns=packed,
    )


def _turned(keys: tuple[str, ...], rows: list[list[Any]]) -> Iterator[tuple[str, list[Any]]]:
    for place, key in enumerate(keys, _VALUE):
        yield key, list(map(itemgetter(place), rows))
