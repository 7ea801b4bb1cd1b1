r"""Packs: many small blobs in one object, with an index at the end.

Layout, all integers little-endian::

    magic            8 bytes   b"FBPACK1\\n"
    slices           the stored bytes of each blob, one after the other
    index            count x 57 bytes: digest 32, offset u64, stored u64, size u64, codec u8; sorted by digest
    footer           56 bytes: index offset u64, count u64, BLAKE3 of the index 32, magic 8

The pack's name is the BLAKE3 digest of the whole object.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from forebear.blobs.digest import Hasher, digest_of
from forebear.blobs.objects import ObjectSink, object_name
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, CODEC_ZSTD, PACK, Slice, StoredObject

if TYPE_CHECKING:
    import zstandard

MAGIC = b"FBPACK1\n"
_LINE = struct.Struct("<32sQQQB")
_FOOTER = struct.Struct("<QQ32s8s")
FOOTER_BYTES = _FOOTER.size
#: A pack is closed once it holds so many bytes.
PACK_BYTES = 64 * 1024 * 1024
#: Bytes gathered before one write.
_BUFFER_BYTES = 1024 * 1024
#: Compression must win at least this part of the bytes, else reading pays for nothing.
_WORTH = 0.95
#: The largest blob that a pack takes, and so the most that one slice may unpack to.
MAX_SLICE_BYTES = 16 * 1024 * 1024


class PackWriter:
    """Writes one pack. Memory: one buffer of 1 MiB and 57 bytes a blob."""

    def __init__(self, sink: ObjectSink) -> None:
        self._sink = sink
        self._hasher = Hasher()
        self._buffer = bytearray(MAGIC)
        self._compressor: zstandard.ZstdCompressor | None = None
        self.slices: list[Slice] = []
        self.size = len(MAGIC)
        self._end = b""

    def add(self, digest: bytes, content: bytes, *, compress: bool = False) -> None:
        """Append a blob; with ``compress`` it is stored as zstd where that is smaller."""
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()  # before anything is noted, so that a full disk leaves the pack as it was
        stored, codec = content, CODEC_RAW
        if compress:
            packed = self._squeeze(content)
            if len(packed) < len(content) * _WORTH:
                stored, codec = packed, CODEC_ZSTD
        self.slices.append(Slice(digest, self.size, len(stored), len(content), codec))
        self.size += len(stored)
        self._buffer += stored

    def extend(self, blobs: dict[bytes, bytes]) -> None:
        """Append many blobs as they are, by digest. Cost: one append for all of them."""
        at = self.size
        for digest, content in blobs.items():
            length = len(content)
            self.slices.append(Slice(digest, at, length, length, CODEC_RAW))
            at += length
        self.size = at
        self._buffer += b"".join(blobs.values())
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def _squeeze(self, content: bytes) -> bytes:
        if self._compressor is None:
            import zstandard  # 10 ms, only when a page is written

            self._compressor = zstandard.ZstdCompressor(level=1)
        return self._compressor.compress(content)

    def _flush(self) -> None:
        self._sink.write(self._buffer)
        self._hasher.update(self._buffer)
        self._buffer = bytearray()  # a new one: an error on its way up may still hold a view of the old

    def finish(self) -> StoredObject:
        """Write index and footer and make the pack durable; return its record. May be repeated where it fails."""
        if not self._end:
            index = b"".join(_LINE.pack(*line) for line in sorted(self.slices))
            self._end = index + _FOOTER.pack(self.size, len(self.slices), digest_of(index), MAGIC)
            self._buffer += self._end
        size = self.size + len(self._end)
        if self._buffer:
            self._flush()
        name = object_name(PACK, self._hasher.digest())
        self._sink.finish(name)
        return StoredObject(name=name, kind=PACK, size=size, slices=self.slices)


def footer_range(size: int) -> tuple[int, int]:
    """Offset and length of the footer of a pack of ``size`` bytes."""
    return max(0, size - FOOTER_BYTES), FOOTER_BYTES


def index_range(name: str, size: int, footer: bytes) -> tuple[int, int]:
    """Offset and length of the index, read from a pack's footer.

    Raises:
        CorruptData: this is not the footer of a pack of that size.
    """
    if len(footer) == FOOTER_BYTES:
        offset, count, _, magic = _FOOTER.unpack(footer)
        length = count * _LINE.size
        if magic == MAGIC and len(MAGIC) <= offset and offset + length + FOOTER_BYTES == size:
            return offset, length
    raise CorruptData(f"pack {name} is damaged: its end is not that of a pack", code="corrupt-object")


def read_index(name: str, footer: bytes, index: bytes) -> list[Slice]:
    """Return the slices of a pack, sorted by digest.

    Raises:
        CorruptData: the index is not the one that was written.
    """
    offset, _, expected, _ = _FOOTER.unpack(footer)
    if digest_of(index) != expected:
        raise CorruptData(f"pack {name} is damaged: its index does not match its digest", code="corrupt-object")
    slices = [Slice(*line) for line in _LINE.iter_unpack(index)]
    for part in slices:
        if part.offset < len(MAGIC) or part.offset + part.stored > offset or part.size > MAX_SLICE_BYTES:
            raise CorruptData(f"pack {name} is damaged: its index names bytes outside of it", code="corrupt-object")
    return slices


def unpack(stored: bytes | memoryview, size: int, codec: int) -> bytes | memoryview:
    """Return the content of a slice.

    Raises:
        CorruptData: the bytes do not decode to ``size`` bytes.
    """
    if codec == CODEC_RAW:
        content: bytes | memoryview = stored
    elif codec == CODEC_ZSTD:
        import zstandard  # 10 ms, only when something compressed is read

        try:
            # A frame may claim any length; it is checked before that much memory is taken.
            if zstandard.frame_content_size(bytes(stored)) != size:
                raise CorruptData("a compressed slice does not have the length it should", code="corrupt-object")
            content = zstandard.ZstdDecompressor().decompress(
                bytes(stored), max_output_size=size, allow_extra_data=False
            )
        except zstandard.ZstdError as err:
            raise CorruptData(f"a compressed slice does not decode: {err}", code="corrupt-object") from err
    else:
        raise CorruptData(f"a slice has the unknown codec {codec}", code="corrupt-object")
    if len(content) != size:
        raise CorruptData(f"a slice holds {len(content)} bytes instead of {size}", code="corrupt-object")
    return content
