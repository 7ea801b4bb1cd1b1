"""Metadata as JSON: what it may hold, and how other values become that."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from forebear.errors import InvalidInput

#: Deeper nesting is a circle, or nothing anybody wants to read.
MAX_DEPTH = 64


def normal_metadata(value: Any) -> dict[str, Any]:
    """Return metadata with JSON values only: NaN becomes null, arrays and tuples lists, times ISO 8601 text.

    Raises:
        InvalidInput: not a mapping, a key that is no string, an infinite number, a circle, or an unknown type.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"metadata is a dictionary, not {type(value).__name__}", code="invalid-metadata")
    normal: dict[str, Any] = _normal(value, "metadata", 0)
    return normal


def _normal(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidInput(
            f"{where[:60]}… is nested more than {MAX_DEPTH} deep, or in a circle", code="invalid-metadata"
        )
    if value is None or isinstance(value, (str, bool, int)):
        return _integer(value, where)
    if isinstance(value, float):
        return _number(value, where)
    if isinstance(value, Mapping):
        return {_key(key, where): _normal(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_normal(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(items)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # numpy and torch scalars and arrays know how to become Python values, without either being imported here.
    for method in ("tolist", "item"):
        if callable(getattr(value, method, None)):
            return _normal(getattr(value, method)(), where, depth + 1)
    raise InvalidInput(
        f"{where} is a {type(value).__name__}, which JSON cannot hold; convert it to text or numbers",
        code="invalid-metadata",
    )


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"{where} has the key {key!r}; keys are strings", code="invalid-metadata")
    return key


def _integer(value: Any, where: str) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as err:
            raise InvalidInput(f"{where} is not valid Unicode: {value!r}", code="invalid-metadata") from err
    # Enumerations and numpy's own strings are made plain.
    for kind in (bool, int, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _number(value: float, where: str) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise InvalidInput(f"{where} is infinite, which JSON cannot hold", code="invalid-metadata")
    return float(value)
