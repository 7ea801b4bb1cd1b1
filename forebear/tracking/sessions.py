"""What a run writes through while this process has it: journal, clock, steps, summary, definitions of metrics."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from forebear.store.liveness import process_start
from forebear.tracking.journal.frames import Session, SummaryChange
from forebear.tracking.journal.place import journal_folder
from forebear.tracking.journal.writer import JournalWriter
from forebear.tracking.keeping import MediaKeeper
from forebear.tracking.log import RowLog
from forebear.tracking.metrics import Metric, Metrics
from forebear.tracking.recorder import Recorder
from forebear.tracking.summarize import Summarizer
from forebear.tracking.summary import Summary
from forebear.tracking.terminal import termwarn

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.settings import Settings
    from forebear.store.store import Store

DISABLED = "disabled"


class Start(NamedTuple):
    """From where a run goes on.

    Attributes:
        resumed: It was begun by an earlier process.
        first_step: Step of the first row that names none.
        runtime: Runtime so far, in microseconds.
        summary: The summary so far.
    """

    resumed: bool = False
    first_step: int = 0
    runtime: int = 0
    summary: Mapping[str, Any] = {}


class NoJournal(JournalWriter):
    """A journal that keeps nothing, for runs that are disabled."""

    def row(self, step: int, runtime_us: int, values: dict[str, Any]) -> None:
        """Keep nothing."""

    def system_row(self, runtime_us: int, values: dict[str, Any]) -> None:
        """Keep nothing."""

    def _put_value(self, *_: Any, **__: Any) -> None:
        """Keep nothing."""


class RunSession:
    """The parts through which one process writes to one run."""

    def __init__(self, store: Store, record: RunRecord, settings: Settings, start: Start) -> None:
        """Stand ready to write; nothing is made on disk before the first call."""
        time_base = time.time_ns() // 1_000 - start.runtime
        about = Session(
            entity=record.entity,
            project=record.project,
            run_id=record.id,
            run_key=record.key,
            store_id=store.id,
            branch=record.branch,
            writer=settings.x_label or "",
            time_base=time_base,
            host=socket.gethostname(),
            pid=os.getpid(),
            pid_started=process_start(os.getpid()),
        )
        journal = NoJournal if settings.mode == DISABLED else JournalWriter
        folder = journal_folder(store.local, record.entity, record.project, record.id)
        warn = _quiet if settings.silent else termwarn
        self.journal = journal(folder, about, warn=warn, root=store.local)
        self.metrics = Metrics(record.metrics)
        self.summarizer = Summarizer(self.metrics, time_base=time_base, known=start.summary)
        run_key = None if settings.mode == DISABLED else record.key
        self._keeper = MediaKeeper(store, self.journal, record.id, note=warn, run_key=run_key)
        self.recorder = Recorder(store, record.key, self.journal, warn=warn)
        self._store = store
        self._keeps = settings.mode != DISABLED
        self.rows = RowLog(
            self.journal,
            self.summarizer,
            self.metrics,
            self._keeper,
            first_step=start.first_step,
            runtime=start.runtime,
            strict=settings.strict_step,
            wake=self.recorder.wake if self._keeps else _nothing,
        )
        self.summary = Summary(self.summarizer, lambda: self.rows.lock, self._write_summary, self.rows.value)

    def _write_summary(self, changes: SummaryChange) -> None:
        self.rows.check_open()
        self.journal.summary(changes)

    def define(self, metric: Metric, *, overwrite: bool) -> Metric:
        """Take in the definition of a metric, and write it down."""
        with self.rows.lock:
            self.rows.check_open()
            whole = self.metrics.define(metric, overwrite=overwrite)
            # Whoever reads the journal need not know what was said before.
            self.journal.metric(msgspec.to_builtins(whole) | {"overwrite": True})
        return whole

    def flush(self) -> None:
        """Return once the catalog has what was logged."""
        if self._keeps:
            self.recorder.flush()

    def stop(self) -> None:
        """Let the catalog take the rest of the journal; nothing can be written afterwards.

        Raises:
            StorageFailure: the catalog cannot be written; this may be tried again.
        """
        if self._keeps:
            self.recorder.stop()

    def waiting(self) -> int:
        """Return how many bytes of the journal the catalog has not taken yet."""
        files = self.journal.files()
        return sum(max(0, file.size - self._store.catalog.journal_position(file.name)) for file in files)

    def after_fork(self) -> None:
        """Begin anew in a forked child, which inherits no thread and no lock."""
        self.rows.after_fork()
        self._keeper.after_fork()


def _nothing() -> None:
    """Do nothing."""


def _quiet(text: str) -> None:
    """Say nothing."""
