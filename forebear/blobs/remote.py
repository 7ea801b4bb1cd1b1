"""Objects on a remote system: S3, GCS, Azure, or whatever else fsspec writes to.

Layout below the URL, as in a folder: ``objects/<name>`` for objects, and what says that this is a store beside them.
An object goes up whole, in one request where it is no larger than a pack, and is there once that request is answered.
Names are digests, so a name that exists holds the same bytes: that is asked before anything is sent, and no condition
of any server is relied on. Some systems give a file its name before all of it is written; so one of another size is
taken for what a broken writer left, and written again. Mutual exclusion is the catalog's affair.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from forebear.blobs.local import storage_failure
from forebear.blobs.objects import NAMED_BY_DIGEST, check_object_name, is_object_name
from forebear.blobs.remote_failures import (
    Doing,
    Redactor,
    failure,
    is_harmless,
    is_missing,
    is_past_the_end,
    is_there_already,
)
from forebear.blobs.remote_systems import FolderSystem, System, open_system, parse_address
from forebear.errors import Conflict, NotFound, StorageFailure

if TYPE_CHECKING:
    from tempfile import _TemporaryFileWrapper

#: Calls that run at the same time when there is much to read or to ask.
CALLS_AT_ONCE = 8
#: Bytes of an object being written that are held in memory; more go into a temporary file.
SPOOL_BYTES = 80 * 1024 * 1024
_OBJECTS = "objects"
_TMP = "tmp"

_Result = TypeVar("_Result")


class RemoteObjects:
    """An `forebear.blobs.objects.ObjectStore` behind a URL of fsspec. Opens nothing before it is first asked."""

    calls_at_once = CALLS_AT_ONCE

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """Use what is at ``url``, such as ``s3://bucket/prefix``; the bucket must be there.

        Args:
            options: Of the file system, such as ``{"endpoint_url": …}``. Credentials come from here, or from the
                environment and files that the library of the system reads; they are kept in memory only.

        Raises:
            InvalidInput: the URL names no bucket, or holds a password.
        """
        self._address = parse_address(url)
        self._options = dict(options or {})
        self._redacted = Redactor(self._options)
        #: One for each process: a child of a fork has no thread of its parent's, and its connections are its parent's.
        self._systems: dict[int, tuple[System, System]] = {}

    @property
    def url(self) -> str:
        """Where this is, without credentials."""
        return self._address.text

    def __repr__(self) -> str:
        return f"RemoteObjects({self.url!r})"

    # -- the port -----------------------------------------------------------------------------------------------

    def sink(self) -> RemoteSink:
        """See `ObjectStore.sink`."""
        return RemoteSink(self)

    def put(self, name: str, content: bytes) -> None:
        """See `ObjectStore.put`. Cost: two requests; one where the name exists."""
        if not self._holds(name, len(content)):
            self._write(self._system, name, lambda system, path: system.write(path, content))

    def put_file(self, name: str, path: str) -> None:
        """See `SupportsFiles.put_file`. Memory: `remote_systems.PART_BYTES` x `remote_systems.PARTS_AT_ONCE`."""
        before = os.stat(path)
        if self._holds(name, before.st_size):
            return
        self._write(self._system, name, lambda system, target: system.upload(target, path))
        after = os.stat(path)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self.delete(name)
            raise Conflict(
                f"{path} changed while it was sent; add it again once its writer is done", code="file-changed"
            )

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore.read`. Cost: one request."""
        check_object_name(name)
        system = self._system
        if length == 0:  # a range that no protocol can ask for
            if self.size(name) is None:
                raise NotFound(f"object {name} is missing from {self.url}", code="object-missing")
            return b""
        end = None if length is None else offset + length
        return self._tell("read", _told(name), lambda: system.read(system.path(name), offset, end), past_the_end=b"")

    def size(self, name: str) -> int | None:
        """See `ObjectStore.size`. Cost: one request."""
        check_object_name(name)
        system = self._system
        return self._tell("read", _told(name), lambda: system.size(system.path(name)), missing=None)

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.names`. Cost: one request a thousand names; memory: one page."""
        found = self._system.below(prefix)
        while (name := self._tell("list", _told(prefix), lambda: next(found, None))) is not None:
            if is_object_name(name):
                yield name

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`. Cost: two requests; one where there is no such object."""
        # A server that keeps keys as files may take "a/b" for "a", where "a" is a file.
        if self.size(name) is None:
            return
        system = self._system
        self._tell("delete", _told(name), lambda: system.delete(system.path(name)), missing=None)

    def local_path(self, name: str) -> Path | None:
        """See `ObjectStore.local_path`; nothing here is a file of this machine."""
        check_object_name(name)
        return None

    # -- beside the objects ---------------------------------------------------------------------------------------

    def read_beside(self, name: str) -> bytes | None:
        """Return a small file that lies beside the objects, such as ``store.json``; ``None`` where there is none."""
        system = self._beside
        return self._tell("read", name, lambda: system.read(system.path(name), 0, None), missing=None)

    def write_beside(self, name: str, content: bytes) -> None:
        """Write a small file beside the objects; one that is there is replaced."""
        self._write(self._beside, name, lambda system, path: system.write(path, content))

    # -- how ----------------------------------------------------------------------------------------------------

    @property
    def _system(self) -> System:
        return self._both()[0]

    @property
    def _beside(self) -> System:
        return self._both()[1]

    def _both(self) -> tuple[System, System]:
        own = self._systems.get(os.getpid())
        # The parent's stay where they are: letting go of them in a child would close connections that both hold.
        return own or self._systems.setdefault(os.getpid(), self._open())

    def _open(self) -> tuple[System, System]:
        system = self._tell("read", "", lambda: open_system(self._address, self._options))
        return system.below_folder(_OBJECTS), system

    def _holds(self, name: str, size: int) -> bool:
        """Whether an object is there, whole as far as its size tells where its name says what it holds."""
        found = self.size(name)
        return found == size or (found is not None and not name.startswith(NAMED_BY_DIGEST))

    def _write(self, system: System, name: str, write: Callable[[System, str], None]) -> None:
        path = system.path(check_object_name(name))
        told = name if system is self._beside else _told(name)
        if not isinstance(system, FolderSystem):
            self._tell("write", told, lambda: write(system, path), there_already=None)
            return
        # What is half written must not have a name that anybody reads.
        temporary = self._beside.path(f"{_TMP}/write-{os.urandom(8).hex()}")

        def write_and_move() -> None:
            system.make_folder(path)
            system.make_folder(temporary)
            try:
                write(system, temporary)
                system.move(temporary, path)
            except BaseException:
                with contextlib.suppress(Exception):  # what is told is why it was not written
                    system.delete(temporary)
                raise

        self._tell("write", told, write_and_move, there_already=None)

    def _tell(self, verb: str, path: str, call: Callable[[], _Result], **instead: Any) -> _Result:
        """Return what ``call`` returns, or for an error that is none here, what ``instead`` says of its kind.

        What is told names ``path``, from the URL on.
        """
        try:
            return call()
        except Exception as err:  # libraries raise what they like, and each kind is told here
            for kind, tells in (
                ("missing", is_missing),
                ("past_the_end", is_past_the_end),
                ("there_already", is_there_already),
            ):
                if kind in instead and tells(err):
                    result: _Result = instead[kind]
                    return result
            address = self._address
            what = f"{address.text}/{path}" if path else address.text
            told = failure(err, Doing(verb, what, address.protocol, address.bucket), self._redacted)
            raise told from (err if is_harmless(err, self._redacted) else None)


def _told(name: str) -> str:
    """Return the path from the URL on of an object, or of what a prefix stands for."""
    return f"{_OBJECTS}/{name}" if name else ""


class RemoteSink:
    """An object on its way, held in memory, or in a temporary file where it is larger than a pack.

    See `forebear.blobs.objects.ObjectSink`. What could not be sent is still there: `finish` may be called again.
    """

    def __init__(self, store: RemoteObjects) -> None:
        self._store = store
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: _TemporaryFileWrapper[bytes] | None = None

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """See `ObjectSink.write`."""
        try:
            if self._file is None and self._held().tell() + len(content) > SPOOL_BYTES:
                self._spill()
            (self._file or self._held()).write(content)
        except OSError as err:
            raise storage_failure(
                err, f"write to {tempfile.gettempdir()}, where large objects wait to be sent"
            ) from err

    def _held(self) -> io.BytesIO:
        if self._memory is None:
            raise StorageFailure(
                f"what was to be sent to {self._store.url} was given up; begin a new artifact and add its files again",
                code="storage-failure",
            )
        return self._memory

    def _spill(self) -> None:
        file = tempfile.NamedTemporaryFile(prefix="forebear-")  # noqa: SIM115 - closed by finish or abort
        file.write(self._held().getbuffer())
        self._file = file
        self._memory = None

    def finish(self, name: str) -> None:
        """See `ObjectSink.finish`. Cost: two requests; one where the name exists."""
        if self._file is not None:
            self._file.flush()
            self._store.put_file(name, self._file.name)
        else:
            self._store.put(name, self._held().getvalue())
        self.abort()

    def abort(self) -> None:
        """See `ObjectSink.abort`."""
        self._memory = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.abort()
