"""Values become columns and come back as they were, and forged bytes are refused."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from forebear.errors import CorruptData
from forebear.records.history import Column
from forebear.tracking.history.columns import Axis, Kind, Packer, Unpacker
from forebear.tracking.history.sparse import Sparse

INTS = st.integers(-(2**63), 2**64 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTS | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def bits(value: Any) -> Any:
    """What tells two values apart, the bits of each NaN included."""
    return (type(value), struct.pack("<d", value)) if isinstance(value, float) else (type(value), repr(value))


def there_and_back(values: list[Any]) -> Any:
    return Unpacker().column(Packer().column(values), len(values))


@given(st.lists(st.floats(width=64), min_size=1) | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_come_back_as_arrays(values: list[Any]) -> None:
    found = there_and_back(values)
    assert isinstance(found, array)
    assert list(map(bits, found)) == list(map(bits, values))


@given(st.lists(PLAIN, max_size=12))
def test_any_plain_values_come_back(values: list[Any]) -> None:
    assert list(map(bits, there_and_back(values))) == list(map(bits, values))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, math.nan], Kind.FLOATS),
        ([1, -5], Kind.INTS),
        ([True, False], Kind.BOOLS),
        ([1, 2.0], Kind.MIXED),
        ([1, True], Kind.MIXED),
        ([2**63, 1], Kind.MIXED),
        (["a", None], Kind.MIXED),
        ([], Kind.MIXED),
    ],
)
def test_the_kind_follows_the_values(values: list[Any], kind: Kind) -> None:
    assert Packer().column(values).kind == kind


@given(
    st.lists(st.tuples(INTS, st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62)), min_size=1, max_size=20)
    | st.integers(1, 50).map(lambda rows: [(row * 7, 5 - row, 3) for row in range(rows)])
)
def test_an_axis_comes_back(rows: list[tuple[int, int, int]]) -> None:
    axis = Axis(*map(list, zip(*rows, strict=True)))
    found = Unpacker().axis(Packer().axis(axis), len(rows))
    assert (list(found.seqs), list(found.steps), list(found.runtimes)) == tuple(axis)


@given(st.dictionaries(st.integers(0, 99), PLAIN, min_size=1, max_size=30))
def test_values_of_some_rows_come_back(given: dict[int, Any]) -> None:
    rows = sorted(given)
    values = [given[row] for row in rows]
    column = Packer().sparse(Sparse(rows, values, 100), range(7, 107))
    assert column.span == (len(rows), rows[0] + 7, rows[-1] + 7)
    found = Unpacker().column(column, 100)
    assert isinstance(found, Sparse)
    assert (list(found.rows), list(map(bits, found.values))) == (rows, list(map(bits, values)))


def test_one_value_takes_a_few_bytes_and_many_are_compressed() -> None:
    one = Packer().sparse(Sparse([3], [0.5], 4_000), range(4_000))
    assert (one.kind, len(one.data)) == (Kind.FEW, 13)
    many = Packer().sparse(Sparse(list(range(0, 4_000, 2)), ["same"] * 2_000, 4_000), range(4_000))
    assert many.kind == Kind.SOME
    assert len(many.data) < 8_000


def test_even_steps_cost_nothing() -> None:
    packed = Packer().axis(Axis(range(0, 640_000, 64), range(10_000), [5] * 10_000))
    assert len(packed) < 50
    assert Unpacker().axis(packed, 10_000).steps == range(10_000)


def test_slowly_changing_numbers_take_less_than_eight_bytes() -> None:
    column = Packer().column([1 / (1 + step / 100) for step in range(4_096)])
    assert len(column.data) < 7.5 * 4_096


FORGED = {
    "not compressed": Column(Kind.FLOATS, b"x" * 16),
    "no length told": Column(Kind.FLOATS, zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 16)),
    "a huge length": Column(Kind.MIXED, zstandard.ZstdCompressor().compress(b"")[:4] + b"\xe0" + b"\xff" * 8),
    "too few values": Column(Kind.FLOATS, zstandard.compress(b"x" * 8)),
    "too many values": Column(Kind.BOOLS, zstandard.compress(b"\1\1\1")),
    "no array": Column(Kind.MIXED, zstandard.compress(msgspec.msgpack.encode(5))),
    "rows that fall": Column(Kind.FEW, msgspec.msgpack.encode(([1, 0], [5, 5]))),
    "a row that is not there": Column(Kind.FEW, msgspec.msgpack.encode(([2], [5]))),
    "a row below the first": Column(Kind.FEW, msgspec.msgpack.encode(([-1], [5]))),
    "no rows": Column(Kind.FEW, msgspec.msgpack.encode(([], []))),
    "fewer values than rows": Column(Kind.SOME, zstandard.compress(msgspec.msgpack.encode(([0, 1], [5])))),
    "some rows, not compressed": Column(Kind.SOME, msgspec.msgpack.encode(([0], [5]))),
    "a newer kind": Column(99, zstandard.compress(b"x" * 16)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_columns_are_refused(name: str) -> None:
    with pytest.raises(CorruptData, match="block of a history"):
        Unpacker().column(FORGED[name], 2)


@given(st.binary(max_size=60), st.integers(1, 5))
def test_forged_axes_are_refused_or_read(data: bytes, rows: int) -> None:
    try:
        axis = Unpacker().axis(data, rows)
        lines = (axis.seqs, axis.steps, axis.runtimes)
    except CorruptData:
        return
    assert [len(line) for line in lines] == [rows] * 3


@pytest.mark.parametrize("line", [[], [9, 1], [0, 1], [1, 5, b"x"], [2, b""], [0, "a", 1], ["x"]])
def test_lines_that_make_no_sense_are_refused(line: list[Any]) -> None:
    packed = msgspec.msgpack.encode([line, [0, 0, 1], [0, 0, 1]])
    with pytest.raises(CorruptData):
        _ = Unpacker().axis(packed, 3).seqs
