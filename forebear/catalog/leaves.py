"""The values in a run's config and summary, one a leaf, as they are compared and indexed.

Nested objects are walked and their keys joined by dots; a list is one leaf. Numbers are compared as 64-bit floats.
Text longer than `TEXT_KEPT` is represented by its beginning and a hash, so that equal is still equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

#: Characters of a text that are kept whole; a longer one is represented by one more than so many.
TEXT_KEPT = 500
_HASH_BYTES = 16

#: Kinds of leaf. Only the first three can equal anything but "nothing".
NUMBER = 0
BOOLEAN = 1
TEXT = 2
NULL = 3
OTHER = 4


class Leaf(NamedTuple):
    """One value: ``number`` of a number or boolean (0 or 1), ``text`` of a text, else neither."""

    kind: int
    number: float | None = None
    text: str | None = None


def leaf_of(value: Any) -> Leaf:
    """The leaf of one value; a NaN equals nothing, not even itself, so it is of kind `OTHER`."""
    if isinstance(value, bool):
        return Leaf(BOOLEAN, float(value))
    if isinstance(value, (int, float)):
        number = as_float(value)
        return Leaf(OTHER) if math.isnan(number) else Leaf(NUMBER, number)
    if isinstance(value, str):
        return Leaf(TEXT, text=shortened(value))
    return Leaf(NULL if value is None else OTHER)


def leaves(document: Mapping[str, Any]) -> dict[str, Leaf]:
    """Dotted key → leaf, of everything in ``document``; an empty object is a leaf of kind `OTHER`."""
    return {key: leaf_of(value) for key, value in flattened(document)}


def flattened(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every leaf."""
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def as_float(value: float) -> float:
    """``value`` as a 64-bit float; an integer that is too large becomes an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def shortened(text: str) -> str:
    """Return what stands for ``text`` in an index: itself, or one more character than `TEXT_KEPT` where it is longer.

    Half surrogate pairs, which no database takes, become question marks.
    """
    sound = storable(text)
    if len(sound) <= TEXT_KEPT:
        return sound
    from hashlib import blake2b  # 2 ms that only long texts need

    mark = blake2b(sound.encode(), digest_size=_HASH_BYTES).hexdigest()
    return f"{sound[: TEXT_KEPT - len(mark)]}…{mark}".replace("\0", "?")


def storable(text: str) -> str:
    """Return ``text`` with half surrogate pairs replaced: they cannot be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
