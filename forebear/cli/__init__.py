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
        from forebear._version import __version__  # and nothing else: 20 ms altogether

        print(f"forebear {__version__}")
        return 0
    from forebear.cli.reading import call, find, read

    found = find(given)
    plain = read(*found) if found else None
    if found and plain is not None:
        return call(found[0], plain)
    from forebear.cli.app import run  # 60 to 150 ms with Typer, spared to every plain command line

    return run(given)


def _be_printable() -> None:
    """Let a terminal that cannot show a character show a question mark, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
