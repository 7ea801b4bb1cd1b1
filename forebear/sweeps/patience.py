"""Waiting for a store that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from forebear.errors import StorageFailure
from forebear.tracking.terminal import termwarn

_T = TypeVar("_T")
#: Seconds for which a store may be away, and between two attempts: at first, and at most.
PATIENCE_SECONDS = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


def patiently(call: Callable[[], _T], *, seconds: float = PATIENCE_SECONDS) -> _T:
    """Call something that needs the store until it answers.

    Raises:
        StorageFailure: it was away for longer than ``seconds``.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return call()
        except StorageFailure as err:
            if err.code == "catalog-closed" or time.monotonic() + pause > deadline:
                raise
            termwarn(f"the store is away, trying again: {err}", repeat=False)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


class Patience:
    """The same for a loop that has other things to do meanwhile: it asks when to try again."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        """``seconds`` is for how long a store may be away."""
        self._seconds = seconds
        self._since: float | None = None
        self._pause = _FIRST_PAUSE
        #: When to try again, in seconds of the monotonic clock.
        self.next_try = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to try."""
        return time.monotonic() >= self.next_try

    def failed(self, err: StorageFailure) -> None:
        """Take note that the store did not answer. Raises ``err`` where that will not change, or went on too long."""
        now = time.monotonic()
        self._since = self._since or now
        if err.code == "catalog-closed" or now - self._since > self._seconds:
            raise err
        termwarn(f"the store is away, trying again: {err}", repeat=False)
        self.next_try = now + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def answered(self) -> None:
        """Take note that it did."""
        self._since, self._pause, self.next_try = None, _FIRST_PAUSE, 0.0
