"""``forebear://``: artifacts as a read-only fsspec file system, for pandas, pyarrow, DuckDB and whatever speaks fsspec.

A path is ``[[entity/]project/]name:selector[/path/in/artifact]``, or ``name@digest`` in place of ``name:selector``. The
first segment that holds ``:`` or ``@`` ends the reference. A path without one is refused, because nothing would tell
where the artifact's name ends and its files begin.

Bytes are verified before they leave: a blob is hashed as a whole when it is opened, and ranges are served from what was
hashed. A reference is fetched into a temporary file and verified there.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import fsspec

from forebear.artifacts.artifact import Artifact
from forebear.artifacts.manifest import Manifest
from forebear.artifacts.references import fetch_reference
from forebear.artifacts.transfer import affected_versions
from forebear.blobs.digest import digest_of_stream
from forebear.blobs.reader import wrong_digest
from forebear.catalog.fingerprints import print_of
from forebear.errors import CorruptData, InvalidInput, NotFound, Unsupported
from forebear.names import parse_ref
from forebear.records.content import CODEC_RAW, LOOSE, Entry, Location
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.tracking.current import current_run
from forebear.tracking.run import note

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Row
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Version
    from forebear.records.content import Recipe
    from forebear.store.store import Store

PROTOCOL = "forebear"
#: Manifest pages that an instance keeps, in bytes; a page of about 256 files has 14 KiB.
PAGE_CACHE_BYTES = 32 * 1024 * 1024
#: Files of a version up to which a message about a missing one looks for names that are alike.
HINT_FILES = 1_000
#: Bytes that a file reads ahead, so that small reads in order cost one system call for many.
BUFFER_BYTES = 128 * 1024

Info = dict[str, Any]


class FileMissing(NotFound, FileNotFoundError):
    """No such artifact, version or file, in the class that libraries over fsspec expect."""


class FolderOpened(InvalidInput, IsADirectoryError):
    """A folder was opened as if it were a file."""


class ReadOnly(Unsupported, OSError):
    """Something would change a version, which never changes."""

    default_code = "read-only"


class Place(NamedTuple):
    """A path that was resolved: ``head`` is its reference as it was written, ``inner`` the path in the artifact."""

    store: Store
    version: Version
    head: str
    inner: str

    def name(self, inner: str) -> str:
        """The file system's path of a path in this artifact."""
        return f"{self.head}/{inner}" if inner else self.head


def split_path(path: str) -> tuple[str, str]:
    """Return the reference and the path in the artifact of a path without its protocol.

    Raises:
        InvalidInput: no segment holds ``:`` or ``@``.
    """
    segments = path.strip("/").split("/")
    for index, segment in enumerate(segments):
        if ":" in segment or "@" in segment:
            return "/".join(segments[: index + 1]), "/".join(segments[index + 1 :])
    example = "/".join([f"{segments[0] or 'name'}:latest", *segments[1:]])
    raise InvalidInput(
        f"{PROTOCOL}://{path} does not say which version, so nobody can tell where the artifact's name ends; "
        f"write {PROTOCOL}://{example}, or :v3, another alias or @digest after the name",
        code="invalid-ref",
    )


class ForebearFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """The files of versions, read-only. Safe for threads; pickles with the store and project it speaks of.

    Opening or reading a file inside a run records that the run used its version; listing does not. A version named by
    number or digest is resolved once in the life of an instance, an alias each time: who reads several files of a
    moving alias and wants them of one version names the version.
    """

    protocol = PROTOCOL
    root_marker = ""

    def __init__(
        self,
        store: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        record_use: bool = True,
        **options: Any,
    ) -> None:
        """Speak of one store.

        Args:
            store: Folder or URL; by default that of the active run, else where the settings say.
            entity: Stands in where a path leaves it open; by default that of the active run or the settings.
            project: Likewise.
            record_use: Whether reading inside a run records the use.
            options: Those of fsspec itself.
        """
        super().__init__(**options)
        self._given = {"store": store, "entity": entity, "project": project}
        self.record_use = record_use
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._versions: dict[tuple[str, str, str, str], Version] = {}
        self._pages: OrderedDict[bytes, bytes] = OrderedDict()
        self._page_bytes = 0
        self._verified: dict[bytes, tuple[int, int, int, int]] = {}
        self._recorded: set[tuple[str, int, int]] = set()

    def __reduce__(self) -> Any:
        # Another process may start in another folder, where the defaults would name another store.
        store, entity, project = self._scope()
        options = {"store": store.address, "entity": entity, "project": project, "record_use": self.record_use}
        return _remade, (type(self), options)

    # -- what a path names --------------------------------------------------------------------------------------

    def _scope(self) -> tuple[Store, str, str]:
        """Return the store, entity and project that count now."""
        given, run = self._given, current_run()
        store = run.store if run and given["store"] is None else shared_store(given["store"], create=False)
        if given["entity"] is not None and given["project"] is not None:
            return store, given["entity"], given["project"]
        scope = run if run is not None else load_settings()
        return store, given["entity"] or scope.entity, given["project"] or scope.project

    def _place(self, path: str) -> Place:
        """Resolve a path. Cost: one catalog call for an alias, none for a version that was resolved before."""
        head, inner = split_path(self._strip_protocol(path))
        ref = parse_ref(head)
        with _told():
            store, entity, project = self._scope()
            key = (store.id, entity, project, head)
            version = self._versions.get(key)
            if version is None:
                version = store.catalog.resolve(entity, project, ref)
                if ref.alias is None:
                    self._versions[key] = version
        return Place(store, version, head, inner)

    def _manifest(self, place: Place) -> Manifest:
        return Manifest(place.version.root, lambda digests: self._load_pages(place.store, digests))

    def _guard(self) -> threading.Lock:
        if self._pid != os.getpid():
            # Another thread of the parent may have held the lock at the moment of the fork; here nobody would free it.
            self._lock, self._pid = threading.Lock(), os.getpid()
        return self._lock

    def _load_pages(self, store: Store, digests: list[bytes]) -> dict[bytes, bytes]:
        """Return pages by digest; equal digests are equal pages, so they are kept as long as there is room."""
        with self._guard():
            found = {digest: self._pages[digest] for digest in digests if digest in self._pages}
        missing = [digest for digest in digests if digest not in found]
        if missing:
            fresh = {digest: bytes(content) for digest, content in store.read_many(missing)}
            found |= fresh
            with self._guard():
                for digest, page in fresh.items():
                    if digest not in self._pages:
                        self._pages[digest] = page
                        self._page_bytes += len(page)
                while self._page_bytes > PAGE_CACHE_BYTES:
                    self._page_bytes -= len(self._pages.popitem(last=False)[1])
        return found

    def _entry(self, place: Place) -> Entry:
        """Return the file at a place.

        Raises:
            FileMissing: there is none.
            FolderOpened: there is a folder.
        """
        manifest = self._manifest(place)
        entry = manifest.get(place.inner) if place.inner else None
        if entry is not None:
            return entry
        if _has_folder(manifest, place.inner):
            raise FolderOpened(f"{PROTOCOL}://{place.name(place.inner)} is a folder; open a file in it", code="folder")
        raise self._missing(place)

    def _missing(self, place: Place) -> FileMissing:
        paths: list[str] = []
        if place.version.file_count <= HINT_FILES:
            paths = difflib.get_close_matches(place.inner, [row[0] for row in self._manifest(place).rows()])
        hint = f"; did you mean {', '.join(paths)}?" if paths else f"; it has {place.version.file_count:,} files"
        return FileMissing(f"{place.version.label} has no file {place.inner!r}{hint}", code="path-not-found")

    # -- looking ------------------------------------------------------------------------------------------------

    def info(self, path: str, **_: Any) -> Info:
        """Return name, size in bytes, type, digest, version and, for a reference, its URI.

        Raises:
            FileMissing: nothing is there.
        """
        place = self._place(path)
        manifest = self._manifest(place)
        entry = manifest.get(place.inner) if place.inner else None
        if entry is not None:
            return _file_info(place, entry.as_row())
        if not place.inner or _has_folder(manifest, place.inner):
            return _folder_info(place, place.inner)
        raise self._missing(place)

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is a file or folder; anything else that is wrong is raised."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Info] | list[str]:
        """Return what lies directly in a folder, or the file itself.

        Cost: reads the manifest pages of everything below the folder.
        """
        place = self._place(path)
        manifest = self._manifest(place)
        entry = manifest.get(place.inner) if place.inner else None
        if entry is not None:
            found = [_file_info(place, entry.as_row())]
        else:
            found = list(_below(place, manifest, 1, folders=True))
            if not found and place.inner:
                raise self._missing(place)
        return found if detail else [info["name"] for info in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> list[str] | dict[str, Info]:
        """Return all files below a folder, sorted by name; nothing where there is no such folder.

        Cost: one catalog call a level of manifest pages, and those pages, whatever the number of folders.

        Raises:
            FileMissing: there is no such artifact or version.
        """
        if maxdepth is not None and maxdepth < 1:
            raise InvalidInput(f"maxdepth is at least 1, not {maxdepth}", code="bad-depth")
        place = self._place(path)
        manifest = self._manifest(place)
        entry = manifest.get(place.inner) if place.inner else None
        if entry is not None:
            infos = [_file_info(place, entry.as_row())]
        else:
            infos = list(_below(place, manifest, maxdepth, folders=withdirs))
            if withdirs and (infos or not place.inner):
                infos.append(_folder_info(place, place.inner))
        found = {info["name"]: info for info in sorted(infos, key=lambda info: str(info["name"]))}
        return found if detail else list(found)

    def created(self, path: str) -> datetime:
        """Return when the version was logged, aware UTC."""
        moment: datetime = self.info(path)["created"]
        return moment

    def modified(self, path: str) -> datetime:
        """Return the same: a version never changes afterwards."""
        return self.created(path)

    # -- reading ------------------------------------------------------------------------------------------------

    def _open(self, path: str, mode: str = "rb", **_: Any) -> ArtifactStream:
        """Open a file; what comes out of it was verified before this returns.

        Cost: one pass over a large file the first time in the life of the instance; memory: the size of a small file,
        a buffer for a large one.
        """
        if mode not in {"rb", "r"}:
            raise _read_only(path, f"open with mode {mode!r}")
        place = self._place(path)
        entry = self._entry(place)
        self._record(place)
        # What was opened keeps its version, also when the stream travels to another process.
        pinned = f"{place.version.qualified_name}/{entry.path}"
        return ArtifactStream(self, pinned, self._content(place, entry))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """Return the bytes of a file, or a range of them, which is written as for a slice."""
        place = self._place(path)
        entry = self._entry(place)
        self._record(place)
        with contextlib.closing(self._content(place, entry)) as content:
            return content.between(start, end)

    def cat_ranges(
        self,
        paths: list[str],
        starts: list[int | None] | int | None,
        ends: list[int | None] | int | None,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[bytes | Exception]:
        """Return ranges of files in the order asked for; each file is opened and verified once.

        Args:
            on_error: ``return`` puts an error in the place of its range, ``raise`` raises it.
        """
        begins = starts if isinstance(starts, list) else [starts] * len(paths)
        stops = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(paths) == len(begins) == len(stops):
            raise InvalidInput(
                f"{len(paths)} paths, {len(begins)} starts and {len(stops)} ends do not fit", code="bad-ranges"
            )
        wanted: dict[str, list[int]] = {}
        for index, path in enumerate(paths):
            wanted.setdefault(path, []).append(index)
        results: list[bytes | Exception] = [b""] * len(paths)
        for path, indexes in wanted.items():
            try:
                place = self._place(path)
                entry = self._entry(place)
                self._record(place)
                with contextlib.closing(self._content(place, entry)) as content:
                    for index in indexes:
                        results[index] = content.between(begins[index], stops[index])
            except Exception as err:  # handed to the caller in the place of the bytes, as fsspec asks for
                if on_error == "raise":
                    raise
                for index in indexes:
                    results[index] = err
        return results

    def _content(self, place: Place, entry: Entry) -> _Content:
        """Return the verified content of an entry."""
        if entry.ref is not None:
            return _fetched(entry)
        assert entry.digest is not None
        try:
            where = _locate(place.store.catalog, entry.digest)
            path = place.store.objects.local_path(where.object) if _is_whole_object(where) else None
            if path is None:
                return _Memory(place.store.read(entry.digest))
            return self._local(path, entry.digest)
        except CorruptData as err:
            hit = affected_versions(place.store, entry.digest)
            raise CorruptData(
                f"{PROTOCOL}://{place.name(entry.path)} cannot be read: {err}; it is in {', '.join(hit[:10])}",
                code=err.code,
                digest=entry.digest,
            ) from err

    def _local(self, path: Path, digest: bytes) -> _Content:
        """Open an object of exactly the blob's bytes; it is hashed unless this instance has seen it as it is now."""
        try:
            content = _File(os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
        except FileNotFoundError as err:
            raise CorruptData(f"object {path.name} is missing from the store", code="missing-object") from err
        try:
            looks = print_of(os.fstat(content.descriptor))
            if self._verified.get(digest) != looks:
                with open(content.descriptor, "rb", buffering=0, closefd=False) as stream:
                    found, _ = digest_of_stream(stream)
                if found != digest:
                    raise wrong_digest(digest, path.name)
                self._verified[digest] = looks
        except BaseException:
            content.close()
            raise
        return content

    def _record(self, place: Place) -> None:
        """Write down that the active run uses the version, once for each run and version."""
        run = current_run() if self.record_use else None
        if run is None:
            return
        key = (run.path, run.key, place.version.id)
        if key in self._recorded:
            return
        if run.store is place.store:
            run.record_use(Artifact.of_version(place.store, place.version))
        else:
            note(
                run.settings,
                f"{place.version.label} lies in the store {place.store.url}, this run in {run.store.url}: "
                "its use is not recorded",
            )
        self._recorded.add(key)

    # -- what is refused ----------------------------------------------------------------------------------------

    def _refuse(self, path: Any = "", *_: Any, **__: Any) -> None:
        raise _read_only(path, "change")

    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = copy = mv = touch = put_file = pipe_file = _refuse


def _remade(kind: type[ForebearFileSystem], options: dict[str, Any]) -> ForebearFileSystem:
    return kind(**options)


def _read_only(path: Any, doing: str) -> ReadOnly:
    return ReadOnly(
        f"cannot {doing} {PROTOCOL}://{path}: a version never changes; write a file and log it with "
        "run.log_artifact, or begin with artifact.new_draft()",
    )


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell what is not there in the class that libraries over fsspec expect."""
    try:
        yield
    except FileNotFoundError:
        raise
    except NotFound as err:
        raise FileMissing(err.message, code=err.code) from err


# -- rows as fsspec wants to see them -----------------------------------------------------------------------------


def _has_folder(manifest: Manifest, inner: str) -> bool:
    return not inner or next(manifest.rows(f"{inner}/"), None) is not None


def _below(place: Place, manifest: Manifest, depth: int | None, *, folders: bool) -> Iterator[Info]:
    """Yield files, and folders if asked for, down to ``depth`` levels below a place."""
    prefix = f"{place.inner}/" if place.inner else ""
    seen: set[str] = set()
    for row in manifest.rows(prefix):
        parts = row[0][len(prefix) :].split("/")
        if folders:
            for level in range(1, min(len(parts), (depth or len(parts)) + 1)):
                folder = prefix + "/".join(parts[:level])
                if folder not in seen:
                    seen.add(folder)
                    yield _folder_info(place, folder)
        if depth is None or len(parts) <= depth:
            yield _file_info(place, row)


def _file_info(place: Place, row: Row) -> Info:
    info: Info = {
        "name": place.name(row[0]),
        "size": row[1],
        "type": "file",
        "digest": row[2].hex() if row[2] is not None else None,
        "version": place.version.qualified_name,
        "created": place.version.created_at,
    }
    if len(row) > 3:
        info["ref"] = row[3]
    return info


def _folder_info(place: Place, inner: str) -> Info:
    return {
        "name": place.name(inner),
        "size": 0,
        "type": "directory",
        "version": place.version.qualified_name,
        "created": place.version.created_at,
    }


# -- verified bytes -----------------------------------------------------------------------------------------------


class _Content:
    """Bytes that were verified, of known size. Threads may read at once."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes | memoryview:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end."""
        raise NotImplementedError

    def between(self, start: int | None, end: int | None) -> bytes:
        """Return the bytes of a slice."""
        first, last, _ = slice(start, end).indices(self.size)
        return bytes(self.read_at(first, max(0, last - first)))

    def close(self) -> None:
        """Let go of what is held; closing twice is fine."""


class _Memory(_Content):
    def __init__(self, content: bytes) -> None:
        self._view = memoryview(content)
        self.size = len(content)

    def read_at(self, offset: int, length: int) -> bytes | memoryview:
        return self._view[offset : offset + length]


class _File(_Content):
    """A file by its descriptor, read by position so that threads do not disturb each other."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes | memoryview:
        pieces = []
        # One call returns at most 2 GiB, and fewer when a signal arrives.
        while length > 0 and (piece := os.pread(self.descriptor, length, offset)):
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _locate(catalog: Catalog, digest: bytes) -> Location | Recipe:
    where = catalog.locate([digest]).get(digest)
    if where is None:
        raise CorruptData(f"the blob {digest.hex()[:16]}… is not in the store", code="missing-blob", digest=digest)
    return where


def _is_whole_object(where: Location | Recipe) -> TypeGuard[Location]:
    """Whether an object holds exactly the bytes of the blob and nothing else."""
    if not isinstance(where, Location) or not where.object.startswith(LOOSE):
        return False
    return not where.offset and where.codec == CODEC_RAW and where.stored == where.size


def _fetched(entry: Entry) -> _Content:
    """Fetch what a reference names, verified, into a file that goes away when it is closed."""
    with tempfile.TemporaryDirectory(prefix="forebear-") as folder:
        path = os.path.join(folder, "content")
        fetch_reference(entry, path)
        return _File(os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))


class _Raw(io.RawIOBase):
    """Verified content as a stream without a buffer."""

    def __init__(self, content: _Content) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        if base + offset < 0:
            raise InvalidInput(f"cannot seek to {base + offset}, which is before the start", code="bad-seek")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        content = self._content.read_at(self._position, len(view))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._content.close()
        super().close()


class ArtifactStream(io.BufferedReader):
    """An open file of a version. Pickles by opening the same file of the same version again."""

    def __init__(self, fs: ForebearFileSystem, path: str, content: _Content) -> None:
        super().__init__(_Raw(content), BUFFER_BYTES)
        self.fs = fs
        self.path = path
        self.size = content.size

    def __reduce__(self) -> tuple[Callable[..., ArtifactStream], tuple[Any, ...]]:
        return _reopened, (self.fs, self.path, 0 if self.closed else self.tell())


def _reopened(fs: ForebearFileSystem, path: str, position: int) -> ArtifactStream:
    stream: ArtifactStream = fs.open(path, "rb")
    stream.seek(position)
    return stream
