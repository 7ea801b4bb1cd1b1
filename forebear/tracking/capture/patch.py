"""What was changed in the code since its commit: whether, and the difference itself as ``git apply`` takes it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from forebear.records.redaction import redact_text

#: Name of the file among those of a run.
FILE_NAME = "diff.patch"
#: Bytes of a difference that are kept; a larger one is code no more.
MAX_BYTES = 10 * 1024 * 1024
#: A repository on a slow disk is given up after this many seconds.
TIMEOUT = 10.0
_CHUNK_BYTES = 65_536

#: Nothing of the user's configuration may run programs, write, colour, or make a difference that cannot be applied.
_QUIET = (
    "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "color.ui=false",
    "-c", "core.quotepath=true", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false",
)  # fmt: skip
#: A submodule counts as changed when another commit of it is checked out; what was changed inside is not looked at.
_DIFF = (
    "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--full-index", "--no-relative",
    "--submodule=short", "--ignore-submodules=dirty",
)  # fmt: skip


class Changes(NamedTuple):
    """How the code differs from its commit.

    Attributes:
        dirty: Whether tracked files differ; ``None`` where that could not be found out.
        patch: The difference, without secrets; empty where there is none, or where it is too large.
        note: What a person should know about it.
    """

    dirty: bool | None
    patch: bytes = b""
    note: str = ""


def changes(tree: Path, *, timeout: float = TIMEOUT, max_bytes: int = MAX_BYTES) -> Changes:
    """Return what was changed in a working tree. Files that git does not track are not looked at.

    Args:
        tree: A folder of the working tree.
        timeout: Seconds after which it is given up.
        max_bytes: A larger difference is left out.

    Cost: a process of git, which looks at every tracked file, and 12 ms for `subprocess`: meant for a thread.
    """
    import subprocess

    try:
        git = subprocess.Popen(
            ["git", *_QUIET, "-C", str(tree), *_DIFF],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:  # git is not installed
        return Changes(None)
    with git:
        content, ended = _read(git.stdout.fileno(), timeout, max_bytes)  # type: ignore[union-attr]
        if not ended:
            git.kill()
    if not ended and len(content) <= max_bytes:
        return Changes(None, note=f"git took more than {timeout:g} s to tell what was changed, so that is not kept")
    if not ended:
        return Changes(
            True, note=f"what was changed since the commit is more than {max_bytes} bytes, so it is not kept"
        )
    if git.returncode != 0:
        return Changes(None)
    return Changes(bool(content), _without_secrets(content))


def _read(descriptor: int, timeout: float, max_bytes: int) -> tuple[bytes, bool]:
    """Return what comes, and whether that was all of it."""
    import selectors

    end = time.monotonic() + timeout
    content = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(descriptor, selectors.EVENT_READ)
        while len(content) <= max_bytes:
            if not waiting.select(max(0.0, end - time.monotonic())):
                return bytes(content), False
            piece = os.read(descriptor, _CHUNK_BYTES)
            if not piece:
                return bytes(content), True
            content += piece
    return bytes(content), False


def _without_secrets(content: bytes) -> bytes:
    # Not every file is UTF-8, and a patch must keep the bytes it was made of.
    return redact_text(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
