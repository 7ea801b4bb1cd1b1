"""Putting many files in place: what is there and unchanged is not touched, the rest is read in the order it lies."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from forebear.blobs.digest import digest_of_file
from forebear.blobs.local import storage_failure
from forebear.blobs.place import copy_loose, link_loose, write_new
from forebear.blobs.reader import WINDOW_BYTES, read_blobs, wrong_digest
from forebear.blobs.writer import SMALL_BYTES
from forebear.catalog.fingerprints import Fingerprint, FingerprintCache, may_remember, print_of
from forebear.errors import CorruptData, InvalidInput
from forebear.records.content import LOOSE, Location, Recipe
from forebear.store.intake import remember_objects
from forebear.store.paths import SafeFolder

if TYPE_CHECKING:
    from concurrent.futures import Future

    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog

#: Files written by the second thread at a time; creating files is what costs, and the kernel does it in parallel.
_BATCH_FILES = 64
#: Batches under way: bounds the memory held by content not yet written.
_BATCHES = 4

#: Called with the number of files and bytes put in place since the last call.
Progress = Callable[[int, int], None]


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
        self._folder = SafeFolder(root)
        self._link = link
        self._progress = progress or (lambda files, size: None)
        self._seen: dict[str, dict[str, Fingerprint]] = {}
        self._present: dict[str, set[str]] = {}
        self._placed: list[tuple[str, bytes]] = []

    def place(self, files: Iterable[tuple[str, int, bytes]]) -> int:
        """Put (path, size, digest) rows in place; return how many files had to be written.

        Raises:
            CorruptData: a blob is missing or damaged; files before it are in place, its own is not.
            InvalidInput: a path would leave the folder.

        Cost: a stat for each file that is there; otherwise one read for each run of neighbouring slices.
        """
        self._make_root()
        targets: dict[bytes, list[str]] = {}
        for path, size, digest in files:
            target = self._folder.join(path)
            if self._in_place(target, size, digest):
                self._progress(1, size)
            else:
                targets.setdefault(digest, []).append(target)
        if targets:
            self._write(targets)
        if self._placed:
            self._remember()
        return sum(len(paths) for paths in targets.values())

    def _make_root(self) -> None:
        root = self._folder.root
        try:
            os.makedirs(root, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as err:
            raise InvalidInput(
                f"cannot make the folder {root}: a file is in its place", code="file-in-the-way"
            ) from err
        except OSError as err:
            raise storage_failure(err, f"make the folder {root}") from err

    def _in_place(self, target: str, size: int, digest: bytes) -> bool:
        folder, name = os.path.split(target)
        if folder not in self._present:
            present = self._present[folder] = set(os.listdir(folder))
            self._seen[folder] = self._fingerprints.folders([folder]).get(folder, {}) if present else {}
        if name not in self._present[folder]:
            return False
        try:
            status = os.lstat(target)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            raise InvalidInput(f"cannot write the file {target}: a folder is in its place", code="folder-in-the-way")
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        known = self._seen[folder].get(name)
        if known is not None and known[:4] == print_of(status):
            return known[4] == digest
        if digest_of_file(target)[0] != digest:
            return False
        self._placed.append((target, digest))
        return True

    def _write(self, targets: dict[bytes, list[str]]) -> None:
        slices: list[tuple[bytes, Location]] = []
        located = self._catalog.locate(targets)
        for digest, paths in targets.items():
            where = located.get(digest)
            if where is None:
                raise CorruptData(
                    f"the blob {digest.hex()[:16]}… is not in the store", code="missing-blob", digest=digest
                )
            if isinstance(where, Recipe):
                self._place_recipe(digest, where, paths)
            elif where.object.startswith(LOOSE) and self._objects.local_path(where.object) is not None:
                self._place_loose(digest, where, paths)
            else:
                slices.append((digest, where))
        self._place_slices(slices, targets)

    def _place_slices(self, slices: list[tuple[bytes, Location]], targets: dict[bytes, list[str]]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # 6 ms, only when something is written

        with ThreadPoolExecutor(1) as pool:
            under_way: list[Future[None]] = []
            batch: list[tuple[str, bytes | memoryview]] = []
            held = 0
            for digest, content in read_blobs(self._objects, slices):
                for path in targets[digest]:
                    batch.append((path, content))
                    self._placed.append((path, digest))
                held += len(content)
                if len(batch) >= _BATCH_FILES or held >= WINDOW_BYTES:
                    # This thread reads and hashes the next blobs and writes every second batch itself.
                    if len(under_way) < _BATCHES:
                        under_way.append(pool.submit(_write_batch, batch))
                    else:
                        _write_batch(batch)
                        under_way = [task for task in under_way if not _is_over(task)]
                    self._progress(len(batch), held)
                    batch, held = [], 0
            _write_batch(batch)
            self._progress(len(batch), held)
            for task in under_way:
                task.result()

    def _place_loose(self, digest: bytes, where: Location, paths: list[str]) -> None:
        for path in paths:
            if self._link:
                self._place_link(digest, where, path)
            else:
                copy_loose(self._objects, digest, where, path)
            self._placed.append((path, digest))
            self._progress(1, where.size)

    def _place_link(self, digest: bytes, where: Location, path: str) -> None:
        """Link an object whose bytes are those it was written with: by its fingerprint, else by hashing it."""
        source = str(self._objects.local_path(where.object))
        folder, name = os.path.split(source)
        known = self._fingerprints.folders([folder]).get(folder, {})
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

    def _place_recipe(self, digest: bytes, recipe: Recipe, paths: list[str]) -> None:
        located = self._catalog.locate(recipe.parts)
        parts = dict(
            read_blobs(self._objects, [(key, where) for key, where in located.items() if isinstance(where, Location)])
        )
        content = b"".join(parts[key] for key in recipe.parts)
        for path in paths:
            write_new(path, content)
            self._placed.append((path, digest))

    def _remember(self) -> None:
        """Keep the fingerprints of what was placed, so that the next checkout is a walk."""
        now = time.time_ns()
        changed: set[str] = set()
        for path, digest in self._placed:
            folder, name = os.path.split(path)
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                if status.st_size >= SMALL_BYTES or may_remember(status.st_mtime_ns, status.st_ctime_ns, now):
                    self._seen[folder][name] = (*print_of(status), digest)
                    changed.add(folder)
        self._fingerprints.save({folder: self._seen[folder] for folder in changed})
        self._placed.clear()


def _write_batch(batch: list[tuple[str, bytes | memoryview]]) -> None:
    for path, content in batch:
        write_new(path, content)


def _is_over(task: Future[None]) -> bool:
    if task.done():
        task.result()
        return True
    return False
