"""Ending runs with the process: well, with an exit code, or with an exception nobody caught."""

from __future__ import annotations

import atexit
import sys
import threading
from types import TracebackType
from typing import Any

from forebear.errors import ForebearError
from forebear.tracking.current import active_runs
from forebear.tracking.run import ending_of, note

_installed = False
_ending: tuple[int, str | None] = (0, None)


def install_hooks() -> None:
    """Watch how the process ends; the second call changes nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    atexit.register(_end_runs)
    _watch_exceptions()
    _watch_exit()


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


def _end_runs() -> None:
    for run in active_runs():
        try:
            run.end(*_ending)
        except ForebearError as err:
            note(run.settings, f"the end of run {run.name} ({run.id}) could not be written: {err}")
