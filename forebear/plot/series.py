"""Lines and points, drawn from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forebear.plot.data import Row, name_of, names_in, rows_of, type_of
from forebear.plot.sampling import MAX_POINTS, drawn, outlined, sample_note
from forebear.plot.style import HEIGHT, LEGEND_NAMES, PALETTE, WIDTH, colors, framed, mark, quantitative, tooltip

if TYPE_CHECKING:
    from forebear.media.table import Table

#: Lines of this many points and fewer also show the points.
DOTTED = 40


def line(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return lines of ``y`` over ``x``, one for each value of ``stroke``."""
    stroke = fields.get("stroke")
    names = {"x": fields["x"], "y": fields["y"]} | ({"group": stroke} if stroke is not None else {})
    titles = (str(fields["x"]), str(fields["y"]), None if stroke is None else str(stroke))
    return _lines(rows_of(table, names), type_of(table, fields["x"]), titles, strings)


def line_series(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return lines of ``lineVal`` over ``step``, one for each value of ``lineKey``."""
    rows = rows_of(table, {"x": fields["step"], "y": fields["lineVal"], "group": fields["lineKey"]})
    titles = (strings.get("xname") or str(fields["step"]), strings.get("yname", ""), "")
    return _lines(rows, type_of(table, fields["step"]), titles, strings)


def _lines(
    rows: list[Row], kind: str, titles: tuple[str, str, str | None], strings: Mapping[str, str]
) -> dict[str, Any]:
    x_title, y_title, group_title = titles
    lines: dict[str, list[Row]] = {}
    for row in rows:
        row["group"] = name_of(row["group"]) if group_title is not None else y_title
        if row["x"] is not None:
            lines.setdefault(row["group"], []).append(row)
    shown, notes = _thinned(lines, kind)
    names = names_in(shown, "group")
    x: dict[str, Any] = {"field": "x", "type": kind, "title": x_title, "sort": None}
    if kind == "quantitative":
        x |= {"scale": {"zero": False, "nice": False}}
    encoding: dict[str, Any] = {"x": x, "y": quantitative("y", y_title), "detail": {"field": "group"}}
    if group_title is not None:
        encoding |= colors(names, group_title or None)
    hints = tooltip(("x", x_title), ("y", y_title or "value", ".6~g"))
    encoding["tooltip"] = tooltip(("group", group_title or "line")) + hints if group_title is not None else hints
    longest = max((len(points) for points in lines.values()), default=0)
    look: dict[str, Any] = {"color": PALETTE[0], "point": {"size": 30} if longest <= DOTTED else False}
    body = {"width": WIDTH, "height": HEIGHT, "data": {"values": shown}} | mark("line", encoding, **look)
    return framed(body, strings.get("title", ""), notes)


def _thinned(lines: dict[str, list[Row]], kind: str) -> tuple[list[Row], list[str]]:
    """At most `MAX_POINTS` of all lines, an equal share of each, and what to say of the rest."""
    most = MAX_POINTS // 4
    chosen = list(lines.values())[:most]
    if kind != "nominal":
        for points in chosen:
            points.sort(key=lambda row: row["x"])
    share = MAX_POINTS // max(1, len(chosen))
    # Short lines leave their share to the long ones.
    spare = sum(max(0, share - len(points)) for points in chosen)
    long = sum(len(points) > share for points in chosen)
    limit = share + spare // long if long else share
    shown = [row for points in chosen for row in outlined(points, limit)]
    notes = sample_note(len(chosen), len(lines), "lines")
    if len(chosen) > LEGEND_NAMES:
        notes.append(f"the legend names the first {LEGEND_NAMES} of {len(chosen):,} lines")
    total = sum(map(len, chosen))
    return shown, notes + sample_note(len(shown), total, "points, among them the lowest and highest of every stretch")


def scatter(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return a point for each row."""
    rows = rows_of(table, {"x": fields["x"], "y": fields["y"]})
    rows = [row for row in rows if row["x"] is not None and row["y"] is not None]
    shown = drawn(rows)
    encoding: dict[str, Any] = {}
    for axis in ("x", "y"):
        kind, title = type_of(table, fields[axis]), str(fields[axis])
        encoding[axis] = quantitative(axis, title) if kind == "quantitative" else _axis(axis, kind, title)
    encoding["tooltip"] = tooltip(("x", str(fields["x"])), ("y", str(fields["y"])))
    # Many points are drawn small and light, so that where they are dense is seen.
    crowd = len(shown) > 1_000
    look = {"size": 14, "opacity": 0.35} if crowd else {}
    body = {"width": WIDTH, "height": HEIGHT, "data": {"values": shown}} | mark("point", encoding, **look)
    return framed(body, strings.get("title", ""), sample_note(len(shown), len(rows), "points, drawn at random"))


def _axis(field: str, kind: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": kind, "title": title, "sort": None}
