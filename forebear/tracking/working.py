"""What the recorder shares with what it loads late."""

from __future__ import annotations


class TakenByAnother(Exception):
    """Somebody else took a stretch of the journal meanwhile. Internal: the taker begins again behind it."""


def no_pause() -> None:
    """Go on at once."""
