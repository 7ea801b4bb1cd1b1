"""A proxy on the loopback interface that knows nothing of what it passes on, and breaks it at a byte.

It stands before a database as before a bucket. Before buckets `tests.proxy` breaks single requests besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Which way bytes go.
OUT, IN = "sent", "answered"
#: How a connection breaks: both ends are reset; both see its end; bytes go slowly, and nothing breaks; or the client is
#: killed.
RESET, END, LATENCY, KILL = "reset", "end", "latency", "SIGKILL"
_PIECE_BYTES = 64 * 1024
#: Seconds that each piece waits where bytes go slowly.
LATE_SECONDS = 0.02


class Break(NamedTuple):
    """What happens to the connections of a client.

    Attributes:
        how: `RESET`, `END`, `LATENCY` or `KILL`.
        way: The bytes of this direction are counted.
        after: So many of them pass, and the next one does not.
        more: So many further connections are refused.
    """

    how: str
    way: str
    after: int
    more: int = 0

    def __str__(self) -> str:
        refused = f" and {self.more} more refused" if self.more else ""
        return f"{self.how} at byte {self.after} {self.way}{refused}"


class Wire:
    """Passes connections on to one server.

    Attributes:
        port: Where it listens.
        passed: Bytes of each direction since `arm` or `disarm`.
        broken: How often something was broken since then.
        victim: The process that `KILL` kills.
    """

    victim = 0

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self.disarm()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def arm(self, broken: Break) -> None:
        """Break what comes next, once."""
        with self._lock:
            self._break: Break | None = broken
            self._refused = broken.more
            self.passed = {OUT: 0, IN: 0}
            self.broken = 0

    def disarm(self) -> None:
        """Break nothing."""
        with self._lock:
            self._break, self._refused = None, 0
            self.passed = {OUT: 0, IN: 0}
            self.broken = 0

    def close(self) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        try:
            if self._refuses():
                _reset(writer)
                return
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            await asyncio.gather(self._pass(OUT, reader, far_writer, ends), self._pass(IN, far_reader, writer, ends))
        except (OSError, asyncio.CancelledError):
            pass  # connections break here on purpose
        finally:
            for end in ends:
                end.close()
            for end in ends:
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._tasks.discard(task)

    def _refuses(self) -> bool:
        with self._lock:
            if self._break is None and self._refused:
                self._refused -= 1
                return True
            return False

    async def _pass(
        self,
        way: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: list[asyncio.StreamWriter],
    ) -> None:
        try:
            while piece := await reader.read(_PIECE_BYTES):
                kept, how = self._count(way, piece)
                if how == LATENCY:
                    await asyncio.sleep(LATE_SECONDS)
                elif how == KILL:
                    os.kill(self.victim, signal.SIGKILL)
                writer.write(kept)
                await writer.drain()
                if how in {RESET, END, KILL}:
                    for end in ends:
                        _reset(end) if how == RESET else end.close()
                    return
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            for end in ends:
                end.close()

    def _count(self, way: str, piece: bytes) -> tuple[bytes, str | None]:
        """Return how much of a piece passes, and what happens then."""
        with self._lock:
            before = self.passed[way]
            self.passed[way] += len(piece)
            found = self._break
            if found is None or found.way != way:
                return piece, None
            if found.how == LATENCY:
                self.broken += 1
                return piece, LATENCY
            if self.passed[way] <= found.after:
                return piece, None
            self._break = None
            self.broken += 1
            return piece[: found.after - before], found.how


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closing with a wait of zero seconds sends a reset instead of an end.
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def wire(url: str) -> Iterator[tuple[Wire, str]]:
    """Stand before the server of a URL until the block ends; give the proxy, and the URL with its address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    found = Wire(parts.hostname, parts.port)
    login, at, _ = parts.netloc.rpartition("@")
    try:
        yield found, parts._replace(netloc=f"{login}{at}127.0.0.1:{found.port}").geturl()
    finally:
        found.close()
