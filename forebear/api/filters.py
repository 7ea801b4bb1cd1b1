"""Filters and orders of runs as people write them for W&B, read into the questions that a catalog understands.

A filter is a dictionary in the manner of MongoDB: fields with the value they must have, or with operators, and
``$and``, ``$or``, ``$nor`` and ``$not`` around such dictionaries. What stands side by side must hold all together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from forebear.errors import InvalidInput
from forebear.names import parse_time
from forebear.records.queries import RUN_FIELDS, And, Compare, Condition, Not, Or, Order

#: Words that people have for a field of a run → the catalog's word. ``name`` is what W&B calls a run's id by.
ALIASES = {
    "id": "id",
    "name": "id",
    "display_name": "name",
    "displayName": "name",
    "state": "state",
    "group": "group",
    "job_type": "job_type",
    "jobType": "job_type",
    "notes": "notes",
    "description": "notes",
    "tags": "tags",
    "tag": "tags",
    "created_at": "created_at",
    "createdAt": "created_at",
    "ended_at": "ended_at",
    "endedAt": "ended_at",
    "user": "user",
    "username": "user",
    "userName": "user",
    "host": "host",
    "program": "program",
    "commit": "commit",
    "sweep": "sweep",
    "exit_code": "exit_code",
    "exitCode": "exit_code",
    "entity": "entity",
    "project": "project",
}
TIMES = frozenset({"created_at", "ended_at"})
#: Beginning of a path into config or summary → the catalog's word for it.
SIDES = {"config": "config", "summary": "summary", "summary_metrics": "summary", "summaryMetrics": "summary"}
#: W&B keeps ``{"value": …}`` around each value of a config, and its filters say so.
_WRAPPING = ".value"

_Reader = Callable[[str, Any], Condition]


def parse_filter(given: Mapping[str, Any] | None) -> Condition:
    """Return the condition that a filter states; ``None`` and ``{}`` hold for every run.

    Raises:
        InvalidInput: a field or an operator is unknown (the message lists what there is), or a value does not go with
            its operator.
    """
    if given is None:
        return And(())
    if not isinstance(given, Mapping):
        raise _invalid(f"a filter is a dictionary such as {{'config.lr': {{'$lt': 0.1}}}}, not {given!r}")
    return _all(_entry(key, value) for key, value in given.items())


def parse_order(given: str | Sequence[str] | None, aliases: Mapping[str, str] = ALIASES) -> tuple[Order, ...]:
    """Return the order that words such as ``"-summary_metrics.acc"`` state; several stand in a list or behind commas.

    A leading ``-`` sorts the largest first, ``+`` or nothing the smallest. ``aliases`` are as in `field_of`.

    Raises:
        InvalidInput: a field is unknown.
    """
    words = given.split(",") if isinstance(given, str) else list(given or ())
    orders = []
    for word in words:
        plain = word.strip()
        if plain:
            orders.append(Order(_order_field(plain.lstrip("+-").strip(), aliases), descending=plain.startswith("-")))
    return tuple(orders)


def _order_field(name: str, aliases: Mapping[str, str]) -> str:
    field = field_of(name, aliases)
    return field.removesuffix(_WRAPPING) if field.startswith("config.") else field


def field_of(name: str, aliases: Mapping[str, str] = ALIASES) -> str:
    """Return the catalog's word for a field: ``summary_metrics.acc`` is ``summary.acc``, ``jobType`` ``job_type``.

    Raises:
        InvalidInput: there is no such field.
    """
    if name in aliases:
        return aliases[name]
    side, dot, key = name.partition(".")
    if side in SIDES and dot and key:
        return f"{SIDES[side]}.{key}"
    known = ", ".join(field for field in RUN_FIELDS if field in aliases.values())
    raise InvalidInput(
        f"there is no field {name!r} to filter or sort runs by; there are config.<key>, summary_metrics.<key>, {known}",
        code="unknown-field",
    )


def time_value(value: Any) -> int:
    """Return a time as the catalog compares it, in microseconds since 1970; text is ISO 8601, numbers are seconds.

    Raises:
        InvalidInput: it is no time.
    """
    if isinstance(value, str):
        value = parse_time(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        # Without an offset it is UTC, as in all names that hold a time.
        value = (value.replace(tzinfo=UTC) if value.tzinfo is None else value).timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{value!r} is not a time; write it as 2026-01-31 or 2026-01-31T12:00", code="invalid-time")
    return round(value * 1_000_000)


def _entry(key: Any, value: Any) -> Condition:
    """Return what one line of a filter states."""
    if not isinstance(key, str):
        raise _invalid(f"a field of a filter is text, not {key!r}")
    if key in _JOINTS:
        return _JOINTS[key](value)
    if key.startswith("$"):
        raise _unknown_operator(key, _JOINTS)
    if isinstance(value, Mapping) and value and not any(str(word).startswith("$") for word in value):
        # {"config": {"lr": 0.1}} says the same as {"config.lr": 0.1}.
        return _all(_entry(f"{key}.{inner}", below) for inner, below in value.items())
    return _on_field(field_of(key), value)


def _on_field(field: str, value: Any) -> Condition:
    if not (field.startswith("config.") and field.endswith(_WRAPPING)):
        return _stated(field, value)
    plain = field.removesuffix(_WRAPPING)
    # A config may hold a key "value" of its own; that is meant where it is there.
    there = Compare(field, "exists", True)
    return Or((And((there, _stated(field, value))), And((Not(there), _stated(plain, value)))))


def _stated(field: str, value: Any) -> Condition:
    if not isinstance(value, Mapping):
        return _equal(field, value)
    options = value.get("$options")
    parts = []
    for operator, operand in value.items():
        if operator == "$options":
            continue
        if operator not in _OPERATORS:
            raise _unknown_operator(operator, _OPERATORS)
        if operator == "$regex" and options is not None:
            operand = f"(?{_regex_flags(options)}){operand}"
        parts.append(_OPERATORS[operator](field, operand))
    return _all(parts)


def _all(parts: Iterable[Condition]) -> Condition:
    found = tuple(parts)
    return found[0] if len(found) == 1 else And(found)


def _several(value: Any, operator: str) -> tuple[Condition, ...]:
    if not isinstance(value, (list, tuple)):
        raise _invalid(f"{operator} takes a list of filters, not {value!r}")
    return tuple(parse_filter(part) for part in value)


_JOINTS: dict[str, Callable[[Any], Condition]] = {
    "$and": lambda value: And(_several(value, "$and")),
    "$or": lambda value: Or(_several(value, "$or")),
    "$nor": lambda value: Not(Or(_several(value, "$nor"))),
    "$not": lambda value: Not(parse_filter(value)),
}


def _equal(field: str, value: Any) -> Condition:
    if isinstance(value, (list, tuple, set, frozenset)):
        both = "; $in asks for one of several" + (", $all for all of them" if field == "tags" else "")
        raise _invalid(f"{field} is compared with one value at a time, not with {value!r}{both}")
    return Compare(field, "eq", _scalar(field, value))


def _ordered(operator: str) -> _Reader:
    def read(field: str, value: Any) -> Condition:
        if value is None or isinstance(value, (list, tuple, Mapping)):
            raise _invalid(f"${operator} compares {field} with a number or text, not with {value!r}")
        return Compare(field, operator, _scalar(field, value))

    return read


def _one_of(field: str, value: Any) -> Condition:
    return Compare(field, "in", tuple(_scalar(field, item) for item in _members("$in", field, value)))


def _each_of(field: str, value: Any) -> Condition:
    return And(tuple(_equal(field, item) for item in _members("$all", field, value)))


def _members(operator: str, field: str, value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise _invalid(f"{operator} takes a list of values for {field}, not {value!r}")
    return list(value)


def _exists(field: str, value: Any) -> Condition:
    there = Compare(field, "exists", True)
    return there if value else Not(there)


def _matches(field: str, value: Any) -> Condition:
    if field in TIMES or not isinstance(value, str):
        raise _invalid(f"$regex takes a pattern for text, which {value!r} for {field} is not")
    try:
        re.compile(value)
    except re.error as err:
        raise InvalidInput(f"{value!r} is no regular expression: {err}", code="bad-pattern") from err
    return Compare(field, "regex", value)


def _regex_flags(options: Any) -> str:
    if not isinstance(options, str) or not options or set(options) - set("imsx"):
        raise _invalid(f"$options are letters of 'imsx', not {options!r}")
    return options


def _negated(field: str, value: Any) -> Condition:
    return Not(_stated(field, value))


# Tags are compared one by one, so that "not this tag" is the opposite of "one of them is this", for every field.
_OPERATORS: dict[str, _Reader] = {
    "$eq": _equal,
    "$ne": lambda field, value: Not(_equal(field, value)),
    "$gt": _ordered("gt"),
    "$gte": _ordered("gte"),
    "$lt": _ordered("lt"),
    "$lte": _ordered("lte"),
    "$in": _one_of,
    "$nin": lambda field, value: Not(_one_of(field, value)),
    "$all": _each_of,
    "$exists": _exists,
    "$regex": _matches,
    "$not": _negated,
}


def _scalar(field: str, value: Any) -> Any:
    if value is None:
        return None  # equals what is null, and what is not there
    if field in TIMES:
        return time_value(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()  # a scalar of numpy or torch
    if not isinstance(value, (str, int, float, bool)):
        raise _invalid(f"{field} is compared with a number, text or a boolean, not with {value!r}")
    return value


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid-filter")


def _unknown_operator(operator: Any, known: Iterable[str]) -> InvalidInput:
    return InvalidInput(
        f"there is no operator {operator!r} here; there are {', '.join(known)}", code="unknown-operator"
    )
