"""How runs look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forebear.api.run_values import flattened
from forebear.cli.layout import Cell, Line, Span, fields, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import ago, clean, count, moment, size
from forebear.cli.views.artifacts import VERSION_STYLE, command_text, metadata_lines
from forebear.cli.views.run_columns import DEFAULT, STATE_STYLES, RunRow, columns_for, took
from forebear.cli.views.run_metrics import last_text, metric_lines, metric_record

if TYPE_CHECKING:
    from forebear.cli.curves import Metric
    from forebear.records.artifacts import Version
    from forebear.records.history import RunFile
    from forebear.records.runs import RunRecord

#: Values of a summary that say when, not what.
HIDDEN = frozenset({"_step", "_runtime", "_timestamp"})
#: Files of one folder that are shown as the folder where not all are asked for.
MANY_FILES = 4


def run_record(run: RunRecord, state: str) -> dict[str, Any]:
    """Return a run as JSON has it everywhere."""
    return {
        "id": run.id,
        "path": run.qualified_name,
        "name": run.name,
        "state": state,
        "job_type": run.job_type,
        "group": run.group,
        "sweep": run.sweep,
        "tags": list(run.tags),
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "exit_code": run.exit_code,
    }


def file_record(file: RunFile) -> dict[str, Any]:
    """Return a file of a run as JSON has it everywhere."""
    return {"path": file.path, "size": file.size, "digest": file.digest.hex(), "updated_at": file.at}


class RunsView(View):
    """Runs in the order in which they were found."""

    many = True

    def __init__(
        self, rows: Sequence[RunRow], *, where: str, qualified: bool, filtered: bool, fields: Sequence[str] = DEFAULT
    ) -> None:
        """Show ``rows`` with a column for each of ``fields``; ``where`` and ``filtered`` explain an empty list."""
        self.rows = rows
        self.where = where
        self.qualified = qualified
        self.filtered = filtered
        self.columns = columns_for(fields, qualified=qualified)

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a run."""
        for run, state, inputs, outputs in self.rows:
            values = {"config": run.config, "summary": run.summary}
            yield {**run_record(run, state), "inputs": inputs, "outputs": outputs, **values}

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
        layouts = [column.layout for column in self.columns]
        body = ([column.cell(row, screen) for column in self.columns] for row in self.rows)
        yield from table(layouts, body, screen.width)


class RunView(View):
    """One run, with what went in and what came out."""

    def __init__(
        self,
        run: RunRecord,
        state: str,
        *,
        inputs: Sequence[Version],
        outputs: Sequence[Version],
        metrics: Sequence[Metric] = (),
        more_metrics: Sequence[str] = (),
        files: Sequence[RunFile] = (),
        most_files: int | None = None,
    ) -> None:
        """Show a run, without ``more_metrics``.

        Args:
            most_files: Lines for files; folders that hold many are then one line each. ``None`` shows all files.
        """
        self.run = run
        self.state = state
        self.inputs = inputs
        self.outputs = outputs
        self.metrics = metrics
        self.more_metrics = more_metrics
        self.files = files
        self.most_files = most_files

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        origin = self.run.origin
        yield {
            **run_record(self.run, self.state),
            "notes": self.run.notes,
            "error": self.run.error,
            "config": self.run.config,
            "summary": self.run.summary,
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
            "history": {metric.key: metric_record(metric) for metric in self.metrics},
            "files": [file_record(file) for file in self.files],
            "lost_rows": self.run.lost_rows,
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
            ("sweep", clean(run.sweep or "")),
            ("tags", " ".join(run.tags)),
            ("notes", clean(run.notes or "")),
            ("started", f"{moment(run.created_at)}, {ago(run.created_at, screen.now)}"),
            ("took", took(run, self.state, screen.now)),
            ("error", Span(clean(run.error or ""), "red")),
            ("lost", Span(_lost(run.lost_rows), "red")),
            ("command", command_text(origin.command)),
            ("code", _code(run)),
            ("where", " ".join(filter(None, (f"{origin.user or ''}@{origin.host or ''}".strip("@"), _python(run))))),
            ("config", metadata_lines(run.config)),
            ("summary", self._summary()),
            ("inputs", _versions(run, self.inputs)),
            ("outputs", _versions(run, self.outputs)),
        ]
        yield from fields(pairs, screen.width)
        if self.metrics:
            yield ()
            yield from metric_lines(self.metrics, screen.width)
        if self.more_metrics:
            yield line(Span(f"{count(len(self.more_metrics), 'metric')} more; --all shows them", "dim"))
        if self.files:
            yield ()
            yield from fields([("files", self._files())], screen.width)

    def _summary(self) -> list[Line]:
        """Return the summary without what the table of metrics says as well, or would."""
        said = {metric.key: metric.last for metric in self.metrics}
        values = {
            key: value
            for key, value in flattened(self.run.summary).items()
            if key not in HIDDEN and key not in self.more_metrics and not (key in said and said[key] == value)
        }
        room = max((len(key) for key in values), default=0)
        return [line(Span(f"{clean(key):<{room}}  ", "dim"), last_text(value)) for key, value in values.items()]

    def _files(self) -> list[Line]:
        found = _folded(self.files) if self.most_files is not None else [(file.path, [file]) for file in self.files]
        room = max(len(clean(path)) for path, _ in found)
        shown = [
            line(f"{clean(path):<{room}}  ", Span(_amount(path, files), "dim"))
            for path, files in found[: self.most_files]
        ]
        more = sum(len(files) for _, files in found[len(shown) :])
        return [*shown, line(Span(f"and {count(more, 'file')} more; --all shows them", "dim"))] if more else shown


def _folded(files: Sequence[RunFile]) -> list[tuple[str, list[RunFile]]]:
    """Return files by path; those of a folder that holds many stand under the folder's."""
    folders: dict[str, list[RunFile]] = {}
    for file in files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    found: list[tuple[str, list[RunFile]]] = []
    for folder, held in folders.items():
        if folder and len(held) >= MANY_FILES:
            found.append((f"{folder}/", held))
        else:
            found += [(file.path, [file]) for file in held]
    return sorted(found, key=lambda pair: pair[0])


def _amount(path: str, files: Sequence[RunFile]) -> str:
    total = size(sum(file.size for file in files))
    return f"{count(len(files), 'file')}, {total}" if path.endswith("/") else total


def _lost(rows: int) -> str:
    return f"{count(rows, 'row')} that no disk would take" if rows else ""


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
