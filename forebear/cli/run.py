"""``forebear run``: what was executed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from forebear.cli.completing import runs
from forebear.cli.declare import Argument, Group, Option
from forebear.cli.session import Session
from forebear.cli.views.runs import RunRow, RunsView, RunView
from forebear.errors import InvalidInput
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.records.runs import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forebear.api.api import Api
    from forebear.artifacts.artifact import Artifact
    from forebear.artifacts.provenance import StoredRun

entry = Group("run", "List runs and show what they used and made.")

#: Runs listed where no limit is given.
LIMIT = 20


@entry.command("ls")
def ls(
    session: Session,
    state: Annotated[
        list[str] | None,
        Option(f"Only runs in this state, of {', '.join(RUN_STATES)}; may come again.", metavar="STATE"),
    ] = None,
    job_type: Annotated[str | None, Option("Only runs of this job type.", ("--job-type", "-j"), metavar="TYPE")] = None,
    limit: Annotated[
        int, Option("List no more than the newest; 0 lists all.", ("--limit", "-l"), metavar="NUMBER", least=0)
    ] = LIMIT,
    everywhere: Annotated[bool, Option("Of every project.", ("--all",))] = False,
) -> None:
    """List runs, newest first."""
    unknown = sorted(set(state or ()) - set(RUN_STATES))
    if unknown:
        raise InvalidInput(f"there is no state {unknown[0]!r}; there are {', '.join(RUN_STATES)}")
    api = session.api
    found = api.runs("*" if everywhere else None, states=state)
    found = [run for run in found if job_type in (None, run.job_type)]
    shown = found[:limit] if limit else found
    where = "any project" if everywhere else f"project {api.settings.entity}/{api.settings.project}"
    view = RunsView(_rows(api, shown), where=where, qualified=everywhere, filtered=bool(state or job_type))
    session.output.show(view)
    if len(shown) < len(found):
        session.output.note(f"{len(found) - len(shown):,} older runs are not listed; --limit 0 lists all")


def _rows(api: Api, runs: Sequence[StoredRun[Artifact]]) -> list[RunRow]:
    """Return runs with the number of versions that went in and out. Cost: two catalog calls."""
    keys = [Node.of_run(run.record.key).key for run in runs]
    used = api.store.catalog.edges(keys, Direction.UPSTREAM, (EdgeKind.USED, EdgeKind.FEEDBACK))
    made = api.store.catalog.edges(keys, Direction.DOWNSTREAM, (EdgeKind.LOGGED, EdgeKind.REPRODUCED))
    inputs, outputs = Counter(edge.target for edge in used), Counter(edge.source for edge in made)
    return [RunRow(run.record, run.state, inputs[key], outputs[key]) for run, key in zip(runs, keys, strict=True)]


@entry.command("show")
def show(
    session: Session,
    run: Annotated[str, Argument("ID", "Its id; entity/project/ may come first.", runs)],
) -> None:
    """Show one run: settings, command, code, what it used and what it made."""
    found = session.api.run(run)
    view = RunView(
        found.record,
        found.state,
        inputs=[artifact.record for artifact in found.used_artifacts()],
        outputs=[artifact.record for artifact in found.logged_artifacts()],
    )
    session.output.show(view)
