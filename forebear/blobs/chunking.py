"""Cutting a large file where its content says so, so that files that share most bytes share most chunks.

FastCDC (Xia and others, USENIX ATC 2016 and IEEE TPDS 2020, https://ieeexplore.ieee.org/document/9055082) puts a cut
where a rolling hash of the last 64 bytes has certain bits zero: an insertion moves the cuts after it along with the
bytes, and only the chunks around it are new. Where the cuts lie is no part of the repository's format: nobody needs
them to read.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from forebear.blobs.digest import READ_BYTES, Hasher, digest_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pyfastcdc import FastCDC

#: Files of so many bytes and more are worth cutting.
CHUNKED_BYTES = 64 * 1024 * 1024
#: Files of more bytes are not cut: a million chunks are 300 MiB of memory while they are added.
MAX_CHUNKED_BYTES = 128 * 1024**3
#: No chunk but a file's last is shorter. The hash skips them: two thirds of the bytes.
MIN_CHUNK_BYTES = 128 * 1024
#: What chunks come to on average; index and recipe cost 0.06 % of the file with this.
MEAN_CHUNK_BYTES = 200 * 1024
#: No chunk is longer: content that never offers a cut, such as zeros, is cut here.
MAX_CHUNK_BYTES = 1024 * 1024
#: From the shortest length on a cut is taken at one of 2**16 places, the library's wish (log2 of the length) less this.
#: The rarer a cut beside the shortest length, the sooner two files are cut alike again behind a difference: with 2 and
#: 192 KiB one inserted megabyte in twenty made more than three megabytes new, with 1 and 128 KiB none of 300 did.
_NORMALISATION: Literal[1] = 1
#: Windows in flight between the threads; the memory of a cut is this times `READ_BYTES` + `MAX_CHUNK_BYTES`.
_WINDOWS = 4
#: Bytes looked at in one place by `sample`; about twenty chunks, of which the first few are no chunks of the file.
SAMPLE_BYTES = 4 * 1024 * 1024


class Chunk(NamedTuple):
    """A piece of a file: where it begins, how long it is (bytes), and the digest of its bytes."""

    offset: int
    length: int
    digest: bytes


class Cut(NamedTuple):
    """A whole file: its digest, its size in bytes, and its chunks in order, without gaps."""

    digest: bytes
    size: int
    chunks: list[Chunk]


def cut_file(path: str | os.PathLike[str]) -> Cut:
    """Read a file once; return its chunks, and digest and size of the whole.

    Cost: one pass on three threads (reading and cutting, hashing the whole, hashing chunks), which let go of the
    interpreter. Memory: `_WINDOWS` buffers of 9 MiB, and 100 bytes a chunk.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        return cut_open_file(descriptor)
    finally:
        os.close(descriptor)


def cut_open_file(descriptor: int) -> Cut:
    """Like `cut_file`, for a file that is open; where it stands does not matter and does not change."""
    hasher = Hasher()
    chunks = _cut(descriptor, hasher.update)
    return Cut(hasher.digest(), hasher.size, chunks)


def chunks_of_open_file(descriptor: int) -> list[Chunk]:
    """Return the chunks of an open file whose digest is known. Cost: a third less than `cut_open_file`."""
    return _cut(descriptor, lambda content: None)


def _cut(descriptor: int, see: Callable[[memoryview], None]) -> list[Chunk]:
    """Cut an open file and pass its bytes to ``see``, which runs in a thread of its own."""
    from forebear.blobs.workers import Workers  # 6 ms, only for large files

    chunks: list[Chunk] = []
    pending: deque[Future[list[Chunk]]] = deque()
    seen: list[Future[None] | None] = [None] * _WINDOWS
    with Workers(1) as whole, Workers(1) as parts:
        for turn, window in enumerate(_windows(descriptor, seen, pending, chunks)):
            seen[turn % _WINDOWS] = whole.submit(see, window.fresh)
            pending.append(parts.submit(_digests, window))
        while pending:
            chunks += pending.popleft().result()
        for future in seen:
            if future is not None:
                future.result()
    return chunks


def cut_bytes(content: bytes | bytearray | memoryview) -> list[Chunk]:
    """Return the chunks of content in memory."""
    view = memoryview(content)
    return _digests(_Window(0, view, view, _lengths(_cutter(), view, last=True)))


def sample(descriptor: int, offset: int) -> list[Chunk]:
    """Return chunks of an open file from `SAMPLE_BYTES` at ``offset``.

    The first ones begin where ``offset`` says and not where `cut_file` cuts; a few chunks on, most agree. Memory:
    `SAMPLE_BYTES`.
    """
    content = memoryview(os.pread(descriptor, SAMPLE_BYTES, offset))
    return _digests(_Window(offset, content, content, _lengths(_cutter(), content, last=False)))


class _Window(NamedTuple):
    #: Of its first byte in the file.
    offset: int
    content: memoryview
    #: The part of it that no earlier window had.
    fresh: memoryview
    #: Of the chunks that it begins with.
    lengths: list[int]


def _windows(
    descriptor: int,
    seen: list[Future[None] | None],
    pending: deque[Future[list[Chunk]]],
    chunks: list[Chunk],
) -> Iterator[_Window]:
    """Read and cut; what follows a window's last sure cut is carried over to the next one."""
    cutter = _cutter()
    offset, rest, turn = 0, b"", 0
    piece = min(READ_BYTES, max(MAX_CHUNK_BYTES, os.fstat(descriptor).st_size))
    buffers: list[bytearray] = []
    while True:
        # The buffer of this turn is free again once both hashes of what it held are done.
        future = seen[turn]
        if future is not None:
            future.result()
            chunks += pending.popleft().result()
        if turn == len(buffers):  # a short file needs few
            buffers.append(bytearray(piece + MAX_CHUNK_BYTES))
        view = memoryview(buffers[turn])
        view[: len(rest)] = rest
        held = len(rest)
        count = os.preadv(descriptor, [view[held : held + piece]], offset + held)
        content = view[: held + count]
        lengths = _lengths(cutter, content, last=not count)
        yield _Window(offset, content, content[held:], lengths)
        if not count:
            return
        done = sum(lengths)
        rest = bytes(content[done:])
        offset += done
        turn = (turn + 1) % _WINDOWS


def _cutter() -> FastCDC:
    from pyfastcdc import FastCDC  # 10 ms, only for large files

    return FastCDC(
        MIN_CHUNK_BYTES,
        min_size=MIN_CHUNK_BYTES,
        max_size=MAX_CHUNK_BYTES,
        normalized_chunking=_NORMALISATION,
    )


def _lengths(cutter: FastCDC, content: memoryview, *, last: bool) -> list[int]:
    """Return the lengths of the chunks that ``content`` begins with; without ``last`` only of those sure to end so.

    A cut that lies less than the longest chunk before the end of what was read might come to lie elsewhere.
    """
    if not content:
        return []
    lengths = []
    sure = len(content) if last else len(content) - MAX_CHUNK_BYTES
    begin = 0
    for chunk in cutter.cut_buf(content):
        if not last and begin > sure:
            break
        lengths.append(chunk.length)
        begin += chunk.length
    return lengths


def _digests(window: _Window) -> list[Chunk]:
    chunks = []
    begin = 0
    for length in window.lengths:
        digest = digest_of(window.content[begin : begin + length])
        chunks.append(Chunk(window.offset + begin, length, digest))
        begin += length
    return chunks
