"""Runs put together by what they have in common, with the count, mean, smallest and largest of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple


class Aggregate(NamedTuple):
    """What a group's values of one field come to; only finite numbers count."""

    number: int
    mean: float
    least: float
    most: float


class Group(NamedTuple):
    """Runs whose fields have equal values: those values, the number of runs, and an aggregate a field."""

    values: tuple[Any, ...]
    runs: int
    aggregates: tuple[Aggregate | None, ...]


def grouped(
    runs: Iterable[Any], by: Sequence[Callable[[Any], Any]], fields: Sequence[Callable[[Any], Any]]
) -> list[Group]:
    """Return the groups of ``runs`` in the order of their first run.

    Args:
        by: Give the values of a run that decide about its group.
        fields: Give the values of a run that are aggregated.
    """
    members: dict[Hashable, list[Any]] = {}
    values: dict[Hashable, tuple[Any, ...]] = {}
    for run in runs:
        found = tuple(field(run) for field in by)
        key = tuple(_hashable(value) for value in found)
        values.setdefault(key, found)
        members.setdefault(key, []).append([field(run) for field in fields])
    return [
        Group(values[key], len(rows), tuple(aggregate(row[index] for row in rows) for index in range(len(fields))))
        for key, rows in members.items()
    ]


def _hashable(value: Any) -> Hashable:
    """Return what stands for a value; true and 1 are not the same, nor are lists and text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ("number", value)
    return (type(value).__name__, value if isinstance(value, (str, bool)) else repr(value))


def aggregate(values: Iterable[Any]) -> Aggregate | None:
    """Return what numbers come to; ``None`` where there is no finite number among ``values``."""
    numbers = [float(value) for value in values if is_number(value)]
    if not numbers:
        return None
    mean = math.fsum(value / len(numbers) for value in numbers)
    return Aggregate(len(numbers), mean, min(numbers), max(numbers))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number that a float holds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
