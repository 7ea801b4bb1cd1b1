"""Whether the process that a run belongs to is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from forebear.records.runs import CRASHED, RUNNING, RunOrigin, RunRecord

#: Position of "starttime" in /proc/PID/stat, counted after the process name (proc(5), field 22).
_START_FIELD = 19


def process_start(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; ``None`` where the system does not tell or there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold spaces and parentheses of its own.
    return int(text.rpartition(")")[2].split()[_START_FIELD])


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
    started = process_start(origin.pid)
    return origin.pid_started is not None and started is not None and started != origin.pid_started


def real_state(run: RunRecord) -> str:
    """State of a run; one that says *running* though its process is gone has *crashed*."""
    return CRASHED if run.state == RUNNING and process_is_gone(run.origin) else run.state
