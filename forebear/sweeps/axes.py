"""Axes of a parallel-coordinates picture: where a value stands between 0 and 1, and which values are written there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.sweeps.distributions import is_number, key_of

if TYPE_CHECKING:
    from forebear.sweeps.parameters import Parameter

#: Values that stand side by side as names do; of more numbers some are written on a scale.
MAX_NAMES = 12
#: Numbers written along a scale, about.
_TICKS = 5
#: Share of its room that a name's lines are spread over.
_SPREAD = 0.5
_LABEL_CHARS = 18
#: A range whose ends differ by more than this factor is shown by ratios.
_WIDE = 100.0


class Tick(NamedTuple):
    """A value that is written at an axis."""

    place: float
    text: str


class Scale:
    """Numbers between two ends; by their ratios where ``log``."""

    def __init__(self, title: str, low: float, high: float, *, log: bool, upward: bool = True) -> None:
        """``upward`` says that larger ones stand higher."""
        self.title = title
        self._log = log and low > 0
        self._low, self._high = self._at(low), self._at(high)
        self._upward = upward
        self.ticks = tuple(Tick(self._place(value), shown(value)) for value in self._values(low, high))

    @classmethod
    def of(cls, title: str, values: Iterable[float], *, log: bool = False, upward: bool = True) -> Scale:
        """Return a scale that holds some values."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        return cls(title, low, high, log=log or (low > 0 and high / low > _WIDE), upward=upward)

    def place(self, value: Any, share: float = 0.5) -> float | None:
        """Return where a value stands; ``None`` where it is no number."""
        if not is_number(value) or (self._log and value <= 0):
            return None
        return self._place(float(value))

    def _at(self, value: float) -> float:
        return math.log10(value) if self._log else float(value)

    def _place(self, value: float) -> float:
        # Halves, because the difference of the ends may be more than a float holds.
        span = self._high / 2 - self._low / 2
        place = 0.5 if span == 0 else (self._at(value) / 2 - self._low / 2) / span
        place = min(max(place, 0.0), 1.0)
        return place if self._upward else 1 - place

    def _values(self, low: float, high: float) -> list[float]:
        if self._log:
            first, last = math.ceil(self._low - 1e-9), math.floor(self._high + 1e-9)
            if last - first >= 2:
                every = -(-(last - first) // _TICKS)
                return [10.0**power for power in range(first, last + 1, every)]
            shares = [index / (_TICKS - 1) for index in range(_TICKS)]
            return list(dict.fromkeys(_round(10 ** (self._low * (1 - s) + self._high * s)) for s in shares))
        span = high / 2 - low / 2
        if span == 0:
            return [low]
        step = _nice(span / _TICKS * 2)
        return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


class Names:
    """Values of any kind, each with the same room."""

    def __init__(self, title: str, values: Sequence[Any]) -> None:
        self.title = title
        self._room = 1 / len(values)
        self._places = {key_of(value): (index + 0.5) * self._room for index, value in enumerate(values)}
        self.ticks = tuple(Tick((index + 0.5) * self._room, shown(value)) for index, value in enumerate(values))

    def place(self, value: Any, share: float = 0.5) -> float | None:
        """Return where a value stands; ``share`` of its room, so that lines through one name do not hide each other."""
        middle = self._places.get(key_of(value))
        return None if middle is None else middle + (share - 0.5) * _SPREAD * self._room


def axis_of(parameter: Parameter, values: Sequence[Any]) -> Scale | Names | None:
    """Return the axis of a parameter; ``None`` where it has one value alone.

    Args:
        values: Those that trials had, for a parameter without bounds.
    """
    distribution = parameter.distribution
    choices = distribution.choices
    if choices is not None and len(choices) == 1:
        return None
    if choices is not None and (not distribution.is_number or len(choices) <= MAX_NAMES):
        return Names(parameter.name, _in_order(choices))
    low, high = distribution.bounds or (0.0, 0.0)
    if not math.isfinite(low) or not math.isfinite(high) or (distribution.log and low <= 0):
        return Scale.of(parameter.name, [value for value in values if is_number(value)], log=distribution.log)
    return Scale(parameter.name, low, high, log=distribution.log)


def _in_order(choices: Sequence[Any]) -> list[Any]:
    """Numbers by size, whatever order they were written in."""
    return sorted(choices) if all(map(is_number, choices)) else list(choices)


def shown(value: Any) -> str:
    """Return a value as an axis shows it."""
    if isinstance(value, float):
        text = f"{value:.3g}"
        return text if "e" in text else f"{float(text):g}"
    text = str(value)
    return text if len(text) <= _LABEL_CHARS else f"{text[: _LABEL_CHARS - 1]}…"


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10, … times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _round(value: float) -> float:
    return float(f"{value:.2g}")
