"""Small blocks are merged with their neighbours, in bounded windows, and only where that makes fewer of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forebear.records.history import HistoryBatch, HistoryBlock, Stream
from forebear.testing.builders import new_run
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.tracking.history import merging
from forebear.tracking.history.blocks import BLOCK_ROWS, BLOCK_VALUES, MANY_SETS, Origin, RowBuffer, rows_in_block
from forebear.tracking.history.joining import join, parts_of
from forebear.tracking.history.merging import SmallBlocks
from forebear.tracking.journal.frames import Session
from forebear.tracking.journal.reader import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

SESSION = Session(entity="ada", project="digits", run_id="r1", run_key=1)


class Run:
    """A run in the plainest catalog, and the blocks that its recorder noted."""

    def __init__(self) -> None:
        self.catalog = MemoryCatalog()
        self.key = self.catalog.add_run(new_run()).key
        self.small = SmallBlocks()
        self.seq = 0

    def add(self, rows: int, *keys: str, system: bool = False, writer: str = "") -> None:
        buffer = RowBuffer()
        names = keys or ("loss",)
        seqs = range(self.seq, self.seq + rows)
        lines = [[0, 0 if system else seq, seq, *[float(seq)] * len(names)] for seq in seqs]
        buffer.add(Rows(names, system, list(seqs), lines))
        self.seq += rows
        blocks = buffer.take(Origin(0, writer, 0))
        batch = HistoryBatch(self.key, f"j{self.seq}", 0, 1, blocks=tuple(blocks))
        assert self.catalog.append_history(batch)
        self.small.note(blocks)

    def merge(self) -> None:
        self.small.merge(self.catalog, self.key, SESSION)

    def rows_looked_at_by_merging(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Merge, and return how many rows each question to the catalog brought."""
        looked: list[int] = []
        history = self.catalog.history

        def counted(*args: Any, **how: Any) -> Any:
            found = history(*args, **how)
            looked.append(sum(block.rows for block in found.blocks))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(self.catalog, "history", counted)
            self.merge()
        return looked

    def blocks(self, stream: Stream = Stream.HISTORY) -> Sequence[HistoryBlock]:
        return self.catalog.history(self.key, stream=stream).blocks

    def sizes(self, **how: Any) -> list[int]:
        return [block.rows for block in self.blocks(**how)]


@pytest.fixture
def run() -> Run:
    return Run()


def test_neighbours_become_one(run: Run) -> None:
    for rows in (3, 1, 4):
        run.add(rows)
    assert run.small.count == 3
    run.merge()
    assert run.sizes() == [8]
    table = join(parts_of(run.blocks()))
    assert list(table.columns["loss"]) == list(map(float, range(8)))
    assert run.small.count == 0


def test_what_is_still_small_is_merged_again_with_what_comes(run: Run) -> None:
    for _ in range(2):
        run.add(2)
        run.add(3)
        run.merge()
    assert run.sizes() == [10]


def test_one_block_alone_is_left_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.add(3)
    run.add(3, "acc")
    monkeypatch.setattr(run.catalog, "history", None)  # which would be called to look
    run.merge()
    assert run.small.count == 0
    monkeypatch.undo()
    run.add(2, "acc")
    assert run.small.count == 2
    run.merge()
    assert run.sizes() == [3, 5]


def test_streams_and_writers_are_not_mixed(run: Run) -> None:
    for writer in ("", "rank1"):
        for _ in range(2):
            run.add(2, writer=writer)
            run.add(2, system=True, writer=writer)
    run.merge()
    assert sorted(run.sizes()) == sorted(run.sizes(stream=Stream.SYSTEM)) == [2, 2, 4]


def test_full_blocks_stay_and_part_what_lies_around_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.tracking.history.blocks.BLOCK_ROWS", 10)
    for rows in (2, 2, 9, 3, 3, 4, 4, 9):
        run.add(rows)
    run.merge()
    assert run.sizes() == [4, 9, 10, 4, 9]


def test_windows_bound_what_is_looked_at(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_WINDOW_VALUES", 10)
    for _ in range(8):
        run.add(3)
    looked = run.rows_looked_at_by_merging(monkeypatch)
    assert len(looked) > 1
    assert max(looked) <= 10
    assert sum(run.sizes()) == 24
    assert len(run.sizes()) < 8


def test_many_sets_that_come_once_share_a_block(run: Run) -> None:
    run.add(MANY_SETS, "often")
    for number in range(MANY_SETS - 1):
        run.add(1, f"key{number}")
    assert run.small.count == 0
    run.merge()
    assert sorted(run.sizes()) == [1] * (MANY_SETS - 1) + [MANY_SETS]
    run.add(1, "one more")
    assert run.small.count == MANY_SETS
    run.merge()
    assert sorted(run.sizes()) == [MANY_SETS, MANY_SETS]
    assert run.small.count == 0


def test_mixed_blocks_are_merged_with_those_that_come(run: Run) -> None:
    for first in range(0, 5 * MANY_SETS, MANY_SETS):
        for number in range(first, first + MANY_SETS):
            run.add(1, f"key{number}")
        run.merge()
    assert run.sizes() == [5 * MANY_SETS]
    infos = run.catalog.history_keys([run.key], keys=["key7", "key70"])[run.key]
    assert [(info.key, info.rows, info.last_step - info.first_step) for info in infos] == [
        ("key7", 1, 0),
        ("key70", 1, 0),
    ]


def test_mixed_blocks_that_are_full_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("blocks", "merging"):
        monkeypatch.setattr(f"forebear.tracking.history.{module}.MIXED_ROWS", MANY_SETS)
    for number in range(3 * MANY_SETS):
        run.add(1, f"key{number}")
    run.merge()
    assert run.sizes() == [MANY_SETS] * 3
    assert run.small.count == 0


def test_single_rows_too_wide_for_a_block_together_are_left_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_WINDOW_VALUES", 10)
    for number in range(MANY_SETS):
        run.add(1, *(f"key{number}.{place}" for place in range(6)))
    assert run.small.count == MANY_SETS
    run.merge()
    assert run.sizes() == [1] * MANY_SETS
    assert run.small.count == 0, "looking again would find the same"


def test_a_block_that_vanished_meanwhile_is_no_trouble(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.add(2)
    run.add(2)
    monkeypatch.setattr(run.catalog, "replace_blocks", lambda *_: False)
    run.merge()
    assert run.sizes() == [2, 2]


@pytest.mark.parametrize(("keys", "rows"), [(0, BLOCK_ROWS), (1, BLOCK_ROWS), (500, BLOCK_VALUES // 500), (10**7, 1)])
def test_blocks_have_as_many_rows_as_their_keys_allow(keys: int, rows: int) -> None:
    assert rows_in_block(keys) == rows


@pytest.mark.parametrize(("rows", "blocks"), [(1, 1), (14, 1), (16, 2), (30, 3), (31, 3)])
def test_rows_are_shared_out_evenly(rows: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.tracking.history.blocks.BLOCK_ROWS", 10)
    buffer = RowBuffer()
    buffer.add(Rows(("a",), False, list(range(rows)), [[0, seq, seq, seq] for seq in range(rows)]))
    assert (buffer.rows, buffer.most, bool(buffer)) == (rows, rows, True)
    sizes = [block.rows for block in buffer.take(Origin(0, "", 0))]
    assert (sum(sizes), len(sizes)) == (rows, blocks)
    assert max(sizes) - min(sizes) <= blocks
    assert not buffer


def test_large_blocks_between_small_ones_are_not_brought_into_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_WINDOW_VALUES", 2 * BLOCK_ROWS)
    run.add(10)
    run.add(10)
    for _ in range(8):
        run.add(BLOCK_ROWS)
    run.add(10)
    run.add(10)
    assert run.rows_looked_at_by_merging(monkeypatch) == [20, 20]
    assert run.sizes() == [20, *[BLOCK_ROWS] * 8, 20]
