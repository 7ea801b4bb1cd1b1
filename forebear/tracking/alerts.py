"""Alerts: a script says that something needs a person's attention.

There is no server that could send them, so an alert is a line on the terminal and a line of ``alerts.jsonl`` among the
files of the run, which survives whatever becomes of the process.
"""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from forebear.errors import InvalidInput
from forebear.records.redaction import redact_output
from forebear.tracking.terminal import termerror, termlog, termwarn

if TYPE_CHECKING:
    from forebear.tracking.run import Run

#: Name of the file among those of a run.
FILE_NAME = "alerts.jsonl"
#: Seconds between two alerts of one title, unless something else is said.
WAIT_SECONDS = 60.0
#: Titles whose last alert is remembered.
_REMEMBERED = 10_000
#: Characters of an alert's text that are kept.
_MAX_TEXT = 100_000


class AlertLevel(StrEnum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Alerts:
    """The alerts of one run. Safe for threads and forks."""

    def __init__(self, folder: Path) -> None:
        """Keep alerts in a file of ``folder``, which is there."""
        self._file = folder / FILE_NAME
        self._lock = threading.Lock()
        self._owner = os.getpid()
        #: Title → when its last alert was sent, in seconds of the monotonic clock.
        self._sent: dict[str, float] = {}

    def send(
        self,
        title: str,
        text: str = "",
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> bool:
        """Send an alert; return whether it was sent.

        Args:
            title: What it is about, in a few words.
            text: More words.
            level: ``INFO`` (default), ``WARN`` or ``ERROR``.
            wait_duration: Send nothing if the last alert of this title is younger than this many seconds (60).

        Raises:
            InvalidInput: the level is not known.
            OSError: the file cannot be written.
        """
        chosen = _level_of(level)
        wait = WAIT_SECONDS if wait_duration is None else wait_duration
        seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
        if not self._is_due(str(title), seconds):
            return False
        words = f"{title}: {text}" if text else str(title)
        {AlertLevel.INFO: termlog, AlertLevel.WARN: termwarn, AlertLevel.ERROR: termerror}[chosen](f"alert: {words}")
        self._keep(str(title), str(text), chosen)
        return True

    def _is_due(self, title: str, seconds: float) -> bool:
        now = time.monotonic()
        with self._guard():
            last = self._sent.pop(title, None)
            due = last is None or now - last >= seconds
            self._sent[title] = now if due or last is None else last
            if len(self._sent) > _REMEMBERED:
                del self._sent[next(iter(self._sent))]
        return due

    def _keep(self, title: str, text: str, level: AlertLevel) -> None:
        alert = {
            "time": datetime.now(UTC).isoformat(),
            "level": level.value,
            "title": redact_output(title[:_MAX_TEXT]),
            "text": redact_output(text[:_MAX_TEXT]),
        }
        line = json.dumps(alert, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        # One write(2) to the end: alerts of several processes stay whole lines.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _guard(self) -> threading.Lock:
        if os.getpid() != self._owner:
            # Another thread of the parent may have held the lock when this child was forked.
            self._lock, self._owner = threading.Lock(), os.getpid()
        return self._lock


_of_runs: weakref.WeakKeyDictionary[Run, Alerts] = weakref.WeakKeyDictionary()


def alert(
    run: Run,
    title: str,
    text: str = "",
    level: str | AlertLevel | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """Send an alert of a run. See `Alerts.send`."""
    from forebear.tracking.files import files_of  # 5 ms that few runs need

    alerts = _of_runs.get(run)
    if alerts is None:
        files = files_of(run)
        files.own(FILE_NAME)
        alerts = _of_runs.setdefault(run, Alerts(files.folder))
    alerts.send(title, text, level, wait_duration)


def _level_of(level: str | AlertLevel | None) -> AlertLevel:
    if level is None:
        return AlertLevel.INFO
    try:
        return AlertLevel(str(getattr(level, "value", level)).upper())
    except ValueError:
        known = ", ".join(one.value for one in AlertLevel)
        raise InvalidInput(f"alert level {level!r} is unknown; there are {known}", code="invalid-level") from None
