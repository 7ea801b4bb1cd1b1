"""Asking the person at the terminal before something is lost."""

from __future__ import annotations

import sys

from forebear.errors import InvalidInput


def agreed(question: str) -> bool:
    """Return whether the person says yes.

    Raises:
        InvalidInput: there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} There is no terminal to ask; say --yes", code="not-confirmed")
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
