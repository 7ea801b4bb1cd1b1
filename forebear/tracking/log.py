"""`RowLog`: the steps of a run, and the way of a row from the training loop to the journal."""

from __future__ import annotations

import threading
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict, InvalidInput
from forebear.tracking.rows import PLAIN, plain_row, plain_value, step_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.media.base import Media
    from forebear.tracking.journal.writer import JournalWriter
    from forebear.tracking.keeping import MediaKeeper
    from forebear.tracking.metrics import Metrics
    from forebear.tracking.summarize import Summarizer

_NS_PER_US = 1_000
_is_plain = PLAIN.issuperset
_text_only = "".join


class RowLog:
    """Counts steps and writes rows. Safe for threads.

    A row belongs to the current step, or to the step that it names. What is written is on disk when the call returns,
    also where the step is not over: rows of one step are merged by whoever reads them.
    """

    def __init__(
        self,
        writer: JournalWriter,
        summarizer: Summarizer,
        metrics: Metrics,
        keeper: MediaKeeper,
        *,
        first_step: int = 0,
        runtime: int = 0,
        strict: bool = False,
        wake: Callable[[], None],
    ) -> None:
        """Begin to write.

        Args:
            first_step: Step of the first row that names none.
            runtime: Runtime so far, in microseconds.
            strict: Refuse a step that is lower than the current one.
            wake: Called after the first row of a process.
        """
        self._writer = writer
        self._row = writer.row
        self._summarizer = summarizer
        self._summarize = summarizer.row
        self._metrics = metrics
        self._keeper = keeper
        self._strict = strict
        self._zero = monotonic_ns() - runtime * _NS_PER_US
        self._over = ""
        self._wake = wake
        self._asleep = True
        self.step = first_step
        self.lock = threading.RLock()

    def log(self, data: Any, step: Any = None, commit: bool | None = None) -> None:
        """Write a row. See `forebear.tracking.run.Run.log`."""
        # The usual row, a dictionary of numbers, takes the shortest way: about 3 µs, of which write(2) is 1.
        if type(data) is dict and data and not self._over and _is_plain(map(type, data.values())):
            try:
                _text_only(data)
                with self.lock:
                    if step is None:
                        at = self.step
                        if self._metrics.sync:
                            data = self._with_axes(data)
                        runtime = (monotonic_ns() - self._zero) // _NS_PER_US
                        self._row(at, runtime, data)
                        self._summarize(at, runtime, data)
                        if commit is None or commit:
                            self.step = at + 1
                    else:
                        self._write(data, step_of(step), commit)
                    if self._asleep:
                        self._awake()
                return
            except (TypeError, OverflowError, UnicodeEncodeError) as err:
                if isinstance(err, InvalidInput):
                    raise
                # A key is no text, a number has more than 64 bits, a text is no Unicode: what follows knows them all.
        self._log_values(data, step, commit)

    def _log_values(self, data: Any, step: Any, commit: bool | None) -> None:
        """Write a row of values of any kind."""
        self.check_open()
        at = None if step is None else step_of(step)
        named = self.step if at is None else at

        def to_json(key: str, media: Media) -> dict[str, Any]:
            return self._keeper.json_of(key, named, media, self._summarizer.last(key))

        row = plain_row(data, to_json)
        with self.lock:
            self._write(row, at, commit)
            if self._asleep:
                self._awake()

    def _write(self, row: dict[str, Any], step: int | None, commit: bool | None) -> None:
        at = self.step if step is None else step
        if step is None and commit is None:
            commit = True
        if at < self.step and self._strict:
            raise InvalidInput(
                f"step {at} is lower than the current one, {self.step}; without Settings(strict_step=True) it would be "
                "recorded all the same",
                code="step-order",
            )
        if row:
            if self._metrics.sync:
                row = self._with_axes(row)
            runtime = self.runtime()
            self._row(at, runtime, row)
            self._summarize(at, runtime, row)
        if at >= self.step:
            self.step = at + 1 if commit else at

    def _with_axes(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the last values of the x-axes that its metrics have and it lacks."""
        added: dict[str, Any] = {}
        for key in row:
            metric = self._metrics.of(key)
            if metric is None or not metric.syncs_step or metric.step_metric in row:
                continue
            axis = str(metric.step_metric)
            value = self._summarizer.last(axis)
            if value is not None:
                added[axis] = value
        return {**row, **added} if added else row

    def value(self, key: str, value: Any) -> Any:
        """Return a value as a summary keeps it: plain, media as JSON and their files kept."""
        return plain_value(key, value, lambda key, media: self._keeper.json_of(key, self.step, media))

    def runtime(self) -> int:
        """Return the microseconds that the run has taken so far, over all its sessions."""
        return (monotonic_ns() - self._zero) // _NS_PER_US

    def follow(self, seen: Callable[[Any], None]) -> None:
        """Call ``seen`` with what is logged from now on, after it was written."""
        log = self.log

        def log_and_tell(data: Any, step: Any = None, commit: bool | None = None) -> None:
            log(data, step, commit)
            seen(data)

        self.log = log_and_tell  # type: ignore[method-assign]

    def close(self, why: str) -> None:
        """Refuse every later row with these words; without words take rows again."""
        self._over = why

    def check_open(self) -> None:
        """Raise `Conflict` if rows are refused."""
        if self._over:
            raise Conflict(self._over, code="run-over")

    def after_fork(self) -> None:
        """Begin anew in a child: another thread of its parent may hold the lock."""
        self.lock = threading.RLock()
        self._asleep = True

    def _awake(self) -> None:
        self._asleep = False
        self._wake()
