"""Ends what an agent began, where the agent was killed and could not.

Executed as a file of its own, without anything of this package: ``python -I -S warden.py MARK SECONDS``. It reads lines
from its agent: ``+N`` for a process group that began, ``-N`` for one that is over, ``.`` when all is well. Where the
pipe closes without that, the agent is gone, and its children are asked to end and then killed: trials that they execute
are given to other agents.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_POLL_SECONDS = 0.05


def watch(mark: bytes, seconds: float) -> None:
    """Read what the agent says, and end its children if it says no more.

    Args:
        mark: A variable of the environment, ``NAME=VALUE``, that each of its children has.
        seconds: Time between being asked to end and being killed.
    """
    groups = set()
    for line in sys.stdin:
        if line[0] == ".":
            return
        if line[0] == "+":
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    # One that began just before the agent died was not told of; one that left its group is found by its mark too.
    _send(signal.SIGTERM, groups, marked(mark))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (any(map(_is_there, groups)) or marked(mark)):
        time.sleep(_POLL_SECONDS)
    _send(signal.SIGKILL, groups, marked(mark))


def _send(number: signal.Signals, groups: set[int], processes: list[int]) -> None:
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
    for process in processes:
        with contextlib.suppress(OSError):
            os.kill(process, number)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def marked(mark: bytes) -> list[int]:
    """Return the processes that have a variable in their environment; none where the system does not tell."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:  # gone, or of another user
                continue
    return found


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(os.fsencode(sys.argv[1]), float(sys.argv[2]))
