"""How groups of runs look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from forebear.cli.grouping import Aggregate, Group
from forebear.cli.layout import Cell, Column, Line, Span, line, table
from forebear.cli.numbers import number, value_text
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING
from forebear.cli.views.run_columns import titles_of


class GroupsView(View):
    """Groups of runs, in the order of their first run."""

    many = True

    def __init__(
        self, groups: Sequence[Group], by: Sequence[str], fields: Sequence[str], *, where: str, filtered: bool
    ) -> None:
        """Show ``groups`` that have the fields ``by`` in common, and aggregates of ``fields``."""
        self.groups = groups
        self.by = by
        self.fields = fields
        self.where = where
        self.filtered = filtered

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a group."""
        for group in self.groups:
            aggregates = zip(self.fields, group.aggregates, strict=True)
            yield {
                "group": dict(zip(self.by, group.values, strict=True)),
                "runs": group.runs,
                **{field: _record(found) for field, found in aggregates},
            }

    def names(self) -> Iterator[str]:
        """Return the values that the runs of each group have in common, with tabs between."""
        return ("\t".join(value_text(value) for value in group.values) for group in self.groups)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table: each aggregate as its mean, and the range from the smallest to the largest value."""
        if not self.groups:
            yield line(f"no run in {self.where} is of this kind" if self.filtered else f"no runs yet in {self.where}")
            return
        titles = titles_of([*self.by, *self.fields])
        columns = [Column(titles[field], shrink=True, style="bold") for field in self.by]
        columns.append(Column("RUNS", right=True))
        for order, field in enumerate(self.fields, 1):
            columns.append(Column(titles[field], right=True, style="cyan", drop=min(9, 2 * order - 1)))
            columns.append(Column("MIN … MAX", style="dim", drop=10 + order))
        yield from table(columns, (self._row(group) for group in self.groups), screen.width)

    def _row(self, group: Group) -> list[Cell]:
        cells: list[Cell] = [value_text(value) for value in group.values]
        cells.append(f"{group.runs:,}")
        for found in group.aggregates:
            cells += [NOTHING, ""] if found is None else [number(found.mean), _range(found, group.runs)]
        return cells


def _range(found: Aggregate, runs: int) -> Line:
    """Return from where to where values go, and of how many runs they are where not of all."""
    ends = number(found.least) if found.least == found.most else f"{number(found.least)} … {number(found.most)}"
    return line(Span(ends, "dim"), *([] if found.number == runs else [Span(f" ({found.number})", "yellow")]))


def _record(found: Aggregate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"count": found.number, "mean": found.mean, "min": found.least, "max": found.most}
