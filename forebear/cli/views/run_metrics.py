"""How the metrics of a run look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forebear.cli.layout import Cell, Column, Line, Span, table
from forebear.cli.numbers import number, value_text
from forebear.cli.spark import sparkline
from forebear.cli.text import NOTHING, clean

if TYPE_CHECKING:
    from forebear.cli.curves import Metric

#: Cells of a curve: on a wide terminal, and where there is little room.
WIDE, NARROW = 32, 16
#: Terminals below so many cells are narrow.
_ROOMY = 100
CURVE_STYLE = "cyan"


def metric_record(metric: Metric) -> dict[str, Any]:
    """Return a metric as JSON has it."""
    return {"rows": metric.rows, "last": metric.last, "min": metric.least, "max": metric.most}


def metric_lines(metrics: Sequence[Metric], width: int | None) -> Iterator[Line]:
    """Yield a table of metrics with their curves."""
    room = curve_room(width)
    columns = (
        Column("METRIC", shrink=True, style="bold"),
        Column("CURVE", style=CURVE_STYLE, drop=2),
        Column("LAST", right=True),
        Column("MIN", right=True, drop=3),
        Column("MAX", right=True, drop=3),
        Column("ROWS", right=True, drop=4, style="dim"),
    )
    yield from table(columns, (_row(metric, room) for metric in metrics), width)


def _row(metric: Metric, room: int) -> list[Cell]:
    return [
        clean(metric.key),
        sparkline(metric.curve, room).strip(),
        last_text(metric.last),
        number(float(metric.least)) if metric.least is not None else NOTHING,
        number(float(metric.most)) if metric.most is not None else NOTHING,
        f"{metric.rows:,}",
    ]


def curve_room(width: int | None) -> int:
    """Return how many cells a curve gets on a terminal."""
    return WIDE if width is None or width >= _ROOMY else NARROW


def last_text(value: Any) -> Span:
    """Return a value in a few cells: of media, only what it is."""
    if isinstance(value, Mapping) and "_type" in value:
        return Span(clean(str(value["_type"])), "dim")
    return Span(value_text(value))
