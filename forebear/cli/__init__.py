"""The command ``forebear``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 done, 1 failed, 2 usage, 3 not found, 4 integrity, 5 conflict, 130 interrupted, 141 reader gone.
    """
    given = list(sys.argv[1:] if words is None else words)
    _be_printable()
    if given in (["--version"], ["-V"]):
        from forebear._version import __version__

        print(f"forebear {__version__}")
        return 0
    if given[:2] == ["artifact", "put"]:
        from forebear.cli.putting import put, read_words  # spares a put the 130 ms of Typer

        plain = read_words(given[2:])
        if plain is not None:
            from forebear.cli.failures import guarded

            return guarded(lambda: put(plain[0], **plain[1]))
    from forebear.cli.app import run  # 130 ms with Typer and the commands

    return run(given)


def _be_printable() -> None:
    """Let a terminal that cannot show a character show a question mark, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
