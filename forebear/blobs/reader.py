"""Getting content out. Whatever leaves is hashed on the way; bytes that are not what was stored never leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING

from forebear.blobs.digest import digest_of
from forebear.blobs.pack import unpack
from forebear.errors import CorruptData, NotFound
from forebear.records.content import CODEC_RAW, Location

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

#: Slices of one object that lie closer than this are read together.
GAP_BYTES = 64 * 1024
#: One read takes at most so many bytes, unless a single slice is longer.
WINDOW_BYTES = 8 * 1024 * 1024

Wanted = tuple[bytes, Location]


def read_blob(objects: ObjectStore, digest: bytes, where: Location) -> bytes:
    """Return the content of one blob, verified.

    Raises:
        CorruptData: the object is missing, cut short, or its bytes do not have the digest.
    """
    return bytes(next(read_blobs(objects, [(digest, where)]))[1])


def read_blobs(objects: ObjectStore, wanted: Iterable[Wanted]) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Yield (digest, content) for each blob wanted, verified, in the order of objects and offsets.

    Raises:
        CorruptData: as `read_blob`.

    Cost: one read for each run of neighbouring slices, of `WINDOW_BYTES` at most. Memory: one window.
    """
    for name, window in _windows(wanted):
        start = window[0][1].offset
        end = max(where.offset + where.stored for _, where in window)
        view = memoryview(_read(objects, name, start, end - start, window[0][0]))
        for digest, where in window:
            _, offset, stored, size, codec = where
            content: bytes | memoryview = view[offset - start : offset - start + stored]
            if codec != CODEC_RAW or size != stored:
                content = _unpacked(digest, name, content, where)
            if digest_of(content) != digest:
                raise wrong_digest(digest, name)
            yield digest, content


def _unpacked(digest: bytes, name: str, stored: bytes | memoryview, where: Location) -> bytes | memoryview:
    try:
        return unpack(stored, where.size, where.codec)
    except CorruptData as err:
        raise CorruptData(f"object {name} is damaged: {err}", code=err.code, digest=digest) from err


def _windows(wanted: Iterable[Wanted]) -> Iterator[tuple[str, list[Wanted]]]:
    window: list[Wanted] = []
    start = end = 0
    name = ""
    for item in sorted(wanted, key=itemgetter(1)):
        where = item[1]
        last = where.offset + where.stored
        if window and (where.object != name or where.offset > end + GAP_BYTES or last - start > WINDOW_BYTES):
            yield name, window
            window = []
        if not window:
            name, start, end = where.object, where.offset, where.offset
        window.append(item)
        end = max(end, last)
    if window:
        yield name, window


def _read(objects: ObjectStore, name: str, offset: int, length: int, digest: bytes) -> bytes:
    try:
        content = objects.read(name, offset, length)
    except NotFound as err:
        raise CorruptData(f"object {name} is missing from the store", code="missing-object", digest=digest) from err
    if len(content) < length:
        raise CorruptData(
            f"object {name} is cut short: {length} bytes wanted at {offset}, {len(content)} there",
            code="corrupt-object",
            digest=digest,
        )
    return content


def wrong_digest(digest: bytes, name: str) -> CorruptData:
    """The error for bytes that are not what was stored."""
    return CorruptData(
        f"object {name} is damaged: its bytes do not have the digest {digest.hex()[:16]}…",
        code="corrupt-object",
        digest=digest,
    )
