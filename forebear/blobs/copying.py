"""The one loop that moves large files: one thread reads and hashes while another writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from forebear.blobs.digest import MAX_HASH_THREADS, READ_BYTES, Hasher

#: Buffers in flight between the two threads.
_BUFFERS = 2

if TYPE_CHECKING:
    from concurrent.futures import Future


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


def _wait(pending: Future[None] | None) -> None:
    if pending is not None:
        pending.result()


def write_all(descriptor: int, part: bytes | memoryview) -> None:
    """Write all of ``part``, however many calls that takes."""
    view = memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]
