"""What is kept of a table, and that it comes back as it was."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.media.classes import Classes
from forebear.media.graph import Graph
from forebear.media.registry import revive
from forebear.media.table import Table
from tests.media.kept_files import Files

NAN = math.nan
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, 6)
ZONE = dt.timezone(dt.timedelta(hours=2))


def there_and_back(table: Table) -> Table:
    files = Files()
    back = revive(table.to_json(files), files.read)
    assert isinstance(back, Table)
    assert back == table
    return back


def stored(table: Table) -> dict[str, Any]:
    files = Files()
    return json.loads(files[table.to_json(files)["path"]])  # type: ignore[no-any-return]


def test_the_form_that_is_kept() -> None:
    table = Table(columns=["id", "score", 3], data=[[1, 0.5, "x"], [2, NAN, None], [3, None, "ö"]])
    files = Files()
    value = table.to_json(files)
    assert value == {
        "_type": "table-file",
        "path": next(iter(files)),
        "digest": value["digest"],
        "size": len(files[value["path"]]),
        "ncols": 3,
        "nrows": 3,
        "log_mode": "IMMUTABLE",
    }
    assert value["path"].startswith("media/tables/")
    assert value["path"].endswith(".table.json")
    assert stored(table) == {
        "columns": ["id", "score", 3],
        "ncols": 3,
        "nrows": 3,
        "column_types": {
            "id": {"type": "number", "optional": True},
            "score": {"type": "number", "optional": True},
            "3": {"type": "string", "optional": True},
        },
        "data": [[1, 0.5, "x"], [2, {"_type": "number", "value": "NaN"}, None], [3, None, "ö"]],
    }


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        ([1, 2**70, -(2**70), True and 1], [1, 2**70, -(2**70), 1]),
        ([0.1, 1e308, 5e-324, -0.0], [0.1, 1e308, 5e-324, -0.0]),
        (
            [math.inf, -math.inf, 1],
            [{"_type": "number", "value": "Infinity"}, {"_type": "number", "value": "-Infinity"}, 1],
        ),
        (["", "a\x00b", "\U0001f600"], ["", "a\x00b", "\U0001f600"]),
        ([True, None], [True, None]),
        (
            [WHEN, WHEN.replace(tzinfo=ZONE), dt.date(2026, 1, 2), None, NAN],
            ["2026-01-02T03:04:05.000006", "2026-01-02T03:04:05.000006+02:00", "2026-01-02", None, None],
        ),
        ([[1, NAN], [], [[None, ["x"]]]], [[1, {"_type": "number", "value": "NaN"}], [], [[None, ["x"]]]]),
        ([[WHEN]], [[{"_type": "timestamp", "value": WHEN.isoformat()}]]),
        ([{"a": {"b": NAN}}], [{"a": {"b": {"_type": "number", "value": "NaN"}}}]),
        (
            [{"_type": "number", "value": "mine"}],
            [{"_type": "dictionary", "value": {"_type": "number", "value": "mine"}}],
        ),
        (
            [Classes([{"id": 1, "name": "x"}]), None],
            [{"_type": "classes", "class_set": [{"id": 1, "name": "x"}]}, None],
        ),
    ],
)
def test_cells_as_they_are_kept(cells: list[Any], kept: list[Any]) -> None:
    table = Table(columns=["a"], data=[[cell] for cell in cells])
    assert [row[0] for row in stored(table)["data"]] == kept
    if NAN in cells and WHEN in cells:
        cells = [None if cell is NAN else cell for cell in cells]
        table = Table(columns=["a"], data=[[cell] for cell in cells])
    back = there_and_back(table)
    assert [type(row[0]) for row in back.data] == [type(row[0]) for row in table.data]


def test_cells_of_any_kind_in_one_column() -> None:
    cells = [1, "x", None, NAN, WHEN, WHEN.date(), [WHEN, {"a": NAN}], {"_type": "x"}, Classes([]), True, -math.inf]
    table = Table(columns=["a"], data=[[cell] for cell in cells], allow_mixed_types=True)
    back = there_and_back(table)
    assert back.data[4] == [WHEN]
    assert back.data[5] == [WHEN.date()]
    back.add_data("free")


def test_media_that_have_files_of_their_own() -> None:
    graph = Graph()
    graph.add_node(id="a")
    inner = Table(columns=["g"], data=[[graph]])
    outer = Table(columns=["t", "list"], data=[[inner, [graph]]])
    files = Files()
    value = outer.to_json(files)
    assert len(files) == 3
    back = Table.from_json(value, files.read)
    assert back == outer
    assert back.data[0][0].data[0][0]["a"].id == "a"
    assert back.column_types["t"].kind == "table-file"


def test_types_and_keys_come_back() -> None:
    people = Table(columns=["id"], data=[["a"]], optional=False)
    people.set_pk("id")
    visits = Table(columns=["who", "n"], data=[["a", 1]])
    visits.set_fk("who", people, "id")
    back = there_and_back(visits)
    assert back.column_types == visits.column_types
    assert back._foreign["who"] == (people, "id")
    with pytest.raises(InvalidInput, match="not optional"):
        there_and_back(people).add_data(None)


def test_an_empty_table() -> None:
    assert there_and_back(Table(columns=[])).columns == []
    assert there_and_back(Table(columns=["a"])).data == []


def test_cells_put_in_by_hand_are_checked_when_they_are_kept() -> None:
    table = Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    table.data[0][0] = (3).__float__()
    table.data[1] = [4, "z"]
    assert stored(table)["data"] == [[3.0, "x"], [4, "z"]]
    table.data[1][0] = "wrong"
    with pytest.raises(InvalidInput, match="row 1, column 'a': got the str 'wrong', but the column holds number"):
        table.to_json(Files())
    table.data[1] = [1]
    with pytest.raises(InvalidInput, match="row 1 has 1 cells for the 2 columns"):
        table.to_json(Files())


def test_text_that_is_not_unicode_is_named() -> None:
    table = Table(columns=["n", "a"], data=[[1, "x"], [NAN, "\ud800"]])
    with pytest.raises(InvalidInput, match=r"row 1, column 'a': the text '\\ud800' is not valid Unicode"):
        table.to_json(Files())
    with pytest.raises(InvalidInput, match="the names of the columns"):
        Table(columns=["\udfff"]).to_json(Files())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"columns": ["a"]}',
        b'{"columns": ["a"], "data": [[1, 2]], "nrows": 1}',
        b'{"columns": ["a"], "data": [5], "nrows": 1}',
        b'{"columns": ["a"], "data": [[1]], "nrows": 2}',
        b'{"columns": ["a"], "data": [["x"]], "nrows": 1, "column_types": {"a": {"type": "timestamp"}}}',
        b'{"columns": ["a"], "data": [[5]], "nrows": 1, "column_types": {"a": {"type": "timestamp"}}, "before": "t"}',
        b'{"columns": ["a"], "data": [[{"_type": "number"}]], "nrows": 1}',
        b'{"columns": ["a"], "data": [[{"_type": "classes"}]], "nrows": 1}',
        b'{"columns": ["a"], "data": [[1]], "nrows": 2, "before": "t"}',
    ],
)
def test_files_that_are_no_table(content: bytes) -> None:
    with pytest.raises(CorruptData):
        Table.from_json({"_type": "table-file", "path": "t"}, {"t": content}.__getitem__)


def test_a_file_that_is_gone() -> None:
    with pytest.raises(NotFound, match="no file 't'"):
        Table.from_json({"_type": "table-file", "path": "t"}, Files().read)


def test_a_table_that_says_nothing_of_types_is_read() -> None:
    content = b'{"columns": ["a"], "data": [[1], ["x"]], "nrows": 2, "column_types": {"wb_type": "dictionary"}}'
    table = Table.from_json({"path": "t"}, {"t": content}.__getitem__)
    assert table.data == [[1], ["x"]]
    assert table.column_types["a"].kind == "any"


numbers = st.one_of(st.integers(), st.floats())
texts = st.text(st.characters(codec="utf-8"), max_size=5)
times = st.one_of(st.dates(), st.datetimes(timezones=st.none() | st.just(dt.UTC)))
scalars = st.one_of(numbers, texts, st.booleans(), times, st.none())
cells = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
columns = st.one_of(
    *(st.lists(kind | st.none(), min_size=4, max_size=4) for kind in (numbers, texts, st.booleans(), times))
)


@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=5))
def test_whatever_is_in_a_mixed_table_comes_back(rows: list[list[Any]]) -> None:
    there_and_back(Table(columns=["a", "_type"], data=rows, allow_mixed_types=True))


@given(st.lists(columns, min_size=1, max_size=4))
def test_whatever_is_in_a_table_comes_back(wide: list[list[Any]]) -> None:
    there_and_back(Table(columns=list(range(len(wide))), data=zip(*wide, strict=True)))


def test_text_that_is_not_unicode_is_found_beside_media() -> None:
    table = Table(columns=["c", "a"], data=[[Classes([]), "x"], [None, "\ud800"]])
    with pytest.raises(InvalidInput, match=r"row 1, column 'a': the text '\\ud800'"):
        table.to_json(Files())
