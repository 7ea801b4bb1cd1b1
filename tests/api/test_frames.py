from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime

import pytest

from forebear.api import frames
from forebear.api.frames import KINDS, frame
from forebear.errors import InvalidInput, Unsupported

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {
    "step": array("q", [0, 1, 2]),
    "row": range(5, 8),
    "loss": array("d", [0.5, math.nan, math.inf]),
    "acc": [0.1, None, 0.3],
    "count": [1, 2, None],
    "ok": [True, None, False],
    "word": ["a", "b", None],
    "mixed": [1, "x", 2.5],
    "image": [{"_type": "image-file", "path": "a.png"}, None, None],
    "list": [[1, 2], [], None],
    "huge": [10**30, 1, None],
    "at": [NOW, NOW, None],
    "nothing": [None, None, None],
}


def listed(table, kind, name):
    values = table[name].to_pylist() if kind == "arrow" else list(table[name])
    return [None if value is None or value != value else value for value in values]


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_column(kind):
    table = frame(COLUMNS, kind)
    names = table.column_names if kind == "arrow" else list(table.columns)
    assert names == list(COLUMNS)
    assert listed(table, kind, "step") == [0, 1, 2]
    assert listed(table, kind, "row") == [5, 6, 7]
    assert listed(table, kind, "loss") == [0.5, None, math.inf]
    assert listed(table, kind, "acc") == [0.1, None, 0.3]
    assert listed(table, kind, "count") == [1, 2, None]
    assert listed(table, kind, "word") == ["a", "b", None]
    assert [value == NOW for value in listed(table, kind, "at")] == [True, True, False]


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_columns_of_several_types_become_text(kind):
    table = frame(COLUMNS, kind)
    assert listed(table, kind, "mixed") == ["1", "x", "2.5"]
    assert listed(table, kind, "image")[0] == '{"_type":"image-file","path":"a.png"}'
    assert listed(table, kind, "list") == ["[1,2]", "[]", None]
    assert listed(table, kind, "huge") == ["1" + "0" * 30, "1", None] or listed(table, kind, "huge") == [1e30, 1, None]


def test_pandas_keeps_values_as_they_are():
    table = frame(COLUMNS, "pandas")
    assert list(table["mixed"]) == [1, "x", 2.5]
    assert table["image"][0] == {"_type": "image-file", "path": "a.png"}
    assert str(table["loss"].dtype) == "float64"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_has_columns_still(kind):
    table = frame({"a": [], "b": []}, kind)
    assert table.shape == (0, 2)


def test_what_there_is_not(monkeypatch):
    with pytest.raises(InvalidInput, match="there is no table of kind 'excel'; there are pandas, polars, arrow"):
        frame({}, "excel")
    monkeypatch.setitem(frames._MODULES, "polars", ("no_such_module", "polars"))
    with pytest.raises(Unsupported, match="pip install polars"):
        frame({}, "polars")
