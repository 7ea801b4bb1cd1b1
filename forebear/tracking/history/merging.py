"""Merging small blocks into larger ones, so that a run that logged slowly reads as fast as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.tracking.history.blocks import (
    BLOCK_VALUES,
    MANY_SETS,
    MIXED_ROWS,
    RARE_ROWS,
    MixedRow,
    Origin,
    build_block,
    is_mixed,
    mixed_blocks,
    rows_in_block,
)
from forebear.tracking.history.columns import Axis, Packer, Unpacker, joined
from forebear.tracking.history.sparse import pairs_of
from forebear.tracking.working import no_pause

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.records.history import HistoryBlock, Stream
    from forebear.tracking.journal.frames import Session

#: Values that are looked at in one go, about: their blocks are in memory together.
_WINDOW_VALUES = BLOCK_VALUES
#: What stands for the set of keys of a mixed block.
_MIXED = 0


class _Span(NamedTuple):
    """Where a block lies, how many values it has, whether it has few rows, and values in large blocks before it."""

    first: int
    last: int
    values: int
    rare: bool
    passed: int


class SmallBlocks:
    """The blocks that a recorder wrote and that are worth merging: where they lie, not what they hold."""

    def __init__(self) -> None:
        #: By stream and set of keys.
        self._spans: dict[tuple[Stream, int], list[_Span]] = {}
        #: Sets of which there is one block alone, of few rows; blocks of sets of which there are several.
        self._lone = self._alike = 0
        #: Values in blocks too large to be merged, by stream.
        self._passed: dict[Stream, int] = {}

    @property
    def count(self) -> int:
        """Blocks that can be merged: with another of the same keys, or because there are so many of all kinds."""
        return self._alike + (self._lone if self._lone >= MANY_SETS else 0)

    def note(self, blocks: Iterable[HistoryBlock]) -> None:
        """Remember those of new blocks that are less than half full."""
        for block in blocks:
            mixed = is_mixed(block)
            values = len(block.columns) if mixed else block.rows * max(1, len(block.columns))
            passed = self._passed.get(block.stream, 0)
            if not _is_small(block):
                self._passed[block.stream] = passed + values
                continue
            name = (block.stream, _MIXED if mixed else hash(frozenset(block.columns)))
            spans = self._spans.setdefault(name, [])
            spans.append(_Span(block.first_step, block.last_step, values, block.rows < RARE_ROWS, passed))
            if len(spans) == 1:
                self._lone += spans[0].rare
            else:
                self._lone -= spans[0].rare if len(spans) == 2 else 0
                self._alike += 2 if len(spans) == 2 else 1

    def merge(self, catalog: Catalog, run_key: int, session: Session, pause: Callable[[], None] = no_pause) -> None:
        """Merge what was noted, window by window; what is small still counts as noted.

        Cost: reads and writes what the small blocks hold, and large ones that lie between them; memory of one window.
        """
        noted, many = self._spans, self._lone >= MANY_SETS
        self._spans, self._alike, self._lone = {}, 0, 0
        origin = Origin.of(session)
        streams: dict[Stream, list[_Span]] = {}
        for name, spans in noted.items():
            if len(spans) > 1 or (many and spans[0].rare):
                streams.setdefault(name[0], []).extend(spans)
            else:
                self._spans[name] = spans
                self._lone += spans[0].rare
        for stream, spans in streams.items():
            for first, last in _windows(spans):
                merge_window(catalog, run_key, origin, stream, first, last, pause, self)


def _windows(spans: list[_Span]) -> Iterator[tuple[int, int]]:
    """Yield first and last step of stretches that hold about as many values as may be looked at together.

    What lies in large blocks between small ones counts, because it is read with them: without that, one small block at
    the begin of a long run and one at its end would bring all of it into memory.
    """
    held: list[_Span] = []
    values = 0
    for span in sorted(spans):
        between = abs(span.passed - held[-1].passed) if held else 0
        if held and values + between + span.values > _WINDOW_VALUES:
            if len(held) > 1:
                yield held[0].first, max(one.last for one in held)
            held, values, between = [], 0, 0
        held.append(span)
        values += between + span.values
    if len(held) > 1:
        yield held[0].first, max(one.last for one in held)


def merge_window(
    catalog: Catalog,
    run_key: int,
    origin: Origin,
    stream: Stream,
    first: int,
    last: int,
    pause: Callable[[], None],
    noted: SmallBlocks,
) -> None:
    """Merge the small blocks of one writer between two steps, and note those that are small still."""
    view = catalog.history(run_key, branch=origin.branch, stream=stream, min_step=first, max_step=last + 1)
    mine = [block for block in view.blocks if (block.writer, block.time_base) == (origin.writer, origin.time_base)]
    alike, mixed = _sorted_out(mine)
    for some in _shares(mixed, MIXED_ROWS):
        _replace(catalog, run_key, some, merge_mixed(some, origin, pause), noted)
    for keys, blocks in alike.items():
        for some in _shares(blocks, rows_in_block(len(keys))):
            _replace(catalog, run_key, some, [merge_blocks(some, origin, pause)], noted)


def _sorted_out(blocks: Iterable[HistoryBlock]) -> tuple[dict[tuple[str, ...], list[HistoryBlock]], list[HistoryBlock]]:
    """Return blocks by their keys, and those that are, or should be, mixed: see `blocks.RARE_ROWS`."""
    alike: dict[tuple[str, ...], list[HistoryBlock]] = {}
    mixed: list[HistoryBlock] = []
    for block in blocks:
        if is_mixed(block):
            mixed.append(block)
        else:
            alike.setdefault(tuple(sorted(block.columns)), []).append(block)
    rare = [keys for keys, some in alike.items() if sum(block.rows for block in some) < RARE_ROWS]
    if len(rare) >= MANY_SETS:
        mixed += [block for keys in rare for block in alike.pop(keys)]
        mixed.sort(key=lambda block: block.first_seq)
    return alike, mixed


def _replace(
    catalog: Catalog, run_key: int, old: list[HistoryBlock], new: list[HistoryBlock], noted: SmallBlocks
) -> None:
    if catalog.replace_blocks(run_key, [block.id for block in old], new):
        noted.note(new)


def _is_small(block: HistoryBlock) -> bool:
    if is_mixed(block):
        return block.rows * 2 < MIXED_ROWS and len(block.columns) * 2 < BLOCK_VALUES
    return block.rows * 2 < rows_in_block(len(block.columns))


def _shares(blocks: list[HistoryBlock], most: int) -> Iterator[list[HistoryBlock]]:
    """Yield stretches of small blocks that make one block together: two or more, ``most`` rows at most.

    Large blocks between them stay between them: blocks that follow one another are read faster than others.
    """
    share: list[HistoryBlock] = []
    rows = 0
    for block in blocks:
        small = _is_small(block)
        if not small or rows + block.rows > most:
            if len(share) > 1:
                yield share
            share, rows = [], 0
        if small:
            share.append(block)
            rows += block.rows
    if len(share) > 1:
        yield share


def merge_blocks(blocks: Sequence[HistoryBlock], origin: Origin, pause: Callable[[], None] = no_pause) -> HistoryBlock:
    """Return blocks of one writer with the same keys, given in the order of their writing, as one."""
    unpacker = Unpacker()
    axes = [unpacker.axis(block.axis, block.rows) for block in blocks]
    lines = [
        list(chain.from_iterable(line)) for line in zip(*((a.seqs, a.steps, a.runtimes) for a in axes), strict=True)
    ]
    # Of sets of keys that differ in their order alone, rows lie between one another.
    in_order = all(map(lt, lines[0], islice(lines[0], 1, None)))
    order = [] if in_order else sorted(range(len(lines[0])), key=lines[0].__getitem__)

    def columns() -> Iterator[tuple[str, Sequence[Any]]]:
        for key in blocks[0].columns:
            values = joined([unpacker.column(block.columns[key], block.rows) for block in blocks])
            yield key, values if in_order else [values[row] for row in order]

    axis = Axis(*(line if in_order else [line[row] for row in order] for line in lines))
    return build_block(Packer(), origin, blocks[0].stream, axis, columns(), pause)


def merge_mixed(
    blocks: Sequence[HistoryBlock], origin: Origin, pause: Callable[[], None] = no_pause
) -> list[HistoryBlock]:
    """Return blocks of one writer whose keys differ as mixed ones."""
    unpacker = Unpacker()
    entries: list[MixedRow] = []
    for block in blocks:
        axis = unpacker.axis(block.axis, block.rows)
        keys: list[list[str]] = [[] for _ in range(block.rows)]
        values: list[list[Any]] = [[] for _ in range(block.rows)]
        for key, column in block.columns.items():
            for row, value in pairs_of(unpacker.column(column, block.rows)):
                keys[row].append(key)
                values[row].append(value)
            pause()
        entries += map(MixedRow, axis.seqs, axis.steps, axis.runtimes, keys, values)
    entries.sort(key=itemgetter(0))
    return list(mixed_blocks(Packer(), origin, blocks[0].stream, entries, pause))
