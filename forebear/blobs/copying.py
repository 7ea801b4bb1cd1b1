"""The loops that move large files: one thread copies while another hashes."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from forebear.blobs.digest import MAX_HASH_THREADS, READ_BYTES, Hasher

#: Buffers in flight between the two threads.
_BUFFERS = 2
#: Bytes that the kernel copies before they are hashed: most of them are still in the processor's cache then.
PIECE_BYTES = 1024 * 1024
#: Answers of the system that mean "not between these two", not "failed".
NOT_HERE = {errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EBADF, errno.ETXTBSY}

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType


def copy_and_hash(source: int, write: Callable[[memoryview], None]) -> tuple[bytes, int]:
    """Pass what is left of a file descriptor to ``write``, piece by piece; return digest and size.

    Cost: one pass; both sides release the interpreter lock. Memory: `READ_BYTES` x `_BUFFERS`.
    """
    from forebear.blobs.workers import Workers  # 6 ms, only for large files

    hasher = Hasher(threads=MAX_HASH_THREADS)
    buffers = [bytearray(READ_BYTES) for _ in range(_BUFFERS)]
    writes: list[Future[None] | None] = [None] * _BUFFERS
    turn = 0
    with Workers(1) as pool:
        while True:
            _wait(writes[turn])
            count = os.readv(source, [buffers[turn]])
            if not count:
                break
            part = memoryview(buffers[turn])[:count]
            writes[turn] = pool.submit(write, part)
            hasher.update(part)
            turn = (turn + 1) % _BUFFERS
        for pending in writes:
            _wait(pending)
    return hasher.digest(), hasher.size


def copy_file_and_hash(
    source: int, target: int, write: Callable[[bytes | memoryview], None] | None = None
) -> tuple[bytes, int]:
    """Copy all of a file into an empty one, open for reading too; return digest and size of what arrived there.

    Args:
        source: The file.
        target: The empty one.
        write: Writes into it where the kernel does not, so that errors are the caller's.

    Cost: one pass, in which the kernel copies, if it does that between these two files, and this process reads the
    copy only; memory: as `copy_and_hash`.
    """
    if write is None:
        write = partial(write_all, target)
    if not hasattr(os, "copy_file_range"):  # only Linux has it
        return copy_and_hash(source, write)
    digest, size = fill_and_hash(_copied(source, target, write), target)
    if not size:  # the kernel copies nothing here, or the file is empty
        return copy_and_hash(source, write)
    return digest, size


def _copied(source: int, target: int, write: Callable[[bytes], None]) -> Iterator[int]:
    """Let the kernel copy a file, if it does that between these two, and yield how many bytes it has copied."""
    end = 0
    while True:
        try:
            count = os.copy_file_range(source, target, PIECE_BYTES)
        except OSError as err:
            if not end and err.errno in NOT_HERE:
                return
            # The kernel does not say which of the two failed; a read and a write do.
            part = os.read(source, PIECE_BYTES)
            write(part)
            count = len(part)
        if not count:
            return
        end += count
        yield end


def fill_and_hash(ends: Iterator[int], target: int) -> tuple[bytes, int]:
    """Hash a file, open for reading, that another thread fills meanwhile; return digest and size.

    Args:
        ends: Fills the file from its start, and yields how many bytes are there, again and again until all are. It is
            run to its end, or closed, in that thread; what it raises is raised here.
        target: The file.
    """
    hasher = Hasher(threads=max(1, MAX_HASH_THREADS - 1))
    buffer = memoryview(bytearray(READ_BYTES))
    with _Filler(ends) as filler:
        for end in filler.ends():
            while hasher.size < end and (count := os.preadv(target, [buffer[: end - hasher.size]], hasher.size)):
                hasher.update(buffer[:count])
    return hasher.digest(), hasher.size


class _Filler:
    """A thread in which a file is filled, for as long as the block runs."""

    def __init__(self, ends: Iterator[int]) -> None:
        self._work = ends
        self._filled: SimpleQueue[int | None] = SimpleQueue()
        self._wanted = True
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="forebear-copy", daemon=True)

    def __enter__(self) -> _Filler:
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends, and Python 3.12 begins no threads then
            self._run()
        return self

    def _run(self) -> None:
        try:
            for end in self._work:
                self._filled.put(end)
                if not self._wanted:
                    break
        except BaseException as err:
            self._error = err
        finally:
            self._filled.put(None)

    def ends(self) -> Iterator[int]:
        """Yield how many bytes are there, again and again until all are."""
        while (end := self._filled.get()) is not None:
            yield end
        if self._error is not None:
            raise self._error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wanted = False
        if self._thread.ident is not None:
            self._thread.join()  # before the caller closes the files


def _wait(pending: Future[None] | None) -> None:
    if pending is not None:
        pending.result()


def write_all(descriptor: int, part: bytes | memoryview) -> None:
    """Write all of ``part``, however many calls that takes."""
    view = memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]
