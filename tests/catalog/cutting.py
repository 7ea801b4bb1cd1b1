"""A server's neighbour that passes bytes on, and cuts a connection at a word that a client says."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cutter:
    """Passes connections on to one server.

    Attributes:
        url: The server's URL, with the address of this one.
        word: A client's message with this in it is the last one that passes; ``None`` lets all pass.
        skip: So many such messages pass before that one.
        late: Whether the server gets that message, and its answer alone is lost.
        away: Whether nobody is let in.
        cuts: How many connections were cut.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._door = socket.create_server(("127.0.0.1", 0))
        login = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{login}@127.0.0.1:{self._door.getsockname()[1]}").geturl()
        self.word: bytes | None = None
        self.skip = 0
        self.late = False
        self.away = False
        self.cuts = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Let nobody in any more, and wait until the connections are closed by their clients."""
        # A thread that waits in accept() hears of this, and of close() it does not.
        self._door.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            server = socket.create_connection(self._server)
            threads = [
                threading.Thread(target=self._pass, args=(client, server)),
                threading.Thread(target=_copy, args=(server, client)),
            ]
            self._threads += threads
            for thread in threads:
                thread.start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._is_last(data):
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)
                    if self.late:
                        server.sendall(data)
                        server.shutdown(socket.SHUT_WR)
                    else:
                        server.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _is_last(self, data: bytes) -> bool:
        if self.word is None or self.word not in data:
            return False
        self.skip -= 1
        if self.skip >= 0:
            return False
        self.word, self.skip = None, 0
        return True


def _copy(server: socket.socket, client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutter(url: str) -> Iterator[Cutter]:
    """Stand before the server of ``url`` until the block ends."""
    found = Cutter(url)
    try:
        yield found
    finally:
        found.close()
