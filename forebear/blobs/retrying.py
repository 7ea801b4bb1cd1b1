"""Patience with a system that is away, busy or slow for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from forebear.blobs.objects import SupportsFiles, calls_at_once
from forebear.blobs.remote_failures import Unreachable
from forebear.errors import Unsupported

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectSink, ObjectStore

#: Seconds that one call goes on trying, once the system has answered to anything.
PATIENCE_SECONDS = 120.0
#: The same for a system that never has: mostly its address is wrong.
FIRST_PATIENCE_SECONDS = 10.0
#: Seconds before the first repetition; each further one waits up to twice as long as the one before it.
_FIRST_DELAY_SECONDS = 0.25
_MAX_DELAY_SECONDS = 15.0

_Result = TypeVar("_Result")


class Clock(Protocol):
    """What tells the time and lets it pass: the module ``time``, or something faster in tests."""

    def monotonic(self) -> float:
        """Return seconds since any moment."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Return after so long."""
        ...


class RetryingObjects:
    """An `forebear.blobs.objects.ObjectStore` over another one, whose calls are repeated while that is unreachable.

    Time-outs, broken connections, 429 and 5xx count as that, and an answer that says when to come again is obeyed.
    Whatever else fails, such as missing rights, fails at once. All calls may be repeated, because objects are named by
    their content.
    """

    def __init__(self, objects: ObjectStore, *, patience: float = PATIENCE_SECONDS, clock: Clock = time) -> None:
        """Wrap ``objects``; ``patience`` is in seconds."""
        self._objects = objects
        self._patience = patience
        self._clock = clock
        self._answered = False
        self.calls_at_once = calls_at_once(objects)

    def __repr__(self) -> str:
        return f"RetryingObjects({self._objects!r})"

    @property
    def once(self) -> ObjectStore:
        """What this is patient with, for calls that may as well be made by somebody else later."""
        return self._objects

    def sink(self) -> RetryingSink:
        """See `ObjectStore.sink`."""
        return RetryingSink(self, self._objects.sink())

    def put(self, name: str, content: bytes) -> None:
        """See `ObjectStore.put`."""
        self.persist(lambda: self._objects.put(name, content))

    def put_file(self, name: str, path: str) -> None:
        """See `SupportsFiles.put_file`."""
        objects = self._objects
        if not isinstance(objects, SupportsFiles):
            raise Unsupported(f"{objects!r} takes no files", code="file-too-large")
        self.persist(lambda: objects.put_file(name, path))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        return self.persist(lambda: self._objects.read(name, offset, length))

    def size(self, name: str) -> int | None:
        """See `ObjectStore.size`."""
        return self.persist(lambda: self._objects.size(name))

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.names`. Memory: all names, since a listing that breaks off begins anew."""
        seen: set[str] = set()
        found = iter(self._objects.names(prefix))

        def following() -> str | None:
            nonlocal found
            try:
                return next((name for name in found if name not in seen), None)
            except Unreachable:
                found = iter(self._objects.names(prefix))
                raise

        while (name := self.persist(following)) is not None:
            seen.add(name)
            yield name

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        self.persist(lambda: self._objects.delete(name))

    def local_path(self, name: str) -> Path | None:
        """See `ObjectStore.local_path`."""
        return self._objects.local_path(name)

    def persist(self, call: Callable[[], _Result]) -> _Result:
        """Return what ``call`` returns, calling it again while the system is unreachable and patience lasts."""
        attempt, begun = 0, self._clock.monotonic()
        while True:
            try:
                result = call()
            except Unreachable as err:
                patience = self._patience if self._answered else min(self._patience, FIRST_PATIENCE_SECONDS)
                delay = _delay(attempt, err.retry_after)
                if self._clock.monotonic() + delay - begun > patience:
                    raise
                self._clock.sleep(delay)
                attempt += 1
            else:
                self._answered = True
                return result


def _delay(attempt: int, asked: float | None) -> float:
    """Return the seconds to wait: more each time, by chance, so that those who failed together come one by one."""
    longest = min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 10))
    delay = longest * random.uniform(0.5, 1.0)
    return delay if asked is None else asked + delay


class RetryingSink:
    """See `forebear.blobs.objects.ObjectSink`; the one below must allow `finish` to be called again."""

    def __init__(self, store: RetryingObjects, sink: ObjectSink) -> None:
        self._store = store
        self._sink = sink

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """See `ObjectSink.write`."""
        self._sink.write(content)

    def finish(self, name: str) -> None:
        """See `ObjectSink.finish`."""
        self._store.persist(lambda: self._sink.finish(name))

    def abort(self) -> None:
        """See `ObjectSink.abort`."""
        self._sink.abort()
