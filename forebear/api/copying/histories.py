"""Histories of runs on their way from one catalog into another: the blocks that are not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from forebear.catalog.port import Catalog
    from forebear.records.history import HistoryBlock

#: Bytes of blocks that are written at a time.
_BYTES_AT_ONCE = 32 * 1024 * 1024


def copy_history(source: Catalog, key: int, target: Catalog, key_there: int) -> None:
    """Let a run of ``target`` have exactly the blocks that a run of ``source`` has.

    Cost: the heads of all blocks, and those whole that are not there. Blocks that were merged into others since are
    replaced by those, at one moment as far as they are not too many.

    Raises:
        NotFound: the run is not there.
    """
    here = {_mark(block): block.id for block in source.history_blocks(key, bare=True)}
    there = {_mark(block): block.id for block in target.history_blocks(key_there, bare=True)}
    fresh = source.history_blocks(key, ids=[here[mark] for mark in here.keys() - there.keys()])
    old = [there[mark] for mark in there.keys() - here.keys()]
    batches = _batches(fresh)
    first = next(batches, [])
    second = next(batches, None)
    if second is not None and old:
        target.replace_blocks(key_there, old, [])  # all at one moment would be too much for the memory
        old = []
    if old or first:
        target.replace_blocks(key_there, old, first)
    while second is not None:
        target.replace_blocks(key_there, [], second)
        second = next(batches, None)


def _mark(block: HistoryBlock) -> tuple[object, ...]:
    """What tells one block of a run from all others: no two have the same rows of one writer."""
    return (
        block.stream, block.branch, block.writer, block.time_base, block.rows, block.first_seq, block.axis,
    )  # fmt: skip


def _batches(blocks: Iterable[HistoryBlock]) -> Iterator[list[HistoryBlock]]:
    batch: list[HistoryBlock] = []
    size = 0
    for block in blocks:
        batch.append(block)
        size += len(block.axis) + sum(len(column.data) for column in block.columns.values())
        if size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
