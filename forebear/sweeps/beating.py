"""Signs of life: a thread tells the catalog which trials are still executed here, and hears what they are asked."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from forebear.errors import ForebearError
from forebear.records.sweeps import HEARTBEAT_SECONDS, Standing

if TYPE_CHECKING:
    from types import TracebackType

    from forebear.records.sweeps import Trial
    from forebear.store.store import Store

#: Told how a trial stands, from the thread.
Told = Callable[[Standing], None]


class Heartbeats:
    """Keeps the trials of one agent alive while they are held. A block ends the thread."""

    def __init__(self, store: Store, interval: float = HEARTBEAT_SECONDS) -> None:
        """``interval`` is in seconds. The thread begins with the first trial."""
        self._store = store
        self._interval = interval
        self._held: dict[tuple[int, int], tuple[Trial, Told]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def hold(self, trial: Trial, told: Told) -> None:
        """Give signs of life for a trial; ``told`` hears of each answer, and must not raise."""
        with self._lock:
            self._held[trial.sweep_key, trial.number] = (trial, told)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="forebear-heartbeats", daemon=True)
                self._thread.start()

    def let_go(self, trial: Trial) -> None:
        """Give no more signs for a trial."""
        with self._lock:
            self._held.pop((trial.sweep_key, trial.number), None)

    def beat(self) -> None:
        """Give a sign of life for each trial now."""
        with self._lock:
            held = list(self._held.values())
        for trial, told in held:
            # A store that is away now is there again before the trial is given to somebody else, or it is not.
            with contextlib.suppress(ForebearError):
                told(self._store.catalog.report_trial(trial.sweep_key, trial.number, trial.attempt))

    def _beat(self) -> None:
        while not self._over.wait(self._interval):
            self.beat()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join()

    def __enter__(self) -> Heartbeats:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
