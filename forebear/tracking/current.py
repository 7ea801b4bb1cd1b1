"""The runs of this process, innermost last: what `forebear.run` and `forebear.log_artifact` speak to."""

from __future__ import annotations

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
