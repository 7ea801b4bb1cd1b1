"""Reading a history back: all branches it goes on from, what the catalog has, and what is only in a journal yet.

Rows are in the order of steps. What one writer wrote for a step is one row, in which later values stand over earlier
ones. Each row has ``_step``, ``_runtime`` (seconds) and ``_timestamp`` (seconds since 1970); where several labelled
processes wrote, also ``_writer``. Rows of the machine (`Stream.SYSTEM`) have no steps, and are in the order of time.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.records.history import AXES, RUNTIME, STEP, TIMESTAMP, WRITER, HistoryBlock, KeyInfo, Stream
from forebear.tracking.history.chain import Segment, chain_of
from forebear.tracking.history.joining import Table, Values, join, parts_of, rows_of
from forebear.tracking.history.live import snapshot
from forebear.tracking.history.sparse import MISSING, Sparse

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store

#: Rows that are in memory at once while a history is read row by row, about.
WINDOW_ROWS = 50_000
#: Values likewise.
_WINDOW_VALUES = 2_000_000


def read_rows(
    store: Store,
    run: RunRecord,
    *,
    keys: Iterable[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    stream: Stream = Stream.HISTORY,
    branch: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a history.

    Args:
        keys: Only rows that have all of them, and only those values.
        min_step: First step.
        max_step: Step before which to stop.
        branch: Branch to read; by default the one that is written now.

    Raises:
        CorruptData: what is stored is damaged.

    Cost: memory of about `WINDOW_ROWS` rows and of what the journals hold; rows written while it goes on may be left
    out.
    """
    history = _History(store, run, branch, stream, _names(keys))
    for low, high in history.windows(min_step, max_step):
        table = history.table(low, high)
        yield from rows_of(table, _axes(table, stream), history.keys)


def read_columns(
    store: Store,
    run: RunRecord,
    *,
    keys: Iterable[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    stream: Stream = Stream.HISTORY,
    branch: int | None = None,
    axes: Collection[str] = AXES,
) -> dict[str, Values]:
    """Return a history in columns of equal length: the axes first, then the keys; ``None`` where a row has no value.

    Args:
        keys: Only rows that have one of them, and only those columns; keys that the history has not are left out.
        axes: Only these of `AXES`; runtimes and times take longer to make than a metric.

    Returns:
        Numbers that are all floats or all integers come as arrays, else lists. See `read_rows` for the rest.

    Cost: no object a value: 100,000 values of one metric take about 15 ms.
    """
    history = _History(store, run, branch, stream, _names(keys))
    table = history.table(min_step, max_step)
    named = {key: table.columns[key] for key in history.keys or sorted(table.columns) if key in table.columns}
    return _axes(table, stream, axes) | {key: _without_marks(values) for key, values in named.items()}


def keys_of(store: Store, run: RunRecord) -> list[KeyInfo]:
    """Return the keys of the history, sorted by key and stream. Cost: as `read_columns`, if the run has branches."""
    found: dict[tuple[str, Stream], KeyInfo] = {}
    chain = chain_of(store, run)
    if len(chain) == 1 and run.branch == 0:
        shot = snapshot(store, run, lambda: store.catalog.history(run.key, keys=()))
        for info in store.catalog.history_keys([run.key]).get(run.key, []):
            _add_info(found, info)
        _add_blocks(found, shot.fresh)
    else:
        for stream in Stream:
            history = _History(store, run, None, stream, None)
            for segment, blocks in history.blocks(None, None):
                _add_blocks(found, blocks, segment.last_step)
    return [found[name] for name in sorted(found)]


def _names(keys: Iterable[str] | None) -> list[str] | None:
    if keys is None:
        return None
    return [key for key in dict.fromkeys([keys] if isinstance(keys, str) else keys) if key not in AXES] or None


def _add_info(found: dict[tuple[str, Stream], KeyInfo], info: KeyInfo) -> None:
    known = found.get((info.key, info.stream), info)
    rows = info.rows if known is info else known.rows + info.rows
    first, last = min(known.first_step, info.first_step), max(known.last_step, info.last_step)
    found[info.key, info.stream] = KeyInfo(info.key, info.stream, rows, first, last)


def _add_blocks(
    found: dict[tuple[str, Stream], KeyInfo], blocks: Iterable[HistoryBlock], last_step: int | None = None
) -> None:
    stop = None if last_step is None else last_step + 1
    for block in blocks:
        for part in parts_of([block], max_step=stop):
            steps = part.axis.steps
            for key, values in part.columns.items():
                theirs = [steps[row] for row in values.rows] if isinstance(values, Sparse) else steps
                _add_info(found, KeyInfo(key, block.stream, len(theirs), min(theirs), max(theirs)))


class _History:
    """One stream of a run, as it is read."""

    def __init__(
        self, store: Store, run: RunRecord, branch: int | None, stream: Stream, keys: list[str] | None
    ) -> None:
        self.keys = keys
        self._store = store
        self._stream = stream
        self._chain = chain_of(store, run, branch)
        #: What only the journals held when they were looked at, by the number of the segment.
        self._fresh: list[list[HistoryBlock]] | None = None

    def windows(self, min_step: int | None, max_step: int | None) -> Iterator[tuple[int | None, int | None]]:
        """Yield ranges of steps that hold about `WINDOW_ROWS` rows, together those that are asked for."""
        infos = [info for infos in self._infos().values() for info in infos if info.stream is self._stream]
        first = min((info.first_step for info in infos), default=0)
        span = max((info.last_step for info in infos), default=first) - first + 1
        values = sum(info.rows for info in infos)
        # Rows of one writer have steps of their own, and each has a value.
        rows = max(max((info.rows for info in infos), default=0), min(values, span)) * len(self._chain)
        share = max(rows / WINDOW_ROWS, values / _WINDOW_VALUES)
        if share <= 1 or self._stream is Stream.SYSTEM:
            yield min_step, max_step
            return
        last = first + span - 1
        width = max(1, int(span / share))
        low = min_step
        for border in range(first + width, last, width):
            if (low is None or border > low) and (max_step is None or border < max_step):
                yield low, border
                low = border
        yield low, max_step

    def _infos(self) -> dict[int, list[KeyInfo]]:
        return self._store.catalog.history_keys({segment.run.key for segment in self._chain}, keys=self.keys)

    def table(self, min_step: int | None, max_step: int | None) -> Table:
        """Return the rows between two steps; the second is out."""
        parts = []
        for segment, blocks in self.blocks(min_step, max_step):
            stop = max_step if segment.last_step is None else _least(max_step, segment.last_step + 1)
            parts += parts_of(blocks, self.keys, min_step, stop)
        parts.sort(key=lambda part: part.axis.seqs[0])
        return join(parts, by_step=self._stream is Stream.HISTORY)

    def blocks(self, min_step: int | None, max_step: int | None) -> Iterator[tuple[Segment, list[HistoryBlock]]]:
        """Yield each segment, and the blocks of it that touch the steps."""
        first_look = self._fresh is None
        fresh = self._fresh if self._fresh is not None else []
        for number, segment in enumerate(self._chain):
            stop = max_step if segment.last_step is None else _least(max_step, segment.last_step + 1)

            def look(segment: Segment = segment, stop: int | None = stop) -> Any:
                return self._store.catalog.history(
                    segment.run.key,
                    branch=segment.branch,
                    stream=self._stream,
                    keys=self.keys,
                    min_step=min_step,
                    max_step=stop,
                )

            if first_look:
                shot = snapshot(self._store, segment.run, look)
                mine = [b for b in shot.fresh if b.branch == segment.branch and b.stream is self._stream]
                fresh.append(mine)
                view = shot.view
            else:
                # Rows that were taken from the journals since stand in both, with the same sequence numbers.
                view, mine = look(), fresh[number]
            yield segment, [*view.blocks, *mine]
        self._fresh = fresh


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _axes(table: Table, stream: Stream, wanted: Collection[str] = AXES) -> dict[str, Values]:
    axes: dict[str, Values] = {}
    if STEP in wanted and stream is not Stream.SYSTEM:
        axes[STEP] = table.steps
    seconds = array("d", [runtime / 1e6 for runtime in table.runtimes]) if {RUNTIME, TIMESTAMP} & {*wanted} else []
    if RUNTIME in wanted:
        axes[RUNTIME] = seconds
    if TIMESTAMP in wanted:
        axes[TIMESTAMP] = array("d", _times(table.time_bases, seconds))
    if WRITER in wanted and table.writers is not None:
        axes[WRITER] = table.writers
    return axes


def _times(bases: int | Sequence[int], seconds: Sequence[float]) -> list[float]:
    # Sums of two rounded numbers are exact to the microsecond, and take half as long as divided sums.
    if isinstance(bases, int):
        base = bases / 1e6
        return [base + second for second in seconds]
    return [base / 1e6 + second for base, second in zip(bases, seconds, strict=True)]


def _without_marks(values: Sequence[Any]) -> Values:
    if isinstance(values, Sparse):
        return values.blanked(None)
    if isinstance(values, array) or MISSING not in values:
        return values
    return [None if value is MISSING else value for value in values]
