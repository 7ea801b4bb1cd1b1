"""The folders that a checkout fills: those that are there, file by file, and new ones, which appear as a whole.

A file has its name only once it is whole, even if the process is killed. In a folder that others can see this costs a
rename a file, half of what writing a small file costs; so small files of a new folder are written out of sight, and
the folder gets its name when all of them are there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.digest import digest_of_file
from forebear.blobs.local import storage_failure
from forebear.blobs.place import write_new, write_unseen
from forebear.blobs.temporary import new_folder, sweep
from forebear.blobs.writer import SMALL_BYTES
from forebear.catalog.fingerprints import TICK_NS, Fingerprint, may_remember, print_of
from forebear.errors import ForebearError, InvalidInput

if TYPE_CHECKING:
    from forebear.catalog.fingerprints import FingerprintCache


#: Name of a file in its folder, digest, content.
Content = tuple[str, bytes, bytes | memoryview]


class PresentFolder:
    """A folder that others can see."""

    def __init__(self, path: str, fingerprints: FingerprintCache) -> None:
        """Look at what is there, and sweep what dead processes left."""
        self.path = path
        names = os.listdir(path)
        self._known = fingerprints.folders([path]).get(path, {}) if names else {}
        self._names = set(names)
        self._placed: list[tuple[str, bytes]] = []
        sweep(path, names)

    def has(self, name: str, size: int, digest: bytes) -> bool:
        """Whether the file is there and is what it should be. Cost: a stat; a read where it was not seen before.

        Raises:
            InvalidInput: a folder is in its place.
        """
        if name not in self._names:
            return False
        path = self.path_of(name)
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            raise InvalidInput(f"cannot write the file {path}: a folder is in its place", code="folder-in-the-way")
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        known = self._known.get(name)
        if known is not None and known[:4] == print_of(status):
            return known[4] == digest
        if digest_of_file(path)[0] != digest:
            return False
        self.placed(name, digest)
        return True

    def path_of(self, name: str) -> str:
        """Return where a file is or will be."""
        return f"{self.path}{os.sep}{name}"

    def write(self, contents: Iterable[Content]) -> None:
        """Write small files. Safe for threads."""
        for name, digest, content in contents:
            write_new(self.path_of(name), content)
            self.placed(name, digest)

    def placed(self, name: str, digest: bytes) -> None:
        """Note that a file is in place."""
        self._placed.append((name, digest))

    def prints(self) -> dict[str, Fingerprint]:
        """Return the fingerprints of the folder's files if they changed, else nothing. Cost: a stat a file placed."""
        now = time.time_ns()
        changed = False
        for name, digest in self._placed:
            with contextlib.suppress(OSError):
                status = os.lstat(self.path_of(name))
                if status.st_size >= SMALL_BYTES or may_remember(status.st_mtime_ns, status.st_ctime_ns, now):
                    self._known[name] = (*print_of(status), digest)
                    changed = True
        return self._known if changed else {}


class NewFolder:
    """A folder that nobody sees before it appears. Made by `Staging`."""

    def __init__(self, path: str, at: str, count: int, filled: deque[tuple[int, NewFolder]]) -> None:
        """Let ``count`` files be written into the folder ``at``, which is to become ``path``."""
        self.path = path
        self._at = at
        self._count = count
        self._filled = filled
        self._prints: dict[str, Fingerprint] = {}
        self._appeared_ns: int | None = None

    def has(self, name: str, size: int, digest: bytes) -> bool:
        """It has nothing yet."""
        return False

    def path_of(self, name: str) -> str:
        """Return where to write a file."""
        return f"{self._at}{os.sep}{name}"

    def write(self, contents: Iterable[Content]) -> None:
        """Write small files. Safe for threads."""
        prefix, prints = f"{self._at}{os.sep}", self._prints
        for name, digest, content in contents:
            prints[name] = (*print_of(write_unseen(prefix + name, content)), digest)
        self._count_files()

    def placed(self, name: str, digest: bytes) -> None:
        """Note that a file was put where `path_of` says."""
        self._prints[name] = (*print_of(os.lstat(self.path_of(name))), digest)
        self._count_files()

    def _count_files(self) -> None:
        if len(self._prints) == self._count:
            self._filled.append((time.time_ns(), self))

    def appear(self) -> None:
        """Give the folder its name.

        Raises:
            InvalidInput: a file came in its place.
            StorageFailure: the system refuses.
        """
        if self._appeared_ns is not None or not self._prints:
            return
        self._appeared_ns = time.time_ns()
        try:
            os.rename(self._at, self.path)
        except OSError as err:
            if err.errno == errno.ENOTDIR:
                raise InvalidInput(
                    f"cannot make the folder {self.path}: a file is in its place", code="file-in-the-way"
                ) from err
            if err.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EXDEV, errno.EACCES}:
                raise storage_failure(err, f"make the folder {self.path}") from err
            self._move_one_by_one()

    def _move_one_by_one(self) -> None:
        """Put the files where somebody else made the folder meanwhile, or where it lies on another file system."""
        try:
            os.makedirs(self.path, exist_ok=True)
            for name in self._prints:
                hidden, path = os.path.join(self._at, name), os.path.join(self.path, name)
                try:
                    os.replace(hidden, path)
                except OSError as err:
                    if err.errno != errno.EXDEV:
                        raise
                    with open(hidden, "rb") as file:
                        write_new(path, file.read())
        except FileExistsError as err:
            raise InvalidInput(
                f"cannot make the folder {self.path}: a file is in its place", code="file-in-the-way"
            ) from err
        except OSError as err:
            raise storage_failure(err, f"write {self.path}") from err
        self._prints.clear()  # moving a file changes its ctime

    def prints(self) -> dict[str, Fingerprint]:
        """Return the fingerprints of the files that nobody can have changed unseen before the folder appeared."""
        appeared = self._appeared_ns
        if appeared is None:
            return {}
        return {name: seen for name, seen in self._prints.items() if may_remember(seen[2], seen[3], appeared)}


class Staging:
    """A hidden folder in which new folders are filled. It is there only while there is something in it."""

    def __init__(self, place: str) -> None:
        """Work inside ``place``, a folder on the file system of what is to appear."""
        #: Where that is.
        self.place = place
        self._root: _Root | None = None
        self._folders: list[NewFolder] = []
        self._filled: deque[tuple[int, NewFolder]] = deque()

    def folder(self, path: str, count: int) -> NewFolder:
        """Begin a folder that is to appear as ``path`` once it has ``count`` files."""
        try:
            if self._root is None:
                sweep(self.place, os.listdir(self.place))
                self._root = _Root(*new_folder(self.place))
            at = f"{self._root.path}{os.sep}{len(self._folders)}"
            os.mkdir(at)
        except OSError as err:
            raise storage_failure(err, f"write below {self.place}") from err
        folder = NewFolder(path, at, count, self._filled)
        self._folders.append(folder)
        return folder

    def advance(self) -> None:
        """Let the folders appear that are full, a tick of the clock later: then their fingerprints can be trusted."""
        limit = time.time_ns() - TICK_NS
        while self._filled and self._filled[0][0] < limit:
            self._filled.popleft()[1].appear()

    @contextlib.contextmanager
    def until_all_appear(self) -> Iterator[None]:
        """Let all folders appear when the block ends; when it fails, with the files that they have by then."""
        try:
            yield
            for folder in self._folders:
                folder.appear()
        except BaseException:
            for folder in self._folders:
                with contextlib.suppress(ForebearError):
                    folder.appear()
            raise
        finally:
            if self._root is not None:
                self._root.remove()


class _Root(NamedTuple):
    lock: int | None
    path: str

    def remove(self) -> None:
        try:
            os.rmdir(self.path)
        except OSError:  # folders that could not appear
            from shutil import rmtree  # 5 ms

            rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
