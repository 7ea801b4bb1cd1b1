"""Objects that are finished in the background, several at a time, where finishing one waits for a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from forebear.blobs.objects import ObjectSink, ObjectStore
    from forebear.blobs.workers import Workers

#: Objects on their way at the same time. A writer holds one more in memory while it fills that.
UPLOADS_AT_ONCE = 4


class Uploads:
    """Sends the objects of one writer. Not safe for threads; no thread of it outlives `wait` or `abort`.

    Memory: `UPLOADS_AT_ONCE` + 1 objects, as far as their sinks hold them in memory.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._pool: Workers | None = None
        self._running: list[tuple[Future[None], ObjectSink, str]] = []
        #: Those whose sending failed; their content is still there.
        self._failed: list[tuple[ObjectSink, str]] = []
        self._error: BaseException | None = None

    def sink(self) -> LaterSink:
        """Begin an object whose `finish` returns before it is there; `wait` says whether it is."""
        return LaterSink(self, self._objects.sink())

    def send(self, sink: ObjectSink, name: str) -> None:
        """Finish a sink soon. Waits while `UPLOADS_AT_ONCE` are on their way.

        Raises:
            StorageFailure: an earlier one could not be sent; this one is taken all the same.
        """
        while len(self._running) >= UPLOADS_AT_ONCE:
            self._settle_first()
        if self._error is not None:  # whatever follows would be sent in vain
            self._failed.append((sink, name))
            raise self._error
        if self._pool is None:
            from forebear.blobs.workers import Workers  # 6 ms, only where something is sent

            self._pool = Workers(UPLOADS_AT_ONCE, thread_name_prefix="forebear-upload")
        self._running.append((self._pool.submit(sink.finish, name), sink, name))

    def wait(self) -> None:
        """Return once all objects are there. May be called again after a failure: what is missing is sent again.

        Raises:
            StorageFailure: one could not be sent.
        """
        again, self._failed, self._error = self._failed, [], None
        try:
            for sink, name in again:
                self.send(sink, name)
            self._settle_all()
        finally:
            self._end()
        if self._error is not None:
            raise self._error

    def _settle_first(self) -> None:
        """Wait for the upload that began first, and keep what could not be sent."""
        future, sink, name = self._running[0]
        try:
            future.result()
        except Exception as err:
            self._failed.append((sink, name))
            self._error = self._error or err
        self._running.pop(0)  # only now: who interrupts the waiting may wait again

    def _settle_all(self) -> None:
        while self._running:
            self._settle_first()

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def abort(self) -> None:
        """Give up what is not sent yet; what is on its way arrives or fails whole."""
        for future, _, _ in self._running:
            future.cancel()
        self._settle_all()
        for sink, _ in self._failed:
            sink.abort()
        self._failed.clear()
        self._error = None
        self._end()


class LaterSink:
    """See `forebear.blobs.objects.ObjectSink`, and `Uploads.sink`."""

    def __init__(self, uploads: Uploads, sink: ObjectSink) -> None:
        self._uploads = uploads
        self._sink: ObjectSink | None = sink

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """See `ObjectSink.write`."""
        assert self._sink is not None, "a sink that was finished takes no more"
        self._sink.write(content)

    def finish(self, name: str) -> None:
        """Send the object soon; it is the uploads' from now on."""
        if self._sink is not None:
            sink, self._sink = self._sink, None
            self._uploads.send(sink, name)

    def abort(self) -> None:
        """See `ObjectSink.abort`."""
        if self._sink is not None:
            self._sink.abort()
            self._sink = None
