"""What forebear says to the person at the terminal: one line on stderr, with its name in front.

Notes never raise: a closed or full stderr is no reason for a training script to stop.
"""

from __future__ import annotations

import contextlib
import sys

PREFIX = "forebear: "
#: Colours of a terminal (ECMA-48, SGR): yellow and red. Files and pipes get none.
_YELLOW, _RED, _PLAIN = "\x1b[33m", "\x1b[31m", "\x1b[0m"
#: Notes said once that are remembered; a script that makes up texts must not fill the memory with them.
_REMEMBERED = 1_000

_silent = False
_said: dict[str, None] = {}


def be_silent(silent: bool) -> None:
    """Say nothing from now on, or speak again."""
    global _silent
    _silent = silent


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Say something.

    Args:
        string: What to say; each of its lines gets the prefix.
        newline: End with a new line.
        repeat: Say it even if it was said before.
        prefix: Put ``forebear:`` in front.
    """
    _say(string, newline, repeat, prefix, "")


def termwarn(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Say that something is not as it should be; otherwise as `termlog`."""
    _say(string, newline, repeat, prefix, "warning: ", _YELLOW)


def termerror(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Say that something went wrong; otherwise as `termlog`."""
    _say(string, newline, repeat, prefix, "error: ", _RED)


def _say(string: str, newline: bool, repeat: bool, prefix: bool, word: str, colour: str = "") -> None:
    stream = sys.stderr
    if _silent or stream is None:
        return
    text = str(string)
    if not repeat and not _is_new(word + text):
        return
    start = PREFIX if prefix else ""
    lines = [f"{start}{_coloured(word, colour, stream) if number == 0 else ''}{line}" for number, line in
             enumerate(text.split("\n"))]  # fmt: skip
    # ValueError: the stream is closed; UnicodeError: it cannot show the text.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.write("\n".join(lines) + ("\n" if newline else ""))
        stream.flush()


def _is_new(text: str) -> bool:
    if text in _said:
        return False
    if len(_said) >= _REMEMBERED:
        _said.pop(next(iter(_said)))
    _said[text] = None
    return True


def _coloured(word: str, colour: str, stream: object) -> str:
    if not word or not _is_terminal(stream):
        return word
    return f"{colour}{word.rstrip(' ')}{_PLAIN} "


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError, OSError):
        return False
