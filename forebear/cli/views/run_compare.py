"""How runs look beside one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.cli.grouping import is_number
from forebear.cli.layout import Cell, Column, Span, line, table
from forebear.cli.layout import Line as Spans
from forebear.cli.numbers import change_text
from forebear.cli.output import Screen, View
from forebear.cli.spark import sparklines
from forebear.cli.text import NOTHING, clean, count
from forebear.cli.views.run_metrics import CURVE_STYLE, NARROW, last_text

if TYPE_CHECKING:
    from forebear.cli.curves import Metric
    from forebear.records.runs import RunRecord

#: Cells that names take, and the least that a run needs to be read.
_NAME_CELLS, _RUN_CELLS = 14, 18
#: Style of a value that is another than that of the first run.
OTHER = "bold yellow"


class Line(NamedTuple):
    """A value of each run under one name; ``None`` where a run has none."""

    name: str
    values: Sequence[Any]

    @property
    def differs(self) -> bool:
        """Whether not all are the same."""
        return any(not same(value, self.values[0]) for value in self.values)


class Section(NamedTuple):
    """Lines that belong together."""

    name: str
    lines: Sequence[Line]


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same; true and 1 are not, and NaN is the same as NaN."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b) or (a != a and b != b)


class CompareView(View):
    """Runs beside one another: what differs, or everything."""

    def __init__(
        self,
        runs: Sequence[RunRecord],
        sections: Sequence[Section],
        curves: Mapping[str, Sequence[Metric | None]],
        *,
        everything: bool,
    ) -> None:
        """Show ``sections`` of values, and the ``curves`` of each run by metric."""
        self.runs = runs
        self.sections = sections
        self.curves = curves
        self.everything = everything

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object; each line has its values in the order of the runs."""
        yield {
            "runs": [run.qualified_name for run in self.runs],
            **{section.name: self._record(section) for section in self.sections},
        }

    def _record(self, section: Section) -> list[dict[str, Any]]:
        return [
            {"name": each.name, "values": list(each.values), "differs": each.differs}
            for each in section.lines
            if self.everything or each.differs
        ]

    def names(self) -> Iterator[str]:
        """Return the names of what differs, such as ``config.lr``."""
        for section in self.sections:
            for each in section.lines:
                if each.differs:
                    yield each.name if section.name == "run" else f"{section.name}.{each.name}"

    def lines(self, screen: Screen) -> Iterator[Spans]:
        """Return a table with a column a run, or several below one another where there is no room for all.

        The first run is the first column of each; what differs from it stands out.
        """
        for position, shown in enumerate(self._shares(screen.width)):
            if position:
                yield ()
            yield from self._table(shown, screen.width)
        equal = sum(not each.differs for section in self.sections for each in section.lines)
        if equal and not self.everything:
            yield ()
            yield line(Span(f"{count(equal, 'value')} equal in all of them; --all shows them", "dim"))

    def _shares(self, width: int | None) -> Iterator[list[int]]:
        """Yield which runs stand in one table, the first in each."""
        others = range(1, len(self.runs))
        fitting = len(others) if width is None else max(1, (width - _NAME_CELLS) // _RUN_CELLS - 1)
        for start in range(1, len(self.runs), fitting):
            yield [0, *others[start - 1 : start - 1 + fitting]]

    def _table(self, shown: Sequence[int], width: int | None) -> Iterator[Spans]:
        columns = [Column("", shrink=True), *(Column(self.runs[index].id, shrink=True) for index in shown)]
        rows: list[Sequence[Cell]] = [["name", *(Span(clean(self.runs[index].name), "bold") for index in shown)]]
        for section in self.sections:
            lines = [each for each in section.lines if self.everything or each.differs]
            if lines:
                rows.append(self._head(section.name, shown))
                rows += [_cells(each, shown, numbers=section.name == "summary") for each in lines]
        if self.curves:
            rows.append(self._head("metrics", shown))
            rows += [self._curves(key, shown) for key in self.curves]
        yield from table(columns, rows, width)

    def _head(self, title: str, shown: Sequence[int]) -> list[Cell]:
        return [Span(title.upper(), "dim"), *("" for _ in shown)]

    def _curves(self, key: str, shown: Sequence[int]) -> list[Cell]:
        found = self.curves[key]
        # Of one height for all runs, so that a curve that stays low is seen to.
        drawn = sparklines([() if metric is None else metric.curve for metric in found], NARROW)
        curves = [curve if curve.strip() else _described(metric) for curve, metric in zip(drawn, found, strict=True)]
        return [f"  {clean(key)}", *(Span(curves[index], CURVE_STYLE) for index in shown)]


def _described(metric: Metric | None) -> str:
    return NOTHING if metric is None else count(metric.rows, "row")


def _cells(each: Line, shown: Sequence[int], *, numbers: bool) -> list[Cell]:
    first = each.values[0]
    cells: list[Cell] = [f"  {clean(each.name)}"]
    for index in shown:
        value = each.values[index]
        style = OTHER if index and not same(value, first) else ""
        text = last_text(value).text
        change = change_text(first, value) if index and numbers and is_number(first) and is_number(value) else ""
        cells.append(line(Span(text, style), *([Span(f"  {change}", "dim")] if change else [])))
    return cells
