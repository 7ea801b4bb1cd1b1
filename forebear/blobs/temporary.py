"""Files and folders on their way to their names, in folders that belong to somebody else.

Each has a name that nobody else has, and is locked for as long as the process lives that fills it. So what a dead
process left is told from what a living one still writes, and the next who works in that folder sweeps it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable
from typing import Any

try:
    import fcntl as _fcntl
except ImportError:  # Windows: no locks, so leftovers stay
    _fcntl = None  # type: ignore[assignment]

fcntl: Any = _fcntl

_PREFIX = ".forebear-"
#: Exactly the names made here: what else begins so may be somebody's.
_NAME = re.compile(r"\.forebear-[0-9a-f]{16}\Z")
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOEXEC | _NOFOLLOW
_LOOK = os.O_RDONLY | _CLOEXEC | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0)


def new_file(folder: str) -> tuple[int, str]:
    """Create a file in ``folder``; return its descriptor, which holds the lock, and its path."""
    while True:
        path = _new_path(folder)
        descriptor = os.open(path, NEW_FILE, 0o666)
        _lock(descriptor)
        # A sweeper may have taken it between its creation and the lock; then it has no name any more.
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def new_folder(parent: str) -> tuple[int | None, str]:
    """Make a folder in ``parent``; return the descriptor that holds the lock, where there are locks, and its path."""
    while True:
        path = _new_path(parent)
        os.mkdir(path)
        if fcntl is None:
            return None, path
        try:
            descriptor = os.open(path, _LOOK)
        except FileNotFoundError:
            continue
        _lock(descriptor)
        if os.path.lexists(path):
            return descriptor, path
        os.close(descriptor)


def sweep(folder: str, names: Iterable[str]) -> int:
    """Remove what dead processes left in ``folder``, in which there are ``names``; return how many."""
    if fcntl is None:
        return 0
    mine = [name for name in names if name.startswith(_PREFIX) and _NAME.match(name)]
    return sum(_swept(os.path.join(folder, name)) for name in mine)


def _new_path(folder: str) -> str:
    return f"{folder}{os.sep}{_PREFIX}{os.urandom(8).hex()}"


def _lock(descriptor: int) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):  # a file system without locks; nothing is swept there either
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _swept(path: str) -> bool:
    try:
        descriptor = os.open(path, _LOOK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            from shutil import rmtree  # 5 ms, only when somebody was killed

            rmtree(path)
        else:
            os.unlink(path)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
