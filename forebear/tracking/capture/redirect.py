"""Seeing what goes through file descriptors 1 and 2, whoever writes it: a channel in their place, a thread behind it.

The channel is a pseudo terminal where the descriptor was a terminal, so that programs still colour and lay out as they
would, else a pipe. A child process that outlives the run writes on into its channel; the thread hands that on, without
keeping it, as long as this process lives.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable
from typing import Any

#: Takes the name of a stream and what was written to it.
Tap = Callable[[str, str], None]

_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_CHUNK_BYTES = 65_536
#: Seconds that the end of a run waits for what is still in the channel, for a terminal may be held up.
_DRAIN_SECONDS = 5.0


class _Channel:
    """Stands in the place of one descriptor."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taps: tuple[Tap, ...] = ()
        self._descriptor = _DESCRIPTORS[name]
        self._target = os.dup(self._descriptor)
        self._read, write = _open_channel(self._target)
        self._ask, self._asked = os.pipe()
        self._drained = threading.Event()
        #: Guards the descriptors against being closed while they are used: their numbers are given again.
        self._lock = threading.Lock()
        _flush(name)
        os.dup2(write, self._descriptor, inheritable=True)
        self._identity = _identity(write)
        os.close(write)
        threading.Thread(target=self._hand_on, name=f"forebear-{name}", daemon=True).start()

    def drain(self) -> None:
        """Wait until all that was written before has been handed on, but not for ever."""
        _flush(self.name)
        with self._lock:
            if self._asked < 0:
                return
            self._drained.clear()
            os.write(self._asked, b"?")
        self._drained.wait(_DRAIN_SECONDS)

    def put_back(self) -> None:
        """Let the descriptor lead where it did, and wait until all that is in the channel was handed on."""
        _flush(self.name)
        with self._lock:
            if self._target >= 0 and _identity(self._descriptor) == self._identity:  # else somebody redirected it since
                os.dup2(self._target, self._descriptor, inheritable=True)
        self.drain()

    def abandon(self) -> None:
        """In a forked child: keep writing to the parent's channel, and let go of the rest.

        With its reading end open in the child, a child whose parent is gone would wait for ever once the pipe is full.
        """
        for descriptor in (self._read, self._target, self._ask, self._asked):
            if descriptor >= 0:
                os.close(descriptor)

    def _hand_on(self) -> None:
        import selectors  # 1 ms; select() itself cannot watch descriptors above 1023

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        asked = False
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._read, selectors.EVENT_READ)
            waiting.register(self._ask, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in waiting.select(0 if asked else None)}
                if self._ask in ready:
                    asked = True
                    os.read(self._ask, _CHUNK_BYTES)
                if self._read in ready:
                    content = _read(self._read)
                    if not content:
                        break
                    _write_all(self._target, content)
                    self._tell(decoder.decode(content))
                elif asked:
                    asked = False
                    self._tell(decoder.decode(b"", final=True))
                    self._drained.set()
        self._end()

    def _end(self) -> None:
        with self._lock:
            mine = (self._read, self._target, self._ask, self._asked)
            self._read = self._target = self._ask = self._asked = -1
            for descriptor in mine:
                os.close(descriptor)
            self._drained.set()

    def _tell(self, text: str) -> None:
        for tap in self.taps:
            # The thread must go on handing on, whatever becomes of the copy.
            with contextlib.suppress(Exception):
                tap(self.name, text)


_channels: list[_Channel] = []


def add_redirect_tap(tap: Tap) -> None:
    """Let ``tap`` see all that is written from now on."""
    for name in _DESCRIPTORS:
        channel = next((one for one in _channels if one.name == name), None)
        if channel is None:
            try:
                channel = _Channel(name)
            except OSError:  # a daemon has no such descriptor
                continue
            _channels.append(channel)
        else:
            channel.drain()
        channel.taps = (*channel.taps, tap)


def remove_redirect_tap(tap: Tap) -> None:
    """Undo `add_redirect_tap`; what was written before has reached ``tap`` then."""
    for channel in _channels[:]:
        if any(one != tap for one in channel.taps):
            channel.drain()
        else:
            channel.put_back()
            _channels.remove(channel)
        channel.taps = tuple(one for one in channel.taps if one != tap)


def _open_channel(target: int) -> tuple[int, int]:
    """Return the descriptors to read and to write."""
    if not os.isatty(target):
        return os.pipe()
    import fcntl  # none of these is there on Windows, which has no such terminals either
    import termios

    read, write = os.openpty()
    modes = termios.tcgetattr(write)
    modes[1] &= ~termios.OPOST  # the terminal behind turns new lines into carriage returns, once is enough
    modes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(write, termios.TCSANOW, modes)
    with contextlib.suppress(OSError):
        fcntl.ioctl(write, termios.TIOCSWINSZ, fcntl.ioctl(target, termios.TIOCGWINSZ, b"\0" * 8))
    return read, write


def _identity(descriptor: int) -> tuple[int, int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_rdev


def _flush(name: str) -> None:
    stream: Any = getattr(sys, name)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.flush()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK_BYTES)
    except OSError:  # EIO: nobody has the pseudo terminal open any more
        return b""


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        try:
            content = content[os.write(descriptor, content) :]
        except BlockingIOError:
            select.select((), [descriptor], ())
        except OSError:
            return


def _forget_after_fork() -> None:
    while _channels:
        _channels.pop().abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
