"""What a table takes, what it refuses, and what it gives."""

from __future__ import annotations

import datetime as dt
import enum
import math
import uuid
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.media.classes import Classes
from forebear.media.table import Table
from forebear.media.table_files import log_table
from tests.media.kept_files import Files

NAN = math.nan


class Colour(enum.StrEnum):
    RED = "red"


class Size(int, enum.Enum):
    BIG = 3


# -- making it ------------------------------------------------------------------------------------------------------


def test_a_table_of_columns_and_rows() -> None:
    table = Table(columns=["id", "name"], data=[[1, "a"], (2, "b")])
    table.add_data(3, "c")
    table.add_row(4, "d")
    assert table.columns == ["id", "name"]
    assert table.data == [[1, "a"], [2, "b"], [3, "c"], [4, "d"]]
    assert len(table) == 4
    assert repr(table) == "Table(4 rows, columns=['id', 'name'])"
    assert {name: str(type) for name, type in table.column_types.items()} == {
        "id": "number or None",
        "name": "string or None",
    }


def test_a_table_of_nothing_has_three_columns() -> None:
    assert Table().columns == ["Input", "Output", "Expected"]
    assert Table(columns=[]).columns == []


def test_rows_is_an_old_name_of_data() -> None:
    assert Table(columns=["a"], rows=[[1]]) == Table(columns=["a"], data=[[1]])


def test_rows_may_be_mappings_and_generators() -> None:
    table = Table(columns=["a", "b"], data=({"b": n, "a": -n} for n in range(3)))
    assert table.data == [[0, 0], [-1, 1], [-2, 2]]
    with pytest.raises(InvalidInput, match=r"row 1 is a mapping with \['a'\], but the columns are \['a', 'b'\]"):
        Table(columns=["a", "b"], data=[{"a": 1, "b": 2}, {"a": 1}])


def test_the_rows_are_copied() -> None:
    rows = [[1, [2]]]
    table = Table(columns=["a", "b"], data=rows)
    rows[0][0] = 9
    rows[0][1].append(9)  # type: ignore[attr-defined]
    assert table.data == [[1, [2]]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "a"], "two columns 'a'"),
        (["1", 1], "two columns 1"),
        ([1.5], "1.5 is neither text nor a whole number"),
        ([True], "True is neither text"),
        ([None], "None is neither text"),
    ],
)
def test_names_that_columns_cannot_have(columns: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Table(columns=columns)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "data is a str"),
        (5, "data is a int"),
        ({"a": [1]}, "data is a dict"),
        ([[1], [1, 2]], r"row 1 has 2 cells for the 1 columns \['a'\]"),
        (["x"], "row 0 is 'x'; a row is a list of cells"),
        ([5], "row 0 is 5"),
        (np.zeros(3), r"an array of shape \(3,\)"),
        (np.zeros((1, 2, 3)), r"two dimensions"),
    ],
)
def test_data_that_is_no_table(data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Table(columns=["a"], data=data)


def test_a_row_of_another_length_is_refused_and_leaves_nothing() -> None:
    table = Table(columns=["a", "b"])
    with pytest.raises(InvalidInput, match=r"a row of this table has 2 cells, \['a', 'b'\]; got 1: 5"):
        table.add_data(5)
    assert len(table) == 0


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="log_mode is one of IMMUTABLE, MUTABLE, INCREMENTAL, not 'FROZEN'"):
        Table(log_mode="FROZEN")


# -- cells ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a"], dtype=object), ["a"]),
        (np.array([np.datetime64("2026-01-02", "ns")]), [dt.datetime(2026, 1, 2)]),
        (np.datetime64("2026-01-02T03:04:05.123456789"), dt.datetime(2026, 1, 2, 3, 4, 5, 123456)),
        (np.datetime64("NaT"), None),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": np.int8(1)}, {"a": 1}),
        (Decimal("1.5"), 1.5),
        (PurePosixPath("a/b"), "a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Size.BIG, 3),
        (2**80, 2**80),
    ],
)
def test_cells_become_plain(cell: Any, plain: Any) -> None:
    for table in (Table(columns=["a"], data=[[cell]]), Table(columns=["a"])):
        if not table.data:
            table.add_data(cell)
        assert table.data == [[plain]]
        assert type(table.data[0][0]) is type(plain)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (b"\x00\x01", r"row 1, column 'x': got 2 bytes, which a table does not hold: decode them to text"),
        (np.array([b"ab"]), "2 bytes"),
        (dt.timedelta(hours=1), "the time span 1:00:00: convert it to a number"),
        (np.timedelta64(5, "s"), "time span"),
        (1j, "a complex"),
        (np.complex64(1j), "a complex64"),
        (object(), "an? object, which a table does not hold"),
        ({1: "a"}, "a dictionary with the key 1: keys are text"),
        ({1, 2}, "a set"),
    ],
)
def test_cells_that_are_refused(cell: Any, message: str) -> None:
    table = Table(columns=["n", "x"], data=[[0, None]])
    with pytest.raises(InvalidInput, match=message):
        table.add_data(1, cell)
    with pytest.raises(InvalidInput, match=message):
        Table(columns=["n", "x"], data=[[0, None], [1, cell]])
    assert table.data == [[0, None]]


def test_pictures_of_libraries_are_told_how_to_be_wrapped() -> None:
    from PIL import Image

    with pytest.raises(InvalidInput, match=r"row 0, column 'p': got an? Image: wrap it in forebear.Image"):
        Table(columns=["p"], data=[[Image.new("L", (1, 1))]])


def test_a_list_that_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidInput, match="holds itself"):
        Table(columns=["a"]).add_data(circle)


# -- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        (1, "x", r"row 1, column 'a': got the str 'x', but the column holds number"),
        (1.5, True, "the bool True, but the column holds number"),
        ("x", 1, "the int 1, but the column holds string"),
        (True, 1, "the int 1, but the column holds boolean"),
        ([1], {"a": 1}, "the dict {'a': 1}, but the column holds list"),
        (dt.date(2026, 1, 1), "2026-01-01", "the str '2026-01-01', but the column holds timestamp"),
        (Classes([]), 5, "the int 5, but the column holds classes"),
        ("x", Classes([]), "the Classes .*, but the column holds string"),
    ],
)
def test_a_column_holds_one_kind(good: Any, bad: Any, message: str) -> None:
    table = Table(columns=["a"], data=[[good]])
    with pytest.raises(InvalidInput, match=message) as caught:
        table.add_data(bad)
    assert caught.value.code == "table-cell"
    with pytest.raises(InvalidInput, match=message):
        Table(columns=["a"], data=[[good], [bad]])
    free = Table(columns=["a"], data=[[good], [bad]], allow_mixed_types=True)
    free.add_data(good)
    free.add_data(None)
    assert free.column_types["a"].kind == "any"


def test_a_kind_comes_with_the_first_cell_that_is_one() -> None:
    table = Table(columns=["a"], data=[[None], [None]])
    assert table.column_types["a"].kind == "unknown"
    table.add_data("x")
    assert table.column_types["a"].kind == "string"
    table.add_data(None)
    with pytest.raises(InvalidInput, match="row 4, column 'a': got the int 1"):
        table.add_data(1)


def test_nan_is_a_number_and_passes_for_none_elsewhere() -> None:
    table = Table(columns=["n", "s", "d"], data=[[NAN, NAN, NAN], [1, "x", dt.date(2026, 1, 1)], [NAN, NAN, NAN]])
    table.add_data(math.inf, NAN, NAN)
    assert [type.kind for type in table.column_types.values()] == ["number", "string", "timestamp"]
    with pytest.raises(InvalidInput, match=r"got the float 1.0, but the column holds string"):
        table.add_data(1.0, 1.0, NAN)
    with pytest.raises(InvalidInput, match=r"got the float inf, but the column holds string"):
        table.add_data(1.0, math.inf, NAN)


def test_a_refused_row_leaves_no_trace_in_the_types() -> None:
    table = Table(columns=["a", "b"])
    with pytest.raises(InvalidInput):
        table.add_data(1, b"")
    table.add_data("x", "y")
    assert table.data == [["x", "y"]]


def test_cells_that_must_be_there() -> None:
    table = Table(columns=["a", "b"], optional=[False, True])
    table.add_data(1, None)
    with pytest.raises(
        InvalidInput, match="row 1, column 'a': got None, but the column holds number and is not optional"
    ):
        table.add_data(None, 1)
    table.add_data(NAN, NAN)
    strict = Table(columns=["s"], data=[["x"]], optional=False)
    with pytest.raises(InvalidInput, match="row 1, column 's': got nan, but the column holds string and is not opt"):
        strict.add_data(NAN)
    with pytest.raises(InvalidInput, match="optional has 1 items for 2 columns"):
        Table(columns=["a", "b"], optional=[True])


@pytest.mark.parametrize(
    ("dtype", "kind", "good", "bad"),
    [
        (int, "number", 1, "x"),
        (float, "number", 1, "x"),
        (str, "string", "x", 1),
        (bool, "boolean", True, 1),
        (dt.datetime, "timestamp", dt.date(2026, 1, 1), 1),
        (list, "list", [1], 1),
        (tuple, "list", (1,), 1),
        (dict, "dictionary", {"a": 1}, 1),
        (Classes, "classes", Classes([]), 1),
        ("number", "number", 1, "x"),
        (np.float32, "number", 1, "x"),
        (np.dtype("int64"), "number", 1, "x"),
        (np.dtype("datetime64[ns]"), "timestamp", dt.date(2026, 1, 1), 1),
        (str | None, "string", None, 1),
    ],
)
def test_types_that_are_asked_for(dtype: Any, kind: str, good: Any, bad: Any) -> None:
    for given in (dtype, [dtype], {"a": dtype}):
        table = Table(columns=["a"], dtype=given)
        table.add_data(good)
        assert table.column_types["a"].kind == kind
        with pytest.raises(InvalidInput, match=rf"column 'a': got .*, but the column holds {kind}"):
            table.add_data(bad)


@pytest.mark.parametrize("dtype", ["numbers", complex, int | str, 5])
def test_types_that_there_are_not(dtype: Any) -> None:
    with pytest.raises(InvalidInput, match="is no type of a column; there are any, boolean"):
        Table(columns=["a"], dtype=dtype)


def test_any_lets_everything_in() -> None:
    for dtype in (Any, object, "any", "Any"):
        assert len(Table(columns=["a"], data=[[1], ["x"], [None]], dtype=dtype)) == 3


def test_cast() -> None:
    table = Table(columns=["a"], data=[[1], [None]])
    table.cast("a", float, optional=True)
    with pytest.raises(InvalidInput, match="row 0, column 'a': got the int 1, but the column holds string"):
        table.cast("a", str)
    with pytest.raises(InvalidInput, match="row 1, column 'a': got None"):
        table.cast("a", int)
    with pytest.raises(NotFound, match=r"no column 'b'; it has \['a'\]"):
        table.cast("b", str)
    assert str(table.column_types["a"]) == "number or None"
    table.cast("a", "any")
    table.add_data("x")
    assert len(table) == 3


def test_many_rows_of_the_same_classes_are_checked_all_the_same() -> None:
    table = Table(columns=["n", "s"])
    table.add_data(1.0, NAN)
    table.add_data(1.0, NAN)
    table.add_data(1.0, "x")
    table.add_data(2.0, "y")
    with pytest.raises(InvalidInput, match="the float 2.0, but the column holds string"):
        table.add_data(2.0, 2.0)
    table.cast("n", "any")
    table.add_data("free", "z")
    table.add_column("more", [1, 2, 3, 4, 5])
    table.add_data("free", "z", 6)
    with pytest.raises(InvalidInput, match="row 6, column 'more': got the str 'x'"):
        table.add_data("free", "z", "x")


# -- columns --------------------------------------------------------------------------------------------------------


def test_add_column() -> None:
    table = Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", np.array([0.5, 1.5]))
    table.add_column("c", ["x", None], optional=True)
    assert table.data == [[1, 0.5, "x"], [2, 1.5, None]]
    for cells, message in [
        ([1], "has 1 cells for 2 rows"),
        ([1, "x"], "row 1, column 'd'"),
        ([1, None], "not optional"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            table.add_column("d", cells)
    with pytest.raises(InvalidInput, match="two columns 'a'"):
        table.add_column("a", [1, 2])
    assert table.columns == ["a", "b", "c"]
    empty = Table(columns=[])
    empty.add_column("a", [1, 2])
    assert empty.data == [[1], [2]]


def test_a_table_of_mixed_types_takes_mixed_columns() -> None:
    table = Table(columns=["a"], data=[[1], ["x"]], allow_mixed_types=True)
    table.add_column("b", [1, "x"])
    assert table.get_column("b") == [1, "x"]


def test_add_computed_columns() -> None:
    table = Table(columns=["a", "b"], data=[[1, 2], [3, 4]])
    table.add_computed_columns(lambda index, row: {"n": index, "sum": row["a"] + row["b"]})
    assert table.columns == ["a", "b", "n", "sum"]
    assert table.data == [[1, 2, 0, 3], [3, 4, 1, 7]]
    with pytest.raises(InvalidInput, match=r"row 1: fn returns the columns \['y'\], but \['x'\] for row 0"):
        table.add_computed_columns(lambda index, row: {"y" if index else "x": 1})


def test_get_column() -> None:
    table = Table(
        columns=["n", "s", "b", "t", "l", "ragged", "m"],
        data=[
            [1, "x", True, dt.datetime(2026, 1, 1), [1, 2], [1], Classes([])],
            [None, "y", False, None, [3, 4], [1, 2], None],
        ],
    )
    assert table.get_column("n") == [1, None]
    arrays = {name: table.get_column(name, convert_to="numpy") for name in table.columns}
    np.testing.assert_array_equal(arrays["n"], [1, NAN])
    assert arrays["s"].tolist() == ["x", "y"]
    assert arrays["b"].dtype == bool
    assert arrays["t"].dtype == "datetime64[us]"
    assert np.isnat(arrays["t"][1])
    assert arrays["l"].shape == (2, 2)
    assert arrays["ragged"].tolist() == [[1], [1, 2]]
    assert arrays["m"].dtype == object
    with pytest.raises(InvalidInput, match="convert_to is 'numpy' or None, not 'torch'"):
        table.get_column("n", convert_to="torch")
    with pytest.raises(NotFound, match="no column 'z'"):
        table.get_column("z")


def test_rows_and_their_numbers() -> None:
    table = Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    for number, (index, row) in enumerate(table.iterrows()):
        assert (index, row) == (number, table.data[number])
        assert index.table is table
    assert table.index_ref(1).get_row() == {"a": 2, "b": "y"}
    assert table.get_index() == [0, 1]
    assert table.get_index()[0].get_row() == {"a": 1, "b": "x"}
    for wrong in (2, -1):
        with pytest.raises(NotFound, match=f"no row {wrong}; it has 2"):
            table.index_ref(wrong)


def test_keys() -> None:
    people = Table(columns=["id", "name"], data=[["a", "Ada"], ["b", "Bob"]])
    people.set_pk("id")
    visits = Table(columns=["who", "n"], data=[["a", 1], ["a", 2], [None, 3]])
    visits.set_fk("who", people, "id")
    assert (people.column_types["id"].kind, visits.column_types["who"].kind) == ("primary-key", "foreign-key")
    with pytest.raises(InvalidInput, match="column 'n' has a value twice"):
        Table(columns=["n"], data=[[1], [1]]).set_pk("n")
    with pytest.raises(InvalidInput, match="cannot be a key"):
        Table(columns=["n"], data=[[[1]]]).set_pk("n")
    with pytest.raises(InvalidInput, match="got None, but the column holds primary-key and is not optional"):
        people.add_data(None, "Eve")
    with pytest.raises(NotFound, match="no column 'nobody'"):
        visits.set_fk("who", people, "nobody")


# -- equality, notebooks --------------------------------------------------------------------------------------------


def test_equal_tables() -> None:
    def make(last: Any = 1) -> Table:
        return Table(columns=["a", "b", "c"], data=[[NAN, [NAN, {"x": NAN}], "x"], [1, [2], "y"], [last, [], "z"]])

    assert make() == make()
    assert make() != make(2)
    assert make() != make(NAN)
    assert make() != "table"
    assert Table(columns=["a"], data=[[1]]) != Table(columns=["b"], data=[[1]])
    assert Table(columns=["a"]) != Table(columns=["a"], dtype=int)
    assert len({make(), make()}) == 2


def test_notebooks_show_the_first_rows_escaped() -> None:
    table = Table(columns=["<a>", "b", "c"], data=[["<script>", 1 / 3, Classes([])]] + [["x" * 200, 1.0, None]] * 25)
    page = table._repr_html_()
    assert page.count("<tr>") == 21
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<th>&lt;a&gt;</th>" in page
    assert ">0.333333<" in page
    assert "[classes]" in page
    assert "… and 6 more rows" in page
    assert "x" * 81 not in page
    assert "more row" not in Table(columns=["a"], data=[[1]])._repr_html_()


def test_an_incremental_table_that_was_logged_keeps_its_columns() -> None:
    table = Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    table.add_column("b", [2])
    log_table(table, "t", Files())
    with pytest.raises(Conflict, match="cannot add a column: parts of this INCREMENTAL table are logged"):
        table.add_column("c", [3])
    with pytest.raises(Conflict, match="cannot add columns"):
        table.add_computed_columns(lambda index, row: {"c": 1})


def test_times_of_other_libraries() -> None:
    import pandas as pd

    class Moment(dt.datetime):
        """A time with more to it, as libraries have."""

    table = Table(columns=["t"])
    for cell in (pd.Timestamp("2026-01-02"), pd.NaT, pd.NA, dt.date(2026, 1, 2)):
        table.add_data(cell)
    assert table.get_column("t") == [dt.datetime(2026, 1, 2), None, None, dt.date(2026, 1, 2)]
    with pytest.raises(InvalidInput, match="a Moment, which is no time of Python's datetime"):
        table.add_data(Moment(2026, 1, 2))


def test_a_column_type_can_be_handed_on() -> None:
    table = Table(columns=["a"], data=[[1]])
    assert Table(columns=["b"], dtype=table.column_types["a"]).column_types["b"].kind == "number"
