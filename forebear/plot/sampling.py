"""Fewer points that tell the same: charts hold at most `MAX_POINTS`, and say so when they had more."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

Item = TypeVar("Item")

#: Points in a chart. More are slow in a browser, and no screen has the pixels for them.
MAX_POINTS = 10_000


def drawn(items: Sequence[Item], limit: int = MAX_POINTS) -> list[Item]:
    """Return at most ``limit`` items drawn at random, the same every time, in their order."""
    if len(items) <= limit:
        return list(items)
    return [items[index] for index in sorted(Random(0).sample(range(len(items)), limit))]


def outlined(points: list[dict[str, Any]], limit: int, value: str = "y") -> list[dict[str, Any]]:
    """Return at most ``limit`` points of a line (4 at least): of every stretch the first, lowest, highest and last.

    Args:
        points: In order along the line.
        value: Field whose extremes are kept.
    """
    if len(points) <= limit:
        return points
    stretches = max(1, limit // 4)
    found = []
    for number in range(stretches):
        stretch = range(number * len(points) // stretches, (number + 1) * len(points) // stretches)
        kept = {stretch[0], stretch[-1]}
        heights = [(points[index][value], index) for index in stretch if points[index][value] is not None]
        if heights:
            kept |= {min(heights)[1], max(heights)[1]}
        found += [points[index] for index in sorted(kept)]
    return found


def spread(points: list[tuple[float, float]], limit: int) -> list[tuple[float, float]]:
    """Return at most ``limit`` points of a curve, evenly along its length, with the first and the last.

    Every point is one of the given ones, none is made up. Points in the middle of straight pieces are the first to go.
    """
    points = _corners(points)
    if len(points) <= limit:
        return points
    lengths = [0.0]
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        lengths.append(lengths[-1] + abs(x1 - x0) + abs(y1 - y0))
    step = lengths[-1] / (limit - 1)
    found, wanted = [], 0.0
    for point, length in zip(points[:-1], lengths, strict=False):
        if length >= wanted:
            found.append(point)
            wanted = max(wanted + step, length)
    return [*found[: limit - 1], points[-1]]


def _corners(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points at which a curve turns; straight pieces keep their ends."""
    found = points[:1]
    for here, after in zip(points[1:], points[2:], strict=False):
        (x0, y0), (x1, y1), (x2, y2) = found[-1], here, after
        if (x1 - x0) * (y2 - y1) != (x2 - x1) * (y1 - y0):
            found.append(here)
    return found + points[1:][-1:]


def sample_note(shown: int, total: int, how: str) -> list[str]:
    """Return what a chart says below its title when it shows fewer points than there are."""
    return [f"{shown:,} of {total:,} {how}"] if shown < total else []
