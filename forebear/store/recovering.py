"""Opening a store whose catalog is lost: a new one takes its place once it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.local import LocalObjects, storage_failure, sync_path
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, NotFound, StorageFailure
from forebear.store.marks import APART, WHOLE, FolderPlace, Place, StoreMark
from forebear.store.opening import CATALOG_FILE, Blobs, blobs_of, no_store, open_store, refuse_network, store_of
from forebear.store.urls import StoreUrl, parse_store_url, with_blobs

if TYPE_CHECKING:
    from forebear.store.store import Store

#: What becomes the catalog once it is whole.
_NEW = f"{CATALOG_FILE}.recovering"
#: What SQLite keeps beside a database.
_BESIDE = ("", "-wal", "-shm", "-journal")


class Recovering(NamedTuple):
    """A store while its catalog is made again.

    Attributes:
        store: To be filled.
        is_new: Whether the catalog is a new one; else it was there, and may lack something.
        kept: Where a damaged catalog was put, to be looked into.
    """

    store: Store
    is_new: bool
    kept: str | None = None


@contextlib.contextmanager
def recovering(url: str | os.PathLike[str]) -> Iterator[Recovering]:
    """Open a store whose catalog may be gone, damaged or old; a new catalog is in place when the block ends well.

    A catalog in a folder that cannot be read is put aside. One on a server is made where the schema has none; who
    writes there meanwhile would be given numbers that are taken.

    Raises:
        NotFound: there are no blobs of a store either.
        StorageFailure: something cannot be read or written.
        Unsupported: a newer forebear wrote the store.
    """
    wanted = parse_store_url(url)
    if wanted.folder is not None:
        yield from _in_folder(wanted, wanted.folder)
    else:
        yield from _on_server(wanted)


# -- a catalog in a folder --------------------------------------------------------------------------------------------


def _in_folder(wanted: StoreUrl, root: Path) -> Iterator[Recovering]:
    place = FolderPlace(root)
    mark = _mark_of(place)
    if mark is not None and mark.blobs is not None and wanted.blobs is None:
        wanted = with_blobs(root, mark.blobs)
    blobs = blobs_of(wanted)
    mark = _mark_of(blobs.place) if blobs is not None else mark
    refuse_network(root)
    kept = None
    if (root / CATALOG_FILE).exists():
        if _is_sound(root / CATALOG_FILE):
            if mark is None:
                _mark_anew(wanted, root, place, blobs)
            yield from _as_it_is(wanted)
            return
        kept = _free_name(root)
    objects = LocalObjects(root) if blobs is None else blobs.objects
    if mark is None and next(iter(objects.names()), None) is None:
        raise no_store(wanted)
    place.make()
    for end in _BESIDE:
        (root / f"{_NEW}{end}").unlink(missing_ok=True)
    catalog = SqliteCatalog(root / _NEW, store_id=mark.id if mark is not None else None)
    store = store_of(wanted, catalog, objects, root)
    try:
        yield Recovering(store, True, kept)
    finally:
        store.close()
    whole = StoreMark(APART if wanted.tail else WHOLE, catalog.store_id, wanted.tail or None)
    _write_marks(place, whole, blobs)
    _put_in_place(root, kept)


def _is_sound(path: Path) -> bool:
    try:
        with contextlib.closing(SqliteCatalog(path, create=False)) as catalog:
            return not catalog.integrity()
    except CorruptData:
        return False


def _mark_anew(wanted: StoreUrl, root: Path, place: FolderPlace, blobs: Blobs | None) -> None:
    """Write ``store.json`` again, as the catalog beside it says."""
    objects = LocalObjects(root) if blobs is None else blobs.objects
    with contextlib.closing(SqliteCatalog(root / CATALOG_FILE, create=False)) as catalog:
        named = next(iter(catalog.objects()), None)
        if named is not None and next(iter(objects.names()), None) is None:
            raise NotFound(
                f"the catalog at {root} names blobs that are not {_where(wanted)}; say where they are: "
                f"--store '{root}?blobs=…'",
                code="blobs-missing",
            )
        _write_marks(place, StoreMark(APART if wanted.tail else WHOLE, catalog.store_id, wanted.tail or None), blobs)


def _where(wanted: StoreUrl) -> str:
    return f"at {wanted.blobs}" if wanted.blobs else "in that folder"


def _free_name(root: Path) -> str:
    """Return the path under which a catalog that cannot be used is kept."""
    number = 1
    while (kept := root / f"{CATALOG_FILE}.damaged-{number}").exists():
        number += 1
    return str(kept)


def _put_in_place(root: Path, kept: str | None) -> None:
    """Let the new catalog be the catalog; the one before it is kept, where there is one."""
    for end in _BESIDE[1:]:
        # Closing writes all into the file itself, and takes what is beside it away; where it cannot it says nothing.
        if end != "-shm" and (root / f"{_NEW}{end}").exists():
            raise StorageFailure(
                f"the new catalog at {root / _NEW} could not be written whole; free some space where the disk is full, "
                "and repeat",
                code="storage-failure",
            )
    try:
        for end in _BESIDE if kept is not None else ():
            with contextlib.suppress(FileNotFoundError):
                os.replace(root / f"{CATALOG_FILE}{end}", f"{kept}{end}")
        os.replace(root / _NEW, root / CATALOG_FILE)
        sync_path(str(root))
    except OSError as err:
        raise storage_failure(err, f"put the new catalog in place at {root}") from err


def _write_marks(place: FolderPlace, mark: StoreMark, blobs: Blobs | None) -> None:
    if blobs is not None and _mark_of(blobs.place) is None:
        blobs.place.write(StoreMark(APART, mark.id))
    if _mark_of(place) != mark:
        place.write(mark)


# -- a catalog on a server --------------------------------------------------------------------------------------------


def _on_server(wanted: StoreUrl) -> Iterator[Recovering]:
    from forebear.catalog.postgres import PostgresCatalog  # 5 ms, and psycopg 60 ms more

    assert wanted.catalog is not None
    blobs = blobs_of(wanted)
    assert blobs is not None
    try:
        PostgresCatalog(wanted.catalog, create=False).close()
    except NotFound:
        mark = _mark_of(blobs.place)
        if mark is None:
            raise no_store(wanted) from None
        PostgresCatalog(wanted.catalog, store_id=mark.id).close()
        is_new = True
    else:
        is_new = False
    for opened in _as_it_is(wanted):
        yield opened._replace(is_new=is_new)


# -- both -------------------------------------------------------------------------------------------------------------


def _as_it_is(wanted: StoreUrl) -> Iterator[Recovering]:
    with contextlib.closing(open_store(wanted.address, create=False)) as store:
        yield Recovering(store, False)


def _mark_of(place: Place) -> StoreMark | None:
    """The mark of a place; ``None`` where there is none that can be read."""
    try:
        return place.read()
    except CorruptData:
        return None
