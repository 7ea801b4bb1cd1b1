"""A proxy on the loopback interface that counts what passes, and breaks what a test wants broken."""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Endpoint

_PIECE_BYTES = 64 * 1024


class Request(NamedTuple):
    """What a client asks: its method, the path with query, and the length of what it sends (bytes)."""

    method: str
    path: str
    length: int


class Fault(NamedTuple):
    """What happens to one request.

    Attributes:
        status: This is answered, and the server never hears of the request.
        headers: Of that answer.
        cut_request: After so many bytes of its body the connection is reset.
        cut_answer: After so many bytes of the answer's body the connection is reset.
        shorten: The answer's body is cut to so many bytes, and says so itself.
        late: The answer is dropped after the server has done what was asked.
    """

    status: int | None = None
    headers: dict[str, str] = {}
    cut_request: int | None = None
    cut_answer: int | None = None
    shorten: int | None = None
    late: bool = False


class Proxy(socketserver.ThreadingTCPServer):
    """Passes HTTP/1.1 on to one server.

    Attributes:
        fault: Asked about each request what is to happen to it; ``None`` lets it pass.
        away: Whether every connection is reset at once.
        requests: Every request that came.
        sent: Bytes of bodies that clients sent, those that were broken off too.
        fetched: Bytes of bodies that clients got.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.reset()

    def reset(self) -> None:
        """Break nothing, and forget what was counted."""
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.away = False
        self.requests: list[Request] = []
        self.sent = 0
        self.fetched = 0

    def count(self, method: str) -> int:
        """Return how many requests of a method came."""
        return sum(request.method == method for request in self.requests)

    def fail(self, fault: Fault, when: Callable[[Request], bool] = lambda request: True, times: int = 1) -> None:
        """Break the first requests that ``when`` is true of."""
        waiting = [fault] * times
        lock = threading.Lock()

        def decide(request: Request) -> Fault | None:
            with lock:
                return waiting.pop() if waiting and when(request) else None

        self.fault = decide

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: connections break here on purpose."""


class _Handler(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        if self.server.away:
            self._break()
            return
        with contextlib.suppress(ConnectionError):
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        """Pass one request on; tell whether the connection goes on."""
        line = self.rfile.readline().decode("latin-1")
        if not line.strip():
            return False
        method, path, _ = line.split(" ", 2)
        headers = http.client.parse_headers(self.rfile)
        request = Request(method, path, int(headers.get("Content-Length") or 0))
        self.server.requests.append(request)
        if self.server.away:
            return self._break()
        fault = self.server.fault(request) or Fault()
        if headers.get("Expect"):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault.cut_request is not None:
            self._body(min(fault.cut_request, request.length))
            return self._break()
        body = self._body(request.length)
        if fault.status is not None:
            lines = [f"HTTP/1.1 {fault.status} Broken", "Content-Length: 0"]
            lines += [f"{name}: {value}" for name, value in fault.headers.items()]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode())
            return True
        return self._pass_on(request, headers, body, fault)

    def _body(self, length: int) -> bytes:
        pieces = []
        while length and (piece := self.rfile.read(min(length, _PIECE_BYTES))):
            self.server.sent += len(piece)
            length -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _pass_on(self, request: Request, headers: http.client.HTTPMessage, body: bytes, fault: Fault) -> bool:
        connection = http.client.HTTPConnection(*self.server.target, timeout=60)
        try:
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in {"expect", "connection"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if fault.late:
            return self._break()
        return self._answer(request, answer, content, fault)

    def _answer(self, request: Request, answer: http.client.HTTPResponse, content: bytes, fault: Fault) -> bool:
        if fault.shorten is not None:
            content = content[: fault.shorten]
        length = answer.headers.get("Content-Length") if request.method == "HEAD" else str(len(content))
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        hidden = {"content-length", "connection", "transfer-encoding"}
        lines += [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() not in hidden]
        lines += [f"Content-Length: {length}"] if length is not None else []
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if fault.cut_answer is not None:
            self.wfile.write(content[: fault.cut_answer])
            return self._break()
        self.wfile.write(content)
        self.server.fetched += len(content)
        return True

    def _break(self) -> bool:
        # Closing with a wait of zero seconds sends a reset instead of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


@contextlib.contextmanager
def proxy_of(endpoint: Endpoint) -> Iterator[tuple[Proxy, Endpoint]]:
    """Run a proxy before a server; give it, and the endpoint that clients are to use instead."""
    host, _, port = endpoint.url.removeprefix("http://").partition(":")
    with Proxy((host, int(port))) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{proxy.server_address[1]}"
        environment = {name: value.replace(endpoint.url, url) for name, value in endpoint.environment.items()}
        try:
            yield (
                proxy,
                endpoint._replace(
                    url=url, storage_options={**endpoint.storage_options, "endpoint_url": url}, environment=environment
                ),
            )
        finally:
            proxy.shutdown()
            thread.join()
