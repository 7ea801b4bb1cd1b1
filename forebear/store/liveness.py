"""Whether the process that a run belongs to is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from forebear.records.runs import CRASHED, RUNNING, RunOrigin, RunRecord

#: Positions of "state" and "starttime" in /proc/PID/stat, counted after the process name (proc(5), fields 3 and 22).
_STATE_FIELD, _START_FIELD = 0, 19
#: Ended, but its parent has not asked for its exit code: in a container perhaps nobody ever will.
_ENDED = {"Z", "X"}


def process_start(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; ``None`` where the system does not tell or there is none."""
    fields = _fields(pid)
    return int(fields[_START_FIELD]) if fields else None


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name stands in parentheses and may hold spaces and parentheses of its own.
    return text.rpartition(")")[2].split()


def process_is_gone(origin: RunOrigin) -> bool:
    """Whether it is certain that the process has ended; of another host nothing is certain."""
    if origin.pid is None or origin.host != socket.gethostname():
        return False
    try:
        os.kill(origin.pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OSError):
        return False
    fields = _fields(origin.pid)
    if fields and fields[_STATE_FIELD] in _ENDED:
        return True
    return origin.pid_started is not None and bool(fields) and int(fields[_START_FIELD]) != origin.pid_started


def real_state(run: RunRecord) -> str:
    """State of a run; one that says *running* though its process is gone has *crashed*."""
    return CRASHED if run.state == RUNNING and process_is_gone(run.origin) else run.state
