"""What logging a table writes, by its mode, and that the parts of one are read as one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forebear.errors import Conflict, CorruptData
from forebear.media.graph import Graph
from forebear.media.table import Table
from forebear.media.table_files import entry_name, log_table
from tests.media.kept_files import Files


@pytest.fixture
def files() -> Files:
    return Files()


def rows_of(value: dict[str, Any], files: Files) -> list[list[Any]]:
    return Table.from_json(value, files.read).data


def test_what_a_log_writes(files: Files) -> None:
    graph = Graph()
    graph.add_node(id="a")
    table = Table(columns=["n", "g"], data=[[1, graph], [2, graph]])
    logged = log_table(table, "eval/preds", files, run="e/p/r", artifact="run-r-evalpreds")
    media = [path for path in files if path.startswith("media/graphs/")]
    [path] = [path for path in files if path.startswith("media/tables/")]
    assert {name: kept.path for name, kept in logged.entries.items()} == {
        "eval/preds.table.json": path,
        media[0]: media[0],
    }
    assert logged.value == {
        "_type": "table-file",
        "path": path,
        "digest": logged.entries["eval/preds.table.json"].digest,
        "size": len(files[path]),
        "ncols": 2,
        "nrows": 2,
        "log_mode": "IMMUTABLE",
        "artifact_path": "run-r-evalpreds/eval/preds.table.json",
    }
    assert logged.metadata == {"ncols": 2, "nrows": 2, "log_mode": "IMMUTABLE", "key": "eval/preds"}
    assert not logged.incremental
    assert logged.note is None
    assert Table.from_json(logged.value, files.read) == table


@pytest.mark.parametrize(
    ("key", "entry"),
    [("t", "t"), ("a/b", "a/b"), ("../x", "_/x"), ("/x//y", "_/x/_/y"), ("ü:*\n", "ü___"), ("", "_"), (".", "_")],
)
def test_names_in_the_artifact(key: str, entry: str) -> None:
    assert entry_name(key) == entry + ".table.json"


def test_an_immutable_table_is_written_once(files: Files) -> None:
    table = Table(columns=["n"], data=[[1]])
    first = log_table(table, "t", files)
    again = log_table(table, "t", files)
    assert (again.value, again.entries, again.note) == (first.value, {}, None)
    table.add_data(2)
    changed = log_table(table, "t", files)
    assert (changed.value, changed.entries) == (first.value, {})
    assert changed.note is not None
    assert changed.note.startswith("the table logged as 't' has changed since, but it is IMMUTABLE")
    assert len(files) == 1
    assert rows_of(log_table(table, "other", files).value, files) == [[1], [2]]
    assert rows_of(log_table(table, "t", files, run="another").value, files) == [[1], [2]]


@pytest.mark.parametrize("change", ["add_column", "cast", "set_pk"])
def test_every_change_of_an_immutable_table_is_noted(files: Files, change: str) -> None:
    table = Table(columns=["n"], data=[[1]])
    log_table(table, "t", files)
    {"add_column": lambda: table.add_column("m", [1]), "cast": lambda: table.cast("n", "any")}.get(
        change, lambda: table.set_pk("n")
    )()
    assert log_table(table, "t", files).note


def test_a_mutable_table_is_written_each_time(files: Files) -> None:
    table = Table(columns=["n"], data=[[1]], log_mode="MUTABLE")
    first = log_table(table, "t", files)
    table.add_data(2)
    table.data[0][0] = 5
    second = log_table(table, "t", files)
    assert rows_of(first.value, files) == [[1]]
    assert rows_of(second.value, files) == [[5], [2]]
    assert list(second.entries) == ["t.table.json"]
    assert log_table(table, "t", files).value == second.value
    assert len(files) == 2


def test_an_incremental_table_writes_what_was_added(files: Files) -> None:
    table = Table(columns=["n", "s"], log_mode="INCREMENTAL")
    logged = []
    for part in range(3):
        for row in range(part + 1):
            table.add_data(part, str(row))
        logged.append(log_table(table, "t", files))
    assert [len(json.loads(files[step.value["path"]])["data"]) for step in logged] == [1, 2, 3]
    assert [step.value["nrows"] for step in logged] == [1, 3, 6]
    assert [step.incremental for step in logged] == [False, True, True]
    for step in logged:
        assert rows_of(step.value, files) == table.data[: step.value["nrows"]]
        assert set(step.entries) == {"t.table.json", step.value["path"]}
    assert Table.from_json(logged[-1].value, files.read) == table
    assert Table.from_json(logged[-1].value, files.read).log_mode == "INCREMENTAL"


def test_an_incremental_table_without_new_rows_writes_nothing(files: Files) -> None:
    table = Table(columns=["n"], log_mode="INCREMENTAL")
    first = log_table(table, "t", files)
    assert rows_of(first.value, files) == []
    assert log_table(table, "t", files) == (first.value, {}, {}, False, None)
    table.add_data(1)
    assert rows_of(log_table(table, "t", files).value, files) == [[1]]


def test_an_incremental_table_goes_on_where_a_resumed_run_was(files: Files) -> None:
    table = Table(columns=["n"], data=[[1], [2]], log_mode="INCREMENTAL")
    earlier = log_table(table, "t", files).value
    later = Table(columns=["n"], data=[[3]], log_mode="INCREMENTAL")
    value = log_table(later, "t", files, earlier=earlier).value
    assert rows_of(value, files) == [[1], [2], [3]]
    later.add_data(4)
    value = log_table(later, "t", files, earlier=value).value
    assert value["nrows"] == 4
    assert rows_of(value, files) == [[1], [2], [3], [4]]


@pytest.mark.parametrize("earlier", [None, 5, {}, {"_type": "table-file", "path": "x", "log_mode": "MUTABLE"}])
def test_an_incremental_table_begins_anew_after_anything_else(files: Files, earlier: Any) -> None:
    table = Table(columns=["n"], data=[[1]], log_mode="INCREMENTAL")
    logged = log_table(table, "t", files, earlier=earlier)
    assert not logged.incremental
    assert rows_of(logged.value, files) == [[1]]


def test_rows_that_are_logged_stay(files: Files) -> None:
    table = Table(columns=["n"], data=[[1], [2]], log_mode="INCREMENTAL")
    log_table(table, "t", files)
    table.data.pop()
    with pytest.raises(Conflict, match="has 1 rows, but 2 of it are logged; what is logged stays"):
        log_table(table, "t", files)


def test_parts_that_do_not_fit_together(files: Files) -> None:
    table = Table(columns=["n"], data=[[1]], log_mode="INCREMENTAL")
    first = log_table(table, "t", files).value
    other = Table(columns=["m"], data=[[1]], log_mode="INCREMENTAL")
    with pytest.raises(CorruptData, match="different columns"):
        rows_of(log_table(other, "t", files, earlier=first).value, files)
    files["a"] = b'{"columns": ["n"], "data": [], "nrows": 0, "before": "b"}'
    files["b"] = files["a"].replace(b'"b"', b'"a"')
    with pytest.raises(CorruptData, match="in a circle"):
        rows_of({"path": "a"}, files)


def test_many_parts_are_read_without_depth(files: Files) -> None:
    table = Table(columns=["n"], log_mode="INCREMENTAL")
    for number in range(1_500):
        table.add_data(number)
        value = log_table(table, "t", files).value
    assert rows_of(value, files) == [[number] for number in range(1_500)]
    assert max(map(len, files.values())) < 300


def test_a_refused_log_is_no_log(files: Files) -> None:
    table = Table(columns=["n"], data=[[1]])
    table.data.append(["x"])
    with pytest.raises(ValueError, match="row 1, column 'n'"):
        log_table(table, "t", files)
    table.data.pop()
    assert log_table(table, "t", files).entries
