"""Histories of recorded runs as people ask for them: sampled or whole, in rows or in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

from forebear.api.frames import Values, frame, has
from forebear.api.sampling import Series, sampled_rows
from forebear.errors import InvalidInput
from forebear.records.history import AXES, STEP, WRITER, Stream
from forebear.tracking.history.sparse import Sparse

if TYPE_CHECKING:
    from forebear.records.history import KeyInfo
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store

_STREAMS = {"default": Stream.HISTORY, "history": Stream.HISTORY, "system": Stream.SYSTEM, "events": Stream.SYSTEM}


class HistoryTable:
    """Columns of equal length, one row a step; ``None`` where a row has no value."""

    def __init__(self, columns: Mapping[str, Values], total: int | None = None) -> None:
        """Hold columns; ``total`` is how many rows there are, where these are some of them."""
        self.columns = dict(columns)
        self.total = len(self) if total is None else total

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary a row, with the values that are there."""
        names = list(self.columns)
        return [
            {name: value for name, value in zip(names, values, strict=True) if value is not None}
            for values in zip(*self.columns.values(), strict=True)
        ]

    def taken(self, rows: Sequence[int]) -> HistoryTable:
        """Return some of its rows."""
        if len(rows) == len(self):
            return self
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return HistoryTable(columns, self.total)


def stream_of(name: str) -> Stream:
    """Return the stream that a word means.

    Raises:
        InvalidInput: there is no such stream.
    """
    if name not in _STREAMS:
        raise InvalidInput(f"there is no stream {name!r}; there are default and system", code="unknown-stream")
    return _STREAMS[name]


def scan(
    store: Store,
    run: RunRecord,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    stream: Stream = Stream.HISTORY,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a history in the order of steps; with ``keys``, those that have all of them, and only those."""
    from forebear.tracking.history.reading import read_rows  # 9 ms that listing runs is spared

    rows = read_rows(store, run, keys=keys, stream=stream, min_step=min_step, max_step=max_step)
    if not keys:
        yield from rows
        return
    names = [keys] if isinstance(keys, str) else list(dict.fromkeys(keys))
    for row in rows:
        # Without a key that is no axis, rows are not chosen by their keys, and an axis that is missing is in none.
        yield {name: row[name] for name in names if name in row}


def whole(
    store: Store,
    run: RunRecord,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    stream: Stream = Stream.HISTORY,
    axes: Sequence[str] = AXES,
) -> HistoryTable:
    """Return a history in columns, ``axes`` first; with ``keys``, the rows that have one of them.

    Cost: no dictionary a row; 100,000 values of one metric take about 10 ms.
    """
    from forebear.tracking.history.reading import read_columns  # as above

    columns = read_columns(store, run, keys=keys, stream=stream, min_step=min_step, max_step=max_step, axes=axes)
    if WRITER not in columns and STEP in columns:
        columns[STEP] = _counted(columns[STEP])
    return HistoryTable(columns)


def _counted(steps: Values) -> Values:
    """Return steps, which rise, as a range where none is left out: a table of pandas takes that in no time."""
    if len(steps) and steps[-1] - steps[0] == len(steps) - 1:
        return range(steps[0], steps[-1] + 1)
    return steps


def sampled(
    store: Store,
    run: RunRecord,
    samples: int,
    keys: Sequence[str] | None = None,
    x_axis: str = STEP,
    stream: Stream = Stream.HISTORY,
) -> HistoryTable:
    """Return a history of about ``samples`` rows, in the order of ``x_axis``; see `RecordedRun.history`.

    Raises:
        InvalidInput: ``samples`` is below 1.
    """
    if samples < 1:
        raise InvalidInput(f"samples={samples}: at least one row is returned", code="invalid-input")
    return thinned(arranged(store, run, keys, x_axis, stream), samples, x_axis)


def arranged(
    store: Store,
    run: RunRecord,
    keys: Sequence[str] | None = None,
    x_axis: str = STEP,
    stream: Stream = Stream.HISTORY,
    min_step: int | None = None,
    max_step: int | None = None,
) -> HistoryTable:
    """Return a whole history in the order of ``x_axis``, which is its first column; rows without it are left out."""
    chosen = [keys] if isinstance(keys, str) else list(keys or ())
    asked = [key for key in dict.fromkeys([*chosen, x_axis]) if key not in AXES] if chosen else None
    axes = [name for name in AXES if not chosen or name in (*chosen, x_axis, WRITER)]
    table = _ordered(whole(store, run, asked or None, min_step, max_step, stream, axes), x_axis)
    shown = _shown(table.columns, chosen, x_axis)
    return HistoryTable({name: table.columns[name] for name in shown if name in table.columns})


def thinned(table: HistoryTable, samples: int, x_axis: str = STEP) -> HistoryTable:
    """Return about ``samples`` rows of a history, the smallest and largest values among them."""
    series = [_series(values) for name, values in table.columns.items() if name not in AXES and name != x_axis]
    return table.taken(sampled_rows(len(table), series, samples))


def _shown(there: Iterable[str], keys: Sequence[str], x_axis: str) -> list[str]:
    """Return the names of columns to return, in their order; those that are not there are passed over later."""
    if keys:
        return list(dict.fromkeys([x_axis, *keys, WRITER]))
    return list(dict.fromkeys([x_axis, *sorted(name for name in there if name not in AXES), *AXES]))


def _ordered(table: HistoryTable, x_axis: str) -> HistoryTable:
    """Return the rows that have a value of ``x_axis``, in the order of those."""
    if x_axis in AXES:
        return table  # steps, runtimes and times of rows ascend together, unless a step was logged late
    values = table.columns.get(x_axis, [])
    rows = [row for row, value in enumerate(values) if isinstance(value, (int, float)) and value == value]
    rows.sort(key=lambda row: values[row])
    return HistoryTable({name: [column[row] for row in rows] for name, column in table.columns.items()})


def _series(values: Values) -> Series:
    if isinstance(values, Sparse):
        return Series(values.rows, values.values)
    there = [value is not None for value in values] if isinstance(values, list) else None
    if there is None or all(there):
        return Series(range(len(values)), values)
    return Series(list(compress(range(len(values)), there)), list(compress(values, there)))


def keys(store: Store, run: RunRecord, stream: Stream = Stream.HISTORY) -> list[str]:
    """Return the keys of a history, sorted."""
    return sorted(info.key for info in _infos(store, run, stream))


def last_step(store: Store, run: RunRecord) -> int:
    """Return the largest step of a run's history; -1 where it has none."""
    return max((info.last_step for info in _infos(store, run, Stream.HISTORY)), default=-1)


def _infos(store: Store, run: RunRecord, stream: Stream) -> list[KeyInfo]:
    from forebear.tracking.history.reading import keys_of  # as above

    return [info for info in keys_of(store, run) if info.stream is stream]


# -- as tables --------------------------------------------------------------------------------------------------------


def has_pandas() -> bool:
    """Whether a DataFrame of pandas can be made here."""
    return has("pandas")


def as_frame(table: HistoryTable, kind: str) -> Any:
    """Return a history as a table of pandas, polars or Arrow."""
    return frame(table.columns, kind)


def stacked(tables: Iterable[tuple[str, HistoryTable]]) -> dict[str, Values]:
    """Return the columns of several histories below one another, the id of the run first."""
    pairs = list(tables)
    names = dict.fromkeys(name for _, table in pairs for name in table.columns)
    columns: dict[str, Values] = {"run_id": [run_id for run_id, table in pairs for _ in range(len(table))]}
    for name in names:
        columns[name] = [
            value for _, table in pairs for value in table.columns.get(name, [None] * len(table))
        ]  # fmt: skip
    return columns
