"""What questions about runs mean, worked out run by run from the records: what catalogs are compared with.

It looks into the JSON of a run and knows nothing of an index, but for the one liberty that the port allows: texts of
more than 500 characters are ordered by their beginnings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cmp_to_key
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

from forebear.catalog.codec import to_micros
from forebear.catalog.leaves import as_float, shortened
from forebear.records.queries import And, Compare, Condition, Not, Or, Order

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_ORIGIN = {"user": "user", "host": "host", "program": "program", "commit": "git_commit"}
#: What a run has where it has nothing.
MISSING = object()


def holds(condition: Condition, run: RunRecord) -> bool:
    """Whether a run fulfils a condition."""
    match condition:
        case And(parts):
            return all(holds(part, run) for part in parts)
        case Or(parts):
            return any(holds(part, run) for part in parts)
        case Not(part):
            return not holds(part, run)
        case Compare(field, op, value):
            return _compares(field_values(field, run), op, value, _kept(field))


def field_values(field: str, run: RunRecord) -> Sequence[Any]:
    """The values of a field: one, or as many as the run has tags; `MISSING` where it has none."""
    side, dot, key = field.partition(".")
    if dot and side == "config":
        return [_looked_up(run.config, key)]
    if dot and side == "summary":
        return [_looked_up(run.summary, key)]
    if field == "tags":
        return run.tags or [MISSING]
    if field in ("created_at", "ended_at"):
        moment = getattr(run, field)
        return [MISSING if moment is None else to_micros(moment)]
    value = getattr(run.origin, _ORIGIN[field]) if field in _ORIGIN else getattr(run, field)
    return [MISSING if value is None else value]


def sorted_runs(runs: Sequence[RunRecord], order: Sequence[Order]) -> list[RunRecord]:
    """The runs in an order, and the one registered last first where they compare equal."""
    found = sorted(runs, key=lambda run: run.key, reverse=True)
    for each in reversed(order):
        found.sort(key=cmp_to_key(lambda a, b, each=each: _order(each, a, b)))  # type: ignore[misc]
    return found


def _order(order: Order, a: RunRecord, b: RunRecord) -> int:
    left, right = _place(order.field, a), _place(order.field, b)
    if left is None or right is None:
        return (left is None) - (right is None)
    sign = (left > right) - (left < right)
    return -sign if order.descending else sign


def _place(field: str, run: RunRecord) -> tuple[int, Any] | None:
    """Where the run stands: numbers before texts; ``None`` for a run without either, which comes last."""
    kept = _kept(field)
    places = [place for value in field_values(field, run) if (place := _comparable(value, kept)) is not None]
    return min(places, default=None)


def _kept(field: str) -> Callable[[str], str]:
    """How a text of the field is written where it is put in order."""
    return shortened if "." in field or field in _ORIGIN else str


def _comparable(value: Any, kept: Callable[[str], str]) -> tuple[int, Any] | None:
    if isinstance(value, (bool, int, float)):
        number = as_float(value)
        return None if math.isnan(number) else (0, number)
    return (1, kept(value)) if isinstance(value, str) else None


def _looked_up(document: Mapping[str, Any], key: str) -> Any:
    """What a dotted key leads to; where it leads to an object, that something is there."""
    written = dict(_written_out(document, "")) if document else {}
    if key in written:
        return written[key]
    return {} if any(name.startswith(f"{key}.") for name in written) else MISSING


def _written_out(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield key[1:], value
        return
    for name, below in value.items():
        yield from _written_out(below, f"{key}.{name}")


def _compares(values: Sequence[Any], op: str, asked: Any, kept: Callable[[str], str]) -> bool:
    if op == "exists":
        return any(value is not MISSING for value in values) == bool(asked)
    if op in ("ne", "nin"):
        return not _compares(values, "eq" if op == "ne" else "in", asked, kept)
    if op == "in":
        return any(_compares(values, "eq", each, kept) for each in asked)
    if op == "eq":
        return any(_equal(value, asked) for value in values)
    if op == "regex":
        return any(isinstance(value, str) and re.search(asked, value) is not None for value in values)
    return any(_ordered(op, _comparable(value, kept), _comparable(asked, kept)) for value in values)


def _equal(value: Any, asked: Any) -> bool:
    if asked is None:
        return value is None or value is MISSING
    if isinstance(asked, bool):
        return value is asked
    if isinstance(asked, str) or isinstance(value, str):
        return isinstance(value, str) and isinstance(asked, str) and value == asked
    left, right = _comparable(value, str), _comparable(asked, str)
    return left is not None and left == right


def _ordered(op: str, left: tuple[int, Any] | None, right: tuple[int, Any] | None) -> bool:
    if left is None or right is None or left[0] != right[0]:
        return False
    return _ORDERINGS[op](left[1], right[1])
