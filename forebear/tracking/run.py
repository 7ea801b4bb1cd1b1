"""`Run`: one execution, what it used and what it logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from forebear.artifacts.collecting.automatic import collect_now_and_then
from forebear.errors import Conflict, InvalidInput, StorageFailure
from forebear.records.redaction import redact_output
from forebear.records.runs import FAILED, FINISHED, KILLED, RunChanges, RunRecord
from forebear.tracking.config import Config
from forebear.tracking.configuration import config_from, storable
from forebear.tracking.metrics import new_metric
from forebear.tracking.run_artifacts import RunArtifacts
from forebear.tracking.sessions import RunSession, Start
from forebear.tracking.terminal import termlog
from forebear.tracking.trial_context import TrialStopped

if TYPE_CHECKING:
    import os

    from forebear.artifacts.artifact import Artifact
    from forebear.settings import Settings
    from forebear.store.store import Store
    from forebear.tracking.journal.writer import JournalWriter
    from forebear.tracking.metrics import Metric
    from forebear.tracking.summary import Summary

#: Exit codes of runs that were interrupted or asked to end, as shells report them.
INTERRUPTED, TERMINATED = 130, 143
#: Characters of an exception kept with a run.
MAX_ERROR_CHARS = 2_000


class Run(RunArtifacts):
    """A run that this process executes. Made by `forebear.init`; ends with `finish`, its block, or the process.

    Safe for threads. A forked child may log through it; only the process that began it ends it.
    """

    def __init__(
        self,
        store: Store,
        record: RunRecord,
        settings: Settings,
        ended: Callable[[Run], None] | None = None,
        *,
        start: Start = Start(),  # noqa: B008 - it is immutable
        allow_val_change: bool = False,
    ) -> None:
        """Hold a registered run; ``ended`` is called once, when it ends."""
        super().__init__(store, record, settings)
        self._ended = ended
        self._over = False
        self._at_end: list[Callable[[], None]] = []
        self._start = start
        self._session = RunSession(store, record, settings, start)
        self._config_waits = False
        self._patiently: Callable[[Callable[[], None]], None] = _once
        self.config = Config(
            record.config, self._save_config, allow_val_change=allow_val_change, use=self._use_in_config
        )

    # -- logging ------------------------------------------------------------------------------------------------

    def log(
        self, data: dict[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Record values of one step. What is logged is on disk when the call returns.

        Args:
            data: Values by name: numbers, text, arrays, media. Nested dictionaries become dotted names; of a name that
                comes twice in one step, the last value counts.
            step: Step that the values belong to, by default the current one. A lower one than the current is recorded
                at its place; of a higher one the current step follows.
            commit: Whether the step is over: by default it is, unless ``step`` is given.
            sync: Accepted for older scripts.

        Raises:
            TypeError: ``data`` is no dictionary, a key is no text, or a value cannot be kept.
            InvalidInput: ``step`` is lower than the current one, with ``Settings(strict_step=True)``.
            Conflict: the run is over.

        Cost: 3 to 4 µs for a few numbers; one write(2) to the run's journal.
        """
        self._session.rows.log(data, step, commit)

    @property
    def summary(self) -> Summary:
        """Final values: the last ones that were logged, what `define_metric` asks for, and what is set here."""
        return self._session.summary

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Iterable[str] | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say what a metric means; what was said of it before holds on where nothing new is said.

        Args:
            name: Name of the metric; one that ends in ``*`` holds for all that begin so.
            step_metric: The metric that is its x-axis.
            step_sync: Add the last value of the x-axis to rows that lack it; by default that is done.
            hidden: Do not show it unasked.
            summary: What the summary keeps of it: ``min``, ``max``, ``mean``, ``last``, ``first``, ``best``, ``copy``
                (the last value, as without a definition) or ``none``, several with commas between.
            goal: ``minimize`` or ``maximize``: what ``best`` means.
            overwrite: Forget what was said of this name before.

        Raises:
            InvalidInput: a word is unknown, or a ``*`` is not at the end.
        """
        metric = new_metric(name, step_metric, step_sync, hidden, summary, goal)
        return self._session.define(metric, overwrite=bool(overwrite))

    @property
    def step(self) -> int:
        """Step of the next row that names none."""
        return self._session.rows.step

    @property
    def starting_step(self) -> int:
        """Step that this process began with; above 0 for a run that was resumed."""
        return self._start.first_step

    @property
    def resumed(self) -> bool:
        """Whether an earlier process had begun it."""
        return self._start.resumed

    @property
    def config_static(self) -> dict[str, Any]:
        """A plain copy of the config."""
        return self.config.as_dict()

    @property
    def journal(self) -> JournalWriter:
        """What this process writes the run down with."""
        return self._session.journal

    def runtime_us(self) -> int:
        """Return how long the run took so far, over all its sessions, in microseconds."""
        return self._session.rows.runtime()

    # -- config -------------------------------------------------------------------------------------------------

    def _use_in_config(self, artifact: Artifact, key: str) -> None:
        self.use_artifact(artifact, use_as=key)

    def _save_config(self) -> None:
        self._check_running("change its config")
        with self._guard():  # read and written as one, so that of two threads the last one writes both their changes
            values = storable(config_from(self.config.as_dict()), _artifact_json)
            try:
                self._change(RunChanges(config=values))
            except StorageFailure:
                self._config_waits = True
            if self._config_waits:
                # What the journal brings later replaces what the catalog has, so it must not be older.
                self.journal.config(values)

    # -- files, code, models ------------------------------------------------------------------------------------

    def save(
        self,
        glob_str: str | os.PathLike[str] | None = None,
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> Any:
        """Keep files with the run. See `forebear.tracking.files.save`."""
        from forebear.tracking.files import save  # 2 ms that few runs need

        return save(self, glob_str, base_path, policy)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Get a file of a run back. See `forebear.tracking.files.restore`."""
        from forebear.tracking.files import restore  # 2 ms that few runs need

        return restore(self, name, run_path, replace, root)

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the code below a folder as an artifact. See `forebear.tracking.capture.code.log_code`."""
        from forebear.tracking.capture.code import log_code  # 2 ms that few runs need

        return log_code(self, root, name, include_fn, exclude_fn)

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> Any:
        """Log gradients and parameters of a torch module. See `forebear.tracking.watch.watch`."""
        from forebear.tracking.watch import watch  # 2 ms that few runs need

        return watch(self, models, criterion, log, log_freq, idx, log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Stop what `watch` began."""
        from forebear.tracking.watch import unwatch  # 2 ms that few runs need

        unwatch(self, models)

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        """Tell people something. See `forebear.tracking.alerts.alert`."""
        from forebear.tracking.alerts import alert  # 2 ms that few runs need

        alert(self, title, text, level, wait_duration)

    # -- its end ------------------------------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: *finished*, or *failed* if ``exit_code`` is not 0. A run that is over stays as it is."""
        self.end(exit_code or 0)

    def join(self, exit_code: int | None = None) -> None:
        """The old name of `finish`."""
        self.finish(exit_code)

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when this process ends the run, before what was logged is taken into the catalog."""
        self._at_end.append(callback)

    def at_log(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback`` with what is logged, after it was written; what it raises, `log` raises."""
        self._session.rows.follow(callback)

    def end_by(self, patiently: Callable[[Callable[[], None]], None]) -> None:
        """Let the end of the run be called through ``patiently``, which may repeat it after a `StorageFailure`."""
        self._patiently = patiently

    def end(self, exit_code: int, error: str | None = None) -> None:
        """End the run with an exit code and the words of an exception."""
        with self._guard():
            if self._over or not self.began_here:
                return
            self._end_parts()
            state = {0: FINISHED, INTERRUPTED: KILLED, TERMINATED: KILLED}.get(exit_code, FAILED)
            self._session.rows.close(_over(self, state, "log"))
            # Before anything forgets the run, so that an end that no disk would take can be tried again.
            self._patiently(lambda: self._bring_to_end(state, exit_code, error))
            self._state, self._over = state, True
            if self._ended is not None:
                self._ended(self)
        if self._settings.gc and self._settings.mode != "disabled":
            collect_now_and_then(self._store)

    def _bring_to_end(self, state: str, exit_code: int, error: str | None) -> None:
        self._session.stop()
        if self._ends_run:
            changes = RunChanges(
                state=state,
                exit_code=exit_code,
                error=redact_output(error)[:MAX_ERROR_CHARS] if error else None,
                ended_at=datetime.now(UTC),
            )
            self._store.catalog.update_run(self._record.key, changes)

    def _end_parts(self) -> None:
        while self._at_end:
            callback = self._at_end.pop()
            try:
                callback()
            except Exception as err:  # whatever it is, the run ends, and the person is told
                note(self._settings, f"at the end of run {self.name}: {type(err).__name__}: {err}")

    @property
    def _ends_run(self) -> bool:
        """Whether the end of this process is the end of the run: of several that share it, the first one's is."""
        settings = self._settings
        return settings.mode != "shared" or (settings.x_primary and settings.x_update_finish_state)

    def after_fork(self) -> None:
        """Begin anew in a forked child; called by the hook that is registered with the system."""
        self._at_end.clear()
        self._session.after_fork()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(*ending_of(error))

    def _check_running(self, doing: str) -> None:
        if self._over:
            raise Conflict(_over(self, self._state, doing), code="run-over")

    # -- for scripts written for W&B ----------------------------------------------------------------------------

    def status(self) -> RunStatus:
        """Return how far what was logged is in the catalog."""
        return RunStatus(self._session.waiting())

    def mark_preempting(self) -> None:
        """Say that the machine may be taken away: what was logged until now goes into the catalog at once."""
        self._session.flush()

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in a notebook; return whether that was possible."""
        try:
            from IPython import display  # 200 ms, only in notebooks
        except ImportError:
            return False
        display.display(self)  # type: ignore[no-untyped-call]
        return True

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return a small table about the run as HTML."""
        return self._repr_html_()

    def _repr_html_(self) -> str:
        return self._stored()._repr_html_()

    def __reduce__(self) -> NoReturn:
        raise InvalidInput(
            "a run cannot be pickled; another process joins it with init(id=run.id, mode='shared')", code="no-pickle"
        )


class RunStatus:
    """How far what a run logged is in the catalog; all of it is on disk either way."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting

    @property
    def synced(self) -> bool:
        """Whether nothing waits in the journal."""
        return self.waiting == 0

    def __repr__(self) -> str:
        return f"<RunStatus {self.waiting} bytes waiting>"


def _over(run: Run, state: str, doing: str) -> str:
    return f"run {run.name} ({run.id}) is {state}, so it cannot {doing}; start another with init()"


def _artifact_json(artifact: Artifact, key: str) -> dict[str, Any]:
    """What stands in a stored config for an artifact."""
    return {
        "_type": "artifactVersion",
        "id": artifact.qualified_name,
        "version": artifact.version,
        "sequenceName": artifact.collection_name,
        "usedAs": key,
    }


def ending_of(error: BaseException | None) -> tuple[int, str | None]:
    """Return the exit code that an exception means, and its words."""
    if error is None:
        return 0, None
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0, None
        return 1, str(error.code)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    if isinstance(error, TrialStopped):
        return error.exit_code, error.message if error.exit_code else None
    return 1, f"{type(error).__name__}: {error}"


def note(settings: Settings, text: str) -> None:
    """Tell the person at the terminal something, unless they asked for silence."""
    if not settings.silent:
        termlog(text)


def _once(call: Callable[[], None]) -> None:
    """Call, without patience: a person sees what is wrong at once."""
    call()
