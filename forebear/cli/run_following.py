"""The work of ``forebear run tail``: the last rows of a run, and those that come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.api import histories
from forebear.api.run_files import LOG_FILE
from forebear.cli.curves import matching
from forebear.cli.views.run_tail import EndedView, TailView
from forebear.records.runs import RUNNING
from forebear.tracking.identity import run_folder

if TYPE_CHECKING:
    from forebear.api.recorded_run import RecordedRun
    from forebear.cli.session import Session

#: Seconds between two looks.
POLL_SECONDS = 0.5


def follow(
    session: Session, run: RecordedRun, *, number: int, keys: Sequence[str], go_on: bool, with_log: bool
) -> None:
    """Show the last ``number`` rows of a run; with ``go_on``, what comes until it ends."""
    rows, log = RowsSince(run, keys), LogSince(run) if with_log else None
    first = True
    while True:
        # Asked before the rows are: what a run logs before it ends is there when it has ended.
        over = not go_on or _is_over(run)
        shown = list(rows.next(everything=over, most=number if first else None))
        printed = log.next() if log is not None else []
        if first:
            printed, first = printed[-number:] if number else [], False
        if shown or printed:
            session.output.show(TailView(run.record, shown, printed))
        if over:
            break
        time.sleep(POLL_SECONDS)
    if go_on:
        session.output.show(EndedView(run.record, run.state))


def _is_over(run: RecordedRun) -> bool:
    run.load(force=True)
    return run.state != RUNNING


def log_path(run: RecordedRun) -> Path:
    """Return where a run of this machine writes what it prints, while it runs."""
    return run_folder(run.store.local, run.entity, run.project, run.id) / LOG_FILE


class RowsSince:
    """Rows of a run that come after those that were seen, by step."""

    def __init__(self, run: RecordedRun, keys: Sequence[str] = ()) -> None:
        self._run = run
        self._patterns = keys
        #: First step that was not shown yet, and the row of it as it was when it was seen last.
        self._next: int | None = None
        self._held: dict[str, Any] | None = None

    def next(self, *, everything: bool, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows that are new, or no more than the last ``most`` of them.

        The newest one may still grow while its step is written, so it waits until it stays as it is, a later one is
        there, or ``everything`` is asked for.
        """
        rows = self._read(most)
        if rows and not everything and rows[-1] != self._held:
            self._held = rows.pop()
        for row in rows:
            self._next = row["_step"] + 1
            if most != 0:
                yield row

    def _read(self, most: int | None) -> list[dict[str, Any]]:
        keys = None
        if self._patterns:
            keys = matching(self._run.history_keys, self._patterns)
            if not keys:
                return []
        table = histories.whole(self._run.store, self._run.record, keys, self._next)
        first = 0 if most is None else len(table) - max(1, most)
        return table.taken(range(max(0, first), len(table))).rows()


class LogSince:
    """Whole lines that a run printed after those that were seen."""

    def __init__(self, run: RecordedRun) -> None:
        self._run = run
        self._seen = 0

    def next(self) -> list[str]:
        """Return the lines that are new."""
        lines = self._text().split("\n")
        # Behind the last new line stands what is not whole yet.
        found = lines[self._seen : -1]
        self._seen += len(found)
        return found

    def _text(self) -> str:
        path = log_path(self._run)
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
        kept = self._run.files(names=[LOG_FILE])
        return kept[0].read().decode("utf-8", "replace") if kept else ""
