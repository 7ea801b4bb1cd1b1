"""Bytes of one store on their way into another.

Objects go as they are where the other store needs most of what is in them; their names are digests of their bytes, so
that hashing them on the way verifies all of it. Of others, what is needed is written anew. What has arrived is known to
the catalog at once, so a copy that was cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.cache import CachedObjects
from forebear.blobs.digest import Hasher, digest_of_file
from forebear.blobs.local import LocalObjects, LocalSink
from forebear.blobs.objects import SupportsFiles, calls_at_once
from forebear.blobs.pack import PackWriter, footer_range, index_range, read_index
from forebear.blobs.reader import read_blobs, read_range, several, wrong_digest
from forebear.blobs.writer import FAR_SMALL_BYTES, BlobWriter
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, CODEC_RECIPE, LOOSE, PACK, Location, Recipe, Slice, StoredObject

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.api.copying.report import Copied
    from forebear.blobs.objects import ObjectStore
    from forebear.store.store import Store

#: Called with the number of objects and bytes sent since the last call.
Progress = Callable[[int, int], None]

#: Objects on their way at the same time where one of the stores is far away.
OBJECTS_AT_ONCE = 4
#: Bytes of an object that are read at a time.
WINDOW_BYTES = 16 * 1024 * 1024
#: Objects that have arrived are made known so many at a time, or so many bytes.
_KNOWN_OBJECTS = 64
_KNOWN_BYTES = 256 * 1024 * 1024

_Wanted = dict[bytes, Location]


class _Load(NamedTuple):
    """An object of which blobs are wanted."""

    name: str
    size: int
    blobs: _Wanted


class _Arrived(NamedTuple):
    """An object that is there, with the slices that were wanted, and how many bytes of it were sent."""

    stored: StoredObject
    sent: int


class Freight:
    """Brings blobs from ``source`` to ``target``. Not safe for threads."""

    def __init__(self, source: Store, target: Store, copied: Copied, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._from = _really(source.objects)
        self._to = _really(target.objects)
        self._is_far = calls_at_once(self._to) > 1
        self._at_once = OBJECTS_AT_ONCE if self._is_far or calls_at_once(self._from) > 1 else 1
        self._copied = copied
        self._progress = progress
        self._lease = target.writer_lease()

    def missing(self, digests: Iterable[bytes]) -> list[bytes]:
        """Return those of ``digests`` that the target lacks, each once."""
        wanted = dict.fromkeys(digests)
        known = self._target.catalog.known(wanted)
        return [digest for digest in wanted if digest not in known]

    def bring(self, digests: Iterable[bytes]) -> None:
        """Let the target have these blobs; they are known to its catalog afterwards.

        Raises:
            CorruptData: one is missing or damaged; those before it may be there.
        """
        self._lease.announce()
        located = locate(self._source, self.missing(digests))
        self._know(self._carry({d: where for d, where in located.items() if isinstance(where, Location)}))
        recipes = {digest: where for digest, where in located.items() if isinstance(where, Recipe)}
        if recipes:
            parts = self.missing(part for recipe in recipes.values() for part in recipe.parts)
            self._know(self._carry(_slices(locate(self._source, parts))))
            self._write_recipes(recipes)

    def bring_unnamed(self, digests: Iterable[bytes]) -> list[StoredObject]:
        """Let the target's blobs hold these small ones; return what makes its catalog know them.

        That is for pages of manifests: whoever knows a page takes it that all it names is there.
        """
        self._lease.announce()
        arrived = list(self._carry(_slices(locate(self._source, self.missing(digests)))))
        self._count(arrived)
        return [each.stored for each in arrived]

    def close(self) -> None:
        """Say that nothing more is brought."""
        self._lease.end()

    # -- what goes how --------------------------------------------------------------------------------------------

    def _carry(self, wanted: _Wanted) -> Iterator[_Arrived]:
        """Bring blobs, and yield the objects that they are in, once they are there."""
        apart: _Wanted = {}
        whole: list[_Load] = []
        for load in self._loads(wanted):
            path = self._from.local_path(load.name)
            if path is not None and self._goes_in_chunks(load):
                yield from self._take_file(path, load)
            elif self._goes_as_it_is(load):
                whole.append(load)
            else:
                apart |= load.blobs
        for load, sent in several(self._at_once, self._send, whole):
            if sent is None:
                apart |= load.blobs  # what is sound of it
                continue
            yield _Arrived(_stored(load), sent)
        yield from self._write_anew(apart)

    def _loads(self, wanted: _Wanted) -> Iterator[_Load]:
        groups: dict[str, _Wanted] = {}
        for digest, where in wanted.items():
            groups.setdefault(where.object, {})[digest] = where
        for name, blobs in groups.items():
            size = self._from.size(name)
            if size is None:
                raise CorruptData(
                    f"object {name} is missing from the store", code="missing-object", digest=next(iter(blobs))
                )
            yield _Load(name, size, blobs)

    def _goes_in_chunks(self, load: _Load) -> bool:
        """Whether it is a large file, which goes as files do that are logged: in chunks, less what is there."""
        return self._is_far and load.size >= FAR_SMALL_BYTES and _digest_in(load.name) in load.blobs

    def _goes_as_it_is(self, load: _Load) -> bool:
        if self._is_far and load.size < FAR_SMALL_BYTES and load.name.startswith(f"{LOOSE}/"):
            return False  # each would cost a request of its own
        if sum(where.stored for where in load.blobs.values()) * 2 >= load.size:
            return True
        if load.name.startswith(f"{LOOSE}/"):
            return _digest_in(load.name) in load.blobs
        # The rest of a pack is mostly wanted a moment later.
        offset, length = footer_range(load.size)
        try:
            footer = self._from.read(load.name, offset, length)
            offset, length = index_range(load.name, load.size, footer)
            slices = read_index(load.name, footer, self._from.read(load.name, offset, length))
        except CorruptData:
            return False
        lacking = set(self.missing(part.digest for part in slices if part.codec != CODEC_RECIPE))
        return sum(part.stored for part in slices if part.digest in lacking) * 2 >= load.size

    def _know(self, objects: Iterable[_Arrived]) -> None:
        """Make objects known to the target's catalog, some at a time."""
        waiting: list[_Arrived] = []
        for arrived in objects:
            waiting.append(arrived)
            if len(waiting) >= _KNOWN_OBJECTS or sum(each.sent for each in waiting) >= _KNOWN_BYTES:
                self._know_all(waiting)
                waiting = []
        if waiting:
            self._know_all(waiting)

    def _know_all(self, arrived: list[_Arrived]) -> None:
        self._target.catalog.add_objects([each.stored for each in arrived])
        self._count(arrived)

    # -- whole objects --------------------------------------------------------------------------------------------

    def _send(self, load: _Load) -> tuple[_Load, int | None]:
        """Bring an object as it is; return how many bytes were sent, ``None`` where it is damaged."""
        self._lease.settle(load.name)
        if self._to.size(load.name) == load.size:
            return load, 0
        try:
            self._transmit(load)
        except CorruptData:
            if _digest_in(load.name) in load.blobs:
                raise
            return load, None
        return load, load.size

    def _transmit(self, load: _Load) -> None:
        expected = _digest_in(load.name)
        path = self._from.local_path(load.name)
        if path is not None and isinstance(self._to, SupportsFiles):
            if digest_of_file(str(path))[0] != expected:
                raise wrong_digest(expected, load.name)
            self._to.put_file(load.name, str(path))
            return
        sink = self._to.sink()
        try:
            if isinstance(sink, LocalSink) and isinstance(self._from, LocalObjects):
                with self._from.open(load.name) as source:
                    digest, _ = sink.copy(source)
            else:
                hasher = Hasher()
                for offset in range(0, load.size, WINDOW_BYTES):
                    window = (load.name, offset, min(WINDOW_BYTES, load.size - offset))
                    content = read_range(self._from, window, expected)
                    hasher.update(content)
                    sink.write(content)
                digest = hasher.digest()
            if digest != expected:
                raise wrong_digest(expected, load.name)
            sink.finish(load.name)
        finally:
            sink.abort()

    def _take_file(self, path: Path, load: _Load) -> Iterator[_Arrived]:
        intake = self._target.intake()
        try:
            digest = intake.add_file(str(path), load.name)[2]
            if digest != _digest_in(load.name):
                raise wrong_digest(_digest_in(load.name), load.name)
            stored = intake.finish()
        finally:
            intake.abort()
        yield from (_Arrived(each, each.size) for each in stored)
        rest = {digest: where for digest, where in load.blobs.items() if digest != _digest_in(load.name)}
        held = {part.digest for each in stored for part in each.slices}
        yield from self._write_anew({digest: where for digest, where in rest.items() if digest not in held})

    # -- what is written anew -------------------------------------------------------------------------------------

    def _write_anew(self, wanted: _Wanted) -> Iterator[_Arrived]:
        """Write blobs into new objects, some at a time."""
        batch: _Wanted = {}
        size = 0
        for digest, where in sorted(wanted.items(), key=itemgetter(1)):
            batch[digest] = where
            size += where.stored
            if size >= _KNOWN_BYTES:
                yield from self._write_batch(batch)
                batch, size = {}, 0
        if batch:
            yield from self._write_batch(batch)

    def _write_batch(self, batch: _Wanted) -> list[_Arrived]:
        writer = BlobWriter(self._to, self._lease.settle)
        try:
            for digest, content in read_blobs(self._from, batch.items()):
                writer.add(digest, bytes(content), compress=self._is_far or batch[digest].codec != CODEC_RAW)
            return [_Arrived(stored, stored.size) for stored in writer.finish()]
        finally:
            writer.abort()

    def _write_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        """Note in a pack of the target of what blobs are made there."""
        parts = {part for recipe in recipes.values() for part in recipe.parts}
        places = _slices(self._target.catalog.locate(parts))
        sink = self._to.sink()
        try:
            pack = PackWriter(sink, self._lease.settle)
            for digest, recipe in recipes.items():
                pack.add_recipe(digest, recipe, places)
            stored = pack.finish()
        finally:
            sink.abort()
        self._know_all([_Arrived(stored, stored.size)])

    def _count(self, arrived: list[_Arrived]) -> None:
        objects, size = sum(each.sent > 0 for each in arrived), sum(each.sent for each in arrived)
        self._copied.objects += objects
        self._copied.bytes += size
        if objects:
            self._progress(objects, size)


def locate(store: Store, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
    """Return where blobs of a store are.

    Raises:
        CorruptData: one is not there.
    """
    wanted = list(digests)
    found = store.catalog.locate(wanted)
    for digest in wanted:
        if digest not in found:
            raise CorruptData(f"the blob {digest.hex()[:16]}… is not in the store", code="missing-blob", digest=digest)
    return found


def _slices(located: dict[bytes, Location | Recipe]) -> _Wanted:
    for digest, where in located.items():
        if isinstance(where, Recipe):
            raise CorruptData(
                f"the blob {digest.hex()[:16]}… is made of chunks, but it is to be one itself",
                code="corrupt-recipe",
                digest=digest,
            )
    return {digest: where for digest, where in located.items() if isinstance(where, Location)}


def _stored(load: _Load) -> StoredObject:
    slices = [Slice(digest, *where[1:]) for digest, where in load.blobs.items()]
    kind = PACK if load.name.startswith(f"{PACK}/") else LOOSE
    return StoredObject(load.name, kind, load.size, sorted(slices, key=lambda part: part.offset))


def _digest_in(name: str) -> bytes:
    return bytes.fromhex(name.rpartition("/")[2])


def _really(objects: ObjectStore) -> ObjectStore:
    """The objects themselves, not copies at hand: what is sent once would only drive out what is read often."""
    return objects.beyond if isinstance(objects, CachedObjects) else objects
