"""ROC and precision-recall curves: computed from scores, and drawn from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.plot.data import name_of, names_in, rows_of
from forebear.plot.style import QUIET, SIDE, colors, framed, mark, share_axis, tooltip

if TYPE_CHECKING:
    from forebear.media.table import Table

Point = tuple[float, float]


class Counts(NamedTuple):
    """True and false positives when everything from a score on counts as positive, by falling score."""

    true: list[int]
    false: list[int]


def cumulated(positive: Sequence[bool], scores: Sequence[float]) -> Counts:
    """Return true and false positives at every distinct score.

    Cost: one sort; about 2 µs a score.
    """
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    true, false = [], []
    hits = misses = 0
    last = None
    for index in order:
        score = scores[index]
        if score != last and last is not None:
            true.append(hits)
            false.append(misses)
        last = score
        if positive[index]:
            hits += 1
        else:
            misses += 1
    return Counts([*true, hits], [*false, misses])


def roc(counts: Counts) -> tuple[list[Point], float]:
    """Return the points (false positive rate, true positive rate) from (0, 0) to (1, 1), and the area below them."""
    hits, misses = counts.true[-1], counts.false[-1]
    points = [(0.0, 0.0)] + [(f / misses, t / hits) for f, t in zip(counts.false, counts.true, strict=True)]
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False))
    return points, area


def precision_recall(counts: Counts) -> tuple[list[Point], float]:
    """Return the points (recall, precision) by rising recall, and the average precision.

    Average precision is the sum of precisions weighted by the rise of recall, not interpolated.
    """
    hits = counts.true[-1]
    points = [(t / hits, t / (t + f)) for t, f in zip(counts.true, counts.false, strict=True)]
    average = before = 0.0
    for recall, precision in points:
        average += (recall - before) * precision
        before = recall
    return points, average


def interpolated(points: list[Point], size: int) -> list[Point]:
    """Return the best precision that is reached at each of ``size`` evenly spaced recalls, or beyond it."""
    best: list[Point] = []
    highest = 0.0
    for recall, precision in reversed(points):
        highest = max(highest, precision)
        best.append((recall, highest))
    found = []
    for number in range(size):
        wanted = number / (size - 1)
        # The list falls in recall: what no longer reaches the wanted one is at its front.
        while len(best) > 1 and best[-1][0] < wanted:
            best.pop()
        found.append((wanted, best[-1][1]))
    return found


def area(table: Table, fields: Mapping[str, Any], strings: Mapping[str, str]) -> dict[str, Any]:
    """Return a square chart of curves in shares, one for each class, the area below each in the legend."""
    names = {"x": fields["x"], "y": fields["y"], "group": fields["class"]}
    rows = rows_of(table, names | ({"area": fields["area"]} if "area" in fields else {}))
    word = strings.get("area-name", "AUC")
    for row in rows:
        known = row.pop("area", None)
        row["group"] = name_of(row["group"]) + ("" if known is None else f" ({word} {known:.3f})")
    x_title = strings.get("x-axis-title", str(fields["x"]))
    y_title = strings.get("y-axis-title", str(fields["y"]))
    encoding: dict[str, Any] = {"x": share_axis("x", x_title), "y": share_axis("y", y_title), "order": {"field": "n"}}
    encoding |= colors(names_in(rows, "group"), strings.get("legend-title") or "class")
    encoding["tooltip"] = tooltip(("group", "class"), ("x", x_title, ".3f"), ("y", y_title, ".3f"))
    for number, row in enumerate(rows):
        row["n"] = number
    lines = mark("line", encoding, clip=False) | {"data": {"values": rows}}
    layers = [_chance(), lines] if strings.get("chance") else [lines]
    notes = [strings["note"]] if "note" in strings else []
    return framed({"width": SIDE, "height": SIDE, "layer": layers}, strings.get("title", ""), notes)


def _chance() -> dict[str, Any]:
    """The diagonal on which guesses lie."""
    ends = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
    encoding = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
    return mark("line", encoding, color=QUIET, strokeWidth=1, strokeDash=[4, 4], opacity=0.7) | {
        "data": {"values": ends}
    }
