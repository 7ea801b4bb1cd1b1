"""Opening a store by its URL: a catalog and blobs that belong together, and a folder of this machine beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from forebear.blobs.local import LocalObjects, storage_failure
from forebear.catalog.fingerprints import FingerprintCache
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, NotFound, StorageFailure, Unsupported
from forebear.settings import cache_folder, load_settings
from forebear.store.marks import APART, WHOLE, FolderPlace, Place, RemotePlace, StoreMark, mismatch
from forebear.store.paths import safe_join
from forebear.store.store import Store
from forebear.store.urls import StoreUrl, parse_store_url, with_blobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog

_Begun = TypeVar("_Begun")
CATALOG_FILE = "catalog.db"
FINGERPRINT_FILE = os.path.join("cache", "fingerprints.db")
#: Below the local folder of a store whose blobs are far away: what was read of them.
CACHED_BLOBS = os.path.join("cache", "blobs")
#: File systems whose locks SQLite cannot trust.
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre"})


def open_store(url: str | os.PathLike[str], *, create: bool = True) -> Store:
    """Open the store at a folder or URL, making it where there is none and ``create`` is true.

    Args:
        url: As `forebear.store.urls` describes it.
        create: Make what is missing; a bucket and a database must be there.

    Raises:
        NotFound: there is no store and ``create`` is false.
        InvalidInput: the URL is of no kind that is known.
        Unsupported: newer format, a file system that SQLite cannot work on, or a package is not installed.
        StorageFailure: the folder, database or bucket cannot be read or written, or they are of different stores.
        CorruptData: one half of the store is there and the other is gone.
    """
    wanted = parse_store_url(url)
    if wanted.folder is not None:
        return _open_folder(wanted, wanted.folder, create=create)
    return _open_database(wanted, create=create)


# -- a catalog in a folder --------------------------------------------------------------------------------------------


def _open_folder(wanted: StoreUrl, root: Path, *, create: bool) -> Store:
    folder = FolderPlace(root)
    mark = folder.read()
    if mark is None and not create:
        raise no_store(wanted)
    refuse_network(root)
    if mark is None:
        folder.make()
    elif not (root / CATALOG_FILE).exists():
        raise CorruptData(
            f"{root} is a store, but its catalog {CATALOG_FILE} is missing; put it back from a backup, or make it "
            f"again from the records beside the blobs: forebear recover --store {_for_shell(wanted.shown)}",
            code="catalog-missing",
        )
    elif mark.blobs is not None and wanted.blobs is None:
        wanted = with_blobs(root, mark.blobs)
    elif (mark.blobs or "") != wanted.tail:
        raise StorageFailure(
            f"the store at {root} has its blobs {_at(mark.blobs)}, the URL says {_at(wanted.tail)}; correct the URL, "
            "or move the store with: forebear store copy",
            code="store-mismatch",
        )
    blobs = blobs_of(wanted)
    if blobs is not None and mark is None:
        _refuse_foreign(blobs.place, wanted, begun=(root / CATALOG_FILE).exists)
    catalog = SqliteCatalog(root / CATALOG_FILE, create=create)
    try:
        if blobs is not None:
            _pair(catalog, blobs.place, str(root / CATALOG_FILE), create=create)
        if mark is None:
            folder.write(StoreMark(APART if wanted.tail else WHOLE, catalog.store_id, wanted.tail or None))
        elif mark.id != catalog.store_id:
            raise mismatch(str(root / CATALOG_FILE), catalog.store_id, str(root), mark.id)
    except BaseException:
        catalog.close()
        raise
    return store_of(wanted, catalog, blobs.objects if blobs else LocalObjects(root), root)


def refuse_network(root: Path) -> None:
    """Raise `Unsupported` where SQLite's locks cannot be trusted."""
    kind = file_system_of(root)
    if kind in NETWORK_FILE_SYSTEMS:
        raise Unsupported(
            f"{root} is on a network file system ({kind}), where SQLite's locks cannot be trusted; "
            "use a folder on a local disk, or a PostgreSQL store for a team",
            code="network-file-system",
        )


# -- a catalog on a server --------------------------------------------------------------------------------------------


def _open_database(wanted: StoreUrl, *, create: bool) -> Store:
    from forebear.catalog.postgres import PostgresCatalog  # 5 ms, and psycopg 60 ms more

    assert wanted.catalog is not None
    blobs = blobs_of(wanted)
    assert blobs is not None
    url = wanted.catalog

    def there() -> PostgresCatalog | None:
        try:
            return PostgresCatalog(url, create=False)
        except NotFound:
            return None

    catalog = there() or _refuse_foreign(blobs.place, wanted, begun=there)
    if catalog is None:
        if not create:
            raise no_store(wanted)
        catalog = PostgresCatalog(url)
    try:
        _pair(catalog, blobs.place, wanted.shown.partition("?")[0], create=create)
        local = _local_folder(catalog.store_id)
    except BaseException:
        catalog.close()
        raise
    return store_of(wanted, catalog, blobs.objects, local)


def _local_folder(store_id: str) -> Path:
    folder = Path(safe_join(cache_folder(load_settings()), store_id))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise storage_failure(
            err, f"make {folder}, where this machine keeps journals of the store (FOREBEAR_CACHE_DIR)"
        ) from err
    return folder


# -- both halves ------------------------------------------------------------------------------------------------------


class Blobs(NamedTuple):
    """Blobs of a store, and where it says that they are those of a store."""

    objects: ObjectStore
    place: Place


def blobs_of(wanted: StoreUrl) -> Blobs | None:
    """Return the blobs of a store that has them elsewhere than its catalog; nothing is asked of their system yet."""
    if wanted.blobs is None:
        return None
    if "://" not in wanted.blobs:
        root = Path(wanted.blobs)
        return Blobs(LocalObjects(root), FolderPlace(root))
    from forebear.blobs.remote import RemoteObjects  # 4 ms that a store in a folder is spared
    from forebear.blobs.retrying import RetryingObjects

    remote = RemoteObjects(wanted.blobs, wanted.options)
    patient = RetryingObjects(remote)
    return Blobs(patient, RemotePlace(remote, patient))


def _refuse_foreign(place: Place, wanted: StoreUrl, *, begun: Callable[[], _Begun]) -> _Begun | None:
    """Refuse to begin a catalog for blobs that have one already, before anything is made.

    Args:
        begun: Returns the catalog, or whether it is there. It is asked where the blobs have a mark: another first start
            writes that after it has made the catalog, so both may have come to be just now.

    Raises:
        CorruptData: the blobs are those of a store.
    """
    mark = place.read()
    if mark is None:
        return None
    found = begun()
    if found:
        return found
    raise CorruptData(
        f"there is no catalog at {wanted.shown.partition('?')[0]}, but the blobs at {place.text} belong to store "
        f"{mark.id[:8]}; correct the URL, put the catalog back from a backup, give another place for blobs, or "
        f"make the catalog again from the records beside them: forebear recover --store {_for_shell(wanted.shown)}",
        code="catalog-missing",
    )


def _pair(catalog: Catalog, place: Place, where: str, *, create: bool) -> None:
    """See that catalog and blobs are of one store; mark the blobs of a new one."""
    mark = place.read()
    if mark is None and next(iter(catalog.objects()), None) is not None:
        mark = place.read()  # another first start may have finished between the two questions
        if mark is None:
            raise CorruptData(
                f"the catalog {where} names blobs that are not at {place.text}: that place is empty; correct blobs=… "
                "in the URL of the store, or put the blobs back from a backup",
                code="blobs-missing",
            )
    if mark is None:
        if not create:
            raise NotFound(f"the store at {where} was never finished; open it for writing once", code="store-not-found")
        if isinstance(place, FolderPlace):
            place.make()
        place.write(StoreMark(APART, catalog.store_id))
        mark = place.read()  # somebody may have begun another store here at the same moment
        assert mark is not None
    if mark.id != catalog.store_id:
        raise mismatch(where, catalog.store_id, place.text, mark.id)


def store_of(wanted: StoreUrl, catalog: Catalog, objects: ObjectStore, local: Path) -> Store:
    """Pair an open catalog with blobs."""
    if not isinstance(objects, LocalObjects):
        from forebear.blobs.cache import CachedObjects  # 2 ms, only where blobs are far away

        objects = CachedObjects(objects, local / CACHED_BLOBS, load_settings().cache_size)
    fingerprints = FingerprintCache(local / FINGERPRINT_FILE)
    return Store(wanted.shown, catalog, objects, fingerprints, local=local, address=wanted.address)


def no_store(wanted: StoreUrl) -> NotFound:
    """The error for a place without a store."""
    return NotFound(
        f"there is no store at {wanted.shown}; make one with: forebear init --store {_for_shell(wanted.shown)}",
        code="store-not-found",
    )


def _at(tail: str | None) -> str:
    return f"at {tail.removeprefix('blobs=')}" if tail else "in that folder"


def _for_shell(text: str) -> str:
    return f"'{text}'" if "?" in text else text


def file_system_of(path: Path) -> str | None:
    """Type of the file system that holds ``path``, such as ``ext4``; ``None`` where the system does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    best, kind = "", None
    text = os.path.realpath(path)
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = fields[1].replace("\\040", " ")
        inside = text == point or text.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
