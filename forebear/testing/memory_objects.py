"""The reference model of the port under the blob store: a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from forebear.blobs.objects import check_object_name
from forebear.errors import NotFound


class MemoryObjects:
    """An `forebear.blobs.objects.ObjectStore` in memory, as obvious as it gets.

    It also counts: ``reads`` lists every read as (name, offset, length), so that tests can say how many they allow.
    """

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}
        self._lock = Lock()
        self.reads: list[tuple[str, int, int | None]] = []

    def sink(self) -> MemorySink:
        """See `ObjectStore.sink`."""
        return MemorySink(self)

    def put(self, name: str, content: bytes) -> None:
        """See `ObjectStore.put`."""
        check_object_name(name)
        with self._lock:
            self._held.setdefault(name, bytes(content))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        check_object_name(name)
        self.reads.append((name, offset, length))
        if name not in self._held:
            raise NotFound(f"object {name} is missing from memory", code="object-missing")
        return self._held[name][offset : None if length is None else offset + length]

    def size(self, name: str) -> int | None:
        """See `ObjectStore.size`."""
        held = self._held.get(check_object_name(name))
        return None if held is None else len(held)

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.names`."""
        yield from [name for name in self._held if name.startswith(prefix)]

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        with self._lock:
            self._held.pop(check_object_name(name), None)

    def local_path(self, name: str) -> Path | None:
        """See `ObjectStore.local_path`; memory has no files."""
        check_object_name(name)
        return None

    def replace(self, name: str, content: bytes) -> None:
        """Damage an object: let it hold other bytes than were put."""
        self._held[check_object_name(name)] = content


class MemorySink:
    """See `forebear.blobs.objects.ObjectSink`."""

    def __init__(self, store: MemoryObjects) -> None:
        self._store = store
        self._parts: list[bytes] = []

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """See `ObjectSink.write`."""
        self._parts.append(bytes(content))

    def finish(self, name: str) -> None:
        """See `ObjectSink.finish`."""
        self._store.put(name, b"".join(self._parts))

    def abort(self) -> None:
        """See `ObjectSink.abort`."""
        self._parts.clear()
