"""Ending runs with the process: well, with an exit code, with an exception nobody caught, or with SIGTERM."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from forebear.tracking.current import active_runs
from forebear.tracking.run import INTERRUPTED, TERMINATED, ending_of, note

_installed = False
_ending: tuple[int, str | None] = (0, None)
#: Process of the worker that is watched.
_worker = 0


def install_hooks() -> None:
    """Watch how the process ends; the second call changes nothing, but for a signal that nobody handles."""
    global _installed
    _watch_signal()
    _watch_worker()
    if _installed:
        return
    _installed = True
    atexit.register(_end_runs)
    _watch_exceptions()
    _watch_exit()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_let_signal_be)


def _watch_worker() -> None:
    """Workers of multiprocessing leave without what is registered for the exit of a process."""
    global _worker
    module = sys.modules.get("multiprocessing.process")
    if module is None or module.parent_process() is None or _worker == os.getpid():
        return
    _worker = os.getpid()
    from multiprocessing import util  # loaded already

    # Called while an exception that ends the worker is under way.
    util.Finalize(None, lambda: _end_each(*ending_of(sys.exc_info()[1])), exitpriority=100)


def _watch_exceptions() -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _ending
        _ending = ending_of(error)
        before(kind, error, trace)

    sys.excepthook = hook


def _watch_exit() -> None:
    before = sys.exit

    def leave(code: Any = None, /) -> Any:
        global _ending
        if threading.current_thread() is threading.main_thread():  # elsewhere it ends the thread alone
            _ending = ending_of(SystemExit(code))
        before(code)

    # The interpreter tells nobody the exit code: an exception hook does not see SystemExit.
    sys.exit = leave


def _watch_signal() -> None:
    """Handle SIGTERM where nobody does: schedulers send it some seconds before they kill."""
    # Handlers can be set in the main thread alone.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _let_signal_be() -> None:
    """A forked worker ends no run, and may be stuck where no handler of Python's is called."""
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_each(TERMINATED, "terminated")
    # Whoever sent the signal sees the process end by it.
    os.kill(os.getpid(), number)


def _end_runs() -> None:
    _end_each(*_ending)
    if _ending[0] == INTERRUPTED:
        # The interpreter remembers that it was interrupted, and then ends by the signal, which is what stops the loop
        # of a shell. Compiling code, as the modules do that were loaded just now, makes it forget; this reminds it.
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


def _end_each(exit_code: int, error: str | None) -> None:
    for run in active_runs():
        try:
            run.end(exit_code, error)
        except Exception as err:  # whatever it is, the other runs end, and the person is told
            rows, blobs = run.journal.waiting
            lost = f". {rows} rows and {blobs} files that waited in memory are lost" if rows or blobs else ""
            note(run.settings, f"the end of run {run.name} ({run.id}) could not be written: {err}{lost}")
