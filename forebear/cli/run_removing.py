"""The work of ``forebear run rm``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forebear.cli.asking import agreed
from forebear.cli.views.run_removed import RemovedRunsView
from forebear.errors import ForebearError

if TYPE_CHECKING:
    from forebear.cli.session import Session


def remove(session: Session, ids: Sequence[str], *, artifacts: bool, force: bool, yes: bool) -> int:
    """Delete runs; return the exit status. Every id is looked up before the first run is deleted.

    Raises:
        NotFound: there is no such run.
        Conflict: one of them is running, and ``force`` was not said.
    """
    runs = list({run.record.key: run for run in (session.api.run(path) for path in ids)}.values())
    names = ", ".join(run.record.qualified_name for run in runs)
    too = " and the versions they made" if artifacts else ""
    if not (yes or agreed(f"delete {names}{too}?")):
        session.output.note("nothing was deleted")
        return ForebearError.exit_status
    for run in runs:
        run.delete(delete_artifacts=artifacts, force=force)
    session.output.show(RemovedRunsView([run.record for run in runs]))
    return 0
