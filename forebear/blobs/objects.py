"""The port under the blob store: immutable named objects somewhere.

Names are relative, ``/``-separated ASCII paths. An object appears whole under its name or not at all, and never changes
afterwards; putting a name that exists is a success and changes nothing. Where that takes a promise which a remote
system does not give (some show a file while it is written), readers who verify and writers who ask for the size of an
object named by its digest are safe all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from forebear.errors import InvalidInput
from forebear.records.content import LOOSE, PACK

#: Names that begin so hold a digest of the object's bytes.
NAMED_BY_DIGEST = (f"{LOOSE}/", f"{PACK}/")
#: Told the name that an object is about to get; it returns once nobody is about to delete one of that name.
Settle = Callable[[str], None]
_NAME = re.compile(r"[A-Za-z0-9_.=@+-]+(/[A-Za-z0-9_.=@+-]+)*\Z")


def no_settling(name: str) -> None:
    """A `Settle` for where nothing is deleted."""


def check_object_name(name: str) -> str:
    """Return ``name`` if it is safe as a path in any object store, else raise `InvalidInput`."""
    if not is_object_name(name):
        raise InvalidInput(f"object name {name!r} is not allowed", code="invalid-object-name")
    return name


def is_object_name(name: str) -> bool:
    """Whether `check_object_name` takes a name."""
    return bool(_NAME.match(name)) and not any(part in {".", ".."} for part in name.split("/"))


def object_name(kind: str, digest: bytes) -> str:
    """Name of the loose object or pack whose bytes have this digest, such as ``loose/3f/3fa9…``."""
    assert kind in {LOOSE, PACK}
    text = digest.hex()
    return f"{kind}/{text[:2]}/{text}"


class ObjectSink(Protocol):
    """An object being written, which has no name yet."""

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append bytes. Raises `StorageFailure` when there is no room."""
        ...

    def finish(self, name: str) -> None:
        """Make the object durable under ``name``."""
        ...

    def abort(self) -> None:
        """Forget what was written. Harmless after `finish`."""
        ...


class ObjectStore(Protocol):
    """Where objects live. Safe for threads and processes."""

    def sink(self) -> ObjectSink:
        """Begin an object whose name is known only once its bytes are."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a small object (durable)."""
        ...

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return a range of an object; a range past its end is cut short.

        Raises:
            NotFound: there is no such object.
        """
        ...

    def size(self, name: str) -> int | None:
        """Bytes of an object, ``None`` where there is none."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names that begin with ``prefix``, in no particular order.

        What somebody else put there under a name that no object has is passed over.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is passed over."""
        ...

    def local_path(self, name: str) -> Path | None:
        """The file that holds exactly this object's bytes, where the store is a folder of this machine."""
        ...


# -- what an object store may do besides ------------------------------------------------------------------------------


class SupportsManyCalls(Protocol):
    """An object store that is far away: a call waits for a network, so several at a time take as long as one."""

    #: How many calls at a time are worth it.
    calls_at_once: int


@runtime_checkable
class SupportsFiles(Protocol):
    """An object store that takes a file of any size with bounded memory, and better than piece by piece."""

    def put_file(self, name: str, path: str) -> None:
        """Make the bytes of a file of this machine the object ``name`` (durable), whole or not at all.

        Raises:
            Conflict: the file changed while it was read.
        """
        ...


@runtime_checkable
class SupportsForgetting(Protocol):
    """An object store that keeps copies at hand."""

    def forget(self, name: str) -> None:
        """Drop what is kept of an object, so that it is read where it really is."""
        ...


def calls_at_once(objects: ObjectStore) -> int:
    """Return how many calls at a time are worth it; 1 for a store of this machine."""
    number: int = getattr(objects, "calls_at_once", 1)
    return number
