"""Children of a test that are forked from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def child(work: Callable[[], Any]) -> int:
    """Do ``work`` in a forked child, and return its process number; it exits with 1 where ``work`` raised."""
    pid = os.fork()
    if pid == 0:
        # The child must leave without running the tests' own clean-up.
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def wait(pid: int) -> int:
    """Wait for the end of a child, and return its exit status, or that of a signal below 0."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
