"""Machines apart on one machine: network namespaces of Linux, each with a host name and a cable to one switch."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES = 64 * 1024


class Relay(socketserver.ThreadingTCPServer):
    """Takes connections at an address of the switch, and passes them on to a server of the loopback interface."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, target: int) -> None:
        super().__init__((host, 0), _Passing)
        self.target = target
        #: ``host:port`` for clients.
        self.place = f"{host}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: tests cut cables."""


class _Passing(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as onward:
            back = threading.Thread(target=_pump, args=(onward, self.request), daemon=True)
            back.start()
            _pump(self.request, onward)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


class Machine:
    """One of them."""

    def __init__(self, name: str, space: str) -> None:
        self.name, self._space = name, space

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin this Python with some arguments there."""
        line = ["ip", "netns", "exec", self._space, "unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"']
        return subprocess.Popen(
            [*line, self.name, sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def cut(self) -> None:
        """Pull the cable."""
        _ip("-n", self._space, "link", "set", "cable", "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("-n", self._space, "link", "set", "cable", "up")


class Switch:
    """What machines are joined by; its address is ``host``."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._mark = secrets.token_hex(3)
        # Of the addresses that are for measurements alone (RFC 2544), so that nothing real is hidden.
        self._net = f"198.18.{secrets.randbelow(256)}"
        self.host = f"{self._net}.1"
        self._count = 0
        _ip("link", "add", f"fb{self._mark}", "type", "bridge")
        stack.callback(_ip, "link", "del", f"fb{self._mark}")
        _ip("addr", "add", f"{self.host}/24", "dev", f"fb{self._mark}")
        _ip("link", "set", f"fb{self._mark}", "up")

    def machine(self) -> Machine:
        """Join another machine."""
        self._count += 1
        space, plug = f"fb{self._mark}-{self._count}", f"p{self._mark}{self._count}"
        _ip("netns", "add", space)
        self._stack.callback(_ip, "netns", "del", space)
        _ip("link", "add", plug, "type", "veth", "peer", "name", "cable", "netns", space)
        _ip("link", "set", plug, "master", f"fb{self._mark}", "up")
        _ip("-n", space, "addr", "add", f"{self._net}.{self._count + 1}/24", "dev", "cable")
        _ip("-n", space, "link", "set", "cable", "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return Machine(f"machine-{self._count}", space)

    def relay(self, port: int) -> Relay:
        """Let machines reach a server of the loopback interface."""
        relay = Relay(self.host, port)
        self._stack.callback(relay.server_close)
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(relay.shutdown)
        return relay


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def switch() -> Iterator[Switch]:
    """Give a switch; the test is skipped where the system lets nobody make one."""
    missing = [command for command in ("ip", "unshare") if shutil.which(command) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)} (packages iproute2 and util-linux)")
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    with contextlib.ExitStack() as stack:
        try:
            made = Switch(stack)
            made.machine()
        except OSError as err:
            pytest.skip(f"this system has no network namespaces to give: {err}")
        yield made
