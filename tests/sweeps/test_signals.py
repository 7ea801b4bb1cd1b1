"""Signals that are received while a block lasts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from forebear.sweeps.signals import ENDING, OTHER, Signals


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (*ENDING, *OTHER)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [*ENDING, *OTHER])
def test_they_are_received_and_then_as_they_were(number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    got: list[signal.Signals] = []
    with Signals(got.append):
        os.kill(os.getpid(), number)
        assert got == [number]
    assert signal.getsignal(number) == handler


def test_what_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    got: list[signal.Signals] = []
    with Signals(got.append):
        os.kill(os.getpid(), signal.SIGHUP)
    assert got == []
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_meanings_of_somebodys_own_stay() -> None:
    own: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: own.append(number))
    with Signals(lambda number: own.append(-1)):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert own == [signal.SIGUSR1]


def test_other_threads_have_none() -> None:
    handlers: list[object] = []

    def enter() -> None:
        with Signals(lambda number: None):
            handlers.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [before]
