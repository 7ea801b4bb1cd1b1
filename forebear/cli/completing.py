"""What the shell may offer while somebody types."""

from __future__ import annotations

from collections.abc import Callable

from forebear.cli.session import Session


def collections(incomplete: str) -> list[str]:
    """Return the artifacts that a reference may begin with."""
    return _beginning(incomplete, lambda session: [item.name for item in session.api.collections()])


def runs(incomplete: str) -> list[str]:
    """Return the ids of runs, newest first."""
    return _beginning(incomplete, lambda session: [run.id for run in session.api.runs()])


def _beginning(incomplete: str, ask: Callable[[Session], list[str]]) -> list[str]:
    try:
        return [name for name in ask(Session()) if name.startswith(incomplete)]
    except Exception:  # a shell that completes has no place for an error; the command itself will tell
        return []
