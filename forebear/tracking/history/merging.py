"""Merging small blocks into larger ones, so that a run that logged slowly reads as fast as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import lt
from typing import TYPE_CHECKING, Any

from forebear.tracking.history.blocks import BLOCK_VALUES, Origin, build_block, rows_in_block
from forebear.tracking.history.columns import Axis, Packer, Unpacker, joined
from forebear.tracking.working import no_pause

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.records.history import HistoryBlock, Stream
    from forebear.tracking.journal.frames import Session

#: Values that are looked at in one go, about: their blocks are in memory together.
_WINDOW_VALUES = BLOCK_VALUES
#: Sets of keys that are remembered because another block of theirs may come.
_MOST_SETS = 4_096


#: First step, last step and values of a block.
_Span = tuple[int, int, int]


class SmallBlocks:
    """The blocks that a recorder wrote and that are worth merging: where they lie, not what they hold."""

    def __init__(self) -> None:
        #: By stream and set of keys.
        self._spans: dict[tuple[Stream, int], list[_Span]] = {}
        #: Blocks that have another of the same keys to be merged with.
        self.count = 0

    def note(self, blocks: Iterable[HistoryBlock]) -> None:
        """Remember those of new blocks that are less than half full."""
        for block in blocks:
            if _is_small(block):
                name = (block.stream, hash(frozenset(block.columns)))
                spans = self._spans.setdefault(name, [])
                spans.append((block.first_step, block.last_step, block.rows * max(1, len(block.columns))))
                self.count += 1 if len(spans) > 2 else 2 * (len(spans) == 2)
        if len(self._spans) > _MOST_SETS:
            # So many sets of keys do not come again; a run may have one for each row.
            self._spans = {name: spans for name, spans in self._spans.items() if len(spans) > 1}

    def merge(self, catalog: Catalog, run_key: int, session: Session, pause: Callable[[], None] = no_pause) -> None:
        """Merge what was noted, window by window; what is small still counts as noted.

        Cost: reads and writes what the small blocks hold, and large ones that lie between them; memory of one window.
        """
        noted, self._spans, self.count = self._spans, {}, 0
        origin = Origin.of(session)
        streams: dict[Stream, list[_Span]] = {}
        for name, spans in noted.items():
            if len(spans) > 1:
                streams.setdefault(name[0], []).extend(spans)
            else:
                self._spans[name] = spans
        for stream, spans in streams.items():
            for first, last in _windows(spans):
                merge_window(catalog, run_key, origin, stream, first, last, pause, self)


def _windows(spans: list[_Span]) -> Iterator[tuple[int, int]]:
    """Yield first and last step of stretches that hold about as many values as may be looked at together."""
    held: list[_Span] = []
    values = 0
    for span in sorted(spans):
        if held and values + span[2] > _WINDOW_VALUES:
            yield held[0][0], max(last for _, last, _ in held)
            held, values = [], 0
        held.append(span)
        values += span[2]
    if len(held) > 1:
        yield held[0][0], max(last for _, last, _ in held)


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
    alike: dict[tuple[str, ...], list[HistoryBlock]] = {}
    for block in view.blocks:
        if (block.writer, block.time_base) == (origin.writer, origin.time_base):
            alike.setdefault(tuple(sorted(block.columns)), []).append(block)
    for keys, blocks in alike.items():
        for some in _shares(blocks, rows_in_block(len(keys))):
            merged = merge_blocks(some, origin, pause)
            if catalog.replace_blocks(run_key, [block.id for block in some], [merged]):
                noted.note([merged])


def _is_small(block: HistoryBlock) -> bool:
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
