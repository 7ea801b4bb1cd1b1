"""A space of parameters as a model sees it: rows of numbers in the unit cube, and from them features.

A *row* holds one number for each axis, that is for each parameter with more than one value: for one with an order where
its value lies in the unit interval, for one without an order the place of its value. What does not apply is NaN. A
*feature* is a number whose differences a model measures: a parameter without an order has one for each of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forebear.sweeps.distributions import Categorical, is_number, key_of
from forebear.sweeps.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from forebear.sweeps.distributions import Distribution
    from forebear.sweeps.parameters import Parameter, Space

    Rows = NDArray[np.float64]

#: Values of one parameter that are looked at one by one; of more their places in the unit interval alone.
MAX_STEPS = 64
#: Points of a space that are looked at one by one.
MAX_POINTS = 4096
#: How near the ends of the unit interval a search goes where a distribution has no end there.
_ENDLESS = 1e-3
#: So that two values of a parameter without an order are as far from each other as the ends of the unit interval.
_CORNER = 0.5**0.5


class Axis(NamedTuple):
    """One coordinate of the cube.

    Attributes:
        values: Of a parameter with few values, all of them in the order of ``places``; otherwise none.
        places: Where they lie on the axis.
        ordered: Whether nearer places mean more similar values.
        low: Lower end of where it is searched.
        high: Upper end.
    """

    name: str
    distribution: Distribution
    values: tuple[Any, ...]
    places: Rows
    ordered: bool
    low: float = 0.0
    high: float = 1.0

    @property
    def width(self) -> int:
        """How many features it has."""
        return 1 if self.ordered else len(self.values)

    @property
    def is_free(self) -> bool:
        """Whether it can be followed along a slope."""
        return not self.values

    def place(self, value: Any) -> float:
        """Return where a value lies. Raises `ValueError` if it is none of the distribution's."""
        if not self.values:
            return float(self.distribution.unit(value))
        if not isinstance(self.distribution, Categorical):
            return float(self.places[np.argmin(np.abs(self.places - self.distribution.unit(value)))])
        keys = [key_of(other) for other in self.values]
        return float(self.places[keys.index(key_of(value))])

    def value(self, place: float) -> Any:
        """Return the value at a place, or the nearest one."""
        if not self.values:
            # Of a number of NumPy neither JSON nor what compares types thinks as of others.
            return self.distribution.quantile(min(max(float(place), self.low), self.high))
        return self.values[int(np.argmin(np.abs(self.places - place)))]

    def snapped(self, units: Rows) -> Rows:
        """Move numbers of the unit interval, drawn with equal chance, to places of the axis."""
        if not self.values:
            return np.clip(units, self.low, self.high)
        found: Rows = self.places[np.minimum((units * len(self.places)).astype(int), len(self.places) - 1)]
        return found


class Moved(NamedTuple):
    """Rows, and each with another value on one axis."""

    before: Rows
    after: Rows


class Cube:
    """The axes of a space, and the way between values and rows. Cost: that of ``places`` of each axis."""

    def __init__(self, space: Space) -> None:
        self.space = space
        found = ((p, _axis(p.name, p.distribution)) for p in space.parameters)
        self.axes = [axis for _, axis in found if axis is not None]
        #: For each feature the axis it belongs to.
        self.groups = np.repeat(np.arange(len(self.axes)), [axis.width for axis in self.axes])
        #: For each axis its first feature.
        self.columns = np.concatenate([[0], np.cumsum([axis.width for axis in self.axes])]).astype(int)
        self.free = np.array([index for index, axis in enumerate(self.axes) if axis.is_free], dtype=int)
        self._places = {axis.name: index for index, axis in enumerate(self.axes)}
        #: Names of the parameters whose values conditions and constraints ask for.
        self._asked = frozenset[str]().union(
            *(constraint.names for constraint in space.constraints),
            *(condition.names for parameter in space.parameters for condition in parameter.when),
        )

    # -- values and rows --------------------------------------------------------------------------------------------

    def row(self, flat: Mapping[str, Any]) -> Rows | None:
        """Return the row of values by name; ``None`` where one is missing or is none of the parameter's values."""
        row = np.full(len(self.axes), np.nan)
        for parameter in self.space.parameters:
            if not parameter.applies(flat):
                continue
            if parameter.name not in flat:
                return None
            index = self._places.get(parameter.name)
            try:
                if index is not None:
                    row[index] = self.axes[index].place(flat[parameter.name])
                elif not parameter.distribution.contains(flat[parameter.name]):
                    return None
            except (ValueError, OverflowError):
                return None
        return row

    def flat(self, row: Rows) -> dict[str, Any]:
        """Return the values of a row by name, without what does not apply."""
        flat: dict[str, Any] = {}
        for parameter in self.space.parameters:
            if parameter.applies(flat):
                flat[parameter.name] = self._value(parameter, row)
        return flat

    def _value(self, parameter: Parameter, row: Rows) -> Any:
        index = self._places.get(parameter.name)
        return parameter.distribution.quantile(0.5) if index is None else self.axes[index].value(row[index])

    def settled(self, rows: Rows) -> Rows:
        """Return those rows that the constraints allow, with NaN for what does not apply.

        Cost: nothing where every combination is a point; otherwise about 1 µs a parameter and row, and the values that
        conditions and constraints ask for.
        """
        if self.space.is_product:
            return rows
        kept = [settled for row in rows if (settled := self._settled(row)) is not None]
        return self._table(kept)

    def _table(self, rows: list[Rows]) -> Rows:
        return np.array(rows).reshape(len(rows), len(self.axes))

    def _settled(self, row: Rows) -> Rows | None:
        known: dict[str, Any] = {}
        applying = np.zeros(len(self.axes), dtype=bool)
        for parameter in self.space.parameters:
            if not parameter.applies(known):
                continue
            if parameter.name in self._asked:
                known[parameter.name] = self._value(parameter, row)
            if parameter.name in self._places:
                applying[self._places[parameter.name]] = True
        return np.where(applying, row, np.nan) if self.space.allows(known) else None

    # -- features -----------------------------------------------------------------------------------------------------

    def features(self, rows: Rows) -> Rows:
        """Return the features of rows; what does not apply is the same for all."""
        found = np.zeros((len(rows), len(self.groups)))
        for index, axis in enumerate(self.axes):
            column = self.columns[index]
            if axis.ordered:
                found[:, column] = np.where(np.isnan(rows[:, index]), 0.5, rows[:, index])
            else:
                applies = np.flatnonzero(~np.isnan(rows[:, index]))
                found[applies, column + rows[applies, index].astype(int)] = _CORNER
        return found

    # -- points to look at ------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> Rows | None:
        """Rows of all points, where there are few; ``None`` where they are many or cannot be counted."""
        size = self.space.size
        if size is None or size > MAX_POINTS:
            return None
        grid = Grid(self.space)
        rows = (self.row(self.space.flat(params)) for params in iter(_counted(grid.point), None))
        return self._table([row for row in rows if row is not None])

    def draws(self, lot: np.random.Generator, count: int) -> Rows:
        """Return up to ``count`` rows from anywhere; with constraints fewer."""
        return self.settled(self.at(lot.random((count, len(self.axes)))))

    def at(self, units: Rows) -> Rows:
        """Return the rows at numbers of the unit interval."""
        columns = [axis.snapped(units[:, index]) for index, axis in enumerate(self.axes)]
        return np.stack(columns, axis=1) if columns else np.zeros((len(units), 0))

    def spread(self, lot: np.random.Generator, count: int) -> Rows:
        """Return rows of which every axis has one in each of ``count`` equal parts (a Latin hypercube)."""
        parts = np.stack([lot.permutation(count) for _ in self.axes], axis=1)
        return self.at((parts + lot.random(parts.shape)) / count)

    def moved(self, lot: np.random.Generator, rows: Rows, index: int) -> Moved:
        """Draw one axis of rows anew; those are left out in which it does not apply, or whose new values are no point.

        What comes into play with a new value has a value by chance.
        """
        rows = rows[~np.isnan(rows[:, index])]
        after = self.at(lot.random(rows.shape))
        known = ~np.isnan(rows)
        known[:, index] = False
        after[known] = rows[known]
        if self.space.is_product:
            return Moved(rows, after)
        pairs = [
            (row, found) for row, new in zip(rows, after, strict=True) if (found := self._settled(new)) is not None
        ]
        return Moved(self._table([row for row, _ in pairs]), self._table([new for _, new in pairs]))

    def near(self, lot: np.random.Generator, rows: Rows, count: int) -> Rows:
        """Return up to ``count`` rows that differ a little from some of ``rows``, in one axis or in several."""
        moved = rows[lot.integers(len(rows), size=count)]
        widths = 10 ** lot.uniform(-3, -0.7, size=(count, 1))
        changes = lot.random(moved.shape) < np.maximum(0.5, 1 / len(self.axes))
        changes[np.arange(count), lot.integers(len(self.axes), size=count)] = True
        anywhere = self.at(lot.random(moved.shape))
        moved = np.where(np.isnan(moved), anywhere, moved)
        for index, axis in enumerate(self.axes):
            column, changed = moved[:, index], changes[:, index]
            if axis.is_free:
                step = widths[:, 0] * lot.standard_normal(count)
                column[changed] = np.clip(column + step, axis.low, axis.high)[changed]
            else:
                # Values are changed less often: there is no small step.
                jumps = changed & (lot.random(count) < 0.3)
                column[jumps] = anywhere[jumps, index]
        return self.settled(moved)


def _counted(point: Callable[[int], Any]) -> Callable[[], Any]:
    numbers = iter(range(MAX_POINTS + 1))
    return lambda: point(next(numbers))


def _axis(name: str, distribution: Distribution) -> Axis | None:
    """The axis of a parameter; ``None`` where it has one value alone."""
    if isinstance(distribution, Categorical):
        shared = [v for v, weight in zip(distribution.values, distribution.weights, strict=True) if weight > 0]
        return _of_values(name, distribution, shared)
    choices = distribution.choices
    if choices is None or len(choices) > MAX_STEPS:
        low, high = distribution.bounds or (0.0, 0.0)
        if low == high:
            return None
        ends = (_ENDLESS if np.isinf(low) else 0.0), (1 - _ENDLESS if np.isinf(high) else 1.0)
        if distribution.log and low == 0:
            ends = (_ENDLESS, ends[1])
        return Axis(name, distribution, (), np.zeros(0), True, *ends)
    if len(choices) < 2:
        return None
    return Axis(name, distribution, tuple(choices), np.array([distribution.unit(c) for c in choices]), True)


def _of_values(name: str, distribution: Categorical, values: list[Any]) -> Axis | None:
    """Listed numbers have an order; how far they are from each other is what somebody chose, so their ranks count."""
    if len(values) < 2:
        return None
    if all(is_number(value) for value in values) and len(set(values)) == len(values) > 2:
        ranked = sorted(values)
        return Axis(name, distribution, tuple(ranked), (np.arange(len(ranked)) + 0.5) / len(ranked), True)
    return Axis(name, distribution, tuple(values), np.arange(len(values), dtype=float), False)
