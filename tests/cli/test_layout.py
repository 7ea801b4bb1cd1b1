from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from forebear.cli.layout import Column, fields, fit, flow, line, plain, table, width_of

NAMES = (Column("NAME", shrink=True), Column("SIZE", right=True), Column("WHEN", drop=1), Column("TYPE", drop=2))


def shown(lines):
    return [plain(spans) for spans in lines]


def test_a_table_is_aligned_and_has_no_blanks_at_its_ends():
    rows = [("digits", "1.2 MiB", "3 h ago", ""), ("m", "12 B", "just now", "model")]
    assert shown(table(NAMES, rows, None)) == [
        "NAME       SIZE  WHEN      TYPE",
        "digits  1.2 MiB  3 h ago",
        "m          12 B  just now  model",
    ]


def test_columns_without_content_are_left_out():
    assert shown(table(NAMES, [("digits", "", "", "")], None)) == ["NAME", "digits"]


def test_a_narrow_table_first_loses_columns_then_shortens():
    rows = [("a-name-of-thirty-characters-xx", "1.2 MiB", "3 h ago", "dataset")]
    assert shown(table(NAMES, rows, 60))[1].endswith("dataset")
    assert "…" not in shown(table(NAMES, rows, 60))[1]
    assert shown(table(NAMES, rows, 36))[0].split() == ["NAME", "SIZE", "WHEN"]
    assert shown(table(NAMES, rows, 30))[0].split() == ["NAME", "SIZE"]
    assert shown(table(NAMES, rows, 20))[1] == "a-na…ers-xx  1.2 MiB"


def test_a_pipe_shortens_nothing():
    long = "x" * 500
    assert shown(table(NAMES, [(long, "1 B", "now", "t")], None))[1].startswith(long + "  ")


@given(
    st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50)] * 2), min_size=1),
    st.integers(30, 120),
)
def test_no_row_is_wider_than_the_terminal(pairs, width):
    columns = (Column("A", shrink=True), Column("B", shrink=True, right=True), Column("C", drop=1))
    rows = [(a, b, "const") for a, b in pairs]
    assert all(width_of(spans) <= width for spans in table(columns, rows, width))


def test_fields_fold_long_values_below_themselves():
    lines = shown(fields([("name", "digits"), ("empty", ""), ("description", "one two three four five")], 26))
    assert lines == ["name         digits", "description  one two three", "             four five"]


def test_fields_of_several_lines():
    lines = shown(fields([("used by", [line("a"), line("b")])], None))
    assert lines == ["used by  a", "         b"]


def test_fit_gives_up_the_last_parts_first():
    spans = line("name:v0", "  latest", "  dataset")
    assert plain(fit(spans, 80)) == "name:v0  latest  dataset"
    assert plain(fit(spans, 18)) == "name:v0  latest"
    assert plain(fit(spans, 5)) == "na…v0"
    assert width_of(fit(spans, 5)) == 5


def test_flow_breaks_between_parts():
    assert shown(flow(line("digits:v0", "  32 files", ", 3 added"), 20)) == ["digits:v0  32 files", "  3 added"]
    assert shown(flow(line("digits:v0", "  32 files", ", 3 added"), None)) == ["digits:v0  32 files, 3 added"]
