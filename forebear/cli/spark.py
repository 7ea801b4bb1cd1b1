"""Curves in one line of a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
#: A cell none of whose values is a number.
ODD = "×"
#: A cell in which there is no value at all.
GAP = " "


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Return a curve of at most ``width`` cells; each shows the mean of its stretch of ``values``.

    The height goes from the smallest to the largest mean; infinities stand at the ends, a curve that does not move in
    the middle. Fewer values than cells take one each.
    """
    return sparklines([values], width)[0]


def sparklines(curves: Sequence[Sequence[float | None]], width: int) -> list[str]:
    """Return several curves of one height, so that they can be compared; see `sparkline`."""
    means = [_means(values, width) for values in curves]
    finite = [mean for each in means for mean in each if mean is not None and math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return ["".join(_bar(mean, low, high) for mean in each) for each in means]


def _means(values: Sequence[float | None], width: int) -> list[float | None]:
    """Return the mean of each of ``width`` stretches; fewer values take one each."""
    cells = min(max(0, width), len(values))
    if not cells:
        return []
    bounds = [cell * len(values) // cells for cell in range(cells + 1)]
    return [_mean(values[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the numbers; NaN where all values are none, ``None`` where there is no value."""
    there = [value for value in values if value is not None]
    numbers = [value for value in there if value == value]
    if not numbers:
        return math.nan if there else None
    # Divided first, so that the sum of large numbers does not become infinite.
    return sum(value / len(numbers) for value in numbers)


def _bar(mean: float | None, low: float, high: float) -> str:
    if mean is None:
        return GAP
    if math.isnan(mean):
        return ODD
    if math.isinf(mean):
        return BARS[-1] if mean > 0 else BARS[0]
    spread = high / 2 - low / 2
    if spread == 0:
        return BARS[len(BARS) // 2 - 1]
    share = (mean / 2 - low / 2) / spread
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]
