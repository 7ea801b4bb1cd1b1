"""Taking files into a store: what is unchanged is not read, what is held is not written."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from forebear.blobs.digest import digest_of, digest_of_file
from forebear.blobs.local import LocalObjects
from forebear.blobs.writer import SMALL_BYTES, BlobWriter, check_unchanged
from forebear.catalog.fingerprints import Fingerprint, FingerprintCache, may_remember, packed, print_of, unpacked
from forebear.errors import InvalidInput, StorageFailure
from forebear.records.content import LOOSE
from forebear.store.leases import WriterLease
from forebear.store.near_equal import NearEqual
from forebear.store.presence import Presence

if TYPE_CHECKING:
    from collections import deque

    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog
    from forebear.records.content import StoredObject

#: Path inside the artifact, size in bytes, digest.
Row = tuple[str, int, bytes]
#: Small files read before the catalog is asked which of them it knows.
BATCH_FILES = 1_000
BATCH_BYTES = 16 * 1024 * 1024
#: Troubles listed before a message says how many more there are.
LISTED_TROUBLES = 10

#: Called with the number of files and bytes taken since the last call.
Progress = Callable[[int, int], None]


#: A file may have become a named pipe since it was looked at; opening that must not wait for a writer.
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

#: What a file's status must stay: inode, size in bytes, mtime and ctime in nanoseconds.
Look = tuple[int, int, int, int]


class Way(NamedTuple):
    """How the bytes of large files get into the store: linked, or compressed where they shrink, or neither."""

    link: bool = False
    compress: bool = False


_T = TypeVar("_T")
#: By copies.
COPY = Way()


class _File(NamedTuple):
    row_path: str
    path: str
    name: str
    look: Look


class _Folder(NamedTuple):
    path: str
    #: Prefix of its rows, empty or ending in ``/``.
    inner: str
    #: Device and inode of the folders it was reached through: meeting one again is a circle.
    above: frozenset[tuple[int, int]]


class _Found(NamedTuple):
    fresh: list[_File]
    below: list[_Folder]


class Intake:
    """Takes content into the store for one draft; nothing of it counts before a commit names it.

    Content is copied (or linked) when it is added, so a file may change or vanish afterwards. Not safe for threads.
    """

    def __init__(
        self,
        catalog: Catalog,
        objects: ObjectStore,
        fingerprints: FingerprintCache,
        left: deque[str] | None = None,
    ) -> None:
        """Take content into a store; ``left`` as in `forebear.store.leases.WriterLease`."""
        self._catalog = catalog
        self._lease = WriterLease(catalog, left)
        self._fingerprints = fingerprints
        self._objects = objects
        self._writer = BlobWriter(objects, self._lease.settle)
        self._presence = Presence(catalog, objects)
        self._large = NearEqual(catalog, objects, self._presence, self._writer)
        self._own = _identity_of(objects)
        self._loose: list[tuple[str, bytes]] = []
        #: Fingerprints of files by folder, and the same packed of folders that are done: a million have to find room.
        self._seen: dict[str, dict[str, Fingerprint]] = {}
        self._packed: dict[str, bytes] = {}
        self._changed: set[str] = set()
        #: What is durable, and could not be registered yet.
        self._unknown: list[StoredObject] = []

    # -- what goes in -------------------------------------------------------------------------------------------

    def add_bytes(self, content: bytes, *, compress: bool = False) -> bytes:
        """Take content from memory; return its digest."""
        digest = digest_of(content)
        self._lease.announce()
        if not self._writer.holds(digest) and not self._presence.held([digest]):
            self._writer.add(digest, content, compress=compress)
        return digest

    def add_pages(self, pages: dict[bytes, bytes]) -> None:
        """Take manifest pages that the catalog does not know, by digest; they compress well."""
        if pages:
            self._lease.announce()
        for digest, page in pages.items():
            self._writer.add(digest, page, compress=True)

    def add_file(self, path: str, row_path: str, way: Way = COPY) -> Row:
        """Take one file; return its row.

        Args:
            path: The file; a symbolic link is followed.
            row_path: Its path inside the artifact.
            way: How a large one gets into the store; one that is linked becomes read-only.

        Raises:
            InvalidInput: there is no such file, it cannot be read, or it is not a regular file.
            Conflict: it changed while it was read.
        """
        real = os.path.realpath(path)
        folder, name = os.path.split(real)
        try:
            status = os.stat(real)
        except OSError as err:
            raise InvalidInput(f"cannot add {path}: {err.strerror}", code="unreadable-file") from err
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"cannot add {path}: it is {_kind(status.st_mode)}, not a file", code="not-a-file")
        look = print_of(status)
        known = self._fingerprints_of(folder).get(name)
        if known is not None and known[:4] == look:
            return (row_path, status.st_size, known[4])
        return self._take(folder, [_File(row_path, real, name, look)], way, None)[0]

    def add_tree(self, root: str, prefix: str = "", way: Way = COPY, *, progress: Progress | None = None) -> list[Row]:
        """Take all files below a folder; return their rows, in no particular order.

        Symbolic links are followed; the store itself is left out where it lies below. Either everything is taken, or
        an error names what could not be.

        Raises:
            InvalidInput: something in there is no file, or cannot be read; a link leads in a circle.
            Conflict: a file changed while it was read.

        Cost: one stat a file; reading, hashing and writing only for files that changed since they were seen last.
        """
        rows: list[Row] = []
        troubles: list[str] = []
        waiting = [_Folder(os.path.realpath(root), prefix, frozenset())]
        while waiting:
            folder = waiting.pop()
            begun = len(rows)
            found = self._scan(folder, rows, troubles)
            if self._writer.is_far:
                # In the order of their paths, so that files read together later lie together.
                found.fresh.sort(key=itemgetter(0))
                found.below.sort(reverse=True, key=itemgetter(1))
            waiting += found.below
            rows += self._take(folder.path, found.fresh, way, troubles)
            self._pack(folder.path)
            if progress is not None:
                progress(len(rows) - begun, sum(row[1] for row in rows[begun:]))
        if troubles:
            raise _refusal(root, troubles)
        return rows

    # -- how ----------------------------------------------------------------------------------------------------

    def _fingerprints_of(self, folder: str) -> dict[str, Fingerprint]:
        known = self._seen.get(folder)
        if known is None:
            held = self._packed.get(folder)
            if held is None:
                held = self._packed[folder] = self._fingerprints.packed_folders([folder]).get(folder, packed({}))
            known = self._seen[folder] = unpacked(held)
        return known

    def _pack(self, folder: str) -> None:
        """Keep what was seen of a folder in little room; it is unpacked again where it is asked for."""
        seen = self._seen.pop(folder, None)
        if seen is not None and folder in self._changed:
            self._packed[folder] = packed(seen)

    def _scan(self, folder: _Folder, rows: list[Row], troubles: list[str]) -> _Found:
        """Look at one folder: files known by their fingerprint go to ``rows``, what is no file to ``troubles``."""
        found = _Found([], [])
        try:
            status = os.stat(folder.path)
            identity = (status.st_dev, status.st_ino)
            above = folder.above | {identity}
            if identity == self._own:
                # The store of a project lies in the project; taking it into itself would never come to rest.
                if not folder.above:
                    troubles.append(f"{folder.path}: it is the store itself")
            elif len(above) == len(folder.above):
                troubles.append(f"{folder.path}: a symbolic link leads in a circle")
            else:
                known = self._fingerprints_of(folder.path)
                with os.scandir(folder.path) as entries:
                    self._scan_entries(entries, folder, above, known, rows, found, troubles)
        except OSError as err:
            troubles.append(f"{folder.path}: {err.strerror}")
        return found

    def _scan_entries(
        self,
        entries: Iterable[os.DirEntry[str]],
        folder: _Folder,
        above: frozenset[tuple[int, int]],
        known: dict[str, Fingerprint],
        rows: list[Row],
        found: _Found,
        troubles: list[str],
    ) -> None:
        # The loop that an unchanged tree spends its time in: one stat and one tuple a file.
        prefix, hits = folder.inner, 0
        for entry in entries:
            name = entry.name
            try:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    status = entry.stat()
            except OSError as err:
                troubles.append(f"{entry.path}: {err.strerror}")
                continue
            seen = known.get(name)
            if stat.S_ISREG(status.st_mode):
                look = print_of(status)
                if seen is not None and seen[:4] == look:
                    hits += 1
                    rows.append((prefix + name, seen[1], seen[4]))
                else:
                    found.fresh.append(_File(prefix + name, entry.path, name, look))
            elif stat.S_ISDIR(status.st_mode):
                path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                found.below.append(_Folder(path, f"{prefix}{name}/", above))
            else:
                troubles.append(f"{entry.path}: it is {_kind(status.st_mode)}, not a file")
        if len(known) > hits:
            self._forget_missing(folder.path, known)

    def _forget_missing(self, folder: str, known: dict[str, Fingerprint]) -> None:
        """Forget files that are gone or changed, so that a row does not grow for ever."""
        present = set(os.listdir(folder))
        gone = [name for name in known if name not in present]
        for name in gone:
            del known[name]
        if gone:
            self._changed.add(folder)

    def _take(self, folder: str, files: list[_File], way: Way, troubles: list[str] | None) -> list[Row]:
        """Take files of one folder that are not known by their fingerprint; return their rows."""
        rows: list[Row] = []
        if files:
            self._lease.announce()
        batch: list[tuple[_File, bytes]] = []
        held = 0
        begun = time.time_ns()
        for file in files:
            try:
                if file.look[1] >= SMALL_BYTES:
                    rows.append(self._take_large(folder, file, way))
                    continue
                content = _read_small(file.path, file.look)
            except OSError as err:
                if troubles is None or isinstance(err, StorageFailure):
                    raise _unreadable(file.path, err) from err
                troubles.append(f"{file.path}: {err.strerror}")
                continue
            batch.append((file, content))
            held += len(content)
            if len(batch) >= BATCH_FILES or held >= BATCH_BYTES:
                rows += self._take_small(folder, batch, begun)
                batch, held, begun = [], 0, time.time_ns()
        if batch:
            rows += self._take_small(folder, batch, begun)
        return rows

    def _take_small(self, folder: str, batch: list[tuple[_File, bytes]], begun: int) -> list[Row]:
        """Hash and store files read since ``begun`` (nanoseconds since 1970)."""
        digests = [digest_of(content) for _, content in batch]
        held = self._presence.held(digests)
        self._writer.add_many(
            [(digest, content) for digest, (_, content) in zip(digests, batch, strict=True) if digest not in held]
        )
        seen = self._seen[folder]
        rows = []
        for digest, (file, _) in zip(digests, batch, strict=True):
            row_path, _, name, look = file
            rows.append((row_path, look[1], digest))
            if may_remember(look[2], look[3], begun):
                seen[name] = (*look, digest)
        self._changed.add(folder)
        return rows

    def _take_large(self, folder: str, file: _File, way: Way) -> Row:
        begun = time.time_ns()
        size, look = file.look[1], file.look
        # Only a file whose size some large blob has can be known already; the others are copied in the same pass.
        if way.link or self._catalog.sizes_held([size]):
            digest, size = digest_of_file(file.path)
            check_unchanged(file.path, look, os.stat(file.path), size)
            if not self._writer.holds(digest) and not self._presence.held([digest]):
                if way.link:
                    self._writer.link_file(file.path, digest, look)
                    look = print_of(os.stat(file.path))  # linking changed its ctime
                else:
                    digest, size = self._large.take(file.path, look, compress=way.compress)
        else:
            digest, size = self._large.take(file.path, look, compress=way.compress)
        if may_remember(look[2], look[3], begun) or way.link:
            self._seen[folder][file.name] = (*look, digest)
            self._changed.add(folder)
        return (file.row_path, size, digest)

    # -- what comes out -----------------------------------------------------------------------------------------

    def holds(self, digest: bytes) -> bool:
        """Whether this intake wrote the blob."""
        return self._writer.holds(digest)

    def gone(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` that the store has lost, though the catalog knows them. See `Presence.gone`."""
        return self._presence.gone(digests)

    def finish(self) -> list[StoredObject]:
        """Make all bytes durable; return the objects for the catalog to register."""
        finished = self._writer.finish()
        self._loose += [(stored.name, _digest_in(stored.name)) for stored in finished if stored.kind == LOOSE]
        return finished

    def register(self) -> None:
        """Make all that was taken in durable and known to the catalog, though nothing names it yet.

        Whoever names it calls `abort` afterwards: until then nothing of it is deleted.

        Raises:
            Conflict: it took days, and somebody deleted what was written first.
        """
        self._unknown += self.finish()

        def write(lease: str | None) -> None:
            self._catalog.add_objects(self._unknown, lease=lease, keep_lease=True)

        self._lease.write(self._unknown, self._objects, write, keep=True)
        self._unknown = []

    def write(self, objects: Iterable[StoredObject], write: Callable[[str | None], _T]) -> _T:
        """Write what names objects of this intake. See `forebear.store.leases.WriterLease.write`."""
        return self._lease.write(objects, self._objects, write)

    def take_again(self, digests: Iterable[bytes]) -> set[bytes]:
        """Take files in again that were taken for known and are not there any more; return what is still missing.

        Those are the files that were unchanged since an earlier intake, and still are.
        """
        missing = set(digests)
        for folder in list(self._packed):
            names = self._fingerprints_of(folder)
            files = [
                _File(name, os.path.join(folder, name), name, known[:4])
                for name, known in names.items()
                if known[4] in missing
            ]
            unchanged = [file for file in files if _looks(file.path) == file.look]
            missing -= {row[2] for row in self._take(folder, unchanged, COPY, [])}
            self._pack(folder)
        return missing

    def remember(self) -> None:
        """Keep the fingerprints of what was taken; called once a commit names it."""
        for folder in self._changed & self._seen.keys():
            self._pack(folder)
        self._fingerprints.save_packed({folder: self._packed[folder] for folder in self._changed})
        self._changed.clear()
        remember_objects(self._objects, self._fingerprints, self._loose)
        self._loose.clear()

    def abort(self) -> None:
        """Drop what is not finished."""
        self._writer.abort()
        self._lease.end()


def _looks(path: str) -> Look | None:
    try:
        return print_of(os.stat(path))
    except OSError:
        return None


def _digest_in(name: str) -> bytes:
    return bytes.fromhex(name.rpartition("/")[2])


def _identity_of(objects: ObjectStore) -> tuple[int, int] | None:
    """Device and inode of the folder that objects lie in, where they lie in one of this machine."""
    if not isinstance(objects, LocalObjects):
        return None
    try:
        status = os.stat(objects.root)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def remember_objects(objects: ObjectStore, fingerprints: FingerprintCache, loose: Iterable[tuple[str, bytes]]) -> None:
    """Keep the fingerprints of loose objects whose bytes were just hashed, so that links of them need no reading.

    Unlike other files an object may be remembered at once: it is read-only, and nobody writes to it a second time.
    """
    folders: dict[str, dict[str, Fingerprint]] = {}
    for name, digest in loose:
        path = objects.local_path(name)
        if path is not None:
            folder = str(path.parent)
            if folder not in folders:
                folders[folder] = fingerprints.folders([folder]).get(folder, {})
            folders[folder][path.name] = (*print_of(os.stat(path)), digest)
    fingerprints.save(folders)


def _read_small(path: str, look: Look) -> bytes:
    descriptor = os.open(path, _READ)
    try:
        content = os.read(descriptor, look[1] + 1)
        check_unchanged(path, look, os.fstat(descriptor), len(content))
        return content
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    tests = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in tests if test(mode)), "something unknown")


def _unreadable(path: str, err: OSError) -> Exception:
    if isinstance(err, StorageFailure):
        return err
    return InvalidInput(f"cannot add {path}: {err.strerror}", code="unreadable-file")


def _refusal(root: str, troubles: list[str]) -> InvalidInput:
    shown = "\n  ".join(troubles[:LISTED_TROUBLES])
    more = len(troubles) - LISTED_TROUBLES
    rest = f"\n  and {more} more" if more > 0 else ""
    return InvalidInput(f"cannot add {root}, nothing of it was added:\n  {shown}{rest}", code="unreadable-folder")
