"""Objects in a folder of this machine.

Layout: ``objects/<name>`` for finished objects, ``tmp/`` for those being written. A writer holds a lock on its
temporary file, so that leftovers of dead processes are told from the files of living ones and swept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from forebear.blobs.copying import copy_file_and_hash
from forebear.blobs.objects import check_object_name, is_object_name
from forebear.errors import CorruptData, NotFound, StorageFailure, Unsupported

try:
    import fcntl as _fcntl
except ImportError:  # Windows: no locks on leftovers, no reflinks
    _fcntl = None  # type: ignore[assignment]

fcntl: Any = _fcntl

#: Finished objects are read-only, so that a hard link handed out is not changed by accident.
OBJECT_MODE = 0o444
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


class LocalObjects:
    """An `forebear.blobs.objects.ObjectStore` in a folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root``; its folders are made when the first object is written."""
        self.root = root
        #: It was there, so where it is not any more it is away, and nothing is made in its place.
        self._there = root.is_dir()
        self._objects = root / "objects"
        self._tmp = root / "tmp"
        self._folders: set[str] = set()
        self._swept = False

    def sink(self) -> LocalSink:
        """See `ObjectStore.sink`."""
        return LocalSink(self)

    def put(self, name: str, content: bytes) -> None:
        """See `ObjectStore.put`."""
        if self.size(name) is not None:
            return
        sink = self.sink()
        try:
            sink.write(content)
            sink.finish(name)
        finally:
            sink.abort()

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        with self.open(name) as descriptor:
            if length is None:
                length = max(0, os.fstat(descriptor).st_size - offset)
            return _pread(descriptor, length, offset)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[int]:
        """Open an object for reading and give its file descriptor."""
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except (FileNotFoundError, NotADirectoryError) as err:
            raise NotFound(f"object {name} is missing from {self.root}", code="object-missing") from err
        except OSError as err:
            raise storage_failure(err, f"read {path}") from err
        try:
            yield descriptor
        except IsADirectoryError as err:
            raise NotFound(f"object {name} is missing from {self.root}", code="object-missing") from err
        except OSError as err:
            if isinstance(err, StorageFailure):
                raise
            raise storage_failure(err, f"read {path}") from err
        finally:
            os.close(descriptor)

    def size(self, name: str) -> int | None:
        """See `ObjectStore.size`."""
        try:
            status = os.stat(self._path(name))
            return status.st_size if stat.S_ISREG(status.st_mode) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            raise storage_failure(err, f"look at {self._path(name)}") from err

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.names`."""
        for folder, folders, files in os.walk(self._objects, onerror=_cannot_list):
            folders.sort()
            base = Path(folder).relative_to(self._objects).as_posix()
            for file in sorted(files):
                name = file if base == "." else f"{base}/{file}"
                if name.startswith(prefix) and is_object_name(name):
                    yield name

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(self._path(name))
        except OSError as err:
            raise storage_failure(err, f"delete {self._path(name)}") from err

    def local_path(self, name: str) -> Path:
        """See `ObjectStore.local_path`."""
        return Path(self._path(name))

    def link_in(self, source: Path, name: str, check: Callable[[], None]) -> None:
        """Let an existing file be the object ``name`` by a hard link; the file becomes read-only.

        ``check`` is called once nobody can open the file for writing any more; when it raises, no object appears. An
        object that is there already is replaced, never removed: others may count on it.

        Raises:
            Unsupported: the file lies on another file system, or this one has no hard links.
        """
        target = self._path(name)
        self.make_folder(os.path.dirname(target))
        self.make_folder(str(self._tmp))
        link = f"{self._tmp}{os.sep}link-{os.getpid()}-{os.urandom(8).hex()}"
        try:
            os.link(source, link)
            self._protect(link, check)
            os.replace(link, target)
            sync_path(os.path.dirname(target))
        except OSError as err:
            if err.errno in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
                raise Unsupported(
                    f"cannot hard-link {source} into the store at {self.root} ({os.strerror(err.errno)}); "
                    "leave link=True out to copy it",
                    code="no-hard-link",
                ) from err
            raise storage_failure(err, f"link {source}") from err
        finally:
            # Also after success: renaming one link of a file onto another link of it does nothing.
            with contextlib.suppress(OSError):
                os.unlink(link)

    def _protect(self, link: str, check: Callable[[], None]) -> None:
        mode = stat.S_IMODE(os.stat(link).st_mode)
        os.chmod(link, mode & ~0o222)
        try:
            sync_path(link)
            check()
        except BaseException:
            os.chmod(link, mode)  # the file is its owner's alone again
            raise

    def _path(self, name: str) -> str:
        return f"{self._objects}{os.sep}{check_object_name(name)}"

    def make_folder(self, folder: str) -> None:
        """Make a folder durably, with its parents; remembered, so that the second time costs nothing."""
        if folder in self._folders:
            return
        missing = []
        parent = folder
        while not os.path.lexists(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        try:
            if self._there and not self.root.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root))
            if not os.path.isdir(parent):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), parent)
            for path in reversed(missing):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path)
                sync_path(os.path.dirname(path))
        except OSError as err:
            raise storage_failure(err, f"make the folder {folder}") from err
        self._folders.add(folder)

    def temporary(self) -> tuple[int, str]:
        """Create a temporary file that this process holds a lock on; return its descriptor and path."""
        self.make_folder(str(self._tmp))
        if not self._swept:
            self._swept = True
            self.sweep()
        while True:
            path = f"{self._tmp}{os.sep}write-{os.urandom(8).hex()}"
            try:
                descriptor = os.open(path, _NEW_FILE, 0o600)
            except FileExistsError:
                continue
            except OSError as err:
                raise storage_failure(err, f"write below {self.root}") from err
            if fcntl is None:
                return descriptor, path
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # A sweeper may have taken the file between its creation and the lock; then it has no name any more.
            if os.fstat(descriptor).st_nlink:
                return descriptor, path
            os.close(descriptor)

    def sweep(self) -> int:
        """Remove temporary files whose writers are dead; return how many."""
        if fcntl is None:
            return 0
        removed = self._sweep_links()
        for path in self._in_tmp("write-"):
            try:
                descriptor = os.open(path, os.O_RDWR)
            except OSError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
                removed += 1
            except OSError:
                continue
            finally:
                os.close(descriptor)
        return removed

    def _in_tmp(self, begins: str) -> list[Path]:
        """Temporary files; none where they cannot be listed: they wait for the next one who sweeps."""
        try:
            return [self._tmp / name for name in os.listdir(self._tmp) if name.startswith(begins)]
        except OSError:
            return []

    def _sweep_links(self) -> int:
        """Remove links that were on their way in when their process died; they name it, for they cannot be locked."""
        removed = 0
        for path in self._in_tmp("link-"):
            try:
                os.kill(int(path.name.split("-")[1]), 0)
            except ProcessLookupError:
                with contextlib.suppress(OSError):
                    path.unlink()
                    removed += 1
            except (OSError, ValueError):
                continue
        return removed


class LocalSink:
    """A temporary file on its way to become an object. See `forebear.blobs.objects.ObjectSink`."""

    def __init__(self, store: LocalObjects) -> None:
        self._store = store
        self._open = False
        self._descriptor, self._path = store.temporary()
        self._owner = os.getpid()
        self._open = True
        self._size = 0

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """See `ObjectSink.write`."""
        self._check_open()
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as err:
            # All or nothing, so that a caller may write the same again once there is room.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
                os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise storage_failure(err, f"write to the store at {self._store.root}") from err
        self._size += len(content)

    def copy(self, source: int) -> tuple[bytes, int]:
        """Take all of a file, as the only content; return digest and size. Cost: as `copy_file_and_hash`."""
        self._check_open()
        digest, self._size = copy_file_and_hash(source, self._descriptor, self.write)
        return digest, self._size

    def fileno(self) -> int:
        """Return the file's descriptor, open for reading too, until the object is finished."""
        self._check_open()
        return self._descriptor

    def finish(self, name: str) -> None:
        """See `ObjectSink.finish`."""
        target = self._store._path(name)
        folder = os.path.dirname(target)
        self._check_open()
        self._store.make_folder(folder)
        try:
            os.fchmod(self._descriptor, OBJECT_MODE)
            os.fsync(self._descriptor)
            os.replace(self._path, target)
            sync_path(folder)
        except OSError as err:
            # After a failed fsync the system may drop the bytes and call the next fsync a success.
            self.abort()
            raise storage_failure(err, f"finish {name} in the store at {self._store.root}") from err
        self._close()

    def abort(self) -> None:
        """See `ObjectSink.abort`."""
        if not self._open:
            return
        # A forked child shares the descriptor but not the ownership: the file is its parent's.
        if os.getpid() == self._owner:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self._close()

    def _check_open(self) -> None:
        if not self._open:
            raise StorageFailure(
                f"what was written to the store at {self._store.root} was given up after an earlier failure; "
                "begin a new artifact and add its files again",
                code="storage-failure",
            )

    def _close(self) -> None:
        self._open = False
        os.close(self._descriptor)

    def __del__(self) -> None:
        self.abort()  # a draft that nobody logs must not hold its space until the process ends


def storage_failure(err: OSError, doing: str) -> StorageFailure | CorruptData:
    """Return forebear's error for what the operating system said while ``doing`` something."""
    reason = os.strerror(err.errno) if err.errno else str(err)
    advice = {
        errno.ENOSPC: "; free some space and repeat",
        errno.EDQUOT: "; free some space and repeat",
        errno.EROFS: "; the store is read-only: mount it writable or choose another with FOREBEAR_STORE",
        errno.EACCES: "; check who owns the store and that you may write there",
        errno.EMFILE: "; raise the limit of open files (ulimit -n)",
    }.get(err.errno or 0, "")
    return StorageFailure(f"cannot {doing}: {reason}{advice}", code="storage-failure")


def _cannot_list(err: OSError) -> None:
    """Raise what `os.walk` would pass over in silence; a folder that is not there has nothing in it."""
    if not isinstance(err, FileNotFoundError):
        raise storage_failure(err, f"list {err.filename}") from err


def sync_path(path: str) -> None:
    """Make a folder's names, or a file, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pread(descriptor: int, length: int, offset: int) -> bytes:
    content = os.pread(descriptor, length, offset)
    if len(content) == length or not content:
        return content
    pieces = [content]
    done = len(content)
    # One call returns at most 2 GiB, and fewer when a signal arrives.
    while done < length and (more := os.pread(descriptor, length - done, offset + done)):
        pieces.append(more)
        done += len(more)
    return b"".join(pieces)
