"""Records of content: manifest entries and where blobs lie.

Hot loops over files use plain tuples in the order of these records' fields; the records are what leaves a module one
at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from forebear.errors import InvalidInput

DIGEST_BYTES = 32

#: Ways a slice may be stored.
CODEC_RAW = 0
CODEC_ZSTD = 1
#: The bytes of 16-bit numbers apart (all first ones, then all second ones), then zstd; of 32-bit numbers likewise.
CODEC_APART2 = 2
CODEC_APART4 = 3
#: Not bytes of a blob but the list of where they are; only in the index of a pack, never in a `Slice` of the catalog.
CODEC_RECIPE = 128

#: Kinds of object.
LOOSE = "loose"
PACK = "pack"


def check_digest(digest: object) -> bytes:
    """Return ``digest`` if it has the form of a BLAKE3-256 digest, else raise `InvalidInput`."""
    if not isinstance(digest, bytes) or len(digest) != DIGEST_BYTES:
        raise InvalidInput(f"a digest has {DIGEST_BYTES} bytes, not {digest!r}", code="invalid-digest")
    return digest


class Entry(msgspec.Struct, frozen=True):
    """One line of a manifest: a file, or a reference when ``ref`` is set.

    Attributes:
        path: Relative, ``/``-separated, NFC or not as it was given.
        size: Bytes, ``None`` for a reference that did not tell.
        digest: BLAKE3-256 of the content, ``None`` for a reference that was not read.
        ref: URI of a reference, ``None`` for a file.
        identity: What the system behind ``ref`` told of its content: ``etag``, ``version``, ``generation``, ….
    """

    path: str
    size: int | None = None
    digest: bytes | None = None
    ref: str | None = None
    identity: dict[str, str] | None = None

    def same_content(self, other: Entry) -> bool:
        """Whether both name the same bytes, as far as either can tell without reading."""
        return self.as_row()[1:] == other.as_row()[1:]

    def as_row(self) -> tuple[Any, ...]:
        """The entry as the tuple that is kept in a manifest page."""
        if self.ref is None:
            return (self.path, self.size, self.digest)
        return (self.path, self.size, self.digest, self.ref, self.identity or {})

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Entry:
        """Read the tuple that `as_row` gave."""
        if len(row) == 3:
            return cls(row[0], row[1], row[2])
        path, size, digest, ref, identity = row
        return cls(path, size, digest, ref, dict(identity) or None)


class Slice(NamedTuple):
    """Where in an object the bytes of one blob (or chunk) are.

    ``offset`` and ``stored`` are bytes within the object; ``size`` is the blob's own length, uncompressed.
    """

    digest: bytes
    offset: int
    stored: int
    size: int
    codec: int


class Location(NamedTuple):
    """Where the bytes of a blob are: a range of one object."""

    object: str
    offset: int
    stored: int
    size: int
    codec: int


class Recipe(NamedTuple):
    """A blob that is the concatenation of slices, in order."""

    size: int
    parts: tuple[bytes, ...]


class StoredObject(msgspec.Struct, frozen=True):
    """One immutable file of the blob store, and the slices that lie in it.

    Attributes:
        name: Key inside the blob store, such as ``loose/3f/3fa9…`` or ``pack/b2/b27c…``.
        kind: `LOOSE` or `PACK`.
        size: Bytes of the whole object.
        slices: What it holds; a loose object holds one slice of its full length, and maybe chunks.
        recipes: Blobs that were written together with it, made of its slices and others'.
    """

    name: str
    kind: str
    size: int
    slices: list[Slice]
    recipes: dict[bytes, Recipe] = {}
