"""A journal as a file: whether a sound frame stands at an offset, and where the next one does."""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

from forebear.tracking.journal import frames
from forebear.tracking.journal.frames import HEAD, HEAD_BYTES, MAGIC

#: Bytes looked at in one go.
_WINDOW = 1 << 20
#: Only heads that could be ours are followed while searching: the magic is found by chance every 64 KiB of noise.
_LIKELY_KINDS = range(1, 64)
_LIKELY_FLAGS = range(2)
_LEAD_BYTES = 4
#: Bytes that a search may spend on frames that turn out to be none, and how often the file beside. By chance they are
#: few; in a file made of beginnings of frames each would be followed to the end of the file.
_SPENT_BYTES = 64 * 1024 * 1024
_SPENT_TIMES = 4


class FrameFile:
    """An open journal. Its bytes can be read even after it has been deleted."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: it cannot be opened.
        """
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        #: Bytes of frames that were none.
        self._spent = 0

    @property
    def size(self) -> int:
        """Bytes of the file now."""
        return os.fstat(self._descriptor).st_size

    @property
    def gone(self) -> bool:
        """Whether the file has lost its name: it was deleted or put aside, so the catalog has what it held."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return True
        mine = os.fstat(self._descriptor)
        return (status.st_dev, status.st_ino) != (mine.st_dev, mine.st_ino)

    def close(self) -> None:
        """Let go of the file; closing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes."""
        return os.pread(self._descriptor, length, offset)

    def frame_at(self, offset: int, size: int) -> int:
        """Return how many bytes the sound frame at an offset has, in a file of ``size``; 0 where there is none."""
        head = self.read(offset, HEAD_BYTES)
        if len(head) < HEAD_BYTES or head[:2] != MAGIC:
            return 0
        lead, checksum, length = HEAD.unpack(head)
        at, stop = offset + HEAD_BYTES, offset + HEAD_BYTES + length
        if stop > size:
            return 0
        seen = frames.seed_of(lead, length)
        while at < stop:
            data = self.read(at, min(_WINDOW, stop - at))
            if not data:
                return 0
            seen = crc32(data, seen)
            at += len(data)
        if seen == checksum:
            return HEAD_BYTES + int(length)
        self._spent += length
        return 0

    def may_grow(self, offset: int, size: int) -> bool:
        """Whether the last bytes, from an offset on, may be the beginning of a frame that is being written."""
        head = self.read(offset, HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return MAGIC.startswith(head[:2]) or head[:2] == MAGIC
        return head[:2] == MAGIC and offset + HEAD_BYTES + int(HEAD.unpack(head)[2]) > size

    def search(self, offset: int, size: int, lead: bytes = MAGIC) -> int | None:
        """Return the offset of the next sound frame that begins with ``lead``, or ``None``.

        Cost: reads the file from there to the frame; a file that was made to make this slow is given up.
        """
        allowed = _SPENT_BYTES + _SPENT_TIMES * size
        while offset < size and self._spent <= allowed:
            data = self.read(offset, min(_WINDOW, size - offset))
            at = data.find(lead)
            while 0 <= at <= len(data) - _LEAD_BYTES and self._spent <= allowed:
                if data[at + 2] in _LIKELY_KINDS and data[at + 3] in _LIKELY_FLAGS and self.frame_at(offset + at, size):
                    return offset + at
                at = data.find(lead, at + 1)
            if len(data) < HEAD_BYTES or self._spent > allowed:
                return None
            offset += len(data) - _LEAD_BYTES + 1  # a lead may lie across the border
        return None
