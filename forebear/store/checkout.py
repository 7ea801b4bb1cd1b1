"""Putting many files in place: what is there and unchanged is not touched, the rest is read in the order it lies."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from forebear.blobs.assembly import assemble
from forebear.blobs.digest import digest_of_file
from forebear.blobs.local import storage_failure
from forebear.blobs.objects import calls_at_once, object_name
from forebear.blobs.place import copy_loose, link_loose
from forebear.blobs.reader import WINDOW_BYTES, read_blobs, wrong_digest
from forebear.blobs.writer import SMALL_BYTES
from forebear.catalog.fingerprints import FingerprintCache, print_of
from forebear.errors import CorruptData, ForebearError, InvalidInput
from forebear.records.content import CODEC_RAW, LOOSE, Location, Recipe
from forebear.store.collisions import refuse_collisions
from forebear.store.folders import Content, NewFolder, PresentFolder, Staging
from forebear.store.intake import remember_objects
from forebear.store.paths import SafeFolder, check_inner_path

if TYPE_CHECKING:
    from types import TracebackType

    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog

#: Files that the catalog is asked for at a time: the first are written while the next are looked up.
_LOCATED_FILES = 4_096
#: The same where objects are far away: files of one batch that lie in many objects are read with what is between them.
_FAR_LOCATED_FILES = 65_536
#: Files written by the second thread at a time; creating files is what costs, and the kernel does it in parallel.
_BATCH_FILES = 64
_BATCH_BYTES = 1024 * 1024
#: Batches that wait: bounds the memory held by content not yet written.
_BATCHES = 16
#: A new folder appears at once up to so many bytes: what a killed process wrote into it has to be written again.
_NEW_FOLDER_BYTES = 256 * 1024 * 1024

#: Called with the number of files and bytes put in place since the last call.
Progress = Callable[[int, int], None]

#: Name in its folder, size in bytes, digest.
_File = tuple[str, int, bytes]
#: Where a blob is wanted: folder, and name in it.
_Target = tuple[PresentFolder | NewFolder, str]


class Checkout:
    """Places blobs as files below one folder."""

    def __init__(
        self,
        catalog: Catalog,
        objects: ObjectStore,
        fingerprints: FingerprintCache,
        root: str,
        *,
        link: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Place files below ``root``; with ``link`` large ones as read-only hard links of the store's objects."""
        self._catalog = catalog
        self._objects = objects
        self._fingerprints = fingerprints
        self._root = SafeFolder(root)
        self._link = link
        self._progress = progress or (lambda files, size: None)

    def place(self, files: Iterable[tuple[str, int, bytes]]) -> int:
        """Put (path, size, digest) rows in place; return how many files had to be written.

        Raises:
            CorruptData: a blob is missing or damaged; files before it are in place, its own is not.
            StorageFailure: the folder cannot be read or written.
            InvalidInput: a path would leave the folder, something is in its way, or two are one on its file system.

        Cost: a stat for each file that is there; otherwise one read for each run of neighbouring slices.
        """
        wanted = self._by_folder(files)
        above = _folders_above(wanted)
        staging = self._begin(wanted, above)
        refuse_collisions(staging.place, wanted, above)
        folders: list[PresentFolder | NewFolder] = []
        targets: dict[bytes, list[_Target]] = {}
        with _in_words_of_forebear(self._root.root), staging.until_all_appear():
            for inner, rows in wanted.items():
                folder = self._open(inner, rows, staging, above)
                folders.append(folder)
                for name, size, digest in rows:
                    if folder.has(name, size, digest):
                        self._progress(1, size)
                    else:
                        targets.setdefault(digest, []).append((folder, name))
            if targets:
                self._write(targets, staging)
        self._fingerprints.save({folder.path: prints for folder in folders if (prints := folder.prints())})
        return sum(map(len, targets.values()))

    # -- where it goes --------------------------------------------------------------------------------------------

    def _by_folder(self, files: Iterable[tuple[str, int, bytes]]) -> dict[str, list[_File]]:
        found: dict[str, list[_File]] = {}
        for path, size, digest in files:
            folder, slash, name = path.rpartition("/")
            if slash and not folder:
                check_inner_path(path)  # absolute: it would look as if it was in no folder
            rows = found.get(folder)
            if rows is None:
                rows = found[folder] = []
            rows.append((name, size, digest))
        for folder, rows in found.items():
            self._root.check(folder, (row[0] for row in rows))
        return found

    def _begin(self, wanted: dict[str, list[_File]], above: set[str]) -> Staging:
        """Make the root, unless it is to appear with all its files; return what makes new folders."""
        root = self._root.root
        alone = "" not in above and _may_appear_at_once(wanted.get("")) and self._root.vacant("") is not None
        place = os.path.dirname(root) if alone else root
        try:
            os.makedirs(place, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as err:
            raise InvalidInput(
                f"cannot make the folder {root}: a file is in its place", code="file-in-the-way"
            ) from err
        except OSError as err:
            raise storage_failure(err, f"make the folder {root}") from err
        return Staging(place)

    def _open(self, inner: str, rows: list[_File], staging: Staging, above: set[str]) -> PresentFolder | NewFolder:
        if inner not in above and _may_appear_at_once(rows):
            path = self._root.vacant(inner)
            if path is not None:
                return staging.folder(path, len(rows))
        return PresentFolder(self._root.enter(inner), self._fingerprints)

    # -- how it gets there ----------------------------------------------------------------------------------------

    def _write(self, targets: dict[bytes, list[_Target]], staging: Staging) -> None:
        digests = list(targets)
        batch_files = _LOCATED_FILES if calls_at_once(self._objects) == 1 else _FAR_LOCATED_FILES
        with _Writers() as writers:
            for start in range(0, len(digests), batch_files):
                chosen = digests[start : start + batch_files]
                slices = self._place_large(chosen, targets)
                batch = _Batch()
                for digest, content in read_blobs(self._objects, slices):
                    for folder, name in targets[digest]:
                        batch.add(folder, name, digest, content)
                    if batch.files >= _BATCH_FILES or batch.size >= _BATCH_BYTES:
                        writers.write(batch)
                        staging.advance()
                        self._progress(batch.files, batch.size)
                        batch = _Batch()
                writers.write(batch)
                self._progress(batch.files, batch.size)

    def _place_large(self, digests: list[bytes], targets: dict[bytes, list[_Target]]) -> list[tuple[bytes, Location]]:
        """Put those blobs in place that are an object or several pieces; return where the others are."""
        slices: list[tuple[bytes, Location]] = []
        located = self._catalog.locate(digests)
        for digest in digests:
            where = located.get(digest)
            if where is None:
                raise CorruptData(
                    f"the blob {digest.hex()[:16]}… is not in the store", code="missing-blob", digest=digest
                )
            if isinstance(where, Recipe):
                self._place_recipe(digest, where, targets[digest])
            elif where.object == object_name(LOOSE, digest) and self._objects.local_path(where.object) is not None:
                self._place_loose(digest, where, targets[digest])
            elif where.codec == CODEC_RAW and where.stored > WINDOW_BYTES:
                self._place_recipe(digest, Recipe(where.size, (digest,)), targets[digest])
            else:
                slices.append((digest, where))
        return slices

    def _place_loose(self, digest: bytes, where: Location, places: list[_Target]) -> None:
        for folder, name in places:
            if self._link:
                self._place_link(digest, where, folder.path_of(name))
            else:
                copy_loose(self._objects, digest, where, folder.path_of(name))
            folder.placed(name, digest)
            self._progress(1, where.size)

    def _place_link(self, digest: bytes, where: Location, path: str) -> None:
        """Link an object whose bytes are those it was written with: by its fingerprint, else by hashing it."""
        source = str(self._objects.local_path(where.object))
        above, name = os.path.split(source)
        known = self._fingerprints.folders([above]).get(above, {})
        try:
            fingerprint = print_of(os.stat(source))
        except FileNotFoundError as err:
            raise CorruptData(
                f"object {where.object} is missing from the store", code="missing-object", digest=digest
            ) from err
        if known.get(name) != (*fingerprint, digest) and digest_of_file(source)[0] != digest:
            raise wrong_digest(digest, where.object)
        link_loose(self._objects, where, path)
        # The new link changed the object's ctime, so its fingerprint is taken again.
        remember_objects(self._objects, self._fingerprints, [(where.object, digest)])

    def _place_recipe(self, digest: bytes, recipe: Recipe, places: list[_Target]) -> None:
        parts = self._catalog.locate(recipe.parts)
        for folder, name in places:
            assemble(self._objects, digest, recipe, parts, folder.path_of(name))
            folder.placed(name, digest)
            self._progress(1, recipe.size)


class _Batch:
    """Small files to be written by one thread; neighbours of one folder together."""

    def __init__(self) -> None:
        self.files = 0
        self.size = 0
        self._folders: list[tuple[PresentFolder | NewFolder, list[Content]]] = []
        self._last: PresentFolder | NewFolder | None = None

    def add(self, folder: PresentFolder | NewFolder, name: str, digest: bytes, content: bytes | memoryview) -> None:
        if folder is not self._last:
            self._folders.append((folder, []))
            self._last = folder
        self._folders[-1][1].append((name, digest, content))
        self.files += 1
        self.size += len(content)

    def write(self) -> None:
        for folder, contents in self._folders:
            folder.write(contents)


class _Writers:
    """A second thread that writes, and this one where that has enough to do; what fails there is raised here."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Batch | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="forebear-checkout", daemon=True)

    def __enter__(self) -> _Writers:
        self._thread.start()
        return self

    def write(self, batch: _Batch) -> None:
        """Write a batch, now or soon."""
        if self._error is not None:
            raise self._error
        if self._waiting.qsize() < _BATCHES:
            self._waiting.put(batch)
        else:
            batch.write()

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    batch.write()
                except BaseException as err:
                    self._error = err

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error


@contextmanager
def _in_words_of_forebear(root: str) -> Iterator[None]:
    """Say which file it was that the system failed at, where nobody else has."""
    try:
        yield
    except ForebearError:
        raise
    except OSError as err:
        raise storage_failure(err, f"put files in place at {err.filename or root}") from err


def _folders_above(folders: Iterable[str]) -> set[str]:
    """Return the folders that have other folders in them."""
    found: set[str] = set()
    for folder in folders:
        while folder:
            folder = folder.rpartition("/")[0]  # noqa: PLW2901 - climbs to the root
            if folder in found:
                break
            found.add(folder)
    return found


def _may_appear_at_once(rows: list[_File] | None) -> bool:
    """Whether these files are small, and not too many to be written again if this process is killed."""
    if not rows:
        return False
    sizes = [row[1] for row in rows]
    return max(sizes) < SMALL_BYTES and sum(sizes) <= _NEW_FOLDER_BYTES
