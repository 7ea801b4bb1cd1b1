"""A registered run with a journal and a recorder, as `forebear.init` makes them, and nothing else."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.records.runs import NewRun, RunOrigin, RunRecord
from forebear.store.liveness import process_start
from forebear.tracking.journal.frames import Session
from forebear.tracking.journal.place import journal_folder, journals_in
from forebear.tracking.journal.writer import JournalWriter
from forebear.tracking.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.store.store import Store

#: Seconds that a thread may take for what it does within milliseconds.
PATIENCE = 20


class JournaledRun:
    """One run of this process. `row` counts steps and runtimes by itself."""

    def __init__(self, store: Store, run_id: str = "r1", record: RunRecord | None = None, **session: Any) -> None:
        self.store = store
        origin = RunOrigin(
            host=socket.gethostname(), pid=os.getpid(), pid_started=process_start(os.getpid()), command=("t",)
        )
        new = NewRun(entity="ada", project="digits", id=run_id, name=run_id, origin=origin)
        self.key = (record or store.catalog.add_run(new)).key
        self.folder = journal_folder(store.local, "ada", "digits", run_id)
        self.warnings: list[str] = []
        about: dict[str, Any] = {"time_base": time.time_ns() // 1_000, "pid": os.getpid(), "store_id": store.id}
        about |= session
        self.journal = JournalWriter(
            self.folder,
            Session(entity="ada", project="digits", run_id=run_id, run_key=self.key, **about),
            warn=self.warnings.append,
        )
        self.recorder = Recorder(store, self.key, self.journal, warn=self.warnings.append)
        self.step = 0

    @property
    def record(self) -> RunRecord:
        """The run as the catalog has it now."""
        return self.store.catalog.runs_by_key([self.key])[self.key]

    @property
    def journals(self) -> list[Path]:
        """The journals that there are."""
        return journals_in(self.folder)

    def row(self, **values: Any) -> None:
        self.journal.row(self.step, self.step * 1_000, values)
        self.step += 1

    def rows(self, count: int, *keys: str) -> None:
        for _ in range(count):
            self.row(**dict.fromkeys(keys or ("loss",), float(self.step)))


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Return as soon as something holds; fail if it never does."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        threading.Event().wait(0.002)
