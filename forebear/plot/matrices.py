"""Bars, histograms and confusion matrices, drawn from a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forebear.plot.data import Row, name_of, names_in, rows_of
from forebear.plot.sampling import sample_note
from forebear.plot.style import HEIGHT, INK, PALETTE, QUIET, SIDE, WIDTH, framed, mark, tooltip

if TYPE_CHECKING:
    from forebear.media.table import Table

#: Bars that a chart shows, and up to how many it writes their values beside them.
MAX_BARS = 500
WRITTEN_BARS = 40
#: Shades of no, half and all of a class.
SHADES = ("#f4f8fd", "#6fa8d6", "#0b4a8f")
#: About how many bins a histogram has at most.
BINS = 30
#: Classes up to which a confusion matrix writes its counts.
WRITTEN_CLASSES = 25


def bar(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return a bar for each label, in the order of the table; several values of a label are added up."""
    sums: dict[str, float] = {}
    for row in rows_of(table, {"label": fields["label"], "value": fields["value"]}):
        if row["value"] is not None:
            label = name_of(row["label"])
            sums[label] = sums.get(label, 0) + row["value"]
    largest = sorted(sums, key=lambda label: -abs(sums[label]))[:MAX_BARS]
    kept = set(largest)
    values: list[Row] = [{"label": label, "value": value} for label, value in sums.items() if label in kept]
    label, value = str(fields["label"]), str(fields["value"])
    y = {"field": "label", "type": "nominal", "sort": None, "title": label, "axis": {"ticks": False, "domain": False}}
    x: dict[str, Any] = {"field": "value", "type": "quantitative", "title": value}
    if any(bar["value"] < 0 for bar in values):
        # Room for what is written before the bars that go to the left.
        x["scale"] = {"padding": 40}
    step = 26 if len(values) <= WRITTEN_BARS else 16
    bars = mark(
        "bar",
        {"tooltip": tooltip(("label", label), ("value", value, ",.6~g"))},
        height={"band": 0.72},
        cornerRadiusEnd=2,
    )
    body: dict[str, Any] = {"width": WIDTH, "height": {"step": step}, "data": {"values": values}}
    body |= {"encoding": {"y": y, "x": x}, "layer": [bars, *_written(values)]}
    return framed(body, strings.get("title", ""), sample_note(len(values), len(sums), "bars, the largest"))


def _written(values: list[Row]) -> list[dict[str, Any]]:
    """The values beside their bars: behind those above zero, before those below."""
    if len(values) > WRITTEN_BARS:
        return []
    text = {"field": "value", "type": "quantitative", "format": ",.4~g"}
    sides = [("datum.value >= 0", "left", 6), ("datum.value < 0", "right", -6)]
    return [
        mark("text", {"text": text}, align=align, dx=dx, color=QUIET, fontSize=11) | {"transform": [{"filter": test}]}
        for test, align, dx in sides
    ]


def histogram(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return how many values fall into each of about 30 bins; all rows are counted."""
    cells = table.get_column(fields["value"])
    numbers = [float(cell) for cell in cells if isinstance(cell, (int, float)) and math.isfinite(cell)]
    whole = all(isinstance(cell, int) for cell in cells if cell is not None)
    bins = binned(numbers, whole)
    title = str(fields["value"])
    encoding = {
        "x": {
            "field": "from",
            "type": "quantitative",
            "title": title,
            "bin": {"binned": True},
            "scale": {"zero": False},
        },
        "x2": {"field": "to"},
        "y": {"field": "count", "type": "quantitative", "title": "count", "stack": None},
        "tooltip": tooltip(("from", "from", ".6~g"), ("to", "to", ".6~g"), ("count", "count", ",")),
    }
    left = len(cells) - len(numbers)
    notes = [f"left out, being missing, NaN or infinite: {left:,} of {len(cells):,}"] if left else []
    look = {"color": PALETTE[0], "binSpacing": 1}
    body = {"width": WIDTH, "height": HEIGHT, "data": {"values": bins}} | mark("bar", encoding, **look)
    return framed(body, strings.get("title", ""), notes)


def binned(numbers: list[float], whole: bool = False, most: int = BINS) -> list[Row]:
    """Return counts of numbers in bins of equal, round width; a bin holds its lower end, not its upper.

    Args:
        whole: No bin is narrower than 1.
        most: About how many bins there are at most.
    """
    if not numbers:
        return []
    low, high = min(numbers), max(numbers)
    width = max(_round_width((high / most) - (low / most)), 1.0 if whole else 0.0)
    if width == 0.0 or low + width == low:
        # All the same, or as near as numbers are: one bin around them.
        width = max(abs(low) * 1e-3, 1.0)
        return [{"from": low - width / 2, "to": low + width / 2, "count": len(numbers)}]
    first = math.floor(low / width)
    counts = [0] * (math.floor(high / width) - first + 1)
    for number in numbers:
        counts[min(max(math.floor(number / width) - first, 0), len(counts) - 1)] += 1
    return [
        {"from": (first + index) * width, "to": (first + index + 1) * width, "count": count}
        for index, count in enumerate(counts)
    ]


def _round_width(width: float) -> float:
    """The next of 1, 2, 5, 10, 20, …, or of their decimal parts."""
    if width <= 0 or not math.isfinite(width):
        return 0.0
    power = 10.0 ** math.floor(math.log10(width))
    return next((step * power for step in (1, 2, 5) if width <= step * power), 10 * power)


def confusion_matrix(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return a cell for each pair of actual and predicted class, its shade the share among the actual class."""
    names = {"actual": fields["Actual"], "predicted": fields["Predicted"], "count": fields["nPredictions"]}
    rows = rows_of(table, names)
    totals: dict[Any, float] = {}
    for row in rows:
        row["actual"], row["predicted"] = name_of(row["actual"]), name_of(row["predicted"])
        row["count"] = row["count"] or 0
        totals[row["actual"]] = totals.get(row["actual"], 0) + row["count"]
    for row in rows:
        row["share"] = row["count"] / totals[row["actual"]] if totals[row["actual"]] else 0
    order = list(dict.fromkeys([*names_in(rows, "actual"), *names_in(rows, "predicted")]))
    cell = max(14, min(72, SIDE // max(1, len(order))))
    right = sum(row["count"] for row in rows if row["actual"] == row["predicted"])
    total = sum(totals.values())
    whole = all(float(row["count"]).is_integer() for row in rows)
    notes = [f"{right:,.10g} of {total:,.10g} on the diagonal ({right / total:.1%})"] if total and whole else []
    return framed(_matrix(rows, order, cell, whole), strings.get("title", ""), notes)


def _matrix(rows: list[Row], order: list[str], cell: int, whole: bool) -> dict[str, Any]:
    axis = {"domain": False, "ticks": False, "grid": False}
    across = {"labelAngle": 0} if max(map(len, order), default=0) * 7 < cell else {"labelAngle": -45}
    form = "," if whole else ".2f"
    x = {"field": "predicted", "type": "nominal", "sort": order, "title": "predicted", "axis": axis | across}
    y = {"field": "actual", "type": "nominal", "sort": order, "title": "actual", "axis": axis}
    shade = {
        "field": "share",
        "type": "quantitative",
        "title": "share of actual",
        "scale": {"domain": [0, 0.5, 1], "range": list(SHADES)},
        "legend": {"format": ".0%", "gradientLength": 160, "tickCount": 5},
    }
    hints = tooltip(("actual", "actual"), ("predicted", "predicted"), ("count", "predictions", form))
    hints += tooltip(("share", "share of actual", ".1%"))
    layers = [mark("rect", {"color": shade, "tooltip": hints}, stroke="white", strokeWidth=1)]
    if len(order) <= WRITTEN_CLASSES:
        ink = {"condition": {"test": "datum.share > 0.55", "value": "white"}, "value": INK}
        text = {"text": {"field": "count", "type": "quantitative", "format": form}, "color": ink}
        layers.append(mark("text", text, fontSize=13 if cell >= 40 else 10))
    size = {"width": {"step": cell}, "height": {"step": cell}}
    return size | {"data": {"values": rows}, "encoding": {"x": x, "y": y}, "layer": layers}
