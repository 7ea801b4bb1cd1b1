"""Names of agents: each tells which process of which machine it is."""

from __future__ import annotations

import os
import socket
from secrets import token_hex

from forebear.records.runs import RunOrigin
from forebear.store.liveness import process_is_gone, process_start


def new_agent_id() -> str:
    """Return a name for an agent of this process: host, process, its start, and a few random letters."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{process_start(pid) or 0}:{token_hex(4)}"


def origin_of(agent: str) -> RunOrigin | None:
    """Return the process of an agent; ``None`` where its name is of another form."""
    parts = agent.rsplit(":", 3)
    if len(parts) != 4 or not parts[1].isdigit() or not parts[2].isdigit():
        return None
    return RunOrigin(host=parts[0], pid=int(parts[1]), pid_started=int(parts[2]) or None)


def is_gone(agent: str) -> bool:
    """Whether it is certain that an agent has ended; of another machine nothing is certain."""
    origin = origin_of(agent)
    return origin is not None and process_is_gone(origin)
