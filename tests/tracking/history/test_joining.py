"""Joined rows are those of the plainest model: a dictionary a step, later writes over earlier ones."""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.tracking.history import blocks as making
from forebear.tracking.history import joining, merging
from forebear.tracking.history.blocks import Origin, RowBuffer
from forebear.tracking.history.joining import MISSING, join, parts_of, rows_of
from forebear.tracking.history.merging import merge_blocks, merge_mixed
from forebear.tracking.history.sparse import Sparse
from forebear.tracking.journal.reader import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def mixed(if_so: bool) -> Iterator[None]:
    """Let all sets of keys count as rare, so that they share blocks, and all columns with gaps as sparse."""
    with pytest.MonkeyPatch.context() as patch:
        if if_so:
            for module in (making, merging):
                patch.setattr(module, "MANY_SETS", 1)
                patch.setattr(module, "RARE_ROWS", 1_000)
            patch.setattr(joining, "_MANY_PLACES", 0)
            patch.setattr(joining, "_SPARSE_ROWS", 1)
        yield


BOTH = pytest.mark.parametrize("together", [False, True], ids=["alike", "mixed"])


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


@BOTH
@given(rows=ROWS, borders=st.lists(st.integers(0, 25), max_size=3))
def test_rows_are_those_of_the_model(together: bool, rows: list[Row], borders: list[int]) -> None:
    with mixed(together):
        assert joined(blocks_of(rows, borders)) == model(rows)


@BOTH
@given(rows=ROWS, borders=st.lists(st.integers(0, 25), max_size=3), low=st.integers(0, 7), high=st.integers(0, 7))
def test_a_range_of_steps_is_part_of_the_whole(
    together: bool, rows: list[Row], borders: list[int], low: int, high: int
) -> None:
    with mixed(together):
        found = joined(blocks_of(rows, borders), min_step=low, max_step=high)
    assert found == [row for row in model(rows) if low <= row["_step"] < high]


@BOTH
@given(
    rows=ROWS,
    borders=st.lists(st.integers(0, 25), max_size=3),
    keys=st.sets(st.sampled_from("abc"), min_size=1),
)
def test_rows_that_have_all_keys(together: bool, rows: list[Row], borders: list[int], keys: set[str]) -> None:
    with mixed(together):
        table = join(parts_of(blocks_of(rows, borders), sorted(keys)))
        found = list(rows_of(table, {"_step": table.steps}, sorted(keys)))
    wanted = [{key: row[key] for key in ["_step", *sorted(keys)]} for row in model(rows) if keys <= row.keys()]
    assert [{name: row[name] for name in sorted(row)} for row in found] == wanted


@given(ROWS, st.lists(st.integers(0, 25), max_size=3), st.sampled_from([4, 100]))
def test_blocks_of_all_kinds_become_mixed_ones(rows: list[Row], borders: list[int], most: int) -> None:
    blocks = blocks_of([("", step, values) for _, step, values in rows], borders)
    with mixed(True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "MIXED_ROWS", most)
        found = merge_mixed(blocks, Origin(0, "", 1_000)) if blocks else []
        assert sum(block.rows for block in found) == len(rows)
        assert all(block.rows <= most for block in found)
        assert joined(found) == joined(blocks)


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


def test_a_thousand_keys_that_come_once_take_a_place_each() -> None:
    rows: list[Row] = [("", step, {f"k{step}": step, "all": step}) for step in range(3_000)]
    blocks = blocks_of(rows, [])
    assert [block.rows for block in blocks] == [3_000]
    table = join(parts_of(blocks))
    assert isinstance(table.columns["all"], array)
    assert isinstance(table.columns["k7"], Sparse)
    assert list(rows_of(table, {}))[7] == {"k7": 7, "all": 7}
    (part,) = parts_of(blocks, ["k7", "k9"])
    assert (list(part.axis.steps), len(part.columns["k7"])) == ([7, 9], 2)


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
