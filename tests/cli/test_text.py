from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.cli.text import ago, cells, clean, count, duration, ranges, shorten, size

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1024**2, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (-2048, "-2.0 KiB"),
        (1024**7, "1048576.0 PiB"),
    ],
)
def test_size(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-5, "just now"),
        (60, "1 min ago"),
        (59 * 60, "59 min ago"),
        (3 * 3600, "3 h ago"),
        (2 * 86400, "2 days ago"),
        (59 * 86400, "59 days ago"),
        (400 * 86400, (NOW - timedelta(days=400)).astimezone().strftime("%Y-%m-%d")),
    ],
)
def test_ago(seconds, text):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.3, "12 s"),
        (200, "3 min 20 s"),
        (3600 * 5 + 120, "5 h 2 min"),
        (86400 + 7200, "1 day 2 h"),
        (-1, "0.0 s"),
    ],
)
def test_duration(seconds, text):
    assert duration(timedelta(seconds=seconds)) == text


def test_count():
    assert count(1, "file") == "1 file"
    assert count(1797, "file") == "1,797 files"


def test_ranges():
    assert ranges([4, 0, 1, 2, 7]) == "v0–v2, v4, v7"
    assert ranges([]) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202ereversed", r"\u202ereversed"),
        ("naïve 数字", "naïve 数字"),
    ],
)
def test_clean_leaves_nothing_that_a_terminal_obeys(text, shown):
    assert clean(text) == shown


def test_clean_writes_out_what_is_no_unicode():
    assert clean("a\udcffb") == r"a\udcffb"


def test_shorten_leaves_the_middle_out_and_more_of_the_end():
    assert shorten("images/train/00017.png", 13) == "image…017.png"
    assert shorten("short", 5) == "short"
    assert shorten("longer", 1) == "…"
    assert shorten("longer", 0) == ""


def test_cells_counts_wide_and_combining_characters():
    assert cells("数字") == 4
    assert cells("e\u0301") == 1


@given(st.text(max_size=60), st.integers(0, 40))
def test_shorten_keeps_to_its_room(text, room):
    shortened = shorten(clean(text), room)
    assert cells(shortened) <= room or shortened == clean(text)
    assert cells(clean(text)) > room or shortened == clean(text)
