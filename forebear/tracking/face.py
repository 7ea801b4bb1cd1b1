"""The functions at module level that speak to the current run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forebear.errors import Conflict
from forebear.tracking.current import current_run

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact
    from forebear.tracking.run import Run


def _run(doing: str) -> Run:
    run = current_run()
    if run is None:
        raise Conflict(f"there is no run to {doing}; begin one with forebear.init()", code="no-run")
    return run


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


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one."""
    run = current_run()
    if run is not None:
        run.finish(exit_code, quiet)
