"""The work of ``forebear sweep export``: all trials on the screen, or in a file."""

from __future__ import annotations

import csv as csv_format
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from forebear.cli.sweep_reading import find, run_paths
from forebear.cli.views.trials import TrialsView, WrittenTrialsView, plain_value, took
from forebear.errors import InvalidInput
from forebear.sweeps.declaration import read_declaration

if TYPE_CHECKING:
    from forebear.cli.session import Session
    from forebear.sweeps.declaration import Declaration

_ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}


def show_trials(session: Session, path: str | None, *, csv: bool, output: str | None) -> None:
    """Show trials, or write them to a file or to standard output.

    Raises:
        InvalidInput: two formats are asked for, or the file's ending tells none.
    """
    format = _format(output, csv=csv, as_json=session.output.as_json)
    found = find(session, path)
    trials = found.store.catalog.trials(found.sweep.key)
    view = TrialsView(found.sweep, read_declaration(found.sweep.config), trials, run_paths(found.store, trials))
    if output is not None:
        with Path(output).open("w", encoding="utf-8", newline="") as stream:
            (_write_csv if format == "csv" else _write_json)(view, stream)
        written = WrittenTrialsView(found.sweep, output, format or "", len(trials), Path(output).stat().st_size)
        session.output.show(written)
    elif format == "csv":
        _write_csv(view, sys.stdout)
        sys.stdout.flush()
    else:
        session.output.show(view)


def _format(output: str | None, *, csv: bool, as_json: bool) -> str | None:
    if csv and as_json and output is None:
        raise InvalidInput("--json and --csv are two formats; choose one", code="invalid-input")
    if csv or output is None:
        return "csv" if csv else None
    format = _ENDINGS.get(Path(output).suffix.lower(), "json" if as_json else None)
    if format is None:
        raise InvalidInput(
            f"{output} does not end in one of {', '.join(_ENDINGS)}; say --csv, or --json for JSON",
            code="unknown-format",
        )
    return format


def _write_json(view: TrialsView, stream: TextIO) -> None:
    """Write one record a line, as ``--json`` does."""
    stream.writelines(f"{msgspec.json.encode(record).decode()}\n" for record in view.records())


def _write_csv(view: TrialsView, stream: TextIO) -> None:
    """Write one row a trial: what it is, its metrics, and its parameters by their dotted names."""
    writer = csv_format.writer(stream, lineterminator="\n")
    names = [parameter.name for parameter in view.declaration.space.parameters]
    goals = [objective.name for objective in view.declaration.objectives]
    writer.writerow(["trial", "state", "attempt", "run", "started_at", "seconds", *goals, *names, "error"])
    writer.writerows(_rows(view, view.declaration, goals, names))


def _rows(
    view: TrialsView, declaration: Declaration, goals: Sequence[str], names: Sequence[str]
) -> Iterator[list[Any]]:
    for trial in view.trials:
        flat = declaration.space.flat(trial.params)
        span = took(trial, trial.ended_at) if trial.ended_at else None
        yield [
            trial.number,
            trial.state,
            trial.attempt,
            view.runs.get(trial.number),
            trial.started_at and trial.started_at.isoformat(),
            span and span.total_seconds(),
            *(plain_value(trial.values[goal]) if goal in trial.values else None for goal in goals),
            *(_cell(flat.get(name)) for name in names),
            trial.error,
        ]


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list, bool)) else value
