"""Joining blocks into one table: a row a step, later writes over earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice, repeat
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.tracking.history.columns import Axis, StoredAxis, Unpacker, joined
from forebear.tracking.history.sparse import MISSING, Sparse, pairs_of

if TYPE_CHECKING:
    from forebear.records.history import HistoryBlock


Values = Sequence[Any]
#: A column with fewer values than one in so many rows is `Sparse` where a table has more places than this.
_SPARSE_ROWS, _MANY_PLACES = 8, 4_000_000


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
        columns: By key; `MISSING` where a row has no value. Those that have hardly any, of many, are `Sparse`.
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
        inside = low <= block.first_step and block.last_step < high
        rows = _rows_with_values(columns, block.rows) if keys is not None else range(block.rows)
        if not inside:
            rows = [row for row in rows if low <= axis.steps[row] < high]
        if len(rows) < block.rows:
            axis, columns = _some_rows(axis, columns, rows)
        if axis.steps:
            found.append(Part(block.writer, block.time_base, axis, columns))
    return found


def _rows_with_values(columns: Mapping[str, Values], size: int) -> Sequence[int]:
    """Return the rows that have a value of one of the columns, ascending."""
    sparse = [values.rows for values in columns.values() if isinstance(values, Sparse)]
    if len(sparse) < len(columns):
        return range(size)
    return sparse[0] if len(sparse) == 1 else sorted(set(chain.from_iterable(sparse)))


def _some_rows(
    axis: Axis | StoredAxis, columns: Mapping[str, Values], rows: Sequence[int]
) -> tuple[Axis, dict[str, Values]]:
    lines = (axis.seqs, axis.steps, axis.runtimes)
    places = {row: place for place, row in enumerate(rows)}
    taken: dict[str, Values] = {}
    for name, values in columns.items():
        if not isinstance(values, Sparse):
            taken[name] = [values[row] for row in rows]
        elif (some := values.taken(places)).rows:
            taken[name] = some
    return Axis(*([line[row] for row in rows] for line in lines)), taken


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
    steps = list(chain.from_iterable(part.axis.steps for part in parts))
    runtimes = list(chain.from_iterable(part.axis.runtimes for part in parts))
    bases: int | list[int] = parts[0].time_base if parts else 0
    if any(part.time_base != bases for part in parts):
        bases = list(chain.from_iterable(repeat(part.time_base, len(part.axis.steps)) for part in parts))
    offsets = list(accumulate((len(part.axis.steps) for part in parts), initial=0))
    having = _by_key(parts)
    columns = {key: _strung_column(places, parts, offsets, len(having)) for key, places in having.items()}
    writers = [parts[0].writer] * len(steps) if parts and parts[0].writer else None
    return Table(steps, runtimes, bases, writers, columns)


def _by_key(parts: Sequence[Part]) -> dict[str, list[tuple[int, Values]]]:
    """Return for each key the parts that have it, and its values there."""
    found: dict[str, list[tuple[int, Values]]] = {}
    for number, part in enumerate(parts):
        for key, values in part.columns.items():
            found.setdefault(key, []).append((number, values))
    return found


def _strung_column(
    places: list[tuple[int, Values]], parts: Sequence[Part], offsets: Sequence[int], columns: int
) -> Values:
    size = offsets[-1]
    if len(places) == len(parts) and not any(isinstance(values, Sparse) for _, values in places):
        return joined([values for _, values in places])
    if _is_sparse(_count(places), size, columns):
        pairs = ((offsets[number] + row, value) for number, values in places for row, value in pairs_of(values))
        return _sparse(pairs, size)
    dense: list[Any] = [MISSING] * size
    for number, values in places:
        first = offsets[number]
        if isinstance(values, Sparse):
            for row, value in pairs_of(values):
                dense[first + row] = value
        else:
            dense[first : first + len(values)] = values
    return dense


def _count(places: Iterable[tuple[int, Values]]) -> int:
    return sum(len(values.rows) if isinstance(values, Sparse) else len(values) for _, values in places)


def _is_sparse(count: int, size: int, columns: int) -> bool:
    """Whether a column of ``count`` values is better off without a place for each row of its table."""
    return count * _SPARSE_ROWS < size and size * columns > _MANY_PLACES


def _sparse(pairs: Iterable[tuple[int, Any]], size: int) -> Sparse:
    rows, values = zip(*pairs, strict=True)
    return Sparse(rows, values, size)


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
    having = _by_key(parts)
    columns = {key: _merged_column(places, parts, rows, size, len(having)) for key, places in having.items()}
    return Table(steps, runtimes, bases, writers if any(writers) else None, columns)


def _places(part: Part, by_step: bool, several: bool) -> Iterable[Any]:
    """Return what tells the rows of a table apart, for each row of a part."""
    names = part.axis.steps if by_step else part.axis.seqs
    return [(name, part.writer) for name in names] if several else names


def _merged_column(
    places: list[tuple[int, Values]], parts: Sequence[Part], rows: list[list[int]], size: int, columns: int
) -> Values:
    few = _is_sparse(_count(places), size, columns)
    found: Any = {} if few else [MISSING] * size
    newest: Any = {} if few else [-1] * size
    for number, values in places:
        where, seqs = rows[number], parts[number].axis.seqs
        for inner, value in pairs_of(values):
            row, seq = where[inner], seqs[inner]
            if seq >= (newest.get(row, seq) if few else newest[row]):
                newest[row], found[row] = seq, value
    return _sparse(sorted(found.items(), key=itemgetter(0)), size) if few else found


def rows_of(table: Table, axes: Mapping[str, Values], wanted: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield one dictionary a row: its axes, and the values that it has; with ``wanted``, only rows that have all."""
    if any(isinstance(values, Sparse) for values in table.columns.values()):
        yield from _filled_rows(table, axes, wanted)
        return
    names = [*axes, *table.columns]
    if wanted is not None and not set(wanted) <= table.columns.keys():
        return
    for values in zip(*axes.values(), *table.columns.values(), strict=True):
        if MISSING not in values:
            yield dict(zip(names, values, strict=True))
        elif wanted is None:
            yield {name: value for name, value in zip(names, values, strict=True) if value is not MISSING}


def _filled_rows(table: Table, axes: Mapping[str, Values], wanted: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """Yield rows as `rows_of` does. Cost: time and memory of the values that there are, not of all places."""
    rows: list[dict[str, Any]] = [{} for _ in table.steps]
    for key, column in (*axes.items(), *table.columns.items()):
        for row, value in pairs_of(column):
            if value is not MISSING:
                rows[row][key] = value
    for filled in rows:
        if wanted is None or all(key in filled for key in wanted):
            yield filled
