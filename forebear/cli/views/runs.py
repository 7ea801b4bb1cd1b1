"""How runs look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.layout import Cell, Column, Line, Span, fields, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, ago, clean, duration, moment
from forebear.cli.views.artifacts import VERSION_STYLE, command_text, metadata_lines

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.records.runs import RunRecord

STATE_STYLES = {"running": "blue", "finished": "green", "failed": "red", "crashed": "red", "killed": "yellow"}


class RunRow(NamedTuple):
    """A run, its state as far as it can be told, and how many versions went in and out."""

    record: RunRecord
    state: str
    inputs: int
    outputs: int


def run_record(run: RunRecord, state: str) -> dict[str, Any]:
    """Return a run as JSON has it everywhere."""
    return {
        "id": run.id,
        "path": run.qualified_name,
        "name": run.name,
        "state": state,
        "job_type": run.job_type,
        "group": run.group,
        "tags": list(run.tags),
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "exit_code": run.exit_code,
    }


class RunsView(View):
    """Runs, newest first."""

    many = True

    def __init__(self, rows: Sequence[RunRow], *, where: str, qualified: bool, filtered: bool) -> None:
        """Show ``rows``; ``where`` and ``filtered`` explain an empty list."""
        self.rows = rows
        self.where = where
        self.qualified = qualified
        self.filtered = filtered

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a run."""
        for run, state, inputs, outputs in self.rows:
            yield {**run_record(run, state), "inputs": inputs, "outputs": outputs}

    def names(self) -> Iterator[str]:
        """Return the paths of the runs."""
        return (row.record.qualified_name for row in self.rows)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table, or what to do while there is nothing in it."""
        if not self.rows:
            if self.filtered:
                yield line(f"no run in {self.where} is of this kind; forebear run ls lists them all")
                return
            yield line(f"no runs yet in {self.where}; a script begins one with:")
            yield line(Span('  run = forebear.init(project="…", job_type="train")', "bold"))
            return
        columns = (
            Column("ID", shrink=self.qualified, style="bold"),
            Column("STATE"),
            Column("JOB TYPE", shrink=True, drop=2, style="magenta"),
            Column("NAME", shrink=True, drop=3),
            Column("STARTED", style="dim"),
            Column("TOOK", right=True, drop=4, style="dim"),
            Column("IN", right=True, drop=5),
            Column("OUT", right=True, drop=5),
        )
        yield from table(columns, (self._row(row, screen) for row in self.rows), screen.width)

    def _row(self, row: RunRow, screen: Screen) -> tuple[Cell, ...]:
        run, state, inputs, outputs = row
        return (
            run.qualified_name if self.qualified else run.id,
            Span(state, STATE_STYLES.get(state, "")),
            clean(run.job_type or NOTHING),
            clean(run.name),
            ago(run.created_at, screen.now),
            _took(run, state, screen.now),
            str(inputs),
            str(outputs),
        )


def _took(run: RunRecord, state: str, now: datetime) -> str:
    if run.ended_at is None and state != "running":
        return NOTHING
    return duration((run.ended_at or now) - run.created_at)


class RunView(View):
    """One run, with what went in and what came out."""

    def __init__(self, run: RunRecord, state: str, *, inputs: Sequence[Version], outputs: Sequence[Version]) -> None:
        self.run = run
        self.state = state
        self.inputs = inputs
        self.outputs = outputs

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        origin = self.run.origin
        yield {
            **run_record(self.run, self.state),
            "notes": self.run.notes,
            "error": self.run.error,
            "config": self.run.config,
            "command": list(origin.command),
            "program": origin.program,
            "git_commit": origin.git_commit,
            "git_branch": origin.git_branch,
            "git_dirty": origin.git_dirty,
            "host": origin.host,
            "user": origin.user,
            "python": origin.python,
            "inputs": [version.qualified_name for version in self.inputs],
            "outputs": [version.qualified_name for version in self.outputs],
        }

    def names(self) -> Iterator[str]:
        """Return the path of the run."""
        yield self.run.qualified_name

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return its fields."""
        run, origin = self.run, self.run.origin
        head = line(
            Span(clean(run.name), "bold"),
            f"  {run.id}",
            Span(f"  {self.state}", STATE_STYLES.get(self.state, "")),
            Span(f"  in {run.entity}/{run.project}", "dim"),
        )
        yield from flow(head, screen.width)
        yield ()
        pairs: list[tuple[str, Cell | list[Line]]] = [
            ("job type", Span(clean(run.job_type or ""), "magenta")),
            ("group", clean(run.group or "")),
            ("tags", " ".join(run.tags)),
            ("notes", clean(run.notes or "")),
            ("started", f"{moment(run.created_at)}, {ago(run.created_at, screen.now)}"),
            ("took", _took(run, self.state, screen.now)),
            ("error", Span(clean(run.error or ""), "red")),
            ("command", command_text(origin.command)),
            ("code", _code(run)),
            ("where", " ".join(filter(None, (f"{origin.user or ''}@{origin.host or ''}".strip("@"), _python(run))))),
            ("config", metadata_lines(run.config)),
            ("inputs", _versions(run, self.inputs)),
            ("outputs", _versions(run, self.outputs)),
        ]
        yield from fields(pairs, screen.width)


def _code(run: RunRecord) -> Line:
    origin = run.origin
    if origin.git_commit is None:
        return line(Span("not in a git repository", "dim"))
    branch = f" on {clean(origin.git_branch)}" if origin.git_branch else ""
    dirty = Span(" with uncommitted changes", "yellow") if origin.git_dirty else ""
    return line(f"{origin.git_commit[:12]}{branch}", dirty)


def _python(run: RunRecord) -> str:
    return f"Python {run.origin.python}" if run.origin.python else ""


def _versions(run: RunRecord, versions: Sequence[Version]) -> list[Line] | Span:
    if not versions:
        return Span("none", "dim")
    return [line(Span(_near(run, version), VERSION_STYLE), Span(f"  {version.type}", "dim")) for version in versions]


def _near(run: RunRecord, version: Version) -> str:
    """Return the name of a version, with its project where that is another than the run's."""
    near = (run.entity, run.project) == (version.entity, version.project)
    return version.label if near else version.qualified_name
