"""Processes of tests: waiting for files that they write, and for their end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds after which something that did not happen never will.
DEADLINE = 20.0


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.005)


def number_in(file: Path) -> int:
    """The number that a process wrote into a file, once it is there with its end of line."""
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if nobody took note of it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return not _answers(pid)


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
