"""The work of ``forebear run log``, ``run files`` and ``run restore``: what a run printed, and what it kept."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from forebear.api.run_files import LOG_FILE, live_path
from forebear.cli.views.run_files import LogView, RestoredView
from forebear.errors import NotFound
from forebear.store.paths import safe_join

if TYPE_CHECKING:
    from forebear.api.recorded_run import RecordedRun
    from forebear.api.run_files import File
    from forebear.cli.session import Session


def show_log(session: Session, run: RecordedRun, tail: int | None) -> None:
    """Show what a run printed, all of it or its last lines.

    Raises:
        NotFound: nothing was kept of it.
    """
    lines = log_text(run).splitlines()
    session.output.show(LogView(run.record, lines if tail is None else lines[-tail:]))


def log_text(run: RecordedRun) -> str:
    """Return what a run printed so far.

    Raises:
        NotFound: nothing was kept of it.
    """
    live = live_path(run.store, run.record, LOG_FILE)
    if live is not None:
        return live.read_text(encoding="utf-8", errors="replace")
    kept = run.files(names=[LOG_FILE])
    if not kept:
        raise NotFound(
            f"run {run.record.qualified_name} has no {LOG_FILE}: it printed nothing, or its console was off",
            code="file-not-found",
        )
    return kept[0].read().decode("utf-8", "replace")


def chosen_files(run: RecordedRun, names: Sequence[str]) -> list[File]:
    """Return the files of a run whose name one of ``names`` fits; all where there are no names.

    Raises:
        NotFound: one of ``names`` fits no file.
    """
    found = list(run.files())
    if not names:
        return found
    for name in names:
        if not any(fnmatchcase(file.name, name) for file in found):
            run.file(name)  # says what there is
    return [file for file in found if any(fnmatchcase(file.name, name) for name in names)]


def restored(run: RecordedRun, files: Sequence[File], root: str | None, *, replace: bool) -> RestoredView:
    """Put files of a run below a folder.

    Raises:
        AlreadyExists: a file is there already, and ``replace`` was not said.
    """
    folder = root if root is not None else safe_join("runs", run.id)
    for file in files:
        file.download(folder, replace=replace)
    return RestoredView(run.record, folder, [file.record for file in files])
