"""Where and how a run was started: command line, code, host."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from pathlib import Path

from forebear.records.redaction import redact_command
from forebear.records.runs import RunOrigin
from forebear.store.liveness import process_start
from forebear.tracking.repository import find_repository, head_of, remote_of


def current_origin(*, git: bool = True) -> RunOrigin:
    """Return the origin of this process, as far as it can be told at once.

    Whether the code was changed since its commit, and which GPUs there are, takes longer:
    `forebear.tracking.capture.start` adds it. Cost: reads a few small files, 0.3 ms.
    """
    commit, branch, remote = _code() if git else (None, None, None)
    return RunOrigin(
        command=redact_command([sys.executable, *sys.argv]),
        program=_program(),
        git_commit=commit,
        git_branch=branch,
        git_remote=remote,
        host=socket.gethostname(),
        user=_user(),
        python=".".join(map(str, sys.version_info[:3])),
        pid=os.getpid(),
        pid_started=process_start(os.getpid()),
        os=_system(),
        cpu_count=os.cpu_count(),
    )


def _program() -> str | None:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(main) if main else None


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def _system() -> str:
    if not hasattr(os, "uname"):
        return sys.platform
    name = os.uname()  # what platform.platform() is made from, without its 5 ms
    return f"{name.sysname} {name.release} {name.machine}"


def _code() -> tuple[str | None, str | None, str | None]:
    try:
        repository = find_repository(Path.cwd())
    except OSError:  # the working folder is gone
        return None, None, None
    if repository is None:
        return None, None, None
    commit, branch = head_of(repository)
    return commit, branch, remote_of(repository)
