from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.cli.tables import as_text, table_shape
from forebear.errors import InvalidInput


@pytest.mark.parametrize("words", [["diff"], ["artifact", "diff"]])
def test_diff_lists_what_changed(cli, two, words):
    answer = cli(*words, "digits:v0", "digits:v1")
    assert answer.lines[0] == "digits:v0 → digits:v1"
    assert answer.lines[1] == "7 → 7 files, 81 B → 113 B"
    signs = {tuple(line.split()[:2]) for line in answer.lines[4:9]}
    assert signs == {
        ("-", "images/2.png"),
        ("+", "images/new.png"),
        (">", "images/1.png"),
        ("~", "labels.csv"),
        ("~", "notes.txt"),
    }
    assert answer.lines[-1] == "1 added, 1 removed, 2 changed, 1 renamed  (+32 B)"


def test_diff_in_json(cli, two):
    record = cli("diff", "digits:v0", "digits:v1", "--json").json()
    assert record["old"] == "local/p/digits:v0"
    assert record["counts"] == {"added": 1, "removed": 1, "changed": 2, "renamed": 1}
    assert [item["path"] for item in record["added"]] == ["images/new.png"]
    assert record["renamed"] == [{"old_path": "images/1.png", "new_path": "images/one.png", "size": 7}]
    assert record["changed"][1]["old"]["size"] == 18
    assert record["changed"][1]["new"]["size"] == 27
    assert record["size"] == {"old": 81, "new": 113}
    assert "added" not in cli("diff", "digits:v0", "digits:v1", "--stat", "--json").json()
    assert cli("diff", "digits:v0", "digits:v1", "-q").lines[0] == "images/2.png"


def test_diff_stat(cli, two):
    answer = cli("diff", "digits:v0", "digits:v1", "--stat")
    assert [line.split()[:3] for line in answer.lines[4:8]] == [
        ["+", "added", "1"],
        ["-", "removed", "1"],
        ["~", "changed", "2"],
        [">", "renamed", "1"],
    ]
    assert answer.lines[9].split() == ["FOLDER", "+", "-", "~", ">"]
    assert answer.lines[10].split() == ["images", "1", "1", "1"]


def test_diff_stat_of_many_folders(cli, two):
    for number in range(20):
        (two / f"folder{number:02}").mkdir()
        (two / f"folder{number:02}" / "x").write_text(str(number))
    cli("artifact", "put", two, "-n", "digits")
    answer = cli("diff", "digits:v1", "digits:v2", "--stat")
    assert answer.lines[-1] == "and 8 other folders"


def test_diff_of_equal_versions(cli, two):
    assert cli("diff", "digits:v0", "digits:prod").lines[-1] == "the same files with the same content"
    assert cli("diff", "digits:v0", "digits:prod", "--json").json()["equal"] is True


def test_diff_of_text(cli, two):
    answer = cli("diff", "digits:v0", "digits:v1", "--path", "notes.txt")
    assert answer.lines == [
        "--- digits:v0/notes.txt",
        "+++ digits:v1/notes.txt",
        "@@ -1,2 +1,3 @@",
        " line one",
        "-line two",
        "+line 2",
        "+line three",
    ]
    record = cli("diff", "digits:v0", "digits:v1", "--path", "notes.txt", "--json").json()
    assert record["binary"] is False
    assert record["diff"] == answer.out


def test_diff_of_a_renamed_added_and_removed_file(cli, two):
    assert "the same content" in cli("diff", "digits:v0", "digits:v1", "--path", "images/one.png").out
    assert "the same content" in cli("diff", "digits:v0", "digits:v1", "--path", "images/1.png").out
    assert "+a new image" in cli("diff", "digits:v0", "digits:v1", "--path", "images/new.png").lines
    answer = cli("diff", "digits:v0", "digits:v1", "--path", "images/2.png")
    assert answer.lines[1] == "+++ /dev/null"
    assert cli("diff", "digits:v0", "digits:v1", "--path", "images/1.png", "-q").out == ""


def test_diff_of_a_table(cli, two):
    answer = cli("diff", "digits:v0", "digits:v1", "--path", "labels.csv")
    assert [line.split() for line in answer.lines] == [
        ["COLUMN", "BEFORE", "AFTER"],
        ["id", "integer", "integer"],
        ["label", "text", "text"],
        ["~", "score", "number,", "1", "empty", "number"],
        ["+", "extra", "–", "text"],
        ["=", "rows", "2", "3"],
        ["=", "columns", "3", "4"],
    ]
    record = cli("diff", "digits:v0", "digits:v1", "--path", "labels.csv", "--json").json()
    assert record["old_table"]["rows"] == 2
    assert [column["change"] for column in record["columns"]] == ["same", "same", "changed", "added"]
    assert cli("diff", "digits:v0", "digits:v1", "--path", "labels.csv", "-q").lines == ["score", "extra"]
    assert "+3,c,4,z" in cli("diff", "digits:v0", "digits:v1", "--path", "labels.csv", "--text").lines


def test_diff_of_a_table_that_was_logged(cli):
    cli("init")
    with forebear.init(id="r") as run:
        for last in ("cat", "dog"):
            table = forebear.Table(columns=["id", "guess"], data=[[0, "cat"], [1, "cat"], [2, last]])
            run.log({"guesses": table})
    words = ("diff", "run-r-guesses:v0", "run-r-guesses:v1", "--path", "guesses.table.json")
    assert cli(*words).lines[3:] == [' ["id","guess"]', ' [0,"cat"]', ' [1,"cat"]', '-[2,"cat"]', '+[2,"dog"]']
    assert cli(*words).lines[2].startswith("@@")
    assert len(cli(*words, "--text").lines) == 5


def test_diff_of_what_only_looks_like_a_logged_table(cli):
    cli("init")
    for text in ("no json\n", "neither\n"):
        Path("x.table.json").write_text(text)
        cli("artifact", "put", "x.table.json", "-n", "x")
    assert cli("diff", "x:v0", "x:v1", "--path", "x.table.json").lines[-2:] == ["-no json", "+neither"]


def test_diff_of_a_table_that_is_gone(cli, two):
    (two / "labels.csv").unlink()
    cli("artifact", "put", two, "-n", "digits")
    lines = [line.split() for line in cli("diff", "digits:v1", "digits:v2", "--path", "labels.csv").lines]
    assert ["-", "id", "integer", "–"] in lines
    assert lines[-2] == ["=", "rows", "3", "–"]


def test_diff_of_binary_content(cli, two):
    (two / "images" / "3.png").write_bytes(b"\x00\x01" * 1000)
    cli("artifact", "put", two, "-n", "digits")
    assert cli("diff", "digits:v1", "digits:v2", "--path", "images/3.png").out == "binary content: 7 B → 2.0 KiB\n"
    record = cli("diff", "digits:v1", "digits:v2", "--path", "images/3.png", "--json").json()
    assert record["binary"] is True
    assert record["diff"] is None


def test_diff_of_an_unknown_file_suggests(cli, two):
    answer = cli("diff", "digits:v0", "digits:v1", "--path", "labls.csv", status=3)
    assert "neither digits:v0 nor digits:v1 has a file 'labls.csv'; did you mean 'labels.csv'?" in answer.err


def test_diff_that_differs_in_line_ends_only(cli, two):
    (two / "notes.txt").write_bytes(b"line one\r\nline 2\r\nline three\r\n")
    cli("artifact", "put", two, "-n", "digits")
    assert "only the ends of lines differ" in cli("diff", "digits:v1", "digits:v2", "--path", "notes.txt").out


def test_text_from_a_file_cannot_write_to_the_terminal(cli, two):
    (two / "notes.txt").write_text("\x1b]0;title\x07\n")
    cli("artifact", "put", two, "-n", "digits")
    assert "\x1b" not in cli("diff", "digits:v1", "digits:v2", "--path", "notes.txt").out


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3"], "integer"),
        (["1", "2.5", "1e3"], "number"),
        (["2.5", "1"], "number"),
        (["true", "False"], "boolean"),
        (["2026-01-31", "2026-01-31T10:00:00"], "time"),
        (["2026-13-45"], "text"),
        (["1", "x"], "text"),
        (["true", "1"], "text"),
        (["", " "], "empty"),
    ],
)
def test_types_of_columns(cells, kind):
    # A line that is wholly empty is no row, so a second column keeps each of them one.
    shape = table_shape("t.csv", "c,d\n" + "".join(f"{cell},1\n" for cell in cells))
    assert shape.columns[0].type == kind
    assert shape.rows == len(cells)


def test_tables_with_quoted_lines_tabs_and_ragged_rows():
    assert table_shape("t.csv", 'a,b\n"x\ny",1\n').rows == 1
    assert [column.name for column in table_shape("t.TSV", "a\tb\n1\t2\n").columns] == ["a", "b"]
    assert table_shape("t.csv", "a,b\n1\n1,2,3\n").columns[1].empty == 1
    assert table_shape("t.csv", "").columns == ()


def test_a_table_that_cannot_be_read():
    with pytest.raises(InvalidInput, match="--text compares it as text"):
        table_shape("t.csv", "a\n" + "x" * 200_000)


def test_text_and_binary():
    assert as_text("é".encode()) == "é"
    assert as_text(b"\xef\xbb\xbfid") == "id"
    assert as_text(b"\xff\xfe") is None
    assert as_text(b"a\x00b") is None
