"""Where and how a run was started: command line, code, host."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from pathlib import Path

from forebear.records.runs import RunOrigin
from forebear.store.liveness import process_start
from forebear.tracking.redaction import redact_command

#: A repository on a slow disk must not hold a run up; its state is then unknown, in seconds.
GIT_TIMEOUT = 5.0


def current_origin() -> RunOrigin:
    """Return the origin of this process. Cost: two calls of git where there is a repository."""
    commit, branch, dirty = _git_state()
    return RunOrigin(
        command=redact_command([sys.executable, *sys.argv]),
        program=_program(),
        git_commit=commit,
        git_branch=branch,
        git_dirty=dirty,
        host=socket.gethostname(),
        user=_user(),
        python=".".join(map(str, sys.version_info[:3])),
        pid=os.getpid(),
        pid_started=process_start(os.getpid()),
    )


def _program() -> str | None:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.abspath(main) if main else None


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def _git_state() -> tuple[str | None, str | None, bool | None]:
    """Return commit, branch and whether tracked files differ from the commit; ``None`` for what is unknown."""
    here = Path.cwd()
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return None, None, None
    found = _git("rev-parse", "HEAD", "--abbrev-ref", "HEAD")
    if found is None or found[0] != 0:
        return None, None, None
    commit, _, branch = found[1].strip().partition("\n")
    compared = _git("diff-index", "--quiet", "HEAD", "--")
    dirty = None if compared is None else compared[0] != 0
    return commit, branch if branch != "HEAD" else None, dirty


def _git(*words: str) -> tuple[int, str] | None:
    import subprocess  # 12 ms, only inside a repository

    try:
        done = subprocess.run(
            ["git", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout
