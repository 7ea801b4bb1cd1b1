"""Conditions on runs as they are typed: ``state=finished``, ``config.lr<=0.01``, ``summary.acc>0.9``, ``tag=best``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from forebear.api.filters import ALIASES, TIMES, field_of, time_value
from forebear.errors import InvalidInput
from forebear.records.queries import And, Compare, Condition, Not, Or
from forebear.records.runs import RUN_STATES

#: As in filters of the API, but for ``name``, which is what the table shows as NAME.
FIELDS = {**ALIASES, "name": "name", "started": "created_at", "ended": "ended_at"}

_EXPRESSION = re.compile(r"\s*(?P<field>[^=<>!~]+?)\s*(?P<sign>==|!=|>=|<=|!~|=|<|>|~)\s*(?P<value>.*)\Z", re.DOTALL)
_COMPARISONS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_FORM = "write a condition as FIELD=VALUE, with one of = != < <= > >= ~ !~ in the middle, or FIELD alone"


def read_conditions(texts: Iterable[str]) -> tuple[Condition, list[str]]:
    """Return the condition that all ``texts`` state together, and the fields they name, in the catalog's words.

    ``FIELD=a,b`` holds for one of several values, ``~`` for text that a pattern is found in, a field alone where it is
    there, and ``!`` in front where it is not. Values are numbers, ``true``, ``false`` or text; quotes make text of all.

    Raises:
        InvalidInput: a text is no such condition, or there is no such field.
    """
    found = [read_condition(text) for text in texts]
    return And(tuple(condition for condition, _ in found)), [field for _, field in found]


def read_condition(text: str) -> tuple[Condition, str]:
    """Return the condition that one text states, and its field; raises as `read_conditions`."""
    match = _EXPRESSION.match(text)
    if match is None:
        return _presence(text)
    field, sign, value = field_of(match["field"], FIELDS), match["sign"], match["value"].strip()
    if sign in _COMPARISONS:
        return Compare(field, _COMPARISONS[sign], _value(field, value)), field
    if sign in {"~", "!~"}:
        found: Condition = Compare(field, "regex", _pattern(value))
    else:
        found = _equals(field, value)
    return (Not(found) if sign.startswith("!") else found), field


def _presence(text: str) -> tuple[Condition, str]:
    plain = text.strip()
    if not plain.strip("!"):
        raise InvalidInput(f"{text!r} is no condition; {_FORM}", code="invalid-filter")
    field = field_of(plain.removeprefix("!").strip(), FIELDS)
    there = Compare(field, "exists", True)
    return (Not(there) if plain.startswith("!") else there), field


def _equals(field: str, text: str) -> Condition:
    quoted = text.startswith('"')
    values = [_value(field, part) for part in ([text] if quoted else text.split(","))]
    if field == "state":
        unknown = sorted(set(values) - set(RUN_STATES))
        if unknown:
            raise InvalidInput(f"there is no state {unknown[0]!r}; there are {', '.join(RUN_STATES)}")
    if field in TIMES:
        return Or(tuple(_on_the_day(field, value, part) for value, part in zip(values, text.split(","), strict=True)))
    return Compare(field, "eq", values[0]) if len(values) == 1 else Compare(field, "in", tuple(values))


def _on_the_day(field: str, start: int, text: str) -> Condition:
    """Return that a time is the one that was written; of a day alone, that it is within it."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        return Compare(field, "eq", start)
    return And((Compare(field, "gte", start), Compare(field, "lt", start + 86_400_000_000)))


def _value(field: str, text: str) -> Any:
    if field in TIMES:
        return time_value(text.strip())
    if not field.startswith(("config.", "summary.")) and field != "exit_code":
        return text.strip().strip('"')
    try:
        value = msgspec.json.decode(text.strip())
    except msgspec.DecodeError:
        return text.strip()
    return value if value is None or isinstance(value, (bool, int, float, str)) else text.strip()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as err:
        raise InvalidInput(f"{text!r} is no regular expression: {err}", code="bad-pattern") from err
    return text
