"""On a machine of an engine: begins an agent in a process of its own, and follows it to its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from forebear.settings import child_environment
from forebear.sweeps.children import GRACE_SECONDS
from forebear.sweeps.engines.errand import FAILED, LOST, STOPPED, Errand, Outcome

#: Seconds between two questions whether the agent is to end.
POLL_SECONDS = 0.5
#: Seconds that an agent has for its end: its trials have theirs within it.
END_SECONDS = GRACE_SECONDS + 10.0
_ANSWER_BYTES = 64 * 1024
#: Seconds that the system may take to say of a process that closed its files that it has ended.
_REAP_SECONDS = 10.0


class Carrier:
    """One agent in a process of its own. All methods but `stop` are for the thread that made it."""

    def __init__(self, errand: Errand) -> None:
        """Begin the agent."""
        content = msgspec.json.encode(errand)
        self._answers, answer = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "forebear.sweeps.engines.station", str(answer)],
                stdin=subprocess.PIPE,
                pass_fds=(answer,),
                # Signals for the worker's group are not meant for the agent, who hears of its end otherwise.
                start_new_session=True,
                env=child_environment(errand.environment),
            )
        except BaseException:
            os.close(self._answers)
            raise
        finally:
            os.close(answer)
        self._deadline: float | None = None
        self._is_over = False
        with contextlib.suppress(OSError):  # it ended at once, and how is seen below
            assert self._process.stdin is not None
            self._process.stdin.write(len(content).to_bytes(8, "big") + content)
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ask the agent to end; it is killed where it does not. May be called from a signal handler."""
        if self._deadline is None:
            self._deadline = time.monotonic() + END_SECONDS
            with contextlib.suppress(OSError, ValueError):
                assert self._process.stdin is not None
                self._process.stdin.close()

    def follow(self, is_asked: Callable[[], bool], poll: float = POLL_SECONDS) -> Outcome:
        """Wait for the end of the agent and return how it ended.

        Args:
            is_asked: Whether it is to end.
            poll: Seconds between two questions.
        """
        try:
            while self._process.poll() is None:
                ready, _, _ = select.select([self._answers], [], [], poll)
                if ready or self._is_late:
                    break
                if self._deadline is None and is_asked():
                    self.stop()
            return self._outcome()
        finally:
            self.end()

    @property
    def _is_late(self) -> bool:
        """Whether it was asked to end, and its time for that is up."""
        return self._deadline is not None and time.monotonic() > self._deadline

    def _outcome(self) -> Outcome:
        content = b""
        if select.select([self._answers], [], [], 0)[0]:
            content = os.read(self._answers, _ANSWER_BYTES)
        if content:
            return msgspec.json.decode(content, type=Outcome)
        try:  # without an answer its end of the pipe was closed by its end, or its time is up
            status = self._process.wait(0.0 if self._is_late else _REAP_SECONDS)
        except subprocess.TimeoutExpired:
            return Outcome(STOPPED, f"it did not end within {END_SECONDS:.0f} s and was killed")
        if self._deadline is not None:
            return Outcome(STOPPED)
        if status < 0:
            with contextlib.suppress(ValueError):
                return Outcome(LOST, f"its process was ended by {signal.Signals(-status).name}")
        return Outcome(FAILED, f"its process ended with exit status {status}; its output says why")

    def end(self) -> None:
        """End the agent, and leave nothing behind. A second call does nothing."""
        if self._is_over:
            return
        self._is_over = True
        self.stop()
        assert self._deadline is not None
        try:
            self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._answers)


def carry(errand: Errand, is_asked: Callable[[], bool] = lambda: False, poll: float = POLL_SECONDS) -> Outcome:
    """Execute an agent on this machine until it ends, and return how.

    An interruption of the calling thread ends the agent too, and is no error.
    """
    carrier = Carrier(errand)
    try:
        return carrier.follow(is_asked, poll)
    except KeyboardInterrupt:
        return Outcome(STOPPED, f"it was interrupted on {socket.gethostname()}")
