"""The process of one agent on the machine of an engine: ``python -m forebear.sweeps.engines.station FD``.

It is a process of its own beside the engine's worker, so that the agent has a main thread, its signals and its
environment to itself, and so that its end does no harm to the worker. Its standard input is the other end of the
worker's hand: first the errand (eight bytes of length, then JSON); whatever comes after that, be it the end because the
worker died, asks the agent to end. How it ended is written to the file descriptor ``FD``.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import sys
import threading
import traceback
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.errors import ForebearError
from forebear.sweeps.engines.errand import ENDED, FAILED, STOPPED, Errand, Outcome

if TYPE_CHECKING:
    from forebear.sweeps.taking import TakingAgent

_LENGTH = struct.Struct(">Q")
_PIECE_BYTES = 1024 * 1024
_ENDING = {signal.SIGTERM, signal.SIGINT}
#: Signals by which schedulers announce that time is running out; the worker hears of that too, and stops the agent.
_ANNOUNCING = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)


class Work:
    """Executes one errand in the main thread."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._interrupted = False
        #: Whether somebody wants it to end.
        self.asked = False

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the agent, as from a keyboard: what it executes waits for another attempt."""
        self.asked = True
        if not self._interrupted:  # a second one would break into how it ends
            self._interrupted = True
            raise KeyboardInterrupt

    def do(self) -> Outcome:
        """Execute trials until there are none; never raises."""
        try:
            _settle(self._errand)
            agent = self._agent()
        except KeyboardInterrupt:
            return Outcome(STOPPED)
        except ForebearError as err:
            return Outcome(FAILED, str(err))
        except BaseException as err:
            traceback.print_exc()
            return Outcome(FAILED, f"{type(err).__name__}: {err}")
        if agent.gave_up:
            return Outcome(FAILED, agent.why or "", agent.executed)
        return Outcome(STOPPED if self.asked else ENDED, agent.why or "", agent.executed)

    def _agent(self) -> TakingAgent:
        """Run the agent and return it."""
        errand = self._errand
        if errand.function is None:
            from forebear.sweeps.commands import run_agent

            return run_agent(errand.sweep, count=errand.count, jobs=errand.jobs)
        from forebear.sweeps.agent import Agent
        from forebear.sweeps.places import find_sweep

        # It comes from who launched the agent, through this process's standard input, and from no store.
        function = pickle.loads(errand.function)

        def execute() -> Any:
            if self.asked:  # a function that takes an interruption for its own is not executed again
                raise KeyboardInterrupt
            return function()

        agent = Agent(find_sweep(errand.sweep, create=False), execute, errand.count)
        agent.run()
        return agent


def _read(count: int) -> bytes:
    """Read so many bytes of standard input; without its buffer, which one thread could not leave to another."""
    pieces = []
    while count and (piece := os.read(0, min(count, _PIECE_BYTES))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _listen(work: Work, wakes: int) -> None:
    """Interrupt the main thread when the worker asks for the end, and wake it for signals that another thread got.

    The system gives a signal to any thread; of two in a row, the second goes past the main one, which would sleep on.
    """
    main = threading.main_thread().ident or 0
    asked = [0]
    while True:
        ready, _, _ = select.select([*asked, wakes], [], [])
        if wakes in ready and _ENDING & set(os.read(wakes, _PIECE_BYTES)):
            signal.pthread_kill(main, signal.SIGCONT)
        if 0 in ready:
            asked.clear()
            work.asked = True
            signal.pthread_kill(main, signal.SIGTERM)


def _settle(errand: Errand) -> None:
    """Go to where the errand was written, as far as that is there."""
    for folder in reversed(errand.path):
        if os.path.isdir(folder) and folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        os.chdir(errand.folder)
    except OSError:
        print(f"forebear: {errand.folder} is not on this machine; the agent works in {os.getcwd()}", file=sys.stderr)


def main() -> None:
    """Do the errand that comes in, and tell how it ended."""
    (length,) = _LENGTH.unpack(_read(_LENGTH.size))
    errand = msgspec.json.decode(_read(length), type=Errand)
    work = Work(errand)
    for number in _ENDING:
        signal.signal(number, work.interrupt)
    for number in _ANNOUNCING:
        signal.signal(number, lambda *_: None)
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(work, wakes), daemon=True).start()
    outcome = work.do()
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    os.write(int(sys.argv[1]), msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
