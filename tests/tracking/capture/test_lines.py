"""A stream of characters becomes the rows that a person would see."""

from __future__ import annotations

import io

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forebear.tracking.capture.lines import MAX_LINE, MAX_ROWS, Screen


class Rows:
    """Keeps rows as a log does, without a file."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.screen = Screen(self.settle, self.settle_many)

    def settle(self, number: int | None, text: str) -> int:
        if number is None:
            self.rows.append(text)
            return len(self.rows) - 1
        self.rows[number] = text
        return number

    def settle_many(self, text: str) -> None:
        self.rows += text.split("\n")


def shown(*texts: str) -> list[str]:
    rows = Rows()
    for text in texts:
        rows.screen.write(text)
    rows.screen.flush()
    return rows.rows


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a", "b\nc"], ["ab", "c"]),
        (["\n\na\n"], ["", "", "a"]),
        ([""], []),
        (["10%\r20%\r30%\n"], ["30%"]),
        (["10%", "\r20%", "\r30%"], ["30%"]),
        (["longer line\rshort\n"], ["shortr line"]),
        (["longer line\r\x1b[Kshort\n"], ["short"]),
        (["ab\b\bcd\n"], ["cd"]),
        (["a\r\nb\r\n"], ["a", "b"]),
        (["\x1b[31mred\x1b[0m and \x1b[1;4mbold\x1b[m\n"], ["red and bold"]),
        (["\x1b[3", "1mred\n"], ["red"]),
        (["\x1b", "[31mred\n"], ["red"]),
        (["\x1b]0;title\x07text\n", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n"], ["text", "link"]),
        (["one\ntwo\n\x1b[2Auno\n\n"], ["uno", "two"]),
        (["one\ntwo\n\x1b[1A\x1b[2K\n"], ["one", ""]),
        (["one\ntwo\x1b[1A\x1b[J\n"], ["one"]),
        (["abc\x1b[2Dx\n"], ["axc"]),
        (["abc\x1b[1Gx\n"], ["xbc"]),
        (["abc\x1b[3Cx\n"], ["abc   x"]),
        (["abcdef\x1b[3D\x1b[1K\n"], ["    ef"]),
        (["a\tb\n"], ["a\tb"]),
        (["a\x00\x07b\n"], ["ab"]),
        (["wide 表 ünï\n"], ["wide 表 ünï"]),
        (["\x1b[99A\x1b[99Dtop\n"], ["top"]),
        (["\x1b[?25lhidden\x1b[?25h\n"], ["hidden"]),
        (["\x1b(Bx\x1b7y\x1b8\n"], ["xy"]),
    ],
)
def test_what_a_person_would_see(texts: list[str], rows: list[str]) -> None:
    assert shown(*texts) == rows


def test_two_nested_bars_keep_their_last_state() -> None:
    # What tqdm writes for a bar at position 1: down, the bar, up again.
    texts = []
    for outer in range(3):
        texts.append(f"\router {outer}/3")
        texts += [piece for inner in range(3) for piece in ("\n", f"\rinner {inner}/3", "\x1b[A")]
    assert shown(*texts, "\r\x1b[Kdone\n") == ["done", "inner 2/3"]


def test_real_bars_of_rich_and_tqdm_like_writers() -> None:
    from rich.console import Console
    from rich.progress import Progress

    stream = io.StringIO()
    with Progress(console=Console(file=stream, force_terminal=True, width=60)) as progress:
        task = progress.add_task("work", total=5)
        for _ in range(5):
            progress.advance(task)
            progress.refresh()
    rows = [row for row in shown(stream.getvalue()) if row.strip()]
    assert len(rows) == 1
    assert rows[0].startswith("work")
    assert "100%" in rows[0]


def test_rows_are_handed_on_as_soon_as_they_are_left() -> None:
    rows = Rows()
    rows.screen.write("one\ntw")
    assert rows.rows == ["one"]
    rows.screen.flush()
    rows.screen.write("o\n")
    assert rows.rows == ["one", "two"]


def test_what_did_not_change_is_not_handed_on_again() -> None:
    calls: list[str] = []
    screen = Screen(lambda number, text: calls.append(text) or 0, calls.append)
    screen.write("one\n\x1b[A\none more")
    for _ in range(3):
        screen.flush()
    assert calls == ["one", "one more"]


def test_a_line_without_end_goes_on_in_the_next_row() -> None:
    text = "x" * (2 * MAX_LINE + 5)
    assert [len(row) for row in shown(text)] == [MAX_LINE, MAX_LINE, 5]
    many = "\n".join(["y"] * 200 + [text] + ["z"] * 200)
    rows = shown(many)
    assert "".join(rows) == many.replace("\n", "")
    assert max(len(row) for row in rows) == MAX_LINE


def test_the_rows_it_remembers_are_bounded_and_a_climb_ends_at_them() -> None:
    rows = Rows()
    for number in range(1_000):
        rows.screen.write(f"{number}\n")
    assert len(rows.screen._rows) <= MAX_ROWS
    rows.screen.write("\x1b[5000Atop\n")
    assert rows.rows[:900] == [str(number) for number in range(900)]
    assert rows.rows.count("top") == 1
    rows.screen.write("\x1b[999999999B")
    assert len(rows.screen._rows) <= MAX_ROWS


def test_a_sequence_that_never_ends_is_not_held_for_ever() -> None:
    screen = Rows().screen
    screen.write("\x1b]")
    for _ in range(200):
        screen.write("0" * 100)
    assert len(screen._unfinished) < 5_000


@given(st.lists(st.text(st.characters(exclude_categories=["Cc"], include_characters="\n")), max_size=12))
def test_plain_text_is_kept_however_it_is_cut(texts: list[str]) -> None:
    whole = "".join(texts)
    expected = whole.split("\n")
    if not expected[-1]:
        expected.pop()
    assert shown(*texts) == expected


@given(st.lists(st.text("ab\n\r\b\t \x1b[;12ABCDGHJKmh?]\x07\\(", max_size=40), max_size=12))
def test_no_input_breaks_it_and_the_cut_of_the_input_does_not_matter(texts: list[str]) -> None:
    assert shown(*texts) == shown(*"".join(texts))
