"""Checks of the keys and values of a declaration. Every complaint names the path of the key and what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from forebear.errors import InvalidInput

#: Integers that databases and JSON readers take for what they are.
_LARGEST = 2**63 - 1
CODE = "invalid-sweep"


def refused(path: str, why: str) -> InvalidInput:
    """Return the error that says what is wrong with the key at ``path``."""
    return InvalidInput(f"sweep: {path}: {why}", code=CODE)


def shown(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def below(path: str, key: object) -> str:
    """The path of a key below another."""
    return f"{path}.{key}" if path else str(key)


def table(path: str, value: object) -> dict[str, Any]:
    """Return a value that must hold others by name."""
    if not isinstance(value, Mapping):
        raise refused(path, f"{shown(value)} is no table of keys and values")
    for key in value:
        if not isinstance(key, str) or not key:
            raise refused(path, f"the key {key!r} is no text")
    return dict(value)


def only(path: str, given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Refuse keys that are not ``allowed``."""
    allowed = list(allowed)
    for key in given:
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise refused(below(path, key), f"there is no such key; {hint}allowed are {', '.join(allowed)}")


def number(path: str, value: object) -> float:
    """Return a value that must be a finite number; whole ones stay whole."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            pass
        else:
            raise refused(path, f"{value!r} is a text; YAML reads 1e-5 as one: write it 1.0e-5")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if not hasattr(value, "dtype") or not callable(getattr(value, "item", None)):
            raise refused(path, f"{shown(value)} is no number")
        return number(path, value.item())  # type: ignore[attr-defined]  # of NumPy
    if not math.isfinite(value):
        raise refused(path, f"{value} is not finite")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise refused(path, f"{value} has more than 64 bits")
    return value


def whole(path: str, value: object, least: int) -> int:
    """Return a value that must be a whole number of at least ``least``."""
    found = number(path, value)
    if found != int(found) or found < least:
        raise refused(path, f"{shown(value)} is no whole number of at least {least}")
    return int(found)


def above_zero(path: str, value: object) -> float:
    """Return a value that must be a number above 0."""
    found = number(path, value)
    if found <= 0:
        raise refused(path, f"{shown(value)} is not above 0")
    return found


def text(path: str, value: object) -> str:
    """Return a value that must be a text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise refused(path, f"{shown(value)} is no text")
    return value


def flag(path: str, value: object) -> bool:
    """Return a value that must be true or false."""
    if not isinstance(value, bool):
        raise refused(path, f"{shown(value)} is neither true nor false")
    return value


def word(path: str, value: object, allowed: Iterable[str]) -> str:
    """Return a value that must be one of some words."""
    allowed = list(allowed)
    if not isinstance(value, str) or value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise refused(path, f"{shown(value)} is unknown; {hint}allowed are {', '.join(allowed)}")
    return value


def items(path: str, value: object) -> list[Any]:
    """Return a value that must be a list with something in it."""
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise refused(path, f"{shown(value)} is no list")
    found = list(value)
    if not found:
        raise refused(path, "the list is empty; name at least one")
    return found
