"""Joined rows are those of the plainest model: a dictionary a step, later writes over earlier ones."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.tracking.history.blocks import Origin, RowBuffer
from forebear.tracking.history.joining import MISSING, join, parts_of, rows_of
from forebear.tracking.history.merging import merge_blocks
from forebear.tracking.journal.reader import Rows

if TYPE_CHECKING:
    from forebear.records.history import HistoryBlock

#: Writer, step and values of a row; its place is its sequence number.
Row = tuple[str, int, dict[str, int]]

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "r1"]),
        st.integers(0, 6),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), min_size=1),
    ),
    max_size=25,
)


def blocks_of(rows: list[Row], borders: list[int]) -> list[HistoryBlock]:
    """Blocks as a recorder makes them that is asked for them before the rows of these numbers."""
    found: list[HistoryBlock] = []
    buffers = {writer: RowBuffer() for writer, _, _ in rows}
    for seq, (writer, step, values) in enumerate(rows):
        if seq in borders:
            found += _taken(buffers)
        buffers[writer].add(Rows(tuple(values), False, [seq], [[0, step, seq, *values.values()]]))
    return found + _taken(buffers)


def _taken(buffers: dict[str, RowBuffer]) -> list[HistoryBlock]:
    return [block for writer, buffer in buffers.items() for block in buffer.take(Origin(0, writer, 1_000))]


def model(rows: list[Row]) -> list[dict[str, Any]]:
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for seq, (writer, step, values) in enumerate(rows):
        row = found.setdefault((step, writer), {})
        row.update(values, _step=step, _runtime=seq, _writer=writer)
    return [found[place] for place in sorted(found)]


def joined(blocks: list[HistoryBlock], **bounds: Any) -> list[dict[str, Any]]:
    table = join(parts_of(blocks, **bounds))
    writers = table.writers if table.writers is not None else [""] * len(table.steps)
    return list(rows_of(table, {"_step": table.steps, "_runtime": table.runtimes, "_writer": writers}))


@given(ROWS, st.lists(st.integers(0, 25), max_size=3))
def test_rows_are_those_of_the_model(rows: list[Row], borders: list[int]) -> None:
    assert joined(blocks_of(rows, borders)) == model(rows)


@given(ROWS, st.lists(st.integers(0, 25), max_size=3), st.integers(0, 7), st.integers(0, 7))
def test_a_range_of_steps_is_part_of_the_whole(rows: list[Row], borders: list[int], low: int, high: int) -> None:
    found = joined(blocks_of(rows, borders), min_step=low, max_step=high)
    assert found == [row for row in model(rows) if low <= row["_step"] < high]


@given(ROWS, st.lists(st.integers(0, 25), max_size=3), st.sets(st.sampled_from("abc"), min_size=1))
def test_rows_that_have_all_keys(rows: list[Row], borders: list[int], keys: set[str]) -> None:
    table = join(parts_of(blocks_of(rows, borders), sorted(keys)))
    found = list(rows_of(table, {"_step": table.steps}, sorted(keys)))
    wanted = [{key: row[key] for key in ["_step", *sorted(keys)]} for row in model(rows) if keys <= row.keys()]
    assert [{name: row[name] for name in sorted(row)} for row in found] == wanted


@given(ROWS, st.lists(st.integers(0, 25), max_size=3))
def test_merged_blocks_say_the_same(rows: list[Row], borders: list[int]) -> None:
    blocks = blocks_of([("", step, values) for _, step, values in rows], borders)
    alike: dict[tuple[str, ...], list[HistoryBlock]] = {}
    for block in sorted(blocks, key=lambda block: block.first_seq):
        alike.setdefault(tuple(sorted(block.columns)), []).append(block)
    merged = [merge_blocks(some, Origin(0, "", 1_000)) for some in alike.values()]
    assert joined(merged) == joined(blocks)


def test_blocks_that_follow_one_another_stay_arrays() -> None:
    rows: list[Row] = [("", step, {"a": step, "b": step}) for step in range(10)]
    table = join(parts_of(blocks_of(rows, [4, 7])))
    assert isinstance(table.columns["a"], array)
    assert list(table.columns["a"]) == list(range(10))
    assert table.time_bases == 1_000


def test_a_key_that_comes_later_is_missing_before() -> None:
    rows: list[Row] = [("", 0, {"a": 1}), ("", 1, {"a": 2, "b": 3})]
    assert join(parts_of(blocks_of(rows, [1]))).columns == {"a": array("q", [1, 2]), "b": [MISSING, 3]}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_rows_without_steps_are_in_the_order_of_time(order: list[int]) -> None:
    blocks = []
    for moment in order:
        buffer = RowBuffer()
        buffer.add(Rows(("cpu",), True, [moment], [[0, 0, 100, moment]]))
        blocks += buffer.take(Origin(0, "", moment * 1_000))
    table = join(parts_of(blocks), by_step=False)
    assert list(table.columns["cpu"]) == [0, 1, 2]
    assert table.time_bases == [0, 1_000, 2_000]


def test_nothing_is_an_empty_table() -> None:
    table = join([])
    assert (list(table.steps), table.columns, list(rows_of(table, {"_step": table.steps}))) == ([], {}, [])
