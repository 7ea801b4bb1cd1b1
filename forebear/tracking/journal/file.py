"""One file of a journal: made, locked and written whole frames."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from forebear.tracking.journal.place import SUFFIX, new_name


class JournalFile:
    """A file that is locked for as long as the process that writes it lives, so that nobody takes it for abandoned."""

    def __init__(self, folder: Path, start: bytes, root: Path | None = None) -> None:
        """Make a file in ``folder``, whose first bytes are ``start``.

        Args:
            root: Folder of the store. Where it is away, for a disk that is not mounted, nothing is made in its place.

        Raises:
            OSError: it cannot be made, or has no room for its first bytes; nothing is left of it.
        """
        if root is not None and not root.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(root))
        self.path, self.descriptor = _make(folder)
        self.name = self.path.name.removesuffix(SUFFIX)
        self.size = 0
        try:
            self.append(start)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write at the end: all of it, or nothing.

        Raises:
            OSError: the disk did not take it.
        """
        written = os.write(self.descriptor, data)
        if written != len(data):
            self.finish(data, written)
        else:
            self.size += written

    def finish(self, data: bytes, written: int) -> None:
        """Write the rest of what was taken in part; where that fails, take the part away again.

        Raises:
            OSError: the disk did not take it.
        """
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError:
            with contextlib.suppress(OSError):  # a torn frame stays; readers know what that is
                os.ftruncate(self.descriptor, self.size)
            raise
        self.size += written

    def close(self) -> None:
        """Let go of the file and its lock; closing twice is fine."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _make(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / (new_name() + SUFFIX)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue  # somebody took the last journal out of the folder, and the folder with it
        if try_lock(descriptor):
            return path, descriptor
        # Somebody who looks for abandoned journals was quicker, and takes this one away.
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Lock a journal, and say whether it is ours now: nobody holds it, and it has not been deleted."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(descriptor).st_nlink > 0
