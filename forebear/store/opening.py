"""Opening a store by its URL."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from forebear.blobs.local import LocalObjects, storage_failure, sync_path
from forebear.catalog.fingerprints import FingerprintCache
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, InvalidInput, NotFound, StorageFailure, Unsupported
from forebear.store.store import Store

#: Form of the folder's layout; a reader refuses a larger number.
FORMAT = 1
STORE_FILE = "store.json"
CATALOG_FILE = "catalog.db"
FINGERPRINT_FILE = os.path.join("cache", "fingerprints.db")
_IGNORED = b"# Written by forebear: the store is not for git, its settings are.\n*\n!config.toml\n"
#: File systems whose locks SQLite cannot trust.
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre"})


class StoreMark(msgspec.Struct, frozen=True):
    """The file `STORE_FILE`: says that a folder is a store, of which form, and which catalog belongs to it."""

    format: int
    id: str


def open_store(url: str | os.PathLike[str], *, create: bool = True) -> Store:
    """Open the store at a folder or URL, making it where there is none and ``create`` is true.

    Raises:
        NotFound: there is no store and ``create`` is false.
        InvalidInput: the URL is of no kind that is known.
        Unsupported: newer format, or a file system that SQLite cannot work on.
        StorageFailure: the folder cannot be read or written.
    """
    root = _folder_of(os.fspath(url))
    mark = _read_mark(root)
    if mark is None and not create:
        raise NotFound(
            f"there is no store at {root}; make one with: forebear init --store {root}", code="store-not-found"
        )
    _refuse_network(root)
    if mark is None:
        _make_folder(root)
    elif not (root / CATALOG_FILE).exists():
        raise CorruptData(
            f"{root} is a store, but its catalog {CATALOG_FILE} is missing; put it back from a backup",
            code="catalog-missing",
        )
    catalog = SqliteCatalog(root / CATALOG_FILE, create=create)
    try:
        if mark is None:
            _write_mark(root, catalog.store_id)
        elif mark.id != catalog.store_id:
            raise StorageFailure(
                f"{root / CATALOG_FILE} belongs to store {catalog.store_id[:8]}, the blobs beside it to {mark.id[:8]}; "
                "put the catalog back that belongs here",
                code="store-mismatch",
            )
    except BaseException:
        catalog.close()
        raise
    return Store(str(root), catalog, LocalObjects(root), FingerprintCache(root / FINGERPRINT_FILE))


def _folder_of(url: str) -> Path:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url).expanduser().absolute()
    if scheme == "file":
        return Path(rest).expanduser().absolute()
    raise InvalidInput(
        f"a store cannot be at {scheme}://…; give a folder, for example FOREBEAR_STORE=/data/forebear", code="store-url"
    )


def _read_mark(root: Path) -> StoreMark | None:
    file = root / STORE_FILE
    try:
        mark = msgspec.json.decode(file.read_bytes(), type=StoreMark)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise storage_failure(err, f"read {file}") from err
    except msgspec.MsgspecError as err:
        raise CorruptData(f"{file} is damaged: {err}", code="corrupt-store") from err
    if mark.format > FORMAT:
        raise Unsupported(
            f"the store at {root} has format {mark.format}, this forebear knows up to {FORMAT}; "
            "upgrade with: pip install -U forebear",
            code="newer-format",
        )
    return mark


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / ".gitignore").exists():
            _write_whole(root, ".gitignore", _IGNORED, durable=False)
    except (FileExistsError, NotADirectoryError) as err:
        raise InvalidInput(f"cannot make a store at {root}: a file is in its place", code="store-url") from err
    except OSError as err:
        raise storage_failure(err, f"make a store at {root}") from err


def _write_mark(root: Path, store_id: str) -> None:
    # Several first starts write the same words, because the catalog has settled on one id before.
    mark = msgspec.json.encode(StoreMark(format=FORMAT, id=store_id))
    try:
        # Empty after a power cut, it would make the store unreadable.
        _write_whole(root, STORE_FILE, mark, durable=True)
    except OSError as err:
        raise storage_failure(err, f"make a store at {root}") from err


def _write_whole(root: Path, name: str, content: bytes, *, durable: bool) -> None:
    """Write a file that has its name only once it is whole."""
    temporary = root / f".{name.lstrip('.')}.{os.getpid()}"
    temporary.write_bytes(content)
    if durable:
        sync_path(str(temporary))
    os.replace(temporary, root / name)


def _refuse_network(root: Path) -> None:
    kind = file_system_of(root)
    if kind in NETWORK_FILE_SYSTEMS:
        raise Unsupported(
            f"{root} is on a network file system ({kind}), where SQLite's locks cannot be trusted; "
            "use a folder on a local disk, or a PostgreSQL store for a team",
            code="network-file-system",
        )


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
