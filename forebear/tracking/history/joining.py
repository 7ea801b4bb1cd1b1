"""Joining blocks into one table: a row a step, later writes over earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import lt
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.tracking.history.columns import Axis, StoredAxis, Unpacker, joined

if TYPE_CHECKING:
    from forebear.records.history import HistoryBlock


class Missing:
    """Stands where a row has no value of a key."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
Values = Sequence[Any]


class Part(NamedTuple):
    """Rows of a block that are wanted."""

    writer: str
    time_base: int
    axis: Axis | StoredAxis
    columns: dict[str, Values]


class Table(NamedTuple):
    """Rows in their order: step and runtime (microseconds) of each, and columns.

    Attributes:
        time_bases: Microseconds since 1970 that runtime 0 stands for: one number, or one for each row.
        writers: Label of the writer of each row; ``None`` where there is one alone.
        columns: By key; `MISSING` where a row has no value.
    """

    steps: Values
    runtimes: Values
    time_bases: int | Sequence[int]
    writers: list[str] | None
    columns: dict[str, Values]


def parts_of(
    blocks: Iterable[HistoryBlock],
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> list[Part]:
    """Return the rows of blocks between two steps (the second is out), in the order of their first sequence number.

    Args:
        keys: Only blocks that have one of them, and only those columns.

    Raises:
        CorruptData: a block is damaged.
    """
    unpacker = Unpacker()
    found = []
    for block in sorted(blocks, key=lambda block: block.first_seq):
        names = list(block.columns) if keys is None else [key for key in keys if key in block.columns]
        if not names and keys is not None:
            continue
        axis: Axis | StoredAxis = unpacker.axis(block.axis, block.rows)
        columns = {name: unpacker.column(block.columns[name], block.rows) for name in names}
        low = block.first_step if min_step is None else min_step
        high = block.last_step + 1 if max_step is None else max_step
        if low > block.first_step or high <= block.last_step:
            rows = [row for row, step in enumerate(axis.steps) if low <= step < high]
            lines = (axis.seqs, axis.steps, axis.runtimes)
            axis = Axis(*([line[row] for row in rows] for line in lines))
            columns = {name: [values[row] for row in rows] for name, values in columns.items()}
        if axis.steps:
            found.append(Part(block.writer, block.time_base, axis, columns))
    return found


def join(parts: Sequence[Part], *, by_step: bool = True) -> Table:
    """Return the rows of all parts as one table.

    Args:
        by_step: Rows of one writer that have the same step are one row, and rows are in the order of steps; else each
            row stays as it is, in the order of time.

    Cost: that of copying where parts follow one another, as those of a run with one set of keys do.
    """
    if by_step and (ordered := _following(parts)) is not None:
        return _strung(ordered)
    return _merged(parts, by_step)


def _following(parts: Sequence[Part]) -> list[Part] | None:
    """Return the parts in the order of their steps if they have one writer and no two rows share a step."""
    ordered = sorted(parts, key=lambda part: part.axis.steps[0])
    last: int | None = None
    for part in ordered:
        steps = part.axis.steps
        if (last is not None and steps[0] <= last) or part.writer != ordered[0].writer or not _rise(steps):
            return None
        last = steps[-1]
    return ordered


def _rise(steps: Sequence[int]) -> bool:
    if isinstance(steps, range):
        return steps.step > 0
    return all(map(lt, steps, islice(steps, 1, None)))


def _strung(parts: Sequence[Part]) -> Table:
    """Join parts that follow one another."""
    keys = dict.fromkeys(key for part in parts for key in part.columns)
    steps = list(chain.from_iterable(part.axis.steps for part in parts))
    runtimes = list(chain.from_iterable(part.axis.runtimes for part in parts))
    bases: int | list[int] = parts[0].time_base if parts else 0
    if any(part.time_base != bases for part in parts):
        bases = list(chain.from_iterable(repeat(part.time_base, len(part.axis.steps)) for part in parts))
    columns = {
        key: joined([part.columns.get(key) or [MISSING] * len(part.axis.steps) for part in parts]) for key in keys
    }
    writers = [parts[0].writer] * len(steps) if parts and parts[0].writer else None
    return Table(steps, runtimes, bases, writers, columns)


def _merged(parts: Sequence[Part], by_step: bool) -> Table:
    """Join parts whose rows lie between one another."""
    several = len({part.writer for part in parts}) > 1
    places = [list(_places(part, by_step, several)) for part in parts]
    if by_step:
        order = sorted(set(chain.from_iterable(places)))
    else:
        moments = {
            place: part.time_base + runtime
            for part, names in zip(parts, places, strict=True)
            for place, runtime in zip(names, part.axis.runtimes, strict=True)
        }
        order = sorted(moments, key=lambda place: (moments[place], place))
    position = {place: row for row, place in enumerate(order)}
    rows = [[position[place] for place in names] for names in places]
    size = len(order)
    newest = [-1] * size
    steps, runtimes, bases = [0] * size, [0] * size, [0] * size
    writers = [""] * size
    for part, where in zip(parts, rows, strict=True):
        axis = part.axis
        for row, seq, step, runtime in zip(where, axis.seqs, axis.steps, axis.runtimes, strict=True):
            if seq >= newest[row]:
                newest[row], steps[row], runtimes[row] = seq, step, runtime
                bases[row], writers[row] = part.time_base, part.writer
    columns = {key: _column(key, parts, rows, size) for key in dict.fromkeys(k for part in parts for k in part.columns)}
    return Table(steps, runtimes, bases, writers if any(writers) else None, columns)


def _places(part: Part, by_step: bool, several: bool) -> Iterable[Any]:
    """Return what tells the rows of a table apart, for each row of a part."""
    names = part.axis.steps if by_step else part.axis.seqs
    return [(name, part.writer) for name in names] if several else names


def _column(key: str, parts: Sequence[Part], rows: list[list[int]], size: int) -> Values:
    values: list[Any] = [MISSING] * size
    having = [(part, where) for part, where in zip(parts, rows, strict=True) if key in part.columns]
    newest = [-1] * size if len(having) > 1 else None
    for part, where in having:
        if newest is None:
            for row, value in zip(where, part.columns[key], strict=True):
                values[row] = value
            continue
        for row, seq, value in zip(where, part.axis.seqs, part.columns[key], strict=True):
            if seq >= newest[row]:
                newest[row], values[row] = seq, value
    return values


def rows_of(table: Table, axes: Mapping[str, Values], wanted: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield one dictionary a row: its axes, and the values that it has; with ``wanted``, only rows that have all."""
    names = [*axes, *table.columns]
    if wanted is not None and not set(wanted) <= table.columns.keys():
        return
    for values in zip(*axes.values(), *table.columns.values(), strict=True):
        if MISSING not in values:
            yield dict(zip(names, values, strict=True))
        elif wanted is None:
            yield {name: value for name, value in zip(names, values, strict=True) if value is not MISSING}
