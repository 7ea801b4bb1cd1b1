"""How all charts look: sizes, fonts and a palette that people with any colour vision can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
INK, QUIET, GRID = "#172033", "#5b667d", "#e6eaf1"
#: Okabe & Ito, "Color Universal Design" (2008), its yellow left out, which is not seen on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5b667d")
#: Every further round of the palette has lines of another dash.
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
#: Sizes in pixels of a chart and of one that is square.
WIDTH, HEIGHT, SIDE = 560, 340, 400
#: Longest legend; of more names the first are shown.
LEGEND_NAMES = 40
#: Characters of a line below the title.
SUBTITLE_CHARS = 90

CONFIG: dict[str, Any] = {
    "font": FONT,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "fontSize": 16,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": QUIET,
        "subtitleFontSize": 12,
        "subtitlePadding": 5,
        "offset": 14,
        "limit": 640,
    },
    "axis": {
        "labelColor": QUIET,
        "labelFontSize": 12,
        "labelLimit": 180,
        "labelOverlap": "parity",
        "labelSeparation": 8,
        "labelFlush": False,
        "titleColor": INK,
        "titleFontSize": 13,
        "titleFontWeight": 500,
        "titlePadding": 10,
        "gridColor": GRID,
        "domainColor": "#aab4c5",
        "tickColor": "#aab4c5",
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 260,
        "titleColor": QUIET,
        "titleFontSize": 12,
        "titleFontWeight": 500,
        "symbolStrokeWidth": 3,
        "symbolLimit": LEGEND_NAMES,
        "rowPadding": 4,
    },
    "range": {"category": list(PALETTE)},
    "line": {"strokeWidth": 2, "strokeJoin": "round"},
    "bar": {"color": PALETTE[0]},
    "point": {"color": PALETTE[0], "filled": True, "size": 36, "opacity": 0.7},
}


#: Around every chart.
FRAME = {"$schema": SCHEMA, "background": "white", "padding": 16}


def framed(body: dict[str, Any], title: str, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return a complete specification: ``body`` with schema, title, style and notes below the title."""
    head: dict[str, Any] = dict(FRAME)
    lines = [line for note in notes for line in _wrapped(note)]
    if title or lines:
        head["title"] = {"text": title or " "} | ({"subtitle": lines} if lines else {})
    return head | {"config": CONFIG} | body


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap  # 2 ms, only where a chart has something to say

    return wrap(text, SUBTITLE_CHARS)


def colors(names: Sequence[str], title: str | None = None, orient: str = "right") -> dict[str, Any]:
    """Return the channels that give each name a colour, and a dash where there are more names than colours.

    The data has the name in its field ``group``.
    """
    legend = {"title": title, "orient": orient}
    color = {
        "field": "group",
        "type": "nominal",
        "sort": None,
        "scale": {"domain": list(names), "range": [PALETTE[n % len(PALETTE)] for n in range(len(names))]},
        "legend": legend,
    }
    if len(names) <= len(PALETTE):
        return {"color": color}
    dashes = [DASHES[n // len(PALETTE) % len(DASHES)] for n in range(len(names))]
    dash = color | {"scale": {"domain": list(names), "range": dashes}}
    return {"color": color, "strokeDash": dash}


def quantitative(field: str, title: str, **more: Any) -> dict[str, Any]:
    """Return a channel of numbers whose axis need not begin at zero."""
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False, "nice": True}} | more


def share_axis(field: str, title: str, **more: Any) -> dict[str, Any]:
    """Return a channel of shares, from 0 to 1."""
    return {"field": field, "type": "quantitative", "title": title, "scale": {"domain": [0, 1], "nice": False}} | more


def mark(kind: str, encoding: dict[str, Any], **look: Any) -> dict[str, Any]:
    """Return one layer."""
    return {"mark": {"type": kind} | look, "encoding": encoding}


def tooltip(*fields: tuple[str, str] | tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return what is said of a mark under the pointer: (field, title) or (field, title, number format) each."""
    found = []
    for name, title, *form in fields:
        kind = {"type": "quantitative", "format": form[0]} if form else {"type": "nominal"}
        found.append({"field": name, "title": title} | kind)
    return found
