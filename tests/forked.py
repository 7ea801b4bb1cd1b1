"""Children of a test that are forked from it."""

from __future__ import annotations

import os
import signal
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


def die_at(kind: type, method: str, moment: str) -> None:
    """Let this process be killed where it calls a method of ``kind`` the second time: ``before`` or ``after`` it."""
    real = getattr(kind, method)
    calls = []

    def call(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(self, *args, **options)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(kind, method, call)
