"""Large files that share most of their bytes with what the store has: only what is new of them is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.blobs.chunking import (
    CHUNKED_BYTES,
    MAX_CHUNKED_BYTES,
    SAMPLE_BYTES,
    Chunk,
    Cut,
    chunks_of_open_file,
    cut_open_file,
    sample,
)
from forebear.blobs.digest import digest_of, digest_of_file
from forebear.blobs.writer import FAR_SMALL_BYTES, check_unchanged
from forebear.records.content import CODEC_RAW, LOOSE, Location, Slice, StoredObject

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.blobs.writer import BlobWriter
    from forebear.catalog.port import Catalog
    from forebear.store.presence import Presence

#: Places of a file that are looked at before all of it is: what shares a quarter of it is missed once in ten times.
_SAMPLES = 8
#: A file becomes a recipe where that saves so much of it; a whole object can be linked, and is read a little faster.
MIN_SHARED = 0.25
#: Objects of similar size that are looked at because their chunks may not be registered: they were linked.
_CANDIDATES = 4
#: How much larger or smaller such an object may be.
_SIMILAR = 1.5
#: What a file's status must stay: inode, size in bytes, mtime and ctime in nanoseconds.
_Look = tuple[int, int, int, int]


class NearEqual:
    """Takes in large files for one draft."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, presence: Presence, writer: BlobWriter) -> None:
        self._catalog = catalog
        self._objects = objects
        self._presence = presence
        self._writer = writer

    def take(self, path: str, look: _Look, *, compress: bool = False) -> tuple[bytes, int]:
        """Take a file in that is not known to be held; return digest and size.

        Args:
            path: The file.
            look: Its inode, size, mtime and ctime (nanoseconds).
            compress: Store it as compressed chunks where they shrink, whatever it shares.

        Raises:
            Conflict: it changed while it was read.

        Cost: a copy, where it resembles nothing; else one pass that reads it, and writing what is new.
        """
        size = look[1]
        if self._writer.is_far:
            return self._send(path, look)
        if size > MAX_CHUNKED_BYTES or (size < CHUNKED_BYTES and not compress):
            return self._writer.copy_file(path)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            if not compress and not self._resembles(descriptor, size):
                return self._writer.copy_file(path)
            cut = cut_open_file(descriptor)
            check_unchanged(path, look, os.fstat(descriptor), cut.size)
            if self._is_new(cut.digest):
                self._store(descriptor, path, cut, compress=compress)
            return cut.digest, cut.size
        finally:
            os.close(descriptor)

    def _store(self, descriptor: int, path: str, cut: Cut, *, compress: bool) -> None:
        places = self._places(cut.chunks)
        here = self._writer.chunks_held(chunk.digest for chunk in cut.chunks)
        shared = sum(chunk.length for chunk in cut.chunks if chunk.digest in places or chunk.digest in here)
        pays = shared >= cut.size * MIN_SHARED or (compress and self._writer.shrinks(descriptor, cut))
        if pays and not self._presence.hides(cut.digest):
            self._writer.add_recipe(descriptor, path, cut, places)
        else:
            fresh = [chunk for chunk in cut.chunks if chunk.digest not in places]
            self._writer.copy_file(path, chunks=fresh, expected=cut.digest)

    # -- where objects are far away -------------------------------------------------------------------------------

    def _send(self, path: str, look: _Look) -> tuple[bytes, int]:
        """Take a file in where reading it costs little beside sending it: what is known is never sent."""
        size = look[1]
        if size > MAX_CHUNKED_BYTES:
            digest = digest_of_file(path)[0]
            check_unchanged(path, look, os.stat(path), size)
            if self._is_new(digest):
                self._writer.send_whole(path, digest, size)
            return digest, size
        with open(path, "rb", buffering=0) as file:
            if size < FAR_SMALL_BYTES:
                content = file.read(size + 1)
                check_unchanged(path, look, os.fstat(file.fileno()), len(content))
                digest = digest_of(content)
                if self._is_new(digest):
                    self._writer.add(digest, content, compress=True)
                return digest, size
            cut = cut_open_file(file.fileno())
            check_unchanged(path, look, os.fstat(file.fileno()), cut.size)
            if self._is_new(cut.digest):
                if self._presence.hides(cut.digest):
                    self._writer.send_whole(path, cut.digest, size)
                    return cut.digest, size
                shrink = self._writer.shrinks(file.fileno(), cut)
                self._writer.send_chunks(file.fileno(), path, cut, self._places(cut.chunks), compress=shrink)
            return cut.digest, cut.size

    def _is_new(self, digest: bytes) -> bool:
        return not self._writer.holds(digest) and not self._presence.held([digest])

    # -- what it may share ----------------------------------------------------------------------------------------

    def _resembles(self, descriptor: int, size: int) -> bool:
        """Whether some chunks of a few samples are known, or those of an object of similar size are the same."""
        digests = {chunk.digest for chunk in _samples(descriptor, size)}
        if self._writer.chunks_held(digests) or self._catalog.known(digests):
            return True
        return self._find_unregistered(digests, size)

    def _find_unregistered(self, digests: set[bytes], size: int) -> bool:
        """Look for objects that were taken in without being cut; register the chunks of one that shares some."""
        smallest = max(CHUNKED_BYTES, int(size / _SIMILAR))
        found = False
        for stored in self._catalog.large_objects(smallest, int(size * _SIMILAR), _CANDIDATES):
            path = self._objects.local_path(stored.name)
            if path is None or not path.exists():
                continue
            with path.open("rb", buffering=0) as file:
                if digests.isdisjoint(chunk.digest for chunk in _samples(file.fileno(), stored.size)):
                    continue
                self._catalog.add_objects([_with_chunks(stored, chunks_of_open_file(file.fileno()))])
                found = True
        return found

    def _places(self, chunks: list[Chunk]) -> dict[bytes, Location]:
        """Return where those chunks lie that the store has; objects that are gone do not count."""
        return self._presence.places(chunk.digest for chunk in chunks)


def _samples(descriptor: int, size: int) -> list[Chunk]:
    last = max(0, size - SAMPLE_BYTES)
    count = min(_SAMPLES, max(2, size // CHUNKED_BYTES))
    offsets = sorted({last * number // (count - 1) for number in range(count)})
    return [chunk for offset in offsets for chunk in sample(descriptor, offset)]


def _with_chunks(stored: StoredObject, chunks: list[Chunk]) -> StoredObject:
    slices = {
        chunk.digest: Slice(chunk.digest, chunk.offset, chunk.length, chunk.length, CODEC_RAW) for chunk in chunks
    }
    return StoredObject(stored.name, LOOSE, stored.size, list(slices.values()))
