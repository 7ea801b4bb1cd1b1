r"""Packs: many small blobs in one object, with an index at the end.

Layout, all integers little-endian::

    magic            8 bytes   b"FBPACK1\\n"
    slices           the stored bytes of each blob, one after the other
    index            count x 57 bytes: digest 32, offset u64, stored u64, size u64, codec u8; sorted by digest
    footer           56 bytes: index offset u64, count u64, BLAKE3 of the index 32, magic 8

The pack's name is the BLAKE3 digest of the whole object.

A slice of the codec `CODEC_RECIPE` is no content but says where the content lies: one zstd frame of 57 bytes a piece,
in order: object 32, offset u64, stored u64, size u64, codec u8. The object is the digest in the name of a loose object
or, with 64 added to the codec, of a pack; 32 zero bytes are the pack itself. Chunks that are neighbours and stored as
they are make one piece.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from forebear.blobs.codecs import compress, decode, decompress, squeeze
from forebear.blobs.digest import Hasher, digest_of
from forebear.blobs.objects import ObjectSink, Settle, no_settling, object_name
from forebear.errors import CorruptData
from forebear.records.content import (
    CODEC_RAW,
    CODEC_RECIPE,
    DIGEST_BYTES,
    LOOSE,
    PACK,
    Location,
    Recipe,
    Slice,
    StoredObject,
)

MAGIC = b"FBPACK1\n"
_LINE = struct.Struct("<32sQQQB")
_FOOTER = struct.Struct("<QQ32s8s")
FOOTER_BYTES = _FOOTER.size
#: A pack is closed once it holds so many bytes.
PACK_BYTES = 64 * 1024 * 1024
#: Bytes gathered before one write.
_BUFFER_BYTES = 1024 * 1024
#: The largest blob that a pack takes, and so the most that one slice may unpack to.
MAX_SLICE_BYTES = 16 * 1024 * 1024
#: The most pieces that a recipe may unpack to: a file of 128 GiB in chunks, none beside its neighbour.
MAX_PIECES = 1024 * 1024
_HERE = bytes(DIGEST_BYTES)
_IN_PACK = 64


class PackWriter:
    """Writes one pack. Memory: one buffer of 1 MiB and 57 bytes a blob."""

    def __init__(self, sink: ObjectSink, settle: Settle = no_settling) -> None:
        self._sink = sink
        self._settle = settle
        self._hasher = Hasher()
        self._buffer = bytearray(MAGIC)
        self._recipes: dict[bytes, tuple[Recipe, Mapping[bytes, Location]]] = {}
        self.slices: list[Slice] = []
        self.size = len(MAGIC)
        self._end = b""

    def add(self, digest: bytes, content: bytes, *, compress: bool = False) -> None:
        """Append a blob; with ``compress`` it is stored in the way that is smallest."""
        stored, codec = squeeze(content) if compress else (content, CODEC_RAW)
        self.append(digest, stored, len(content), codec)

    def append(self, digest: bytes, stored: bytes | memoryview, size: int, codec: int) -> None:
        """Append a blob of ``size`` bytes in the form that `squeeze` gave."""
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()  # before anything is noted, so that a full disk leaves the pack as it was
        self.slices.append(Slice(digest, self.size, len(stored), size, codec))
        self.size += len(stored)
        self._buffer += stored

    def add_recipe(self, digest: bytes, recipe: Recipe, places: Mapping[bytes, Location]) -> None:
        """Note of what a blob is made: slices of this pack, and of ``places`` where others lie."""
        self._recipes[digest] = recipe, places

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

    def _flush(self) -> None:
        self._sink.write(self._buffer)
        self._hasher.update(self._buffer)
        self._buffer = bytearray()  # a new one: an error on its way up may still hold a view of the old

    def finish(self) -> StoredObject:
        """Write index and footer and make the pack durable; return its record. May be repeated where it fails."""
        if not self._end:
            pieces = self._pack_recipes()
            # Index and catalog want them in order, and what is in order already is sorted in a tenth of the time.
            self.slices.sort()
            lines = sorted([*self.slices, *pieces])
            index = b"".join(_LINE.pack(*line) for line in lines)
            self._end = index + _FOOTER.pack(self.size, len(lines), digest_of(index), MAGIC)
            self._buffer += self._end
        size = self.size + len(self._end)
        if self._buffer:
            self._flush()
        name = object_name(PACK, self._hasher.digest())
        self._settle(name)
        self._sink.finish(name)
        recipes = {digest: recipe for digest, (recipe, _) in self._recipes.items()}
        return StoredObject(name=name, kind=PACK, size=size, slices=self.slices, recipes=recipes)

    def _pack_recipes(self) -> list[Slice]:
        """Append what the recipes say; return their lines of the index."""
        here = {part.digest: Location("", *part[1:]) for part in self.slices} if self._recipes else {}
        lines = []
        for digest, (recipe, places) in self._recipes.items():
            pieces = joined(here.get(part) or places[part] for part in recipe.parts)
            stored = compress(b"".join(map(_pack_piece, pieces)))
            lines.append(Slice(digest, self.size, len(stored), recipe.size, CODEC_RECIPE))
            self.size += len(stored)
            self._buffer += stored
        return lines


def joined(pieces: Iterable[Location]) -> list[Location]:
    """Make one piece of neighbours in an object that are stored as they are."""
    found: list[Location] = []
    for piece in pieces:
        if found and piece.codec == CODEC_RAW:
            last = found[-1]
            if (last.object, last.codec, last.offset + last.stored) == (piece.object, CODEC_RAW, piece.offset):
                size = last.size + piece.size
                found[-1] = Location(last.object, last.offset, size, size, CODEC_RAW)
                continue
        found.append(piece)
    return found


def _pack_piece(piece: Location) -> bytes:
    kind, _, name = piece.object.rpartition("/")
    codec = piece.codec + (_IN_PACK if kind.startswith(PACK) else 0)
    return _LINE.pack(bytes.fromhex(name) or _HERE, piece.offset, piece.stored, piece.size, codec)


def read_recipe(pack: str, stored: bytes, size: int) -> list[Location]:
    """Return where the pieces of a blob of ``size`` bytes are, from a slice of the codec `CODEC_RECIPE`.

    Args:
        pack: Name of the pack that the slice lies in.
        stored: Its bytes.
        size: Of the blob, as the pack's index says.

    Raises:
        CorruptData: this is no such list, or its pieces do not make up so many bytes.
    """
    content = decompress(stored, most=MAX_PIECES * _LINE.size)
    if len(content) % _LINE.size:
        raise CorruptData(f"a recipe in pack {pack} is cut short", code="corrupt-object")
    pieces = []
    for digest, offset, length, whole, codec in _LINE.iter_unpack(content):
        kind = PACK if codec & _IN_PACK else LOOSE
        name = pack if digest == _HERE else object_name(kind, digest)
        pieces.append(Location(name, offset, length, whole, codec & ~_IN_PACK))
    if sum(piece.size for piece in pieces) != size:
        raise CorruptData(f"a recipe in pack {pack} does not make up {size} bytes", code="corrupt-object")
    return pieces


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
        long = part.size > MAX_SLICE_BYTES and part.codec != CODEC_RECIPE
        if part.offset < len(MAGIC) or part.offset + part.stored > offset or long:
            raise CorruptData(f"pack {name} is damaged: its index names bytes outside of it", code="corrupt-object")
    return slices


def unpack(stored: bytes | memoryview, size: int, codec: int) -> bytes | memoryview:
    """Return the content of a slice.

    Raises:
        CorruptData: the bytes do not decode to ``size`` bytes.
    """
    if codec != CODEC_RAW and size > MAX_SLICE_BYTES:
        raise CorruptData(f"a slice claims to unpack to {size} bytes", code="corrupt-object")
    content = stored if codec == CODEC_RAW else decode(stored, size, codec)
    if len(content) != size:
        raise CorruptData(f"a slice holds {len(content)} bytes instead of {size}", code="corrupt-object")
    return content
