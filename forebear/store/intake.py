"""Taking files into a store: what is unchanged is not read, what is known is not written."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.digest import digest_of, digest_of_file
from forebear.blobs.writer import SMALL_BYTES, BlobWriter, check_unchanged
from forebear.catalog.fingerprints import Fingerprint, FingerprintCache, may_remember, print_of
from forebear.errors import InvalidInput, StorageFailure

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog
    from forebear.records.content import StoredObject

#: Path inside the artifact, size in bytes, digest.
Row = tuple[str, int, bytes]
#: Small files read before the catalog is asked which of them it knows.
BATCH_FILES = 1_000
BATCH_BYTES = 16 * 1024 * 1024
#: Folders whose fingerprints are asked for in one statement.
BATCH_FOLDERS = 64
#: Troubles listed before a message says how many more there are.
LISTED_TROUBLES = 10

#: Called with the number of files and bytes taken since the last call.
Progress = Callable[[int, int], None]


class _File(NamedTuple):
    row_path: str
    path: str
    folder: str
    name: str
    status: os.stat_result


class Intake:
    """Takes content into the store for one draft; nothing of it counts before a commit names it.

    Content is copied (or linked) when it is added, so a file may change or vanish afterwards. Not safe for threads.
    """

    def __init__(self, catalog: Catalog, objects: ObjectStore, fingerprints: FingerprintCache) -> None:
        self._catalog = catalog
        self._fingerprints = fingerprints
        self._writer = BlobWriter(objects)
        self._seen: dict[str, dict[str, Fingerprint]] = {}
        self._changed: set[str] = set()

    # -- what goes in -------------------------------------------------------------------------------------------

    def add_bytes(self, content: bytes, *, compress: bool = False) -> bytes:
        """Take content from memory; return its digest."""
        digest = digest_of(content)
        if not self._writer.holds(digest) and not self._catalog.known([digest]):
            self._writer.add(digest, content, compress=compress)
        return digest

    def add_pages(self, pages: dict[bytes, bytes]) -> None:
        """Take manifest pages that the catalog does not know, by digest; they compress well."""
        for digest, page in pages.items():
            self._writer.add(digest, page, compress=True)

    def add_file(self, path: str, row_path: str, *, link: bool = False) -> Row:
        """Take one file; return its row.

        Args:
            path: The file; a symbolic link is followed.
            row_path: Its path inside the artifact.
            link: Hard-link a large file into the store instead of copying it; it becomes read-only.

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
        self._remember_folders([folder])
        return self._take([_File(row_path, real, folder, name, status)], link, None)[0]

    def add_tree(
        self, root: str, prefix: str = "", *, link: bool = False, progress: Progress | None = None
    ) -> list[Row]:
        """Take all files below a folder; return their rows, in no particular order.

        Symbolic links are followed. Either everything is taken, or an error names what could not be.

        Raises:
            InvalidInput: something in there is no file, or cannot be read; a link leads in a circle.
            Conflict: a file changed while it was read.

        Cost: one stat a file; reading, hashing and writing only for files that changed since they were seen last.
        """
        rows: list[Row] = []
        troubles: list[str] = []
        real = os.path.realpath(root)
        for folders in _folders(real, prefix, troubles):
            self._remember_folders([folder for folder, _ in folders])
            for folder, files in folders:
                fresh = self._unchanged(folder, files, rows)
                rows += self._take(fresh, link, troubles)
                if progress is not None:
                    progress(len(files), sum(file.status.st_size for file in files))
        if troubles:
            raise _refusal(root, troubles)
        return rows

    # -- how ----------------------------------------------------------------------------------------------------

    def _remember_folders(self, folders: list[str]) -> None:
        asked = [folder for folder in folders if folder not in self._seen]
        if asked:
            known = self._fingerprints.folders(asked)
            self._seen.update((folder, known.get(folder, {})) for folder in asked)

    def _unchanged(self, folder: str, files: list[_File], rows: list[Row]) -> list[_File]:
        """Append the rows of files that look as they did when they were hashed; return the others."""
        seen = self._seen[folder]
        if not seen:
            return files
        fresh = []
        for file in files:
            known = seen.get(file.name)
            if known is not None and known[:4] == print_of(file.status):
                rows.append((file.row_path, file.status.st_size, known[4]))
            else:
                fresh.append(file)
        if len(seen) > len(files) - len(fresh):
            # Forget files that are gone, so that a row does not grow for ever.
            names = {file.name for file in files}
            self._seen[folder] = {name: known for name, known in seen.items() if name in names}
            self._changed.add(folder)
        return fresh

    def _take(self, files: list[_File], link: bool, troubles: list[str] | None) -> list[Row]:
        rows: list[Row] = []
        batch: list[tuple[_File, bytes, bytes]] = []
        held = 0
        for file in files:
            try:
                if file.status.st_size >= SMALL_BYTES:
                    rows.append(self._take_large(file, link))
                    continue
                content = _read_small(file)
            except OSError as err:
                if troubles is None or isinstance(err, StorageFailure):
                    raise _unreadable(file.path, err) from err
                troubles.append(f"{file.path}: {err.strerror}")
                continue
            batch.append((file, digest_of(content), content))
            held += len(content)
            if len(batch) >= BATCH_FILES or held >= BATCH_BYTES:
                rows += self._take_small(batch)
                batch, held = [], 0
        return rows + self._take_small(batch)

    def _take_small(self, batch: list[tuple[_File, bytes, bytes]]) -> list[Row]:
        known = self._catalog.known(digest for _, digest, _ in batch)
        now = time.time_ns()
        for file, digest, content in batch:
            if digest not in known:
                self._writer.add(digest, content)
            self._remember(file, digest, now)
        return [(file.row_path, len(content), digest) for file, digest, content in batch]

    def _take_large(self, file: _File, link: bool) -> Row:
        now = time.time_ns()
        size = file.status.st_size
        # Only a file whose size some large blob has can be known already; the others are copied in the same pass.
        if link or self._catalog.sizes_held([size]):
            digest, size = digest_of_file(file.path)
            check_unchanged(file.path, file.status, os.stat(file.path), size)
            if not self._writer.holds(digest) and not self._catalog.known([digest]):
                if link:
                    self._writer.link_file(file.path, digest, size)
                    file = file._replace(status=os.stat(file.path))  # linking changed its ctime
                else:
                    copied, size = self._writer.copy_file(file.path)
                    digest = copied
        else:
            digest, size = self._writer.copy_file(file.path)
        self._remember(file, digest, now)
        return (file.row_path, size, digest)

    def _remember(self, file: _File, digest: bytes, now: int) -> None:
        status = file.status
        if may_remember(status.st_mtime_ns, status.st_ctime_ns, now):
            self._seen[file.folder][file.name] = (*print_of(status), digest)
            self._changed.add(file.folder)

    # -- what comes out -----------------------------------------------------------------------------------------

    def holds(self, digest: bytes) -> bool:
        """Whether this intake wrote the blob."""
        return self._writer.holds(digest)

    def finish(self) -> list[StoredObject]:
        """Make all bytes durable; return the objects for the catalog to register."""
        return self._writer.finish()

    def remember(self) -> None:
        """Keep the fingerprints of what was taken; called once a commit names it."""
        self._fingerprints.save({folder: self._seen[folder] for folder in self._changed})
        self._changed.clear()

    def abort(self) -> None:
        """Drop what is not finished."""
        self._writer.abort()


def _read_small(file: _File) -> bytes:
    descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        content = os.read(descriptor, file.status.st_size + 1)
        check_unchanged(file.path, file.status, os.fstat(descriptor), len(content))
        return content
    finally:
        os.close(descriptor)


def _folders(root: str, prefix: str, troubles: list[str]) -> Iterator[list[tuple[str, list[_File]]]]:
    """Yield the folders below ``root`` with their files, some at a time; what is neither goes to ``troubles``."""
    ready: list[tuple[str, list[_File]]] = []
    waiting: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(root, prefix, frozenset())]
    while waiting:
        folder, inner, above = waiting.pop()
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                troubles.append(f"{folder}: a symbolic link leads in a circle")
                continue
            files, below = _scan(folder, inner, troubles)
        except OSError as err:
            troubles.append(f"{folder}: {err.strerror}")
            continue
        waiting += [(path, deeper, above | {identity}) for path, deeper in below]
        ready.append((folder, files))
        if len(ready) >= BATCH_FOLDERS:
            yield ready
            ready = []
    yield ready


def _scan(folder: str, inner: str, troubles: list[str]) -> tuple[list[_File], list[tuple[str, str]]]:
    files: list[_File] = []
    below: list[tuple[str, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            row_path = inner + entry.name
            try:
                if entry.is_symlink():
                    _follow(entry, row_path, files, below, troubles)
                elif entry.is_dir(follow_symlinks=False):
                    below.append((entry.path, row_path + "/"))
                else:
                    _sort_in(_File(row_path, entry.path, folder, entry.name, entry.stat()), files, troubles)
            except OSError as err:
                troubles.append(f"{entry.path}: {err.strerror}")
    return files, below


def _follow(
    entry: os.DirEntry[str], row_path: str, files: list[_File], below: list[tuple[str, str]], troubles: list[str]
) -> None:
    status = entry.stat()
    if stat.S_ISDIR(status.st_mode):
        below.append((os.path.realpath(entry.path), row_path + "/"))
    else:
        folder = os.path.dirname(entry.path)
        _sort_in(_File(row_path, entry.path, folder, entry.name, status), files, troubles)


def _sort_in(file: _File, files: list[_File], troubles: list[str]) -> None:
    if stat.S_ISREG(file.status.st_mode):
        files.append(file)
    else:
        troubles.append(f"{file.path}: it is {_kind(file.status.st_mode)}, not a file")


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
