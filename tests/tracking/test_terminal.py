"""Notes to the person at the terminal: a prefix, no colours in files, said once where asked, never an error."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from forebear.tracking import terminal
from forebear.tracking.terminal import be_silent, termerror, termlog, termwarn


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(terminal, "_said", {})
    yield
    be_silent(False)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_notes_go_to_stderr_with_a_prefix_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    termlog("one\ntwo")
    termwarn("three")
    termerror("four", prefix=False)
    termlog("five", newline=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "forebear: one\nforebear: two\nforebear: warning: three\nerror: four\nforebear: five"


def test_what_was_said_is_not_repeated_if_so_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        termwarn("look", repeat=False)
    termlog("look", repeat=False)
    termwarn("look")
    assert capsys.readouterr().err.splitlines() == [
        "forebear: warning: look", "forebear: look", "forebear: warning: look",
    ]  # fmt: skip


def test_the_memory_of_what_was_said_is_bounded() -> None:
    for number in range(terminal._REMEMBERED + 50):
        termlog(f"{number}", repeat=False)
    assert len(terminal._said) == terminal._REMEMBERED


def test_silence_holds_until_it_is_lifted(capsys: pytest.CaptureFixture[str]) -> None:
    be_silent(True)
    termerror("x")
    be_silent(False)
    termlog("y")
    assert capsys.readouterr().err == "forebear: y\n"


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    termwarn("x")
    termlog("y")
    assert screen.getvalue() == "forebear: \x1b[33mwarning:\x1b[0m x\nforebear: y\n"


def test_a_stream_that_cannot_take_it_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for stream in (closed, None, narrow, object()):
        monkeypatch.setattr(sys, "stderr", stream)
        termlog("é")
    narrow.close()
