"""The loops that move large files: one thread copies while another hashes."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING

from forebear.blobs.digest import MAX_HASH_THREADS, READ_BYTES, Hasher

#: Buffers in flight between the two threads.
_BUFFERS = 2
#: Bytes that the kernel copies before they are hashed: most of them are still in the processor's cache then.
_PIECE_BYTES = 1024 * 1024
#: Answers of the system that mean "not between these two", not "failed".
_NOT_HERE = {errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EBADF, errno.ETXTBSY}

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType


def copy_and_hash(source: int, write: Callable[[memoryview], None]) -> tuple[bytes, int]:
    """Pass what is left of a file descriptor to ``write``, piece by piece; return digest and size.

    Cost: one pass; both sides release the interpreter lock. Memory: `READ_BYTES` x `_BUFFERS`.
    """
    from concurrent.futures import ThreadPoolExecutor  # 6 ms, only for large files

    hasher = Hasher(threads=MAX_HASH_THREADS)
    buffers = [bytearray(READ_BYTES) for _ in range(_BUFFERS)]
    writes: list[Future[None] | None] = [None] * _BUFFERS
    turn = 0
    with ThreadPoolExecutor(1) as pool:
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


def copy_file_and_hash(source: int, target: int) -> tuple[bytes, int]:
    """Copy all of a file into an empty one, open for reading too; return digest and size of what arrived there.

    Cost: one pass, in which the kernel copies, if it does that between these two files, and this process reads the
    copy only; memory: as `copy_and_hash`.
    """
    if not hasattr(os, "copy_file_range"):  # only Linux has it
        return copy_and_hash(source, lambda part: write_all(target, part))
    hasher = Hasher(threads=max(1, MAX_HASH_THREADS - 1))
    buffer = memoryview(bytearray(READ_BYTES))
    with _Copier(source, target) as copier:
        for end in copier.ends():
            while hasher.size < end and (count := os.preadv(target, [buffer[: end - hasher.size]], hasher.size)):
                hasher.update(buffer[:count])
    if not hasher.size:  # the kernel copies nothing here, or the file is empty
        return copy_and_hash(source, lambda part: write_all(target, part))
    return hasher.digest(), hasher.size


class _Copier:
    """A thread in which the kernel copies a file, for as long as the block runs."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        self._copied: SimpleQueue[int | None] = SimpleQueue()
        self._wanted = True
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="forebear-copy", daemon=True)

    def __enter__(self) -> _Copier:
        self._thread.start()
        return self

    def _run(self) -> None:
        end = 0
        try:
            while self._wanted and (count := os.copy_file_range(self._source, self._target, _PIECE_BYTES)):
                end += count
                self._copied.put(end)
        except OSError as err:
            if end or err.errno not in _NOT_HERE:
                self._error = err
        finally:
            self._copied.put(None)

    def ends(self) -> Iterator[int]:
        """Yield how many bytes are copied, again and again until all are."""
        while (end := self._copied.get()) is not None:
            yield end
        if self._error is not None:
            raise self._error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wanted = False
        self._thread.join()  # before the caller closes the files


def _wait(pending: Future[None] | None) -> None:
    if pending is not None:
        pending.result()


def write_all(descriptor: int, part: bytes | memoryview) -> None:
    """Write all of ``part``, however many calls that takes."""
    view = memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]
