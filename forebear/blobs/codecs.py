"""How a slice may be stored: as it is, as zstd, or as zstd with the bytes of its numbers apart.

Weights hardly shrink as they are: beside each sign and exponent, which repeat, lies a mantissa, which does not. With
the first bytes of all numbers together, then all second ones, and so on, what repeats is in one place. A short
sample tells which way is worth its time, so that content that does not shrink costs next to nothing.

With bytes apart a slice begins with the stored length of each part (u32, little-endian), then come the parts: the bytes
at 0, w, 2w, …, those at 1, w + 1, …, and so on to w - 1, w being the bytes of a number. A part whose stored length is
its length is as it is, any other is a zstd frame.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebear.errors import CorruptData
from forebear.records.content import CODEC_APART2, CODEC_APART4, CODEC_RAW, CODEC_ZSTD

if TYPE_CHECKING:
    import zstandard

#: Compression must win at least this part of the bytes, else reading pays for nothing.
WORTH = 0.95
#: What taking bytes apart must win over zstd alone: it costs a pass more, here and when it is read.
_WORTH_APART = 0.97
#: Bytes of one blob that are tried, and blobs of a batch that some are taken of.
_SAMPLE_BYTES = 16 * 1024
_SAMPLED_BLOBS = 16
#: Shorter blobs are not numbers in a row often enough to try.
_NUMBERS_BYTES = 64 * 1024
#: Fastest level; the next ones win a percent or two of what models and tables have.
_LEVEL = 1
#: Below so many bytes one thread is faster than several.
_THREADS_FROM_BYTES = 2 * 1024 * 1024
_MAX_THREADS = min(4, os.cpu_count() or 1)
#: Bytes of a number, by codec.
_WIDTHS = {CODEC_APART2: 2, CODEC_APART4: 4}
_LENGTH = struct.Struct("<I")

_of_thread = threading.local()


def squeeze(content: bytes | memoryview) -> tuple[bytes | memoryview, int]:
    """Return a blob as it should be stored, and the codec. Cost: 0.1 ms where nothing is won. Safe for threads."""
    codec = _best_codec(content)
    if codec == CODEC_RAW:
        return content, CODEC_RAW
    packed = _encode(content, codec)
    return (packed, codec) if len(packed) < len(content) * WORTH else (content, CODEC_RAW)


def squeeze_many(contents: Iterable[bytes]) -> list[tuple[bytes | memoryview, int]]:
    """`squeeze` blobs, on several threads where there is enough to do."""
    blobs = list(contents)
    if sum(map(len, blobs)) < _THREADS_FROM_BYTES:
        return [squeeze(content) for content in blobs]
    from forebear.blobs.workers import Workers  # 6 ms, only for large files

    share = -(-len(blobs) // _MAX_THREADS)
    shares = [blobs[start : start + share] for start in range(0, len(blobs), share)]
    with Workers(_MAX_THREADS) as pool:
        return [done for part in pool.map(lambda part: list(map(squeeze, part)), shares) for done in part]


def shrinks(contents: Sequence[bytes]) -> bool:
    """Whether compressing a batch of small blobs is worth trying, from a little of a few of them."""
    chosen = contents[:: max(1, len(contents) // _SAMPLED_BLOBS)][:_SAMPLED_BLOBS]
    sample = b"".join(content[: _SAMPLE_BYTES // _SAMPLED_BLOBS] for content in chosen)
    return bool(sample) and len(_encode(sample, CODEC_ZSTD)) < len(sample) * WORTH


def _best_codec(content: bytes | memoryview) -> int:
    if len(content) <= _SAMPLE_BYTES:
        return CODEC_ZSTD
    middle = (len(content) - _SAMPLE_BYTES) // 2
    sample = content[middle : middle + _SAMPLE_BYTES]
    sizes = {codec: len(_encode(sample, codec)) for codec in _tried(len(content))}
    best = min(sizes, key=sizes.__getitem__)
    if sizes[best] >= sizes[CODEC_ZSTD] * _WORTH_APART:
        best = CODEC_ZSTD
    return best if sizes[best] < len(sample) * WORTH else CODEC_RAW


def _tried(size: int) -> Iterable[int]:
    return (CODEC_ZSTD, CODEC_APART2, CODEC_APART4) if size >= _NUMBERS_BYTES else (CODEC_ZSTD,)


def _encode(content: bytes | memoryview, codec: int) -> bytes:
    width = _WIDTHS.get(codec)
    if width is None:
        return _compressor().compress(content)
    whole = bytes(content)
    parts = []
    for first in range(width):
        part = whole[first::width]
        # A table of probabilities of its own for each part is what all this is for, so each is a frame.
        packed = _compressor().compress(part)
        parts.append(packed if len(packed) < len(part) * WORTH else part)
    return b"".join([*(_LENGTH.pack(len(part)) for part in parts), *parts])


def decode(stored: bytes | memoryview, size: int, codec: int) -> bytes | memoryview:
    """Return the content of a slice that is not stored as it is.

    Raises:
        CorruptData: the codec is unknown, or the bytes do not decode to ``size`` bytes.
    """
    if codec != CODEC_ZSTD and codec not in _WIDTHS:
        raise CorruptData(f"a slice has the unknown codec {codec}", code="corrupt-object")
    width = _WIDTHS.get(codec)
    return decompress(stored, size) if width is None else _together(stored, size, width)


def _together(stored: bytes | memoryview, size: int, width: int) -> memoryview:
    view = memoryview(stored)
    begin = width * _LENGTH.size
    if len(view) < begin:
        raise CorruptData("a compressed slice is cut short", code="corrupt-object")
    lengths = [length for (length,) in _LENGTH.iter_unpack(view[:begin])]
    if begin + sum(lengths) != len(view):
        raise CorruptData("a compressed slice does not have the length it should", code="corrupt-object")
    content = bytearray(size)
    for first, length in enumerate(lengths):
        part = view[begin : begin + length]
        whole = (size - first + width - 1) // width
        content[first::width] = part if length == whole else decompress(part, whole)
        begin += length
    return memoryview(content)


def compress(content: bytes) -> bytes:
    """Return content as one zstd frame that tells its length."""
    return _compressor().compress(content)


def decompress(stored: bytes | memoryview, size: int | None = None, *, most: int = 0) -> bytes:
    """Return the content of one zstd frame, of ``size`` bytes or, where that is not known, of at most ``most``.

    Raises:
        CorruptData: it is no such frame.
    """
    import zstandard  # 10 ms, only when something compressed is read

    frame = bytes(stored)
    try:
        # A frame may claim any length; it is checked before that much memory is taken.
        length = zstandard.frame_content_size(frame)
        if length != size if size is not None else not 0 <= length <= most:
            raise CorruptData("a compressed slice does not have the length it should", code="corrupt-object")
        return _decompressor().decompress(frame, max_output_size=length, allow_extra_data=False)
    except zstandard.ZstdError as err:
        raise CorruptData(f"a compressed slice does not decode: {err}", code="corrupt-object") from err


def _compressor() -> zstandard.ZstdCompressor:
    made: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if made is None:
        import zstandard  # 10 ms, only when something is written that may shrink

        made = _of_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return made


def _decompressor() -> zstandard.ZstdDecompressor:
    made: zstandard.ZstdDecompressor | None = getattr(_of_thread, "decompressor", None)
    if made is None:
        import zstandard

        made = _of_thread.decompressor = zstandard.ZstdDecompressor()
    return made
