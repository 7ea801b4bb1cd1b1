"""The metrics of a run in short: how many values, where they ended, how far they went, and their curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from forebear.api import histories
from forebear.api.recorded_run import RecordedRun
from forebear.records.history import Stream


class Metric(NamedTuple):
    """One key of a history.

    Attributes:
        rows: How many rows have it.
        last: Its last value.
        least: The smallest of its numbers; ``None`` where none of its values is one.
        most: The largest.
        curve: All its values, by step; what is no number is ``None``.
    """

    key: str
    rows: int
    last: Any
    least: float | None
    most: float | None
    curve: Sequence[float | None]


def matching(keys: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the keys that one of ``patterns`` fits, sorted; without patterns all that are not forebear's own."""
    if not patterns:
        return sorted(key for key in keys if not key.startswith("_"))
    return sorted(key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns))


def metrics_of(run: RecordedRun, keys: Sequence[str], stream: Stream = Stream.HISTORY) -> list[Metric]:
    """Return the metrics of a run that are called so, in that order; one that it has not is left out."""
    if not keys:
        return []
    columns = histories.whole(run.store, run.record, keys, stream=stream, axes=()).columns
    return [_metric(key, columns[key]) for key in keys if key in columns]


def _metric(key: str, values: Sequence[Any]) -> Metric:
    there = [value for value in values if value is not None]
    curve = [value if isinstance(value, (int, float)) else None for value in there]
    numbers = [value for value in curve if value is not None and value == value]
    least, most = (min(numbers), max(numbers)) if numbers else (None, None)
    return Metric(key, len(there), there[-1] if there else None, least, most, curve)
