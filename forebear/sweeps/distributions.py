"""Distributions of parameters: each maps the unit interval to its values, in order, and back.

So a number drawn from the unit interval is all the chance that there is: the same number gives the same value in every
process, and a search may look at the unit cube instead of at values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist
from typing import Any, overload

from forebear.sweeps.beta import beta_cdf, beta_quantile

_INFINITY = math.inf


class Steps(Sequence[Any]):
    """The multiples of ``q`` from ``first * q``, as a sequence that keeps none of them."""

    def __init__(self, first: int, count: int, q: float) -> None:
        self._multiples = range(first, first + count)
        self._q = q

    def __len__(self) -> int:
        return len(self._multiples)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [times(multiple, self._q) for multiple in self._multiples[index]]
        return times(self._multiples[index], self._q)


def times(multiple: int, q: float) -> float:
    """Return a multiple of ``q`` as people write it: 3 times 0.1 is 0.3."""
    return multiple * q if isinstance(q, int) else float(f"{multiple * q:.12g}")


class Distribution(ABC):
    """How the values of one parameter are spread.

    Attributes:
        kind: Its name in a declaration.
        log: Whether equal ratios of values count alike, rather than equal differences.
        is_number: Whether its values are numbers in an order that means something.
    """

    kind: str
    log = False
    is_number = True

    @abstractmethod
    def quantile(self, u: float) -> Any:
        """Return the value below which a share ``u`` of all lies; ``u`` is in the open unit interval."""

    @abstractmethod
    def unit(self, value: Any) -> float:
        """Return where a value lies in the unit interval: the middle of its share, where it has one.

        Raises:
            ValueError: it is none of the distribution's values.
        """

    @property
    @abstractmethod
    def choices(self) -> Sequence[Any] | None:
        """All values in their order, or ``None`` where they cannot be counted."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Whether it may have that value."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest value, perhaps infinite; ``None`` where values are not numbers."""


class Categorical(Distribution):
    """One of some values of any kind; `constant` where there is one alone."""

    is_number = False

    def __init__(self, values: Sequence[Any], weights: Sequence[float] | None = None, *, kind: str) -> None:
        """``weights`` are the values' shares, which sum to 1; equal ones if not given."""
        self.kind = kind
        self.values = tuple(values)
        self.weights = tuple(weights) if weights is not None else (1 / len(values),) * len(values)
        self._ends = tuple(accumulate(self.weights))
        #: The last value that has a share: where rounding leaves a gap before 1, that is it.
        self._last = max(index for index, weight in enumerate(self.weights) if weight > 0)
        self._places = {key_of(value): index for index, value in enumerate(self.values)}

    def quantile(self, u: float) -> Any:
        """See `Distribution.quantile`."""
        return self.values[min(bisect_right(self._ends, u), self._last)]

    def index(self, value: Any) -> int:
        """Return the place of a value among all. Raises `ValueError`."""
        place = self._places.get(key_of(value))
        if place is None:
            raise ValueError(f"{value!r} is none of {list(self.values)!r}")
        return place

    def unit(self, value: Any) -> float:
        """See `Distribution.unit`."""
        place = self.index(value)
        return min(self._ends[place], 1.0) - self.weights[place] / 2

    @property
    def choices(self) -> Sequence[Any]:
        """See `Distribution.choices`."""
        return self.values

    def contains(self, value: Any) -> bool:
        """See `Distribution.contains`."""
        return key_of(value) in self._places

    @property
    def bounds(self) -> None:
        """See `Distribution.bounds`."""
        return None


def key_of(value: Any) -> Any:
    """What two values share exactly if they are the same: 1, 1.0 and ``True`` are not."""
    if isinstance(value, (list, tuple)):
        return ("list", *map(key_of, value))
    if isinstance(value, dict):
        return ("dict", frozenset((name, key_of(item)) for name, item in value.items()))
    return type(value).__name__, repr(value) if isinstance(value, float) else value


class Integers(Distribution):
    """Whole numbers from ``low`` to ``high``, both among them, each as likely."""

    kind = "int_uniform"

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def quantile(self, u: float) -> int:
        """See `Distribution.quantile`."""
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)

    def unit(self, value: Any) -> float:
        """See `Distribution.unit`."""
        if not self.contains(value):
            raise ValueError(f"{value!r} is no whole number from {self.low} to {self.high}")
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    @property
    def choices(self) -> Sequence[int]:
        """See `Distribution.choices`."""
        return range(self.low, self.high + 1)

    def contains(self, value: Any) -> bool:
        """See `Distribution.contains`."""
        return is_number(value) and self.low <= value <= self.high and float(value).is_integer()

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        return self.low, self.high


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Continuous(Distribution):
    """Any number within bounds; the subclasses say how they are spread."""

    def __init__(self, kind: str, low: float, high: float) -> None:
        self.kind, self.low, self.high = kind, low, high

    @abstractmethod
    def at(self, u: float) -> float:
        """The value of a share, before it is held within the bounds."""

    @abstractmethod
    def share(self, value: float) -> float:
        """The share below a value."""

    def quantile(self, u: float) -> Any:
        """See `Distribution.quantile`."""
        return min(max(self.at(u), self.low), self.high)

    def unit(self, value: Any) -> float:
        """See `Distribution.unit`."""
        if not self.contains(value):
            raise ValueError(f"{value!r} is no number from {self.low} to {self.high}")
        return min(max(self.share(value), 0.0), 1.0)

    @property
    def choices(self) -> None:
        """See `Distribution.choices`."""
        return None

    def contains(self, value: Any) -> bool:
        """See `Distribution.contains`."""
        return is_number(value) and self.low <= value <= self.high

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        return self.low, self.high


class Uniform(Continuous):
    """Equal differences are as likely."""

    def at(self, u: float) -> float:
        """See `Continuous.at`."""
        return self.low * (1 - u) + self.high * u  # the difference of the bounds may be more than a float holds

    def share(self, value: float) -> float:
        """See `Continuous.share`."""
        return 0.5 if self.high == self.low else (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)


class LogUniform(Continuous):
    """Equal ratios are as likely."""

    log = True

    @cached_property
    def _logs(self) -> tuple[float, float]:
        return math.log(self.low), math.log(self.high)

    def at(self, u: float) -> float:
        """See `Continuous.at`."""
        low, high = self._logs
        return math.exp(low * (1 - u) + high * u)

    def share(self, value: float) -> float:
        """See `Continuous.share`."""
        low, high = self._logs
        return 0.5 if high == low else (math.log(value) - low) / (high - low)


class Normal(Continuous):
    """A normal distribution; with ``of_log`` the logarithm of the values has it."""

    def __init__(self, kind: str, mu: float, sigma: float, *, of_log: bool = False) -> None:
        super().__init__(kind, 0.0 if of_log else -_INFINITY, _INFINITY)
        self.log = of_log
        self._normal = NormalDist(mu, sigma)

    def at(self, u: float) -> float:
        """See `Continuous.at`."""
        value = self._normal.inv_cdf(u)
        return math.exp(min(value, 709.0)) if self.log else value  # the largest power that a float holds

    def share(self, value: float) -> float:
        """See `Continuous.share`."""
        if self.log:
            return self._normal.cdf(math.log(value)) if value > 0 else 0.0
        return self._normal.cdf(value)


class Beta(Continuous):
    """A beta distribution on the unit interval."""

    def __init__(self, kind: str, a: float, b: float) -> None:
        super().__init__(kind, 0.0, 1.0)
        self.a, self.b = a, b

    def at(self, u: float) -> float:
        """See `Continuous.at`."""
        return beta_quantile(self.a, self.b, u)

    def share(self, value: float) -> float:
        """See `Continuous.share`."""
        return beta_cdf(self.a, self.b, value)


class Quantized(Distribution):
    """The values of a continuous distribution, rounded to multiples of ``q`` that are within its bounds."""

    def __init__(self, of: Continuous, q: float) -> None:
        self.of, self.q, self.kind, self.log = of, q, of.kind, of.log
        # A bound that is a multiple but for the last bit of a float is one.
        self._first = math.ceil(of.low / q - 1e-9) if math.isfinite(of.low) else None
        self._last = math.floor(of.high / q + 1e-9) if math.isfinite(of.high) else None

    @property
    def is_empty(self) -> bool:
        """Whether no multiple is within the bounds."""
        return self._first is not None and self._last is not None and self._first > self._last

    def quantile(self, u: float) -> Any:
        """See `Distribution.quantile`."""
        return times(self._held(round(self.of.quantile(u) / self.q)), self.q)

    def _held(self, multiple: int) -> int:
        if self._first is not None:
            multiple = max(multiple, self._first)
        return multiple if self._last is None else min(multiple, self._last)

    def unit(self, value: Any) -> float:
        """See `Distribution.unit`."""
        if not self.contains(value):
            raise ValueError(f"{value!r} is no multiple of {self.q} from {self.of.low} to {self.of.high}")
        multiple = round(value / self.q)
        below, above = ((multiple + side) * self.q for side in (-0.5, 0.5))
        low = 0.0 if multiple == self._first else self._share(below)
        high = 1.0 if multiple == self._last else self._share(above)
        return (low + high) / 2

    def _share(self, value: float) -> float:
        if value <= self.of.low:
            return 0.0
        return 1.0 if value >= self.of.high else self.of.share(value)

    @property
    def choices(self) -> Sequence[Any] | None:
        """See `Distribution.choices`."""
        if self._first is None or self._last is None:
            return None
        return Steps(self._first, self._last - self._first + 1, self.q)

    def contains(self, value: Any) -> bool:
        """See `Distribution.contains`."""
        if not is_number(value):
            return False
        multiple = round(value / self.q)
        return self._held(multiple) == multiple and math.isclose(multiple * self.q, value, rel_tol=1e-9, abs_tol=1e-300)

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Distribution.bounds`."""
        low, high = self.of.bounds
        return (
            low if self._first is None else times(self._first, self.q),
            high if self._last is None else times(self._last, self.q),
        )
