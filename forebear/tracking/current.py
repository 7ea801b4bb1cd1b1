"""The runs of this process, innermost last: what `forebear.run` and `forebear.log` speak to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebear.tracking.run import Run

_runs: list[Run] = []


def current_run() -> Run | None:
    """Return the innermost run that is not over, or ``None``."""
    return _runs[-1] if _runs else None


def enter(run: Run) -> None:
    """Make ``run`` the current one."""
    _runs.append(run)


def leave(run: Run) -> None:
    """Let the run before ``run`` be the current one again."""
    if run in _runs:
        _runs.remove(run)


def active_runs() -> list[Run]:
    """Return the runs that are not over, innermost first."""
    return _runs[::-1]


def _after_fork() -> None:
    for run in active_runs():
        run.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
