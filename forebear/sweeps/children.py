"""Processes that an agent begins for its trials, and how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from forebear.sweeps import warden

if TYPE_CHECKING:
    from types import TracebackType

#: Seconds between being asked to end and being killed.
GRACE_SECONDS = 15.0
_POLL_SECONDS = 0.02
#: Seconds until what was killed is gone; later it is there only because nobody took note of its end.
_KILLED_SECONDS = 1.0
#: Bytes at the end of a log in which the last line is looked for, and characters of it that are kept.
_TAIL_BYTES, _TAIL_CHARS = 4_096, 300


class Child:
    """One process with all that it begins: a process group, whose output goes to a file.

    Made by `Children.begin`. Its thread calls ``ended`` when nothing of it is left.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, grace: float) -> None:
        """``grace`` is in seconds."""
        self.log = log
        self.pid = process.pid
        #: Seconds of the monotonic clock when it began.
        self.began = time.monotonic()
        #: Exit status; negative for the signal that ended it, ``None`` while it runs.
        self.status: int | None = None
        self._process, self._grace = process, grace
        self._asked_at: float | None = None
        self._kill_at: float | None = None

    # -- asking it to end -----------------------------------------------------------------------------------------

    def end(self, number: signal.Signals = signal.SIGTERM, *, after: float = 0.0) -> None:
        """Ask it to end by a signal, and kill it where it does not. Only the first call counts.

        Args:
            after: Seconds to wait before that, for a child that was told otherwise and perhaps ends by itself.
        """
        now = time.monotonic()
        if self._kill_at is not None:
            return
        self._kill_at = now + after + self._grace
        self._asked_at = now + after
        self._number = number
        self.tick()

    def kill(self) -> None:
        """End it at once."""
        self._asked_at, self._kill_at = None, time.monotonic()
        self.tick()

    def tick(self) -> None:
        """Send the signals that are due."""
        now = time.monotonic()
        if self._asked_at is not None and self._asked_at <= now:
            self._asked_at = None
            self.signal(self._number)
        if self._kill_at is not None and self._kill_at <= now:
            self.signal(signal.SIGKILL)

    @property
    def next_tick(self) -> float | None:
        """When `tick` has something to do, in seconds of the monotonic clock; ``None`` for never."""
        if self._asked_at is not None:
            return self._asked_at
        return self._kill_at if self._kill_at is not None and self._kill_at > time.monotonic() else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of it that is left."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)

    # -- its end --------------------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Wait until it has ended, and end what it left behind."""
        status = self._process.wait()
        # Workers that outlived it would hold on to memory and processors that the next trial needs.
        for number, patience in ((signal.SIGTERM, self._grace), (signal.SIGKILL, _KILLED_SECONDS)):
            if not self._is_there():
                break
            self.signal(number)
            deadline = time.monotonic() + patience
            while self._is_there() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        self.status = status

    def _is_there(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except OSError:  # macOS says "not permitted" of a group that has ended
            return False
        return True

    def words(self) -> str:
        """Return in words how it ended, with the last line that it printed."""
        status = self.status or 0
        how = f"exit status {status}"
        if status < 0:
            with contextlib.suppress(ValueError):
                how = f"ended by {signal.Signals(-status).name}"
        last = _last_line(self.log)
        return f"{how}: {last}" if last else how


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:_TAIL_CHARS] for line in reversed(lines) if line.strip()), "")


class Children:
    """Begins children that do not outlive the process that began them. A block ends what watches over them.

    Each is the leader of a process group of its own, so that a terminal's signals reach only the agent, and all that a
    child begins can be ended with it.
    """

    def __init__(self, mark: tuple[str, str], grace: float = GRACE_SECONDS) -> None:
        """``mark`` is a variable that every child gets; ``grace`` is in seconds."""
        self._mark, self._grace = mark, grace
        self._warden: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def begin(
        self, line: Sequence[str], environment: Mapping[str, str], log: Path, ended: Callable[[Child], None]
    ) -> Child:
        """Begin a process.

        Args:
            line: Program and arguments; the program is looked for on the ``PATH`` of ``environment``.
            log: File for what it prints.
            ended: Called from a thread once it has ended.

        Raises:
            OSError: there is no such program, or it cannot be executed.
            ValueError: an argument holds what no argument can hold.
        """
        self._begin_warden()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as sink:
            process = subprocess.Popen(
                list(line),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**environment, self._mark[0]: self._mark[1]},
                start_new_session=True,
            )
        self._tell(f"+{process.pid}")
        child = Child(process, log, self._grace)

        def follow() -> None:
            child.wait()
            self._tell(f"-{child.pid}")
            ended(child)

        threading.Thread(target=follow, name=f"forebear-child-{child.pid}", daemon=True).start()
        return child

    def _begin_warden(self) -> None:
        if self._warden is None:
            line = [sys.executable, "-I", "-S", warden.__file__, "=".join(self._mark), str(self._grace)]
            self._warden = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
            )

    def _tell(self, text: str) -> None:
        pipe: IO[str] | None = self._warden.stdin if self._warden is not None else None
        # Somebody killed the warden: the agent still ends its children itself.
        with self._lock, contextlib.suppress(OSError, ValueError):
            if pipe is not None:
                pipe.write(f"{text}\n")
                pipe.flush()

    def close(self) -> None:
        """Let the warden go; the children have ended."""
        if self._warden is not None:
            self._tell(".")
            assert self._warden.stdin is not None
            with contextlib.suppress(OSError):
                self._warden.stdin.close()
            self._warden.wait()
            self._warden = None

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
