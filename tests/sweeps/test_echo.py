"""What trials print, shown as it comes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from forebear.sweeps.echo import Echo


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "0-1.log"


def test_whole_lines_are_shown_once(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    echo = Echo(prefixed=False)
    echo.show(log, 0)
    log.write_bytes(b"one\ntw")
    echo.show(log, 0)
    assert capsys.readouterr().out == "one\n"
    echo.show(log, 0)
    with log.open("ab") as file:
        file.write(b"o\r\nthree")
    echo.show(log, 0)
    assert capsys.readouterr().out == "two\n"
    echo.show(log, 0, last=True)
    assert capsys.readouterr().out == "three\n"


def test_lines_of_several_say_whose_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    echo = Echo(prefixed=True)
    for number in (3, 12):
        (tmp_path / f"{number}.log").write_text(f"from {number}\n")
        echo.show(tmp_path / f"{number}.log", number, last=True)
    assert capsys.readouterr().out == "[3] from 3\n[12] from 12\n"


def test_bars_and_bytes_that_are_no_text(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(b"1%\r50%\r100%\n\xff\xfe ok\n\n")
    Echo(prefixed=False).show(log, 0, last=True)
    assert capsys.readouterr().out == "100%\n\ufffd\ufffd ok\n\n"


def test_what_a_terminal_cannot_show_is_replaced(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    log.write_text("loss → 0\nplain\n", encoding="utf-8")
    Echo(prefixed=False).show(log, 0)
    assert raw.getvalue() == b"loss ? 0\nplain\n"


def test_without_a_terminal_nothing_is_shown(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    log.write_text("line\n")
    echo = Echo(prefixed=False)
    echo.show(log, 0, last=True)
    assert echo._seen == {}  # it went through the log all the same


def test_a_log_that_is_large_is_read_in_pieces(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f"line {number} {'x' * 50}\n" for number in range(5_000))
    log.write_text(text)
    Echo(prefixed=False).show(log, 0)
    assert capsys.readouterr().out == text


def test_a_log_is_forgotten_with_its_trial(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    echo = Echo(prefixed=False)
    log.write_text("first\n")
    echo.show(log, 0, last=True)
    log.write_text("again\n")
    echo.show(log, 0, last=True)
    log.unlink()
    echo.show(log, 0, last=True)
    assert capsys.readouterr().out == "first\nagain\n"
