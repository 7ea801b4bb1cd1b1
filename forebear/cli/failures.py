"""What goes wrong, as one clear line and an exit status; never a traceback for what a user did."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

from forebear.errors import ForebearError

INTERRUPTED = 130
#: What a shell reports of a process whose reader went away (128 + SIGPIPE).
READER_GONE = 141

#: Error code → what to type next; ``{name}`` is the artifact that the message names.
_HINTS = {
    "store-not-found": "forebear init makes one for this folder",
    "artifact-not-found": "forebear artifact ls lists what there is, with --all in every project",
    "alias-not-found": "forebear artifact ls {name} lists its versions and aliases",
    "version-not-found": "forebear artifact ls {name} lists its versions and aliases",
    "ambiguous-digest": "forebear artifact ls {name} lists its versions with their digests",
    "alias-moved": "forebear artifact alias {name} --history shows who moved it and when",
    "run-running": "add --force if it runs no more, on a machine that cannot be looked at",
    "run-not-found": "forebear run ls lists the runs, with --all of every project",
    "sweep-not-found": "forebear sweep ls lists the sweeps, with --all of every project",
    "no-function": "program: train.py in the declaration makes agents execute that file for each trial",
    "version-has-aliases": "add --aliases to take its aliases away with it",
    "version-not-deleted": "forebear undelete {name} lists the versions that can come back",
    "version-gone": "forebear artifact put FOLDER --name AGAIN, and then forebear undelete {name}",
    "missing-blob": "forebear artifact verify {name} names every damaged file",
    "path-not-found": "forebear artifact files {name} lists what it holds",
}
_NAMED = re.compile(r"artifact '([\w.-]+)'|([\w.-]+:v\d+)")


def guarded(work: Callable[[], int | None]) -> int:
    """Do ``work`` and return the exit status: its own, or that of the error it ended with."""
    try:
        return work() or 0
    except ForebearError as err:
        return fail(err.message, err.exit_status, hint_for(err))
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered must not be flushed into the closed pipe when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as err:
        where = f": {os.fspath(err.filename)}" if isinstance(err.filename, (str, os.PathLike)) else ""
        return fail(f"{err.strerror or err}{where}", 1)


def fail(message: str, status: int, hint: str | None = None) -> int:
    """Print an error and what to type next; return ``status``."""
    _say(f"forebear: error: {message}")
    if hint:
        _say(f"hint: {hint}")
    return status


def _say(text: str) -> None:
    """Print on standard error, folded between words for a terminal; elsewhere as it is, to be searched."""
    if sys.stderr.isatty():
        from shutil import get_terminal_size
        from textwrap import fill

        room = get_terminal_size().columns
        lines = text.splitlines()
        text = "\n".join(fill(each, room, break_long_words=False, break_on_hyphens=False) for each in lines)
    print(text, file=sys.stderr)


def hint_for(err: ForebearError) -> str | None:
    """Return what to type after an error, or ``None`` where its message says it all."""
    named = _NAMED.search(err.message)
    template = _HINTS.get(err.code)
    return template.format(name=named[1] or named[2] if named else "NAME") if template else None
