"""An engine of threads of this process, so that what all engines share is tried without any of their libraries."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forebear.sweeps.engines.carrying import carry
from forebear.sweeps.engines.errand import FAILED, Errand, Outcome
from forebear.sweeps.engines.following import Look

ROOT = Path(__file__).resolve().parents[3]


class Machine:
    """A thread that carries one errand as soon as there is room."""

    def __init__(self, errand: Errand, room: threading.Semaphore) -> None:
        self.errand, self.room = errand, room
        self.asked = threading.Event()
        self.begun = threading.Event()
        self.outcome: Outcome | None = None
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self) -> None:
        while not self.room.acquire(timeout=0.02):
            if self.asked.is_set():
                self.outcome = Outcome(FAILED, "it never began")
                return
        self.begun.set()
        try:
            self.outcome = carry(self.errand, self.asked.is_set, 0.02)
        finally:
            self.room.release()


class Threads:
    """The engine; ``room`` is how many agents it executes beside each other."""

    name = "threads"
    pickler = "pickle"

    def __init__(self, room: int = 8) -> None:
        self.room = threading.Semaphore(room)
        self.machines: list[Machine] = []
        self.killed = 0

    def begin(self, errand: Errand, name: str) -> Machine:
        self.machines.append(Machine(errand, self.room))
        return self.machines[-1]

    def look(self, handles: Iterable[Machine]) -> list[Look]:
        return [
            Look(machine.outcome, machine.begun.is_set(), f"thread {self.machines.index(machine)}")
            for machine in handles
        ]

    def stop(self, handles: Iterable[Machine]) -> None:
        for machine in handles:
            machine.asked.set()

    def kill(self, handles: Iterable[Machine]) -> None:
        self.killed += 1
        self.stop(handles)

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: Any) -> None:
        for machine in self.machines:
            machine.thread.join()


def await_true(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be so"
        time.sleep(0.02)
    return found


def waiting() -> list[int]:
    """Processes of `functions.wait` that wait."""
    return [int(mark.name.removeprefix("waits-")) for mark in Path().glob("waits-*")]


def is_there(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def interrupted_while(true: Callable[[], object]) -> Iterator[None]:
    """Interrupt this process in the block as Ctrl-C does, as soon as something is true."""

    def interrupt() -> None:
        await_true(true)
        os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    try:
        yield
    finally:
        helper.join()
