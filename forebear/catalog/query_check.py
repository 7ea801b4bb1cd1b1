"""What of a question about runs is refused before a catalog looks at it: the same words from every catalog."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput
from forebear.records.queries import OPERATORS, RUN_FIELDS, And, Compare, Condition, Not, Or

if TYPE_CHECKING:
    from forebear.records.queries import RunQuery

#: How deep conditions may stand in each other; databases limit the depth of an expression.
DEPTH = 100
#: How many values may be compared with in one question; databases limit the parameters of a statement.
VALUES = 10_000
LEAVES = ("config", "summary")


def check_query(query: RunQuery) -> None:
    """Refuse what no catalog can answer.

    Raises:
        InvalidInput: a field or an operator is not known, a pattern is no regular expression, a list is expected and
            not given, a piece of the answer begins or ends below 0, or the condition is too deep or too long.
    """
    for order in query.order:
        _check_field(order.field)
    if query.offset < 0 or (query.limit is not None and query.limit < 0):
        raise InvalidInput(
            f"limit={query.limit} and offset={query.offset} say which piece of the answer is wanted; "
            "neither may be below 0",
            code="bad-query",
        )
    count = sum(_check_comparison(comparison) for comparison in _comparisons(query.where, DEPTH))
    if count > VALUES:
        raise InvalidInput(
            f"the filter compares with {count:,} values; a catalog takes up to {VALUES:,}: ask in several questions",
            code="bad-query",
        )


def split_field(field: str) -> tuple[str, str]:
    """Return ("config" or "summary", dotted key) of a field, or ("", the field) of one of the run's own."""
    side, dot, key = field.partition(".")
    return (side, key) if dot and side in LEAVES else ("", field)


@lru_cache(256)
def pattern_of(text: str) -> re.Pattern[str]:
    """The compiled form of a regular expression.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as err:
        raise InvalidInput(f"{text!r} is no regular expression: {err}", code="bad-pattern") from err


def _comparisons(condition: Condition, depth: int) -> Iterator[Compare]:
    if depth == 0:
        raise InvalidInput(f"the conditions stand more than {DEPTH} deep in each other", code="bad-query")
    match condition:
        case Compare():
            yield condition
        case And(parts) | Or(parts):
            for part in parts:
                yield from _comparisons(part, depth - 1)
        case Not(part):
            yield from _comparisons(part, depth - 1)
        case _:
            raise InvalidInput(f"{condition!r} is no condition", code="bad-query")


def _check_comparison(comparison: Compare) -> int:
    """Return how many values are compared with."""
    _check_field(comparison.field)
    op, value = comparison.op, comparison.value
    if op not in OPERATORS:
        raise InvalidInput(f"operator {op!r} is unknown; there are {', '.join(OPERATORS)}", code="unknown-operator")
    if op in ("in", "nin"):
        return _check_list(comparison.field, op, value)
    if op == "regex":
        if not isinstance(value, str):
            raise InvalidInput(
                f"a pattern for {comparison.field} is a text, not {type(value).__name__}", code="bad-pattern"
            )
        pattern_of(value)
    return 1


def _check_list(field: str, op: str, value: Any) -> int:
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        raise InvalidInput(f"{op} compares {field} with a list of values, not with {value!r}", code="bad-query")
    return len(value)


def _check_field(field: str) -> None:
    if not split_field(field)[0] and field not in RUN_FIELDS:
        raise InvalidInput(
            f"field {field!r} is unknown; there are config.KEY, summary.KEY, {', '.join(RUN_FIELDS)}",
            code="unknown-field",
        )
