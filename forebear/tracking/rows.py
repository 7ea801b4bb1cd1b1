"""From what people log to rows of plain values: nested dictionaries become dotted keys, media become JSON and files."""

from __future__ import annotations

import datetime
import enum
import numbers
import operator
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.media.base import Media

#: Types whose values a row takes as they are; integers only up to 64 bits.
PLAIN = frozenset({float, int, bool, str, type(None)})
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
#: Deeper nesting is a circle.
MAX_DEPTH = 64
#: Arrays of more values than this in a list or dictionary inside a value are not written out.
MAX_INNER_VALUES = 10_000

#: Turns a media value of a key into JSON, its files kept.
ToJson = Callable[[str, "Media"], dict[str, Any]]


class NotARow(InvalidInput, TypeError):
    """What was to be logged is no dictionary with text as keys, or a value is of no type that a row can hold."""


def plain_row(data: Any, to_json: ToJson) -> dict[str, Any]:
    """Return a row: dotted keys, plain values.

    Raises:
        NotARow: ``data`` is no mapping, a key is no text, or a value cannot be kept.
        InvalidInput: it is nested in a circle.
    """
    if not isinstance(data, Mapping):
        raise NotARow(f"log() takes a dictionary, not {type(data).__name__}", code="not-a-row")
    row: dict[str, Any] = {}
    _flatten(data, "", row, to_json, 0)
    return row


def step_of(step: Any) -> int:
    """Return a step as an integer.

    Raises:
        NotARow: it is none.
    """
    try:
        number = int(step) if isinstance(step, float) and step == int(step) else operator.index(step)
    except (TypeError, ValueError, OverflowError):
        raise NotARow(f"a step is an integer, not {step!r}", code="invalid-step") from None
    if not _MIN_INT <= number <= _MAX_INT:
        raise InvalidInput(f"the step {number} is too large; steps have 64 bits", code="invalid-step")
    return number


def _flatten(data: Mapping[Any, Any], prefix: str, row: dict[str, Any], to_json: ToJson, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _circle(prefix)
    for key, value in data.items():
        if not isinstance(key, str):
            raise NotARow(f"log() takes a dictionary whose keys are text, but one is {key!r}", code="not-a-row")
        name = f"{prefix}{key}".encode("utf-8", "replace").decode()
        if isinstance(value, Mapping) and "_type" not in value:
            _flatten(value, f"{name}.", row, to_json, depth + 1)
        else:
            row[name] = plain_value(name, value, to_json)


def plain_value(key: str, value: Any, to_json: ToJson) -> Any:
    """Return one value of a row: an array of one number is that number, one of several a histogram; media are JSON.

    Raises:
        NotARow: it is of no type that a row can hold.
        InvalidInput: it is nested in a circle.
    """
    found = _scalar(value)
    if found is not _NO_SCALAR:
        return found
    from forebear.media.convert import media_of  # 2 ms that numbers alone do not need

    media = media_of(value)
    return to_json(key, media) if media is not None else _structure(key, value, to_json, 0)


_NO_SCALAR = object()


def _scalar(value: Any) -> Any:
    """Return a number, text or time as a plain value; `_NO_SCALAR` for everything else."""
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value
    if isinstance(value, enum.Enum):
        return _scalar(value.value)
    if isinstance(value, int):
        # As float: that is what an integer beyond 64 bits is in any chart.
        return int(value) if _MIN_INT <= value <= _MAX_INT else _big(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array_scalar(value)
    if isinstance(value, numbers.Number) and hasattr(value, "__float__"):
        return float(value)  # fractions and decimals
    return _NO_SCALAR


def _big(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _array_scalar(value: Any) -> Any:
    """Return the one number of a scalar or array of a library; `_NO_SCALAR` where there are more, or none."""
    from forebear.media.arrays import size_of, to_numpy  # 1 ms

    try:
        if size_of(value) != 1:
            return _NO_SCALAR
    except (TypeError, AttributeError):  # a data frame's shape and dtype are something else
        return _NO_SCALAR
    found = value.item() if hasattr(value, "item") else to_numpy(value).item()
    return found if type(found) is complex else _scalar(found)


def _structure(key: str, value: Any, to_json: ToJson, depth: int) -> Any:
    """Return a value with lists and dictionaries in it as JSON has them."""
    if depth > MAX_DEPTH:
        raise _circle(key)
    found = _scalar(value)
    if found is not _NO_SCALAR and type(found) is not complex:
        return found
    if isinstance(value, Mapping):
        return {str(name): _inner(key, item, to_json, depth) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_inner(key, item, to_json, depth) for item in value]
    if isinstance(value, (set, frozenset)):
        return [_inner(key, item, to_json, depth) for item in sorted(value, key=repr)]
    if hasattr(value, "shape") and callable(getattr(value, "tolist", None)):
        # Empty, of texts, or of times: an array of several numbers has become a histogram.
        return _structure(key, value.tolist(), to_json, depth + 1)
    raise NotARow(
        f"{key!r} is a {type(value).__name__}, which a run cannot keep; log a number, text, array or media value",
        code="not-a-row",
    )


def _inner(key: str, value: Any, to_json: ToJson, depth: int) -> Any:
    """A value inside another: what would be a histogram by itself stays a list of its numbers."""
    if type(value) in PLAIN:
        return _scalar(value)
    from forebear.media.base import Media  # 1 ms that numbers alone do not need

    if isinstance(value, Media):
        return to_json(key, value)
    if hasattr(value, "dtype") and callable(getattr(value, "tolist", None)):
        if getattr(value, "size", 0) > MAX_INNER_VALUES:
            raise NotARow(
                f"{key!r} holds an array of {value.size} values inside a list or dictionary; log it by itself",
                code="not-a-row",
            )
        return _structure(key, value.tolist(), to_json, depth + 1)
    return _structure(key, value, to_json, depth + 1)


def _circle(where: str) -> InvalidInput:
    return InvalidInput(
        f"what is logged under {where[:60]!r} is nested more than {MAX_DEPTH} deep, or in a circle",
        code="circular-value",
    )
