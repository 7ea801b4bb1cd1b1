"""Chance that is the same everywhere: numbers that follow from words."""

from __future__ import annotations

from hashlib import blake2b

#: Values that a draw can have: as many as there are floats with equal steps in the unit interval.
_BITS = 52


def draw(source: str, name: str) -> float:
    """Return a number of the open unit interval that follows from ``source`` and ``name``. Cost: 1 µs."""
    digest = blake2b(f"{source}/{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest) >> (64 - _BITS)) + 0.5) / (1 << _BITS)
