"""BLAKE3-256 digests, always of the whole uncompressed content, so that ``b3sum FILE`` gives the same.

Source: https://github.com/BLAKE3-team/BLAKE3-specs. The library releases the interpreter lock while it hashes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import blake3

#: Content is read and hashed in pieces of so many bytes; large enough that the hash's own threads pay off.
READ_BYTES = 8 * 1024 * 1024
#: Below so many bytes one thread is faster than handing the work to several.
THREADS_FROM_BYTES = 1024 * 1024
#: Cores that one hash may use; more gain little, and other work wants them.
MAX_HASH_THREADS = min(8, os.cpu_count() or 1)


def digest_of(content: bytes | bytearray | memoryview) -> bytes:
    """Return the digest of bytes in memory."""
    if len(content) < THREADS_FROM_BYTES:
        return blake3.blake3(content).digest()
    return blake3.blake3(content, max_threads=MAX_HASH_THREADS).digest()


class Hasher:
    """A digest that grows with the content."""

    def __init__(self, *, threads: int = 1) -> None:
        self._state = blake3.blake3(max_threads=threads)
        self.size = 0

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take in the next bytes."""
        self._state.update(content)
        self.size += len(content)

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""
        return self._state.digest()


def digest_of_stream(stream: BinaryIO) -> tuple[bytes, int]:
    """Return digest and size of what is left in an unbuffered binary stream. Memory: `READ_BYTES`."""
    hasher = Hasher(threads=MAX_HASH_THREADS)
    buffer = bytearray(READ_BYTES)
    view = memoryview(buffer)
    while count := stream.readinto(buffer):  # type: ignore[attr-defined]
        hasher.update(view[:count])
    return hasher.digest(), hasher.size


def digest_of_file(path: str | Path) -> tuple[bytes, int]:
    """Return digest and size of a file. Memory: `READ_BYTES` at most."""
    with open(path, "rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size < THREADS_FROM_BYTES:
            content = stream.read(size + 1)
            if len(content) == size:
                return digest_of(content), size
            stream.seek(0)
        return digest_of_stream(stream)
