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
