"""Values that only some rows have, without a place for each row that has none."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any


class Missing:
    """Stands where a row has no value of a key."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class Sparse(Sequence[Any]):
    """Reads like a list of ``size`` values, of which those of ``rows`` (ascending) are there and all others ``blank``.

    Cost: memory of the values that are there.
    """

    def __init__(self, rows: Sequence[int], values: Sequence[Any], size: int, blank: Any = MISSING) -> None:
        """Hold ``values``, one for each of ``rows``."""
        self.rows = rows
        self.values = values
        self.size = size
        self.blank = blank

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return list(self)[place]
        row = place + self.size if place < 0 else place
        if not 0 <= row < self.size:
            raise IndexError(place)
        at = bisect_left(self.rows, row)
        return self.values[at] if at < len(self.rows) and self.rows[at] == row else self.blank

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dense())

    def dense(self) -> list[Any]:
        """Return all values as a list."""
        found = [self.blank] * self.size
        for row, value in zip(self.rows, self.values, strict=True):
            found[row] = value
        return found

    def blanked(self, blank: Any) -> Sparse:
        """Return the same values with something else where there are none."""
        return Sparse(self.rows, self.values, self.size, blank)

    def taken(self, places: Mapping[int, int]) -> Sparse:
        """Return the values of some rows, each at its new place; places rise as rows do."""
        kept = [row in places for row in self.rows]
        rows = [places[row] for row in compress(self.rows, kept)]
        return Sparse(rows, list(compress(self.values, kept)), len(places), self.blank)


def pairs_of(values: Sequence[Any]) -> Iterable[tuple[int, Any]]:
    """Return each row that has a value, and that value."""
    if isinstance(values, Sparse):
        return zip(values.rows, values.values, strict=True)
    return enumerate(values)
