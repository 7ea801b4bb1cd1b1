"""Functions that agents execute in processes of their own."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import forebear


def train() -> None:
    """A quick trial."""
    with forebear.init() as run:
        run.log({"loss": float(run.config["x"])})


def die_once() -> None:
    """Kill the process of the first trial of all."""
    with forebear.init() as run:
        mark = Path("died")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        run.log({"loss": float(run.config["x"])})


def die() -> None:
    """Kill the process of every trial."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """Fail at once."""
    raise RuntimeError("no such data")


def wait() -> None:
    """Wait for an interruption, after saying which process does."""
    with forebear.init() as run:
        run.log({"loss": 1.0})
        Path(f"waits-{os.getpid()}").touch()
        threading.Event().wait(60)


def wait_stubbornly() -> None:
    """Wait, whatever happens."""
    Path(f"waits-{os.getpid()}").touch()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            Path("interrupted").touch()


def swallow() -> None:
    """Wait for an interruption, and end as if there had been none."""
    with forebear.init() as run:
        run.log({"loss": 1.0})
        Path(f"waits-{os.getpid()}").touch()
        try:
            threading.Event().wait(60)
        except KeyboardInterrupt:
            return
