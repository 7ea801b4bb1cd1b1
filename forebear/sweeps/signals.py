"""Signals that an agent gets, told to who hands them on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

#: What asks a process to end.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What has a meaning of somebody's own: schedulers announce with them that time is running out.
OTHER = (signal.SIGUSR1, signal.SIGUSR2)


class Signals:
    """Receives the signals of this process while a block lasts; afterwards all is as it was.

    Those that are ignored stay so (``nohup``), as do those of the second kind that somebody handles. Only in the main
    thread is there anything to receive.
    """

    def __init__(self, received: Callable[[signal.Signals], None]) -> None:
        """``received`` is called between two instructions of the main thread."""
        self._received = received
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (*ENDING, *OTHER):
                before = signal.getsignal(number)
                # ``None``: of a library that is not Python's; it could not be put back.
                if before not in (signal.SIG_IGN, None) and (number in ENDING or before is signal.SIG_DFL):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._received(signal.Signals(number))
