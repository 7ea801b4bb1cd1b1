"""Reading blobs only to see whether they are what was stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from forebear.blobs.assembly import stream_blob
from forebear.blobs.objects import calls_at_once
from forebear.blobs.reader import WINDOW_BYTES, read_blobs, several
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, Location, Recipe

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog

#: Threads that read and hash at a time on this machine; more wait for each other's disk.
THREADS = min(4, os.cpu_count() or 1)
#: Blobs looked up and read in one go.
_BATCH = 500

#: Called with the number of blobs or objects, and of bytes, since the last call.
Progress = Callable[[int, int], None]


def threads_for(objects: ObjectStore) -> int:
    """Return how many objects are worth reading at a time."""
    return max(calls_at_once(objects), THREADS)


def damaged_blobs(catalog: Catalog, objects: ObjectStore, digests: Iterable[bytes]) -> dict[bytes, CorruptData]:
    """Read blobs and return those that are missing or damaged, each with what is wrong.

    Cost: reads all bytes, several at a time; where a read fails, its neighbours are read again one by one.
    """
    found: dict[bytes, CorruptData] = {}
    batches = _batches(sorted(set(digests)))
    for damaged in several(threads_for(objects), lambda batch: _damaged(catalog, objects, batch), batches):
        found |= damaged
    return found


def _batches(digests: list[bytes]) -> Iterator[list[bytes]]:
    rest = iter(digests)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _damaged(catalog: Catalog, objects: ObjectStore, digests: list[bytes]) -> dict[bytes, CorruptData]:
    located = catalog.locate(digests)
    found: dict[bytes, CorruptData] = {}
    small: list[tuple[bytes, Location]] = []
    for digest in digests:
        where = located.get(digest)
        if where is None:
            words = f"the blob {digest.hex()[:16]}… is not in the store"
            found[digest] = CorruptData(words, code="missing-blob", digest=digest)
        elif isinstance(where, Recipe):
            found |= _streamed(objects, digest, where, catalog.locate(where.parts))
        else:
            small.append((digest, where))
    return found | damaged_slices(objects, small)


def damaged_slices(objects: ObjectStore, wanted: Iterable[tuple[bytes, Location]]) -> dict[bytes, CorruptData]:
    """Read blobs where they are said to lie and return those that are not there, each with what is wrong."""
    found: dict[bytes, CorruptData] = {}
    small = []
    for digest, where in wanted:
        if where.codec == CODEC_RAW and where.size > WINDOW_BYTES:
            found |= _streamed(objects, digest, Recipe(where.size, (digest,)), {digest: where})
        else:
            small.append((digest, where))
    try:
        for _ in read_blobs(objects, small):
            pass
    except CorruptData:
        for item in small:
            try:
                for _ in read_blobs(objects, [item]):
                    pass
            except CorruptData as err:
                found[item[0]] = err
    return found


def _streamed(
    objects: ObjectStore, digest: bytes, recipe: Recipe, places: dict[bytes, Location | Recipe]
) -> dict[bytes, CorruptData]:
    try:
        for _ in stream_blob(objects, digest, recipe, places):
            pass
    except CorruptData as err:
        return {digest: err}
    return {}
