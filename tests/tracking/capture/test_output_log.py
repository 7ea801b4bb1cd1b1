"""The file of what was printed: rows are replaced in place, its size is bounded, and every gap is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from forebear.tracking.capture import output_log
from forebear.tracking.capture.output_log import TAIL_BYTES, OutputLog


def plain(text: str) -> str:
    return text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


def test_rows_are_in_the_file_once_flushed(path: Path) -> None:
    log = OutputLog(path, plain)
    log.put(None, "one")
    log.put_many("two\nthree")
    log.flush()
    assert path.read_text() == "one\ntwo\nthree\n"
    log.close()
    log.close()


def test_a_row_is_replaced_by_longer_and_shorter_ones(path: Path) -> None:
    log = OutputLog(path, plain)
    first, second = log.put(None, "bar 1"), log.put(None, "bar 2")
    log.put(None, "text")
    for text in ("a much longer bar", "b", ""):
        log.put(first, text)
        log.flush()
        assert path.read_text() == f"{text}\nbar 2\ntext\n"
    assert log.put(second, "c") == second
    log.close()
    assert path.read_text() == "\nc\ntext\n"


def test_a_row_that_is_long_gone_is_written_anew(path: Path) -> None:
    log = OutputLog(path, plain)
    first = log.put(None, "bar")
    for number in range(500):
        log.put(None, str(number))
        log.flush()
    again = log.put(first, "bar, later")
    assert again != first
    log.put(again, "bar, last")
    log.close()
    assert path.read_text().split() == ["bar", *map(str, range(500)), "bar,", "last"]


def test_secrets_are_hidden_and_what_is_no_text_is_replaced(path: Path) -> None:
    log = OutputLog(path, lambda text: text.replace("hunter2", "***"))
    log.put(None, "x hunter2 \udcff")
    log.close()
    assert path.read_bytes() == b"x *** ?\n"


def test_a_file_that_is_there_is_written_on(path: Path) -> None:
    path.write_text("before\n")
    log = OutputLog(path, plain)
    row = log.put(None, "a")
    log.flush()
    log.put(row, "after")
    log.close()
    assert path.read_text() == "before\nafter\n"


def test_a_full_file_keeps_its_start_and_its_end_and_says_what_is_missing(path: Path) -> None:
    limit = 10_000
    log = OutputLog(path, plain, max_bytes=limit)
    rows = [f"row {number:06}" for number in range(300_000)]
    for at in range(0, len(rows), 100):
        for row in rows[at : at + 100]:
            log.put(None, row)
        log.flush()
    assert path.read_text().endswith("this file is full; what comes last is added when the run ends]\n")
    log.close()
    kept = path.read_text().splitlines()
    (at,) = [index for index, row in enumerate(kept) if not row.startswith("row")]
    assert kept[:at] == rows[:at]
    assert kept[at + 1 :] == rows[-len(kept) + at + 1 :]
    missing = len(rows) - len(kept) + 1
    assert kept[at] == (
        f"[forebear: {missing} lines ({missing * 11} bytes) are left out, "
        f"because this file holds {limit} bytes at most]"
    )
    assert path.stat().st_size <= limit + TAIL_BYTES + 200


def test_much_text_in_one_call_is_cut_too(path: Path) -> None:
    log = OutputLog(path, plain, max_bytes=1_000)
    log.put(None, "start")
    log.flush()
    log.put_many("x" * 3 * TAIL_BYTES + "\nlast")
    log.close()
    start, gap, last = path.read_text().splitlines()
    assert (start, last) == ("start", "last")
    assert gap.startswith(f"[forebear: 1 lines ({3 * TAIL_BYTES + 1} bytes) are left out")


def test_a_full_disk_is_waited_for_and_what_was_dropped_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = OutputLog(path, plain)
    log.put(None, "before")
    log.flush()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(output_log.os, "pwrite", full)
        log.put(None, "kept")
        log.flush()
        assert path.read_text() == "before\n"
    log.flush()
    assert path.read_text() == "before\nkept\n"
    with monkeypatch.context() as patch:
        patch.setattr(output_log.os, "pwrite", full)
        for _ in range(3 * TAIL_BYTES // 1_000):
            log.put(None, "y" * 999)
            log.flush()
    log.put(None, "after")
    log.close()
    rows = path.read_text().splitlines()
    dropped = 3 * TAIL_BYTES // 1_000 - rows.count("y" * 999)
    assert rows[:3] == ["before", "kept", f"[forebear: {dropped} lines ({dropped * 1_000} bytes) could not be written]"]
    assert rows[-1] == "after"
    assert 0 < rows.count("y" * 999) <= TAIL_BYTES // 1_000


def test_the_file_of_a_folder_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        OutputLog(tmp_path / "none" / "x.log", plain)


def test_memory_stays_small_whatever_is_written(path: Path) -> None:
    log = OutputLog(path, plain)
    for _ in range(50):
        log.put_many("\n".join(["z" * 100] * 1_000))
    held = sum(len(item.content) for item in (*log._clean, *log._dirty))
    assert held <= TAIL_BYTES
    log.close()
    assert os.stat(path).st_size == 50 * 101_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["put", "replace", "many", "flush"]), st.integers(0, 20)), max_size=60))
def test_the_file_is_always_what_the_rows_are(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    path = tmp_path / "model.log"
    path.unlink(missing_ok=True)
    log = OutputLog(path, plain)
    model: list[str] = []
    where: dict[int, int] = {}
    floor = 0
    for word, number in steps:
        if word == "put":
            where[log.put(None, "x" * number)] = len(model)
            model.append("x" * number)
        elif word == "many":
            log.put_many("a\nb")
            model += ["a", "b"]
            floor = len(model)  # rows in front of these cannot be replaced any more
        elif word == "replace" and where:
            row = sorted(where)[number % len(where)]
            text = "y" * number
            again = log.put(row, text)
            assert (again == row) == (where[row] >= floor)
            if again == row:
                model[where[row]] = text
            else:
                where[again] = len(model)
                model.append(text)
        elif word == "flush":
            log.flush()
            assert path.read_text() == "".join(f"{one}\n" for one in model)
    log.close()
    assert path.read_text() == "".join(f"{one}\n" for one in model)
