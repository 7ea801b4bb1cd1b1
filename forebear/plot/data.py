"""From columns of a table to rows of a chart: numbers, text and times, under names that Vega-Lite takes as they are."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.media.table import Table

Row = dict[str, Any]

#: What a chart can draw, and what Vega-Lite calls it.
_TYPES = {"number": "quantitative", "timestamp": "temporal", "string": "nominal", "boolean": "nominal"}
_OPEN = ("any", "unknown", "primary-key", "foreign-key")


def type_of(table: Table, column: Any) -> str:
    """Return the kind of axis of a column: ``quantitative``, ``temporal`` or ``nominal``.

    Raises:
        NotFound: there is no such column.
        InvalidInput: it holds what no chart draws.
    """
    cells = table.get_column(column)
    kind = table.column_types[column].kind
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in _OPEN and all(cell is None or isinstance(cell, (str, int, float, dt.date)) for cell in cells):
        numbers = any(cell is not None for cell in cells) and all(_is_number(cell) for cell in cells)
        return "quantitative" if numbers or kind == "unknown" else "nominal"
    raise InvalidInput(
        f"column {column!r} holds {kind}; a chart draws numbers, text, truth values and times", code="chart-column"
    )


def _is_number(cell: Any) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))


def need_numbers(table: Table, column: Any, what: str) -> None:
    """Raise `InvalidInput` unless a column holds numbers; ``what`` says what they are for."""
    if type_of(table, column) != "quantitative":
        raise InvalidInput(
            f"{what} needs numbers, but column {column!r} holds {table.column_types[column].kind}", code="chart-column"
        )


def rows_of(table: Table, fields: dict[str, Any]) -> list[Row]:
    """Return a row for each of the table, with the cells of ``fields`` (name in the chart → column)."""
    names = list(fields)
    columns = [[_cell(cell) for cell in table.get_column(column)] for column in fields.values()]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _cell(cell: Any) -> Any:
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    return cell.isoformat() if isinstance(cell, dt.date) else cell


def name_of(cell: Any) -> str:
    """Return a cell as a name in a legend or on an axis."""
    return "none" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)


def names_in(rows: list[Row], field: str) -> list[str]:
    """Return the names that a field has, in order of appearance."""
    return list(dict.fromkeys(row[field] for row in rows))
