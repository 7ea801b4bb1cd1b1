"""The functions at module level that speak to the current run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict
from forebear.tracking import current
from forebear.tracking.current import current_run

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact
    from forebear.tracking.metrics import Metric
    from forebear.tracking.run import Run

#: Looked at directly by `log`, which is called more often than all else together.
_runs = current._runs


class NoRun(Conflict, AttributeError):
    """There is no run that has what was asked for."""


def no_run(doing: str) -> NoRun:
    """Return the error of a call that needs a run."""
    return NoRun(f"there is no run to {doing}; begin one with forebear.init()", code="no-run")


def _run(doing: str) -> Run:
    run = current_run()
    if run is None:
        raise no_run(doing)
    return run


def log(data: dict[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """`Run.log` of the current run."""
    if not _runs:
        raise no_run("log to")
    _runs[-1].log(data, step, commit)


def define_metric(name: str, *args: Any, **options: Any) -> Metric:
    """`Run.define_metric` of the current run."""
    return _run("define a metric of").define_metric(name, *args, **options)


def log_artifact(*args: Any, **options: Any) -> Artifact:
    """`Run.log_artifact` of the current run."""
    return _run("log an artifact with").log_artifact(*args, **options)


def use_artifact(*args: Any, **options: Any) -> Artifact:
    """`Run.use_artifact` of the current run."""
    return _run("use an artifact with").use_artifact(*args, **options)


def log_model(*args: Any, **options: Any) -> Artifact:
    """`Run.log_model` of the current run."""
    return _run("log a model with").log_model(*args, **options)


def use_model(*args: Any, **options: Any) -> str:
    """`Run.use_model` of the current run."""
    return _run("use a model with").use_model(*args, **options)


def log_code(*args: Any, **options: Any) -> Artifact | None:
    """`Run.log_code` of the current run."""
    return _run("log code with").log_code(*args, **options)


def save(*args: Any, **options: Any) -> Any:
    """`Run.save` of the current run."""
    return _run("save files with").save(*args, **options)


def restore(name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> Any:
    """`Run.restore` of the current run; with ``run_path`` no run is needed."""
    from forebear.tracking.files import restore as restored  # 2 ms that few scripts need

    return restored(current_run() if run_path else _run("restore files of"), name, run_path, replace, root)


def watch(*args: Any, **options: Any) -> Any:
    """`Run.watch` of the current run."""
    return _run("watch a model with").watch(*args, **options)


def unwatch(*args: Any, **options: Any) -> None:
    """`Run.unwatch` of the current run."""
    _run("stop watching with").unwatch(*args, **options)


def alert(*args: Any, **options: Any) -> None:
    """`Run.alert` of the current run."""
    _run("alert with").alert(*args, **options)


def mark_preempting() -> None:
    """`Run.mark_preempting` of the current run."""
    _run("mark").mark_preempting()


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one."""
    run = current_run()
    if run is not None:
        run.finish(exit_code, quiet)


class OfCurrentRun:
    """Stands for the config or the summary of whatever run is current when it is used.

    `forebear.config` and `forebear.summary` are these objects while there is no run, so that a script that took one
    before `forebear.init` has the right one afterwards.
    """

    def __init__(self, name: str, read: Callable[[Run], Any]) -> None:
        """Stand for what ``read`` gives of a run; ``name`` is what people call it."""
        vars(self).update(_name=name, _read=read)

    _name: str
    _read: Callable[[Run], Any]

    def _current(self) -> Any:
        run = current_run()
        if run is None:
            raise NoRun(f"there is no run whose {self._name} this could be; call forebear.init() first", code="no-run")
        return self._read(run)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return getattr(self._current(), key)

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(self._current(), key, value)

    def __getitem__(self, key: str) -> Any:
        return self._current()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._current()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._current()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._current()

    def __iter__(self) -> Any:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def __repr__(self) -> str:
        return repr(self._current()) if current_run() is not None else f"<{self._name} of no run>"


_config = OfCurrentRun("config", lambda run: run.config)
_summary = OfCurrentRun("summary", lambda run: run.summary)


def current_config() -> Any:
    """Return the config of the current run, or what stands for it while there is none."""
    run = current_run()
    return run.config if run is not None else _config


def current_summary() -> Any:
    """Return the summary of the current run, or what stands for it while there is none."""
    run = current_run()
    return run.summary if run is not None else _summary
