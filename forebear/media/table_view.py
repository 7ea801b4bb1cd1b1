"""How tables show themselves in notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from forebear.media.base import Media

#: Rows and characters of a cell that a notebook shows.
SHOWN_ROWS = 20
SHOWN_CHARS = 80


def html_of(columns: Iterable[Any], rows: list[list[Any]]) -> str:
    """Return the first rows as an HTML table, every cell escaped."""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:SHOWN_ROWS])
    rest = len(rows) - SHOWN_ROWS
    note = f"<p>… and {rest:,} more row{'s' if rest > 1 else ''}</p>" if rest > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(cell: Any) -> str:
    right = ' style="text-align:right"' if isinstance(cell, (int, float)) and not isinstance(cell, bool) else ""
    return f"<td{right}>{escape(_text(cell))}</td>"


def _text(cell: Any) -> str:
    if isinstance(cell, Media):
        return f"[{cell.kind}]"
    text = "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
