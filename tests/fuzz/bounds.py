"""What a parser may take at most: memory, and time."""

from __future__ import annotations

import contextlib
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: Bytes of address space above what the process has. A column of a history may unpack to 1 GiB; a forged length asks
#: for more than any machine has.
MEMORY_BYTES = 1536 * 1024 * 1024
#: Seconds for one input of a few KiB.
SECONDS = 10.0


class TooSlow(BaseException):
    """An input took longer than it may; no ``except Exception`` hides it."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Let what is asked beyond the bounds fail: memory as `MemoryError`, time by `clock`."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    handler = signal.signal(signal.SIGALRM, _stop)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def clock() -> None:
    """Begin to measure an input, inside of `bounded`."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlow(f"one input took more than {SECONDS} s")
