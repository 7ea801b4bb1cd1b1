"""Tables from and to numpy, pandas, polars and Arrow."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from forebear.errors import InvalidInput, NotFound, Unsupported
from forebear.media.classes import Classes
from forebear.media.table import Table

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5)
COLUMNS: dict[str, list[Any]] = {
    "i": [1, 2, 3],
    "f": [0.5, -1.0, 2.0],
    "s": ["a", None, "ü"],
    "b": [True, False, True],
    "t": [WHEN, None, WHEN],
    "l": [[1], [], [2, 3]],
}
ROWS = [list(row) for row in zip(*COLUMNS.values(), strict=True)]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda data: pl.DataFrame(data).lazy(), pa.table])
@pytest.mark.parametrize("argument", ["dataframe", "data"])
def test_frames_become_tables(make: Any, argument: str) -> None:
    table = Table(**{argument: make(COLUMNS)})
    assert table.columns == list(COLUMNS)
    assert table.data == ROWS
    assert [type(cell) for cell in table.data[0]] == [int, float, str, bool, dt.datetime, list]
    kinds = ["number", "number", "string", "boolean", "timestamp", "list"]
    assert [type.kind for type in table.column_types.values()] == kinds


def test_columns_choose_among_those_of_a_frame() -> None:
    table = Table(columns=["s", "i"], dataframe=pd.DataFrame(COLUMNS))
    assert table.data == [["a", 1], [None, 2], ["ü", 3]]
    with pytest.raises(NotFound, match=r"the frame has no column 'x'; it has \['i', 'f'"):
        Table(columns=["x"], dataframe=pd.DataFrame(COLUMNS))


def test_what_pandas_says_in_its_own_ways() -> None:
    frame = pd.DataFrame(
        {
            "gaps": pd.array([1, None, 3], dtype="Int64"),
            "halves": pd.array([0.5, None, 1.5], dtype="Float64"),
            "flags": pd.array([True, None, False], dtype="boolean"),
            "float": [0.5, math.nan, math.inf],
            "cat": pd.Categorical(["a", None, "b"]),
            "text": pd.array(["x", None, "y"], dtype="string"),
            "object": ["x", np.nan, None],
            "zoned": pd.to_datetime(["2026-01-01", None, "2026-01-02"], utc=True),
            "nanos": pd.to_datetime(["2026-01-01T00:00:00.123456789", "2026-01-01", None], format="ISO8601"),
        }
    )
    table = Table(dataframe=frame)
    columns = {name: table.get_column(name) for name in table.columns}
    assert columns["gaps"] == [1, None, 3]
    assert columns["halves"] == [0.5, None, 1.5]
    assert columns["flags"] == [True, None, False]
    assert columns["float"][0] == 0.5
    assert math.isnan(columns["float"][1])
    assert columns["cat"] == ["a", None, "b"]
    assert columns["text"] == ["x", None, "y"]
    assert columns["object"] == ["x", None, None]
    assert columns["zoned"] == [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)]
    assert columns["nanos"] == [dt.datetime(2026, 1, 1, 0, 0, 0, 123456), dt.datetime(2026, 1, 1), None]


def test_names_of_columns_of_frames() -> None:
    assert Table(dataframe=pd.DataFrame([[1, 2]])).columns == [0, 1]
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", "")]))
    assert Table(dataframe=levels).columns == ["a.x", "b"]
    with pytest.raises(InvalidInput, match="two columns 'a'; rename one"):
        Table(dataframe=pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InvalidInput, match="two columns 'a'"):
        Table(data=pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))


def test_arrays_become_tables() -> None:
    table = Table(columns=["x", "y"], data=np.array([[1.5, 2], [3, 4]]))
    assert table.data == [[1.5, 2.0], [3.0, 4.0]]
    assert Table(columns=["x", "y"], data=np.zeros((0, 2))).data == []
    records = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U1")])
    assert Table(data=records) == Table(columns=["n", "s"], data=[[1, "a"], [2, "b"]])
    with pytest.raises(InvalidInput, match=r"row 0 has 2 cells for the 3 columns \['Input'"):
        Table(data=np.zeros((1, 2)))


@pytest.mark.parametrize("wrong", [[[1]], {"a": [1]}, 5, np.zeros((2, 2)), pd.Series([1])])
def test_what_is_no_frame(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="dataframe is a .*; give a pandas or polars data frame or an Arrow table"):
        Table(dataframe=wrong)


def test_a_frame_with_cells_that_do_not_fit() -> None:
    with pytest.raises(InvalidInput, match="row 1, column 'a': got the str 'x', but the column holds number"):
        Table(dataframe=pd.DataFrame({"a": [1, "x"]}))
    assert len(Table(dataframe=pd.DataFrame({"a": [1, "x"]}), allow_mixed_types=True)) == 2
    with pytest.raises(InvalidInput, match="row 0, column 'a': got 1 bytes"):
        Table(dataframe=pl.DataFrame({"a": [b"x"]}))


# -- out ------------------------------------------------------------------------------------------------------------


def test_tables_become_frames() -> None:
    table = Table(columns=list(COLUMNS), data=ROWS)
    assert Table(dataframe=table.get_dataframe()) == table
    assert Table(dataframe=table.get_polars()) == table
    assert Table(dataframe=table.get_arrow()) == table
    assert table.get_dataframe()["f"].dtype == "float64"
    assert table.get_polars().schema["t"] == pl.Datetime("us")
    assert table.get_arrow().schema.field("l").type == pa.list_(pa.int64())


def test_an_empty_table_becomes_an_empty_frame() -> None:
    table = Table(columns=["a", "b"])
    assert list(table.get_dataframe().columns) == ["a", "b"]
    assert table.get_polars().columns == ["a", "b"]
    assert table.get_arrow().column_names == ["a", "b"]


def test_whole_and_other_numbers_and_dates_and_times_share_a_column() -> None:
    table = Table(columns=["n", "t"], data=[[1, dt.date(2026, 1, 1)], [0.5, WHEN], [None, None]])
    assert table.get_arrow().to_pydict() == {"n": [1.0, 0.5, None], "t": [dt.datetime(2026, 1, 1), WHEN, None]}
    assert table.get_polars()["n"].to_list() == [1.0, 0.5, None]


def test_media_and_mixed_cells_in_frames() -> None:
    classes = Classes([{"id": 0, "name": "x"}])
    media = Table(columns=["n", "c"], data=[[1, classes], [2, None]])
    assert media.get_dataframe()["c"][0] is classes
    assert media.get_polars()["c"][0] is classes
    with pytest.raises(Unsupported, match=r"column 'c' holds classes, for which Arrow has no type; use get_dataframe"):
        media.get_arrow()
    mixed = Table(columns=["a", 2], data=[[1, [1]], ["x", ["a"]]], allow_mixed_types=True)
    assert mixed.get_dataframe()["a"].tolist() == [1, "x"]
    assert mixed.get_polars()["a"].to_list() == [1, "x"]
    with pytest.raises(Unsupported, match="column 'a' does not fit one type"):
        mixed.get_arrow()


def test_lists_of_unlike_things_are_objects_in_polars() -> None:
    table = Table(columns=["l"], data=[[[1]], [["x"]], [[{"a": 1}]]])
    assert table.get_polars()["l"].to_list() == [[1], ["x"], [{"a": 1}]]


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    table = Table(columns=["a"], data=[[1]])
    for name, call, how in [
        ("pandas", table.get_dataframe, r"pip install 'forebear\[frames\]'"),
        ("polars", table.get_polars, "pip install polars"),
        ("pyarrow", table.get_arrow, r"forebear\[frames\]"),
    ]:
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(Unsupported, match=f"the package {name}, which is not installed; .*{how}") as caught:
            call()
        assert caught.value.code == "missing-extra"
