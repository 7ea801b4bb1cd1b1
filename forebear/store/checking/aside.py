"""Objects that are damaged, put aside: nobody reads them any more, and somebody may look into them.

They keep their name behind ``quarantine/``, in the place where the objects are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.blobs.cache import CachedObjects
from forebear.blobs.local import LocalObjects, storage_failure, sync_path
from forebear.blobs.objects import SupportsForgetting

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

PREFIX = "quarantine/"
#: Bytes of an object that are copied at a time where it cannot be renamed.
_WINDOW_BYTES = 8 * 1024 * 1024


def really(objects: ObjectStore) -> ObjectStore:
    """The objects themselves, not copies at hand."""
    return objects.beyond if isinstance(objects, CachedObjects) else objects


def aside(name: str) -> str:
    """Name of an object once it is put aside."""
    return PREFIX + name


def put_aside(objects: ObjectStore, name: str) -> str | None:
    """Put an object aside (durable) and return its name there; ``None`` where it is gone.

    Cost: a rename in a folder; elsewhere it is read and written once.
    """
    if isinstance(objects, SupportsForgetting):
        objects.forget(name)
    there = really(objects)
    size = there.size(name)
    if size is None:
        return None
    target = aside(name)
    if isinstance(there, LocalObjects):
        _rename(there, name, target)
        return target
    sink = there.sink()
    try:
        for offset in range(0, size, _WINDOW_BYTES):
            sink.write(there.read(name, offset, min(_WINDOW_BYTES, size - offset)))
        there.delete(target)  # of an earlier time; a name that exists is not written again
        sink.finish(target)
    finally:
        sink.abort()
    there.delete(name)
    return target


def _rename(objects: LocalObjects, name: str, target: str) -> None:
    source, place = objects.local_path(name), objects.local_path(target)
    objects.make_folder(str(place.parent))
    try:
        os.replace(source, place)
        sync_path(str(place.parent))
        sync_path(str(source.parent))
    except OSError as err:
        raise storage_failure(err, f"put {source} aside") from err
