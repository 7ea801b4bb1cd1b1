"""The work of ``forebear run ls``: which runs, in which columns, alone or in groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from forebear.api.filters import field_of, parse_order
from forebear.api.run_values import flattened
from forebear.api.scopes import split_project
from forebear.cli.grouping import grouped, is_number
from forebear.cli.run_filters import FIELDS, read_conditions
from forebear.cli.views.run_columns import DEFAULT, SIDES, RunRow, value_of
from forebear.cli.views.run_groups import GroupsView
from forebear.cli.views.runs import RunsView
from forebear.errors import InvalidInput
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.records.queries import And, Compare, Condition, Order, RunQuery
from forebear.records.runs import RUN_STATES

if TYPE_CHECKING:
    from forebear.api.api import Api
    from forebear.api.recorded_run import RecordedRun
    from forebear.cli.session import Session

#: Columns that a filter or an order brings into the table by itself.
_SHOWN = frozenset({"tags", "group"})
#: Values that are aggregated where nobody says which.
_AGGREGATED = 4
NEWEST = Order("created_at", descending=True)


class Listing(NamedTuple):
    """What somebody asked to see."""

    filters: Sequence[str] = ()
    states: Sequence[str] = ()
    job_type: str | None = None
    sort: str | None = None
    columns: str | None = None
    group_by: str | None = None
    limit: int = 0
    everywhere: bool = False

    @property
    def filtered(self) -> bool:
        """Whether some runs are left out."""
        return bool(self.filters or self.states or self.job_type)


def show_runs(session: Session, asked: Listing) -> None:
    """Show runs, or groups of them.

    Raises:
        InvalidInput: a state, field or condition is not known.
    """
    api = session.api
    where, named = _where(asked)
    order = _order(asked)
    entity, project = (None, None) if asked.everywhere else split_project(None, api.settings)
    query = RunQuery(entity, project, where, order)
    place = "any project" if asked.everywhere else f"project {api.settings.entity}/{api.settings.project}"
    mentioned = [*named, *(each.field for each in order)]
    if asked.group_by is not None:
        runs = list(api.find_runs(query, per_page=1_000))
        session.output.show(_groups(asked, runs, place, mentioned))
        return
    found = api.find_runs(query, per_page=asked.limit or 1_000)
    shown = found[: asked.limit] if asked.limit else list(found)
    fields = _fields(asked, shown, mentioned)
    view = RunsView(
        rows_of(api, shown), where=place, qualified=asked.everywhere, filtered=asked.filtered, fields=fields
    )
    session.output.show(view)
    # Only people are told, so only for them it is worth counting.
    left = len(found) - len(shown) if not (session.output.as_json or session.output.quiet) else 0
    if left > 0:
        more = "older" if order == (NEWEST,) else "further"
        session.output.note(f"{left:,} {more} runs are not listed; --limit 0 lists all")


def _where(asked: Listing) -> tuple[Condition, list[str]]:
    """Return the condition that options state, and the fields that its expressions name."""
    unknown = sorted(set(asked.states) - set(RUN_STATES))
    if unknown:
        raise InvalidInput(f"there is no state {unknown[0]!r}; there are {', '.join(RUN_STATES)}")
    condition, named = read_conditions(asked.filters)
    parts = [condition]
    if asked.states:
        parts.append(Compare("state", "in", tuple(asked.states)))
    if asked.job_type is not None:
        parts.append(Compare("job_type", "eq", asked.job_type))
    return And(tuple(parts)), named


def _order(asked: Listing) -> tuple[Order, ...]:
    return parse_order(asked.sort, FIELDS) if asked.sort else (NEWEST,)


def _fields(asked: Listing, runs: Sequence[RecordedRun], mentioned: Sequence[str]) -> list[str]:
    """Return the columns to show: those asked for, else the usual ones and what filter and order speak of."""
    if asked.columns is not None:
        return _expanded(asked.columns, runs)
    extra = [field for field in dict.fromkeys(mentioned) if field in _SHOWN or field.partition(".")[0] in SIDES]
    return [*DEFAULT, *extra]


def _expanded(text: str, runs: Sequence[RecordedRun]) -> list[str]:
    """Return columns by name; ``summary.*`` stands for all of them that a run has."""
    fields: dict[str, None] = {"id": None}
    for word in filter(None, (part.strip() for part in text.split(","))):
        if "*" in word:
            fields |= dict.fromkeys(field for field in _values_of(runs) if fnmatchcase(field, _side(word)))
        else:
            fields[_side(word)] = None
    return list(fields)


def _side(word: str) -> str:
    return f"summary.{word.partition('.')[2]}" if word.startswith("summary_metrics.") else word


def _values_of(runs: Sequence[RecordedRun]) -> list[str]:
    """Return the fields of config and summary that runs have, sorted."""
    found = {f"{side}.{key}" for run in runs for side in SIDES for key in flattened(getattr(run.record, side))}
    return sorted(found)


def rows_of(api: Api, runs: Sequence[RecordedRun]) -> list[RunRow]:
    """Return runs with the number of versions that went in and out. Cost: two catalog calls."""
    keys = [Node.of_run(run.record.key).key for run in runs]
    used = api.store.catalog.edges(keys, Direction.UPSTREAM, (EdgeKind.USED, EdgeKind.FEEDBACK))
    made = api.store.catalog.edges(keys, Direction.DOWNSTREAM, (EdgeKind.LOGGED, EdgeKind.REPRODUCED))
    inputs, outputs = Counter(edge.target for edge in used), Counter(edge.source for edge in made)
    return [RunRow(run.record, run.state, inputs[key], outputs[key]) for run, key in zip(runs, keys, strict=True)]


# -- groups -----------------------------------------------------------------------------------------------------------


def _groups(asked: Listing, runs: Sequence[RecordedRun], place: str, mentioned: Sequence[str]) -> GroupsView:
    by = [field_of(word.strip(), FIELDS) for word in (asked.group_by or "").split(",") if word.strip()]
    if not by:
        raise InvalidInput("--group-by names the fields that runs of a group have in common", code="unknown-field")
    fields = _aggregated(asked, runs, [field for field in mentioned if field not in by])
    records = [run.record for run in runs]
    groups = grouped(records, [partial(_value, field) for field in by], [partial(_value, field) for field in fields])
    return GroupsView(groups, by, fields, where=place, filtered=asked.filtered)


def _value(field: str, run: object) -> object:
    return value_of(run, field)  # type: ignore[arg-type]


def _aggregated(asked: Listing, runs: Sequence[RecordedRun], mentioned: Sequence[str]) -> list[str]:
    """Return what to aggregate: the columns asked for, else what filter and order speak of, else the summary."""
    if asked.columns is not None:
        return [field for field in _expanded(asked.columns, runs) if field.partition(".")[0] in SIDES]
    named = [field for field in dict.fromkeys(mentioned) if field.partition(".")[0] in SIDES]
    if named:
        return named
    counted = Counter(
        f"summary.{key}"
        for run in runs
        for key, value in flattened(run.record.summary).items()
        if is_number(value) and not key.startswith("_")
    )
    return sorted(field for field, _ in counted.most_common(_AGGREGATED))
