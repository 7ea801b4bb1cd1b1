"""Taking content in: small blobs into packs, large ones into loose objects."""

from __future__ import annotations

import os
from pathlib import Path

from forebear.blobs.copying import copy_and_hash
from forebear.blobs.local import LocalObjects
from forebear.blobs.objects import ObjectSink, ObjectStore, object_name
from forebear.blobs.pack import PACK_BYTES, PackWriter
from forebear.errors import Conflict, Unsupported
from forebear.records.content import CODEC_RAW, LOOSE, Slice, StoredObject

#: Blobs below so many bytes go into packs: a file of its own costs an fsync, a slice does not. Chosen by
#: `benchmarks/pack_bound.py`.
SMALL_BYTES = 512 * 1024


class BlobWriter:
    """Writes blobs nobody has yet. What it wrote counts only once its `StoredObject` records are in a catalog.

    Not safe for threads; a writer belongs to one draft.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._pack: PackWriter | None = None
        self._sink: ObjectSink | None = None
        self._finished: list[StoredObject] = []
        self._held: set[bytes] = set()

    def holds(self, digest: bytes) -> bool:
        """Whether this writer has written the blob."""
        return digest in self._held

    def add(self, digest: bytes, content: bytes, *, compress: bool = False) -> None:
        """Write a blob of any size from memory; one it holds already is passed over."""
        if digest in self._held:
            return
        if len(content) >= SMALL_BYTES:
            self._add_loose(digest, content)
        else:
            self._open_pack().add(digest, content, compress=compress)
            self._close_full_pack()
        self._held.add(digest)

    def add_many(self, blobs: list[tuple[bytes, bytes]]) -> None:
        """Write small blobs from memory, as they are; those it holds already are passed over."""
        fresh = {digest: content for digest, content in blobs if digest not in self._held}
        if fresh:
            self._open_pack().extend(fresh)
            self._held.update(fresh)
            self._close_full_pack()

    def _open_pack(self) -> PackWriter:
        if self._pack is None:
            self._sink = self._objects.sink()
            self._pack = PackWriter(self._sink)
        return self._pack

    def _close_full_pack(self) -> None:
        if self._pack is not None and self._pack.size >= PACK_BYTES:
            self._close_pack()

    def _add_loose(self, digest: bytes, content: bytes) -> None:
        sink = self._objects.sink()
        try:
            sink.write(content)
            sink.finish(object_name(LOOSE, digest))
        finally:
            sink.abort()
        self._note_loose(digest, len(content))

    def _note_loose(self, digest: bytes, size: int) -> None:
        whole = Slice(digest, 0, size, size, CODEC_RAW)
        self._finished.append(StoredObject(object_name(LOOSE, digest), LOOSE, size, [whole]))
        self._held.add(digest)

    def copy_file(self, path: str) -> tuple[bytes, int]:
        """Copy a file into a loose object, hashing on the way; return digest and size.

        Raises:
            Conflict: the file changed while it was read.

        Cost: one pass over the file; memory as `copy_and_hash`.
        """
        sink = self._objects.sink()
        try:
            with open(path, "rb", buffering=0) as source:
                status = os.fstat(source.fileno())
                before = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                digest, size = copy_and_hash(source.fileno(), sink.write)
                check_unchanged(path, before, os.fstat(source.fileno()), size)
            if digest not in self._held:
                sink.finish(object_name(LOOSE, digest))
                self._note_loose(digest, size)
        finally:
            sink.abort()
        return digest, size

    def link_file(self, path: str, digest: bytes, before: tuple[int, int, int, int]) -> None:
        """Let a file whose digest is known be a loose object by a hard link.

        Args:
            path: The file; a symbolic link is followed.
            digest: Of its content.
            before: Inode, size, mtime and ctime (nanoseconds) from before it was hashed.

        Raises:
            Unsupported: the store is no folder on the same file system.
            Conflict: the file changed since; it is not linked then.
        """
        if digest in self._held:
            return
        if not isinstance(self._objects, LocalObjects):
            raise Unsupported("link=True needs a store in a folder of this machine", code="no-hard-link")

        def check() -> None:
            # The file is read-only by now: who opened it before may still write, but nobody opens it any more.
            check_unchanged(path, before, os.stat(path), before[1])

        self._objects.link_in(Path(os.path.realpath(path)), object_name(LOOSE, digest), check)
        self._note_loose(digest, before[1])

    def _close_pack(self) -> None:
        assert self._pack is not None
        self._finished.append(self._pack.finish())
        self._pack = self._sink = None

    def finish(self) -> list[StoredObject]:
        """Make everything durable; return the objects written since the last call."""
        if self._pack is not None:
            self._close_pack()
        finished, self._finished = self._finished, []
        return finished

    def abort(self) -> None:
        """Drop the open pack. Finished objects stay until they are collected."""
        if self._sink is not None:
            self._sink.abort()
        self._pack = self._sink = None


def check_unchanged(path: str, before: tuple[int, int, int, int], after: os.stat_result, size: int) -> None:
    """Raise `Conflict` if a file changed while its bytes were taken.

    Args:
        path: For the message.
        before: Inode, size, mtime and ctime (nanoseconds) before.
        after: Its status afterwards.
        size: Bytes that were taken.
    """
    if before[2] != after.st_mtime_ns or before[1] != after.st_size or size != after.st_size:
        raise Conflict(
            f"{path} changed while it was being read ({before[1]} bytes before, {after.st_size} after); "
            "add it again once its writer is done",
            code="file-changed",
        )
