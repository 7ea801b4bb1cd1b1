"""The file that keeps what was printed: rows at its end can still change, its size is bounded, and gaps are told."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from forebear.tracking.journal.file import try_lock

#: Bytes of the file; a run that prints more is cut, and its last `TAIL_BYTES` are kept behind the cut.
MAX_BYTES = 64 * 1024 * 1024
#: Bytes held in memory while they cannot, or may not, be written yet.
TAIL_BYTES = 1024 * 1024
#: Rows at the end of the file that may be replaced; not fewer than a screen remembers (`lines.MAX_ROWS`).
WINDOW_ROWS = 160

_NEW_FILE = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class _Item(NamedTuple):
    """One row, or several that nobody will replace, as bytes with their new lines."""

    number: int
    content: bytes


class OutputLog:
    """A text file of rows. Not safe for threads.

    A file that is there already is written on: a run that was resumed keeps what it said before. It is locked, so that
    others see that somebody still writes to it.
    """

    def __init__(self, path: Path, redact: Callable[[str], str], *, max_bytes: int = MAX_BYTES) -> None:
        """Open the file.

        Args:
            path: The file.
            redact: Takes secrets out of a text of one or more lines.
            max_bytes: Size at which the file is cut, in bytes.

        Raises:
            OSError: it cannot be opened; `BlockingIOError`: somebody else writes to it.
        """
        self._file = os.open(path, _NEW_FILE, 0o666)
        if not try_lock(self._file):
            os.close(self._file)
            raise BlockingIOError(f"{path} is written to by another process")
        self._redact = redact
        self._max = max_bytes
        #: Rows at the end of the file that can be replaced; old ones fall out by themselves.
        self._clean: deque[_Item] = deque(maxlen=WINDOW_ROWS)
        #: Rows behind them that are not in the file, or say something else there.
        self._dirty: deque[_Item] = deque()
        self._dirty_bytes = 0
        #: Bytes of the file, and where the clean rows end in it.
        self._size = self._end = os.fstat(self._file).st_size
        self._next = 0
        self._full = False
        #: Rows and bytes that were dropped between the file and the dirty rows.
        self._dropped_rows = self._dropped_bytes = 0

    def put(self, number: int | None, text: str) -> int:
        """Take a row; return its number. With the number of a row that can still be replaced, replace it."""
        content = self._encoded(text)
        if number is None or not self._replace(number, content):
            self._next = number = self._next + 1
            self._append(content)
        return number

    def put_many(self, text: str) -> None:
        """Take rows, separated by new lines, that nobody will replace."""
        self._next += 1
        self._append(self._encoded(text))
        self.flush()
        self._clean.clear()  # rows in front of much text are not worth holding it for

    def flush(self) -> None:
        """Write what is not in the file yet; what the disk does not take is held, up to `TAIL_BYTES`, for later."""
        if not self._dirty or self._full:
            return
        content = self._gap("could not be written") + b"".join(item.content for item in self._dirty)
        if self._end + len(content) > self._max:
            self._full = True
            self._write(b"[forebear: this file is full; what comes last is added when the run ends]\n")
        elif self._write(content):
            self._end = self._size
            self._clean += self._dirty
            self._dirty.clear()
            self._dirty_bytes = self._dropped_rows = self._dropped_bytes = 0

    def close(self) -> None:
        """Write what is held and close the file."""
        if self._file < 0:
            return
        self.flush()
        if self._full:
            gap = self._gap(f"are left out, because this file holds {self._max} bytes at most")
            self._write(gap + b"".join(item.content for item in self._dirty))
        os.close(self._file)
        self._file = -1

    # -- how ----------------------------------------------------------------------------------------------------

    def _encoded(self, text: str) -> bytes:
        return self._redact(text).encode("utf-8", "replace") + b"\n"

    def _append(self, content: bytes) -> None:
        self._dirty.append(_Item(self._next, content))
        self._dirty_bytes += len(content)
        if self._dirty_bytes > TAIL_BYTES:
            self.flush()
            self._trim()

    def _replace(self, number: int, content: bytes) -> bool:
        if self._clean and number >= self._clean[0].number and not self._full and not self._dropped_rows:
            while self._clean and self._clean[-1].number >= number:
                item = self._clean.pop()
                self._dirty.appendleft(item)
                self._dirty_bytes += len(item.content)
                self._end -= len(item.content)
        for index, item in enumerate(self._dirty):
            if item.number == number:
                self._dirty[index] = _Item(number, content)
                self._dirty_bytes += len(content) - len(item.content)
                return True
        return False

    def _write(self, content: bytes) -> bool:
        """Put content behind the clean rows, and let the file end there."""
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._file, content[written:], self._end + written)
            if self._end + written < self._size:
                os.ftruncate(self._file, self._end + written)
        except OSError:
            return False
        self._size = self._end + written
        return True

    def _trim(self) -> None:
        """Hold no more than `TAIL_BYTES`, and count what is dropped."""
        while self._dirty_bytes > TAIL_BYTES:
            number, content = self._dirty.popleft()
            rest = self._dirty_bytes - len(content)
            kept = _last_lines(content, TAIL_BYTES - rest)
            self._dropped_rows += content.count(b"\n") - kept.count(b"\n")
            self._dropped_bytes += len(content) - len(kept)
            self._dirty_bytes = rest + len(kept)
            if kept:
                self._dirty.appendleft(_Item(number, kept))

    def _gap(self, what: str) -> bytes:
        if not self._dropped_rows:
            return b""
        return f"[forebear: {self._dropped_rows} lines ({self._dropped_bytes} bytes) {what}]\n".encode()


def _last_lines(content: bytes, room: int) -> bytes:
    """Return as many whole lines from the end as fit into ``room`` bytes."""
    if room <= 0:
        return b""
    cut = content.find(b"\n", len(content) - room - 1)
    return content[cut + 1 :]
