"""How the rows of a history look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Cell, Column, Line, Span, flow, line, table
from forebear.cli.output import Screen, View
from forebear.cli.text import NOTHING, clean, count, duration, size
from forebear.cli.views.run_metrics import last_text

if TYPE_CHECKING:
    from forebear.api.histories import HistoryTable
    from forebear.records.runs import RunRecord

_AXES = {"_step": "STEP", "_runtime": "TIME", "_timestamp": ""}


class HistoryView(View):
    """Rows of a history, by step."""

    many = True

    def __init__(self, run: RunRecord, rows: HistoryTable) -> None:
        self.run = run
        self.rows = rows

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object a row, with the values that it has."""
        yield from self.rows.rows()

    def names(self) -> Iterator[str]:
        """Return the metrics."""
        return (name for name in self.rows.columns if name not in _AXES)

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return a table; the columns further right are left out first."""
        if not len(self.rows):
            yield line(f"run {self.run.id} logged nothing yet; run.log({{…}}) does")
            return
        names = [name for name in ("_step", "_runtime", *self.names()) if name in self.rows.columns]
        columns = [_column(name, order) for order, name in enumerate(names)]
        values = zip(*(self.rows.columns[name] for name in names), strict=True)
        yield from table(
            columns, ([_cell(*pair) for pair in zip(names, row, strict=True)] for row in values), screen.width
        )
        if len(self.rows) < self.rows.total:
            yield ()
            text = f"{count(len(self.rows), 'row')} of {self.rows.total:,}; --samples 0 shows all"
            yield from flow(line(Span(text, "dim")), screen.width)


def _column(name: str, order: int) -> Column:
    if name in _AXES:
        return Column(_AXES[name], right=True, style="dim", drop=0 if name == "_step" else 1)
    return Column(clean(name), right=True, shrink=True, drop=max(0, order - 2))


def _cell(name: str, value: Any) -> Cell:
    if value is None:
        return NOTHING
    if name == "_runtime":
        return duration(timedelta(seconds=value))
    return last_text(value)


class WrittenView(View):
    """A history that was written to a file."""

    def __init__(self, run: RunRecord, path: str, format: str, rows: int, size: int) -> None:
        self.run = run
        self.path = path
        self.format = format
        self.rows = rows
        self.size = size

    def records(self) -> Iterator[dict[str, Any]]:
        """Return one object."""
        yield {"run": self.run.qualified_name, "path": self.path, "format": self.format, "rows": self.rows,
               "size": self.size}  # fmt: skip

    def names(self) -> Iterator[str]:
        """Return the path of the file."""
        yield self.path

    def lines(self, screen: Screen) -> Iterator[Line]:
        """Return one line."""
        what = f"  {count(self.rows, 'row')}, {size(self.size)}"
        yield from flow(line(Span(self.path, "bold"), what, Span(f"  of run {self.run.id}", "dim")), screen.width)
