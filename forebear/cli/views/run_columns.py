"""Columns that a list of runs may have: the run's own fields, and values of its config and summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.layout import Cell, Column, Span
from forebear.cli.numbers import value_text
from forebear.cli.output import Screen
from forebear.cli.text import NOTHING, ago, clean, duration
from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord

STATE_STYLES = {"running": "blue", "finished": "green", "failed": "red", "crashed": "red", "killed": "yellow"}
SIDES = ("config", "summary")
#: What the table shows where nobody says otherwise, and where it looks for room on a narrow terminal first.
DEFAULT = ("id", "state", "job_type", "name", "started", "took", "in", "out")


class RunRow(NamedTuple):
    """A run, its state as far as it can be told, and how many versions went in and out."""

    record: RunRecord
    state: str
    inputs: int
    outputs: int


class RunColumn(NamedTuple):
    """One column of a list of runs: how it is laid out, and what stands in it."""

    layout: Column
    cell: Callable[[RunRow, Screen], Cell]


def took(run: RunRecord, state: str, now: datetime) -> str:
    """Return how long a run took, or takes; a dash where nobody knows."""
    if run.ended_at is None and state != "running":
        return NOTHING
    return duration((run.ended_at or now) - run.created_at)


def _text(name: str) -> Callable[[RunRow, Screen], Cell]:
    return lambda row, screen: clean(str(getattr(row.record, name) or NOTHING))


def _origin(name: str) -> Callable[[RunRow, Screen], Cell]:
    return lambda row, screen: clean(str(getattr(row.record.origin, name) or NOTHING))


OWN: dict[str, RunColumn] = {
    "id": RunColumn(Column("ID", style="bold"), lambda row, screen: row.record.id),
    "path": RunColumn(Column("ID", shrink=True, style="bold"), lambda row, screen: row.record.qualified_name),
    "state": RunColumn(Column("STATE"), lambda row, screen: Span(row.state, STATE_STYLES.get(row.state, ""))),
    "job_type": RunColumn(Column("JOB TYPE", shrink=True, drop=20, style="magenta"), _text("job_type")),
    "name": RunColumn(Column("NAME", shrink=True, drop=30), _text("name")),
    "started": RunColumn(
        Column("STARTED", style="dim", drop=15), lambda row, screen: ago(row.record.created_at, screen.now)
    ),
    "took": RunColumn(
        Column("TOOK", right=True, drop=40, style="dim"), lambda row, screen: took(row.record, row.state, screen.now)
    ),
    "in": RunColumn(Column("IN", right=True, drop=50), lambda row, screen: str(row.inputs)),
    "out": RunColumn(Column("OUT", right=True, drop=50), lambda row, screen: str(row.outputs)),
    "group": RunColumn(Column("GROUP", shrink=True, drop=18), _text("group")),
    "tags": RunColumn(
        Column("TAGS", shrink=True, drop=17, style="green"), lambda row, screen: " ".join(map(clean, row.record.tags))
    ),
    "notes": RunColumn(Column("NOTES", shrink=True, drop=35), _text("notes")),
    "project": RunColumn(Column("PROJECT", shrink=True, drop=16), _text("project")),
    "user": RunColumn(Column("USER", shrink=True, drop=32), _origin("user")),
    "host": RunColumn(Column("HOST", shrink=True, drop=33), _origin("host")),
    "commit": RunColumn(Column("COMMIT", drop=34), lambda row, screen: (row.record.origin.git_commit or NOTHING)[:12]),
    "exit_code": RunColumn(
        Column("EXIT", right=True, drop=36), lambda row, screen: value_text(row.record.exit_code)
    ),
}  # fmt: skip


def value_of(run: RunRecord, field: str) -> Any:
    """Return the value that a field such as ``config.net.layers`` has in a run; ``None`` where it has none."""
    side, _, key = field.partition(".")
    if side not in SIDES:
        return _own_value(run, field)
    values: Any = getattr(run, side)
    if key in values:
        return values[key]
    for part in key.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def _own_value(run: RunRecord, field: str) -> Any:
    if field == "tags":
        return " ".join(run.tags)
    name = {"commit": "git_commit", "started": "created_at", "ended": "ended_at"}.get(field, field)
    return getattr(run, name) if hasattr(run, name) else getattr(run.origin, name, None)


def value_column(field: str, title: str, order: int) -> RunColumn:
    """Return the column of a value of config or summary; of many, those of a higher ``order`` are left out first."""
    layout = Column(title, right=True, shrink=True, drop=min(order, 9), style="cyan" if field[0] == "s" else "")
    return RunColumn(layout, lambda row, screen: value_text(value_of(row.record, field)))


def columns_for(fields: Sequence[str], *, qualified: bool) -> list[RunColumn]:
    """Return the columns that show ``fields``.

    Raises:
        InvalidInput: there is no such column.
    """
    titles = titles_of(fields)
    found, values = [], 0
    for field in fields:
        if field.partition(".")[0] in SIDES and "." in field:
            values += 1
            found.append(value_column(field, titles[field], values))
        elif field in OWN:
            found.append(OWN["path"] if field == "id" and qualified else OWN[field])
        else:
            known = ", ".join(name for name in OWN if name != "path")
            raise InvalidInput(
                f"there is no column {field!r}; there are {known}, config.KEY and summary.KEY", code="unknown-field"
            )
    return found


def titles_of(fields: Iterable[str]) -> dict[str, str]:
    """Return the head of each field's column: the key alone, unless two fields end in the same."""
    keys = {
        field: field.partition(".")[2] if field.partition(".")[0] in SIDES else field.upper().replace("_", " ")
        for field in fields
    }
    taken = list(keys.values())
    return {field: clean(field if taken.count(key) > 1 else key) for field, key in keys.items()}
