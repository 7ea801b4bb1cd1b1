"""Writing a journal: each call is one write(2), done when the call returns, so that a killed process loses nothing.

The kernel has the bytes then; a power cut may still take the last seconds.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from forebear.errors import Conflict
from forebear.tracking.journal import frames
from forebear.tracking.journal.backlog import BACKLOG_BYTES, Backlog, Chunk
from forebear.tracking.journal.file import JournalFile
from forebear.tracking.journal.frames import HEAD_BYTES, SEQ_PER_MICROSECOND, Kind, Session, SummaryChange, TableFrame

#: A file is closed and another begun at so many bytes.
ROTATE_BYTES = 64 * 1024 * 1024
#: Sets of keys that have a number in one file, and the names in all of them; rows of others carry their names.
MAX_SCHEMAS = 1_024
MAX_NAMES = 100_000
#: Lengths of payloads for which the first part of the checksum is kept.
_SEEDED_BYTES = 16_384

_ROW = frames.lead_of(Kind.ROW)
_pack = frames.HEAD.pack
_write = os.write

_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()


class JournalWriter:
    """Writes what a run logs to its journal. Safe for threads; one a run and process.

    A forked child begins a journal of its own at its first call; it inherits neither file nor lock. While a disk takes
    nothing, what is logged waits in memory up to a bound, and is written before anything else once there is room.

    Values are plain: ``None``, bool, int of 64 bits, float, str, bytes, lists and dicts of such.
    """

    def __init__(
        self, folder: Path, session: Session, *, warn: Callable[[str], None], root: Path | None = None
    ) -> None:
        """Write journals of ``session`` in ``folder``; the first file is made with the first call.

        Args:
            warn: Told once when the disk takes nothing, and once when it does again.
            root: Folder of the store, which is not made anew where it is away.
        """
        self._root = root
        self._folder = folder
        self._session = session
        self._warn = warn
        self._encode = msgspec.msgpack.Encoder().encode
        self._seeds: dict[int, int] = {}
        #: Nothing is taken any more, and everything that was taken is written.
        self._closed = self._sealed = False
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        """Stand before the first file, with nothing of a parent's."""
        self._lock = threading.RLock()
        self._backlog = Backlog()
        self._file: JournalFile | None = None
        #: Files that are full, still locked until somebody has taken what they hold.
        self._full: list[JournalFile] = []
        self._part = 0
        self._seq = 0
        self._no_keys()

    def _no_keys(self) -> None:
        """Know no set of keys: those of one file mean nothing in the next."""
        #: Numbers of sets of keys in this file.
        self._known: dict[tuple[str, ...], int] = {}
        #: The same while everything goes well; empty while something waits, so that no row overtakes it.
        self._schemas = self._known
        self._names = 0

    # -- what is written ----------------------------------------------------------------------------------------

    def row(self, step: int, runtime_us: int, values: dict[str, Any]) -> None:
        """Write a row of the history.

        Raises:
            TypeError, OverflowError, UnicodeEncodeError: a value is not plain; nothing was written.
            Conflict: the journal is closed.
        """
        # The path that a training loop takes every time; nothing stands here that it can do without.
        with self._lock:
            schema = self._schemas.get(tuple(values))
            if schema is None:
                self._row_of_new_keys(step, runtime_us, values, 0)
                return
            payload = self._encode((schema, step, runtime_us, *values.values()))
            length = len(payload)
            seed = self._seeds.get(length)
            if seed is None:
                seed = self._seed(length)
            frame = _pack(_ROW, crc32(payload, seed), length) + payload
            file: JournalFile = self._file  # type: ignore[assignment]  # there is one where a set of keys is known
            try:
                written = _write(file.descriptor, frame)
                if written != length + HEAD_BYTES:
                    file.finish(frame, written)
                    written = 0  # counted there
            except OSError as err:
                self._wait(Chunk(frame, rows=1), err)
                return
            file.size += written
            if file.size >= ROTATE_BYTES:
                self._rotate()

    def system_row(self, runtime_us: int, values: dict[str, Any]) -> None:
        """Write a row of what was measured of the machine; errors as in `row`."""
        with self._lock:
            schema = self._schemas.get(tuple(values))
            if schema is None:
                self._row_of_new_keys(0, runtime_us, values, frames.SYSTEM)
                return
            self._put(Chunk(frames.build(Kind.ROW, (schema, 0, runtime_us, *values.values()), frames.SYSTEM), rows=1))

    def blob(self, digest: bytes, content: bytes) -> None:
        """Write the content of a file that a later frame names."""
        self._put_value(Kind.BLOB, (digest, content), blobs=1)

    def file(self, path: str, digest: bytes, size: int) -> None:
        """Say that the run has a file; its content is in the store, or was written with `blob`."""
        self._put_value(Kind.FILE, (path, digest, size, time.time_ns() // 1_000))

    def table(self, declaration: TableFrame) -> None:
        """Ask for an artifact to be committed."""
        self._put_value(Kind.TABLE, declaration)

    def summary(self, changes: SummaryChange) -> None:
        """Write what was set in the summary, or taken out of it."""
        self._put_value(Kind.SUMMARY, changes)

    def config(self, values: dict[str, Any]) -> None:
        """Write the whole config."""
        self._put_value(Kind.CONFIG, values)

    def metric(self, definition: dict[str, Any]) -> None:
        """Write the definition of a metric."""
        self._put_value(Kind.METRIC, definition)

    # -- files --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the file that is written now, as in `HistoryBatch.journal`; empty before the first call."""
        return self._file.name if self._file is not None else ""

    @property
    def folder(self) -> Path:
        """Folder of the run's journals."""
        return self._folder

    @property
    def session(self) -> Session:
        """Who writes, as it was given."""
        return self._session

    def files(self) -> list[JournalFile]:
        """Return the files of this process that were not let go yet, in the order in which they were written."""
        with self._lock:
            return [*self._full, *([self._file] if self._file is not None else [])]

    def take_lost(self) -> tuple[int, int]:
        """Return how many rows and blobs no disk took and no frame tells of; they count from zero again."""
        with self._lock:
            return self._backlog.take_lost()

    def let_go(self, name: str) -> None:
        """Unlock a file that is full, because somebody has taken what it holds."""
        with self._lock:
            for file in self._full:
                if file.name == name:
                    file.close()
            self._full = [file for file in self._full if file.name != name]

    @property
    def waiting(self) -> tuple[int, int]:
        """Rows and blobs that wait in memory because no disk took them, and those that there was no room for."""
        with self._lock:
            rows, blobs = self._backlog.lost
            return self._backlog.rows + rows, self._backlog.blobs + blobs

    def seal(self) -> bool:
        """Take nothing any more, so that later calls raise `Conflict`, and write what waits and the last frame.

        Returns:
            False where something waits still; this may be called again.
        """
        with self._lock:
            self._closed = True
            self._schemas = {}
            written = self._catch_up()
            if written and not self._sealed and self._file is not None:
                self._end_file(self._file)
            self._sealed = self._sealed or written
            return written

    def give_up(self) -> None:
        """Count what waits as lost."""
        with self._lock:
            self._backlog.give_up()

    def close(self) -> None:
        """Seal the journal, and let go of all files and locks. What waits still is counted as lost."""
        self.seal()
        self.give_up()
        with self._lock:
            for file in self.files():
                file.close()
            self._full, self._file = [], None

    # -- how ----------------------------------------------------------------------------------------------------

    def _seed(self, length: int) -> int:
        seed = frames.seed_of(_ROW, length)
        if length < _SEEDED_BYTES:
            self._seeds[length] = seed
        return seed

    def _put_value(self, kind: Kind, value: Any, *, blobs: int = 0) -> None:
        frame = frames.build(kind, value)
        with self._lock:
            self._put(Chunk(frame, blobs=blobs))

    def _row_of_new_keys(self, step: int, runtime_us: int, values: dict[str, Any], flags: int) -> None:
        """Write a row whose keys have no number in this file, or none that may be used now."""
        keys = tuple(values)
        named = frames.build(Kind.NAMED_ROW, (step, runtime_us, values), flags)
        if not self._catch_up() or len(self._known) >= MAX_SCHEMAS or self._names + len(keys) > MAX_NAMES:
            self._put(Chunk(named, rows=1))
            return
        schema = self._known.get(keys)
        before = b""
        if schema is None:
            schema = len(self._known)
            before = 2 * frames.build(Kind.KEYS, (schema, keys))
        row = frames.build(Kind.ROW, (schema, step, runtime_us, *values.values()), flags)
        if self._put(Chunk(before + row, rows=1)) and before:
            self._known[keys] = schema
            self._names += len(keys)

    def _put(self, chunk: Chunk) -> bool:
        """Write a chunk, or let it wait; false where there is no room for it anywhere."""
        if self._closed:
            raise Conflict("the journal is closed; the run that it belongs to is over", code="journal-closed")
        return self._append(chunk) if self._catch_up() else self._backlog.add(chunk)

    def _append(self, chunk: Chunk) -> bool:
        try:
            file = self._open()
            file.append(chunk.data)
        except OSError as err:
            return self._wait(chunk, err)
        if file.size >= ROTATE_BYTES:
            self._rotate()
        return True

    def _open(self) -> JournalFile:
        if self._file is None:
            if self._part == 0:
                self._seq = max(self._session.first_seq, time.time_ns() // 1_000 * SEQ_PER_MICROSECOND)
            changes = {"first_seq": self._seq, "part": self._part, "pid": os.getpid()}
            start = frames.build(Kind.SESSION, msgspec.structs.replace(self._session, **changes))
            self._file = JournalFile(self._folder, 2 * start, self._root)
            self._part += 1
        return self._file

    def _rotate(self) -> None:
        """Go on in another file, made with the next call."""
        if self._file is not None:
            self._end_file(self._file)
            self._seq += self._file.size
            self._full.append(self._file)
            self._file = None
            self._no_keys()

    def _end_file(self, file: JournalFile) -> None:
        try:
            file.append(frames.build(Kind.END, []))
        except OSError:
            return  # it says nothing that the next file, or the end of the process, does not say as well

    # -- a disk that takes nothing ------------------------------------------------------------------------------

    def _wait(self, chunk: Chunk, err: OSError) -> bool:
        if not self._backlog:
            self._warn(
                f"cannot write what the run logs to {self._folder}: {err.strerror}. Training goes on; up to "
                f"{BACKLOG_BYTES >> 20} MiB wait in memory and are written once that is possible"
            )
        self._schemas = {}
        return self._backlog.add(chunk)

    def _catch_up(self) -> bool:
        """Write what waits; false where something waits still."""
        if not self._backlog:
            return True
        waited = len(self._backlog)
        try:
            while self._backlog:
                self._open().append(self._backlog.first().data)
                self._backlog.done()
        except OSError:
            return False
        if not self._closed:
            self._schemas = self._known
        self._tell_lost(waited)
        return True

    def _tell_lost(self, waited: int) -> None:
        rows, blobs = self._backlog.take_lost()
        words = f"what the run logs can be written again to {self._folder}"
        if rows or blobs:
            words += f"; there was no room in memory for {rows} rows and {blobs} files, which are lost"
            self._append(Chunk(frames.build(Kind.LOST, (rows, blobs))))
        self._warn(words)

    def _forget_parent(self) -> None:
        """In a forked child: close what the parent holds, without its lock, which another thread may have."""
        for file in (*self._full, self._file):
            if file is not None:
                file.close()
        self._begin()


def _forget_parents() -> None:
    for writer in list(_writers):
        writer._forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
