"""What waits in memory while a disk takes nothing: bounded, in order, and counted where it does not fit."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

#: Frames that may wait, in bytes.
BACKLOG_BYTES = 8 * 1024 * 1024


class Chunk(NamedTuple):
    """Bytes that are written together, and how many rows and blobs are in them."""

    data: bytes
    rows: int = 0
    blobs: int = 0


class Backlog:
    """Chunks that could not be written. True while there is one. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._waiting: deque[Chunk] = deque()
        self._size = 0
        self._rows = self._blobs = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def rows(self) -> int:
        """Rows that wait."""
        return sum(chunk.rows for chunk in self._waiting)

    @property
    def blobs(self) -> int:
        """Blobs that wait."""
        return sum(chunk.blobs for chunk in self._waiting)

    @property
    def lost(self) -> tuple[int, int]:
        """Rows and blobs that did not fit."""
        return self._rows, self._blobs

    def take_lost(self) -> tuple[int, int]:
        """Return `lost`, and count from zero again."""
        lost, self._rows, self._blobs = self.lost, 0, 0
        return lost

    def add(self, chunk: Chunk) -> bool:
        """Let a chunk wait; false, and it is counted, where there is no room for it."""
        if self._size + len(chunk.data) > BACKLOG_BYTES:
            self._count(chunk)
            return False
        self._waiting.append(chunk)
        self._size += len(chunk.data)
        return True

    def first(self) -> Chunk:
        """Return the chunk that waits longest."""
        return self._waiting[0]

    def done(self) -> None:
        """Take out the chunk that waits longest."""
        self._size -= len(self._waiting.popleft().data)

    def give_up(self) -> None:
        """Count everything that waits as lost."""
        while self._waiting:
            self._count(self._waiting[0])
            self.done()

    def _count(self, chunk: Chunk) -> None:
        self._rows += chunk.rows
        self._blobs += chunk.blobs
