"""Keeping what a run prints: stdout and stderr go on to where they went, and to a file.

Two ways. *wrap* puts a function around ``sys.stdout.write`` and ``sys.stderr.write``: cheap, the same in scripts and
notebooks, and nothing is lost when the process crashes; what C code, child processes and ``sys.stdout.buffer`` write is
not seen. *redirect* puts a channel in the place of file descriptors 1 and 2, so that all of it is seen; a thread hands
it on, so what a crashing process said in its last moment may be lost, on the terminal too.

Colours are left out of the file, progress bars keep their last state (`forebear.tracking.capture.lines`), secrets are
hidden. Nothing in here raises into ``print``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forebear.errors import InvalidInput
from forebear.records.redaction import redact_output
from forebear.tracking.capture.lines import Screen
from forebear.tracking.capture.output_log import MAX_BYTES, OutputLog
from forebear.tracking.reinit import in_notebook

AUTO, OFF, WRAP, REDIRECT = "auto", "off", "wrap", "redirect"
#: The last two are words of W&B for ways to do the second.
MODES = (AUTO, OFF, WRAP, REDIRECT, "wrap_raw", "wrap_emu")
#: Name of the file among those of a run.
FILE_NAME = "output.log"
#: A line without an end, such as a progress bar, is written this often, in seconds.
_PARTIAL_SECONDS = 1.0
#: Characters that wait while another thread writes; a disk that hangs must not fill the memory.
_MAX_WAITING = 8 * 1024 * 1024
#: Characters without a new line that wait for one.
_BATCH = 16_384
#: Seconds that the end of a run waits for a thread that writes.
_CLOSE_SECONDS = 2.0
_STREAMS = ("stdout", "stderr")

#: Takes the name of a stream and what was written to it.
Tap = Callable[[str, str], None]


class ConsoleLog:
    """Writes what is fed to it to one file. Any thread, signal handler or finalizer may feed it: it never waits."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Open the file; raises `OSError` if it cannot be opened."""
        self._log = OutputLog(path, redact_output, max_bytes=max_bytes)
        self._screens = {name: Screen(self._log.put, self._log.put_many) for name in _STREAMS}
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str]] = deque()
        self._held = self._missed = 0
        self._last_partial = 0.0
        self._closed = False

    def feed(self, name: str, text: str) -> None:
        """Take what was written to a stream. Who finds another at work leaves the text with that one."""
        if self._closed:
            return
        if self._held > _MAX_WAITING:
            self._missed += len(text)
            return
        self._waiting.append((name, text))
        self._held += len(text)
        if "\n" in text or self._held > _BATCH or time.monotonic() - self._last_partial >= _PARTIAL_SECONDS:
            self._work()

    def close(self) -> None:
        """Write the lines that have no end yet, and close the file."""
        self._work()
        # A signal handler that ends the run may have interrupted the thread that writes: then its file stays as it is.
        if not self._lock.acquire(timeout=_CLOSE_SECONDS):
            return
        try:
            self._closed = True
            for screen in self._screens.values():
                screen.flush()
            self._log.close()
        finally:
            self._lock.release()

    def _work(self) -> None:
        # Never blocking: a signal handler that prints may have interrupted the very thread that holds the lock.
        while self._waiting and self._lock.acquire(blocking=False):
            try:
                self._take_waiting()
            finally:
                self._lock.release()

    def _take_waiting(self) -> None:
        while self._waiting:
            name, text = self._next_piece()
            if not self._closed:
                self._screens[name].write(text)
        if self._closed:
            return
        now = time.monotonic()
        if now - self._last_partial >= _PARTIAL_SECONDS:
            self._last_partial = now
            for screen in self._screens.values():
                screen.flush()
        if self._missed:
            self._log.put(None, f"[forebear: {self._missed} characters came faster than they could be written]")
            self._missed = 0
        self._log.flush()

    def _next_piece(self) -> tuple[str, str]:
        """Return what waits longest, in one piece with what follows on the same stream: print() writes word by word."""
        name, text = self._waiting.popleft()
        pieces = [text]
        while self._waiting and self._waiting[0][0] == name:
            pieces.append(self._waiting.popleft()[1])
        text = "".join(pieces)
        self._held = max(0, self._held - len(text))
        return name, text


class Console:
    """Captures the console of this process for one run, from `start` to `stop`."""

    def __init__(self, path: Path, mode: str = AUTO, *, max_bytes: int = MAX_BYTES) -> None:
        """Prepare to write to ``path``.

        Raises:
            InvalidInput: the mode is not known.
        """
        if mode not in MODES:
            raise InvalidInput(f"console {mode!r} is unknown; there are {', '.join(MODES)}", code="invalid-setting")
        self._path = path
        self._mode = mode if mode in {OFF, REDIRECT} else WRAP
        if mode == REDIRECT and in_notebook():
            self._mode = WRAP  # cells print to messages of the kernel, not to descriptors
        self._max_bytes = max_bytes
        self._log: ConsoleLog | None = None
        self._owner = os.getpid()

    @property
    def file_name(self) -> str:
        """Name of the file; once started, that of this process where another one has taken the name that was meant."""
        return self._path.name

    def start(self) -> None:
        """Begin; raises `OSError` if the file cannot be opened."""
        if self._mode == OFF or self._log is not None:
            return
        try:
            self._log = ConsoleLog(self._path, max_bytes=self._max_bytes)
        except BlockingIOError:
            self._path = self._path.with_stem(f"{self._path.stem}-{os.getpid()}")
            self._log = ConsoleLog(self._path, max_bytes=self._max_bytes)
        if self._mode == WRAP:
            _add_wrap_tap(self._log.feed)
        else:
            from forebear.tracking.capture.redirect import add_redirect_tap  # 1 ms, only for this mode

            add_redirect_tap(self._log.feed)

    def stop(self) -> None:
        """End: the streams are as they were, as far as nobody else has changed them since. A second call is fine."""
        log, self._log = self._log, None
        if log is None or os.getpid() != self._owner:
            return
        if self._mode == WRAP:
            _remove_wrap_tap(log.feed)
        else:
            from forebear.tracking.capture.redirect import remove_redirect_tap

            remove_redirect_tap(log.feed)
        log.close()


class _Wrapped:
    """One stream whose ``write`` is ours. Its taps are those of all runs that listen."""

    def __init__(self, stream: Any, name: str) -> None:
        self.stream = stream
        self.name = name
        self.taps: tuple[Tap, ...] = ()
        original = stream.write
        self._before = vars(stream).get("write")

        def write(text: str, /) -> Any:
            result = original(text)
            for tap in self.taps:
                # Whatever goes wrong with the copy, print() did its work.
                with contextlib.suppress(Exception):
                    tap(name, text)
            return result

        self._write = write
        stream.write = write

    @property
    def is_outermost(self) -> bool:
        """Whether ``write`` is ours."""
        return vars(self.stream).get("write") is self._write

    def unwrap(self) -> bool:
        """Put the old ``write`` back; false where somebody has put another around ours, which then just hands on."""
        if not self.is_outermost:
            return False
        if self._before is None:
            del self.stream.write
        else:
            self.stream.write = self._before
        return True


_wrapped: list[_Wrapped] = []


def _add_wrap_tap(tap: Tap) -> None:
    for name in _STREAMS:
        stream = getattr(sys, name)
        known = next((one for one in _wrapped if one.stream is stream), None)
        if known is None:
            try:
                known = _Wrapped(stream, name)
            except (AttributeError, TypeError):  # no stream at all, or one that lets nothing be put on it
                continue
            _wrapped.append(known)
        if tap not in known.taps:
            known.taps = (*known.taps, tap)
    _follow_cells(True)


def _remove_wrap_tap(tap: Tap) -> None:
    for known in _wrapped[:]:
        known.taps = tuple(one for one in known.taps if one != tap)
        if not known.taps and known.unwrap():
            _wrapped.remove(known)
    _follow_cells(any(known.taps for known in _wrapped))


def _follow_cells(follow: bool) -> None:
    """Hear of every cell of a notebook that begins, or no more.

    IPython puts a ``write`` of its own on the streams for each cell, and afterwards the one that was there before it:
    ours, put on in the middle of a cell, would be gone with that cell.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    with contextlib.suppress(ValueError):  # it does not hear of them anyway
        shell.events.unregister("pre_run_cell", _wrap_again)
    if follow:
        shell.events.register("pre_run_cell", _wrap_again)


def _wrap_again(*_: Any) -> None:
    for index, known in enumerate(_wrapped):
        if known.taps and not known.is_outermost:
            fresh = _Wrapped(known.stream, known.name)
            fresh.taps, known.taps = known.taps, ()
            _wrapped[index] = fresh


def _forget_after_fork() -> None:
    # The child prints as it always did: the file belongs to the parent, and another thread of it may hold its lock.
    for known in _wrapped:
        known.taps = ()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
