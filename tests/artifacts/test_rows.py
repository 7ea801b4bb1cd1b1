"""Rows of a draft: what goes in comes out, in order, and references take little room."""

from __future__ import annotations

import tracemalloc

import pytest

from forebear.artifacts.rows import Rows

DIGEST = bytes(32)
FILES = [("b", 1, DIGEST), ("a/x", 2, DIGEST)]
REFERENCES = [
    ("c", None, None, "s3://bucket/c", {}),
    ("a/é", 3, DIGEST, "s3://bucket/é", {"etag": "1", "version": "2"}),
]


def test_rows_come_out_as_they_went_in_sorted_by_path():
    rows = Rows([*FILES, *REFERENCES])
    expected = sorted([*FILES, *REFERENCES])
    ordered = rows.in_order()
    assert list(ordered) == expected
    assert list(ordered) == expected, "again"
    assert [ordered[at] for at in range(len(ordered))] == expected
    assert ordered[-1] == expected[-1]
    assert [rows.get(row[0]) for row in expected] == expected
    assert rows.get("a") is None
    assert rows.size() == 6
    assert len(rows) == 4
    assert set(rows.paths()) == {row[0] for row in expected}
    assert "b" in rows
    assert "x" not in rows


def test_a_row_takes_the_place_of_the_one_of_its_path():
    rows = Rows([*FILES, *REFERENCES])
    rows.put(("c", 5, DIGEST))
    rows.put_files([("a/é", 6, DIGEST)])
    other = Rows([("b", 1, None, "s3://bucket/b", {})])
    rows.put_all(other)
    rows.remove("a/x")
    assert list(rows.in_order()) == [("a/é", 6, DIGEST), ("b", 1, None, "s3://bucket/b", {}), ("c", 5, DIGEST)]
    assert len(other) == 1


@pytest.mark.parametrize(
    ("row", "clashes"),
    [
        (FILES[0], []),
        (REFERENCES[1], []),
        (("b", 2, DIGEST), ["b"]),
        (("b", 1, DIGEST, "s3://bucket/b", {}), ["b"]),
        (("c", None, None, "s3://bucket/c", {"etag": "1"}), ["c"]),
        (("new", 1, DIGEST), []),
    ],
)
def test_clashes_are_other_rows_of_the_same_path(row: tuple[object, ...], clashes: list[str]):
    assert list(Rows([*FILES, *REFERENCES]).clashes(Rows([row]))) == clashes


def test_a_reference_takes_less_than_half_of_its_row():
    def row(number: int) -> tuple[object, ...]:
        path = f"folder/{number:08}.jpg"
        return (path, 100_000 + number, None, f"s3://bucket/prefix/{path}", {"etag": f"{number:032x}"})

    tracemalloc.start()
    try:
        held = [row(number) for number in range(2000)]
        plain = tracemalloc.get_traced_memory()[0]
        del held
        before = tracemalloc.get_traced_memory()[0]
        rows = Rows(map(row, range(2000)))
        assert tracemalloc.get_traced_memory()[0] - before < 0.6 * plain
        assert len(rows) == 2000
    finally:
        tracemalloc.stop()
