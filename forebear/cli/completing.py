"""What the shell may offer while somebody types."""

from __future__ import annotations

from collections.abc import Callable

from forebear.cli.session import Session

#: Runs offered; whoever looks for an older one knows how its id begins, or asks `run ls`.
OFFERED = 1_000


def collections(incomplete: str) -> list[str]:
    """Return the artifacts that a reference may begin with."""
    return _beginning(incomplete, lambda session: [item.name for item in session.api.collections()])


def runs(incomplete: str) -> list[str]:
    """Return the ids of runs, newest first."""
    return _beginning(incomplete, lambda session: [run.id for run in session.api.runs(order="-created_at")[:OFFERED]])


def sweeps(incomplete: str) -> list[str]:
    """Return the ids of sweeps, the one declared last first."""
    return _beginning(incomplete, lambda session: [sweep.id for sweep in session.api.store.catalog.sweeps()[:OFFERED]])


def _beginning(incomplete: str, ask: Callable[[Session], list[str]]) -> list[str]:
    try:
        return [name for name in ask(Session()) if name.startswith(incomplete)]
    except Exception:  # a shell that completes has no place for an error; the command itself will tell
        return []
