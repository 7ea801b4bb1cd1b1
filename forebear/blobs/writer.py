"""Taking content in: small blobs into packs, large ones into loose objects."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from forebear.blobs.chunking import CHUNKED_BYTES, MAX_CHUNKED_BYTES, Chunk, Cut, chunks_of_open_file
from forebear.blobs.codecs import shrinks, squeeze, squeeze_many
from forebear.blobs.copying import copy_and_hash
from forebear.blobs.digest import digest_of
from forebear.blobs.local import LocalObjects, LocalSink
from forebear.blobs.objects import (
    ObjectSink,
    ObjectStore,
    Settle,
    SupportsFiles,
    calls_at_once,
    no_settling,
    object_name,
)
from forebear.blobs.pack import MAX_SLICE_BYTES, PACK_BYTES, PackWriter
from forebear.blobs.uploads import Uploads
from forebear.errors import Conflict, Unsupported
from forebear.records.content import CODEC_RAW, LOOSE, Location, Recipe, Slice, StoredObject

#: Blobs below so many bytes go into packs: a file of its own costs an fsync, a slice does not. Chosen by
#: `benchmarks/pack_bound.py`.
SMALL_BYTES = 512 * 1024
#: Blobs below so many bytes go into packs where objects are far away: there a request costs more than anything else.
FAR_SMALL_BYTES = MAX_SLICE_BYTES
#: A pack that is sent is closed once it holds so many bytes, and holds no more than `PACK_BYTES`: several are on their
#: way at a time, each in memory.
FAR_PACK_BYTES = PACK_BYTES // 4
#: Bytes of new chunks in memory at a time, on their way into a pack.
_BATCH_BYTES = 8 * 1024 * 1024
#: Chunks that are tried before a whole file is compressed.
_TRIED_CHUNKS = 8


class BlobWriter:
    """Writes blobs nobody has yet. What it wrote counts only once its `StoredObject` records are in a catalog.

    Not safe for threads; a writer belongs to one draft.
    """

    def __init__(self, objects: ObjectStore, settle: Settle = no_settling) -> None:
        """Write into ``objects``, each name once it is settled."""
        self._objects = objects
        self._settle = settle
        #: Where objects are far away, they are sent in the background.
        self._uploads = Uploads(objects) if calls_at_once(objects) > 1 else None
        self._small_bytes = SMALL_BYTES if self._uploads is None else FAR_SMALL_BYTES
        self._pack: PackWriter | None = None
        self._sink: ObjectSink | None = None
        self._finished: list[StoredObject] = []
        self._held: set[bytes] = set()
        #: Chunks that this writer has written, and where; those of the open pack have no place yet.
        self._chunks: dict[bytes, Location] = {}
        self._chunks_of_pack: set[bytes] = set()

    def holds(self, digest: bytes) -> bool:
        """Whether this writer has written the blob."""
        return digest in self._held

    def add(self, digest: bytes, content: bytes, *, compress: bool = False) -> None:
        """Write a blob of any size from memory; one it holds already is passed over."""
        if digest in self._held:
            return
        if len(content) >= self._small_bytes:
            self._add_loose(digest, content)
        else:
            self._open_pack().add(digest, content, compress=compress)
            self._close_full_pack()
        self._held.add(digest)

    def add_many(self, blobs: list[tuple[bytes, bytes]]) -> None:
        """Write small blobs from memory, compressed where they shrink; those it holds already are passed over."""
        fresh = {digest: content for digest, content in blobs if digest not in self._held}
        if not fresh:
            return
        pack = self._open_pack()
        if shrinks(list(fresh.values())):
            for (digest, content), (stored, codec) in zip(fresh.items(), squeeze_many(fresh.values()), strict=True):
                pack.append(digest, stored, len(content), codec)
        else:
            pack.extend(fresh)
        self._held.update(fresh)
        self._close_full_pack()

    def _open_pack(self) -> PackWriter:
        if self._pack is None:
            self._sink = self._new_sink()
            self._pack = PackWriter(self._sink, self._settle)
        return self._pack

    def _new_sink(self) -> ObjectSink:
        return self._objects.sink() if self._uploads is None else self._uploads.sink()

    def _close_full_pack(self) -> None:
        if self._pack is not None and self._pack.size >= (PACK_BYTES if self._uploads is None else FAR_PACK_BYTES):
            self._close_pack()

    def _add_loose(self, digest: bytes, content: bytes) -> None:
        sink = self._new_sink()
        try:
            sink.write(content)
            self._settle(object_name(LOOSE, digest))
            sink.finish(object_name(LOOSE, digest))
        finally:
            sink.abort()
        self._note_loose(digest, len(content))

    def _note_loose(self, digest: bytes, size: int, chunks: Iterable[Chunk] = ()) -> None:
        name = object_name(LOOSE, digest)
        slices = {digest: Slice(digest, 0, size, size, CODEC_RAW)}
        for offset, length, part in chunks:
            slices.setdefault(part, Slice(part, offset, length, length, CODEC_RAW))
            self._chunks.setdefault(part, Location(name, offset, length, length, CODEC_RAW))
        self._finished.append(StoredObject(name, LOOSE, size, list(slices.values())))
        self._held.add(digest)

    def copy_file(
        self, path: str, *, chunks: Sequence[Chunk] | None = None, expected: bytes | None = None
    ) -> tuple[bytes, int]:
        """Copy a file into a loose object, hashing on the way; return digest and size.

        Args:
            path: The file.
            chunks: Those of its chunks that are new, where it was cut already; else a large file is cut here.
            expected: Its digest, where it was hashed already.

        Raises:
            Conflict: the file changed while it was read.

        Cost: one pass over the file; memory as `copy_and_hash`. A large one is cut while its bytes go to the disk.
        """
        sink = self._objects.sink()
        try:
            with open(path, "rb", buffering=0) as source:
                status = os.fstat(source.fileno())
                before = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                if isinstance(sink, LocalSink):
                    digest, size = sink.copy(source.fileno())
                else:
                    digest, size = copy_and_hash(source.fileno(), sink.write)
                check_unchanged(path, before, os.fstat(source.fileno()), size)
            if expected not in {None, digest}:
                raise _changed(path)
            if digest not in self._held:
                name = object_name(LOOSE, digest)
                self._settle(name)
                if chunks is None and CHUNKED_BYTES <= size <= MAX_CHUNKED_BYTES and isinstance(sink, LocalSink):
                    chunks = _finish_and_cut(sink, name)
                else:
                    sink.finish(name)
                self._note_loose(digest, size, chunks or ())
        finally:
            sink.abort()
        return digest, size

    # -- files that go far away ---------------------------------------------------------------------------------

    @property
    def is_far(self) -> bool:
        """Whether objects are far away; then files are taken by `add`, `send_chunks` and `send_whole`."""
        return self._uploads is not None

    def send_chunks(
        self, descriptor: int, path: str, cut: Cut, places: Mapping[bytes, Location], *, compress: bool
    ) -> None:
        """Send a large file as `add_recipe` writes one, in packs of its own.

        They depend on nothing but the file and ``places``: a file that was half sent makes the same packs again, and
        those that arrived are not sent a second time.
        """
        self._close_pack()
        self.add_recipe(descriptor, path, cut, places, compress=compress)
        self._close_pack()

    def send_whole(self, path: str, digest: bytes, size: int) -> None:
        """Send a file as one object, for those too large to be cut.

        Raises:
            Conflict: the file changed while it was sent.
            Unsupported: the object store takes no files.
        """
        if digest in self._held:
            return
        if not isinstance(self._objects, SupportsFiles):
            raise Unsupported(f"{path} is too large for this store ({size} bytes)", code="file-too-large")
        self._settle(object_name(LOOSE, digest))
        self._objects.put_file(object_name(LOOSE, digest), path)
        self._note_loose(digest, size)

    # -- blobs that are made of chunks --------------------------------------------------------------------------

    def chunks_held(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of the chunks that this writer has written."""
        return {digest for digest in digests if digest in self._chunks or digest in self._chunks_of_pack}

    def shrinks(self, descriptor: int, cut: Cut) -> bool:
        """Whether most of a few chunks of an open file shrink."""
        chosen = cut.chunks[:: max(1, len(cut.chunks) // _TRIED_CHUNKS)]
        contents = (os.pread(descriptor, chunk.length, chunk.offset) for chunk in chosen)
        return sum(squeeze(content)[1] != CODEC_RAW for content in contents) * 2 > len(chosen)

    def add_recipe(
        self, descriptor: int, path: str, cut: Cut, places: Mapping[bytes, Location], *, compress: bool = True
    ) -> None:
        """Write a file as chunks: those that neither this writer nor ``places`` have, and a recipe of all of them.

        Args:
            descriptor: The file, open.
            path: For messages.
            cut: What `cut_open_file` said of it.
            places: Where chunks lie that the store has.
            compress: Whether new chunks are worth trying to compress.

        Raises:
            Conflict: the file changed since it was cut.

        Cost: reads and writes the new chunks alone. Memory: `_BATCH_BYTES`, twice.
        """
        if cut.digest in self._held:
            return
        fresh = {chunk.digest: chunk for chunk in cut.chunks if chunk.digest not in places}
        batch: list[tuple[bytes, bytes]] = []
        held = 0
        held_here = self.chunks_held(fresh)
        for digest in [digest for digest in fresh if digest not in held_here]:
            content = _read_chunk(descriptor, path, fresh[digest])
            batch.append((digest, content))
            held += len(content)
            if held >= _BATCH_BYTES:
                self._add_chunks(batch, compress=compress)
                batch, held = [], 0
        self._add_chunks(batch, compress=compress)
        recipe = Recipe(cut.size, tuple(chunk.digest for chunk in cut.chunks))
        self._open_pack().add_recipe(cut.digest, recipe, ChainMap(self._chunks, dict(places)))
        self._held.add(cut.digest)

    def _add_chunks(self, chunks: list[tuple[bytes, bytes]], *, compress: bool) -> None:
        contents = [content for _, content in chunks]
        ways = squeeze_many(contents) if compress else [(content, CODEC_RAW) for content in contents]
        for (digest, content), (stored, codec) in zip(chunks, ways, strict=True):
            self._open_pack().append(digest, stored, len(content), codec)
            self._chunks_of_pack.add(digest)
            self._close_full_pack()

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

        self._settle(object_name(LOOSE, digest))
        self._objects.link_in(Path(os.path.realpath(path)), object_name(LOOSE, digest), check)
        self._note_loose(digest, before[1])

    def _close_pack(self) -> None:
        if self._pack is None:
            return
        finished = self._pack.finish()
        self._finished.append(finished)
        for part in finished.slices if self._chunks_of_pack else ():
            if part.digest in self._chunks_of_pack:
                self._chunks[part.digest] = Location(finished.name, *part[1:])
        self._chunks_of_pack.clear()
        self._pack = self._sink = None

    def finish(self) -> list[StoredObject]:
        """Make everything durable; return the objects written since the last call."""
        self._close_pack()
        if self._uploads is not None:
            self._uploads.wait()
        finished, self._finished = self._finished, []
        return finished

    def abort(self) -> None:
        """Drop the open pack. Finished objects stay until they are collected."""
        if self._sink is not None:
            self._sink.abort()
        if self._uploads is not None:
            self._uploads.abort()
        self._pack = self._sink = None
        self._chunks_of_pack.clear()


def _finish_and_cut(sink: LocalSink, name: str) -> list[Chunk]:
    """Make an object durable and cut it meanwhile: the disk has to work then, the processor has not."""
    from forebear.blobs.workers import Workers

    copy = os.dup(sink.fileno())
    try:
        with Workers(1) as pool:
            cutting = pool.submit(chunks_of_open_file, copy)
            sink.finish(name)
            return cutting.result()
    finally:
        os.close(copy)


def _read_chunk(descriptor: int, path: str, chunk: Chunk) -> bytes:
    content = os.pread(descriptor, chunk.length, chunk.offset)
    if digest_of(content) != chunk.digest:
        raise _changed(path)
    return content


def _changed(path: str) -> Conflict:
    return Conflict(
        f"{path} changed while it was being read; add it again once its writer is done", code="file-changed"
    )


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
