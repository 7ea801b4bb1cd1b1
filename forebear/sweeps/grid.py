"""All points of a space, each with its number: complete, and none twice."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forebear.sweeps.distributions import Categorical, Distribution, Integers, key_of
from forebear.sweeps.keys import refused

if TYPE_CHECKING:
    from forebear.sweeps.parameters import Parameter, Space

#: Combinations of a space with conditions or constraints that are looked at one by one: 1 to 3 s.
MAX_LOOKED_AT = 1_000_000


class Grid:
    """The points of a space by their number, as they were declared: of the last parameter the values change fastest.

    A point is known by its code: the places of its values, as one number.
    """

    def __init__(self, space: Space, *, run_cap: int | None = None, tried: Iterable[int] = ()) -> None:
        """Lay out the points.

        Args:
            run_cap: Where parameters are continuous, each gets as many values as that allows.
            tried: Codes of points that are left out, because they were tried before.

        Raises:
            InvalidInput: the points cannot be counted and there is no cap, or there are too many to look at.
        """
        self._space = space
        self._choices = _choices(space, run_cap)
        self._sizes = [len(choices) for choices in self._choices.values()]
        self._tried = sorted(set(tried))
        if not space.is_product and math.prod(self._sizes) > MAX_LOOKED_AT:
            raise refused(
                "parameters",
                f"a grid with conditions or constraints may have {MAX_LOOKED_AT:,} combinations at most, this one has "
                f"{math.prod(self._sizes):,}; use fewer values, or method: random",
            )
        self._walk = iter(()) if space.is_product else self._codes()
        #: Codes found so far, in order; only where not every combination is a point.
        self._found = array("q")

    @property
    def size(self) -> int:
        """How many points there are. Cost: looks at all, where there are conditions or constraints."""
        if self._space.is_product:
            return math.prod(self._sizes) - len(self._tried)
        self._found.extend(self._walk)
        return len(self._found)

    def point(self, number: int) -> dict[str, Any] | None:
        """Return the point of a number, or ``None`` behind the last."""
        if self._space.is_product:
            code = self._after_tried(number)
            return self._at(code) if code < math.prod(self._sizes) else None
        while len(self._found) <= number:
            code_or_none = next(self._walk, None)
            if code_or_none is None:
                return None
            self._found.append(code_or_none)
        return self._at(self._found[number])

    def code(self, params: Mapping[str, Any]) -> int | None:
        """Return the code of a point, or ``None`` where these parameters are none."""
        flat = self._space.flat(params)
        known: dict[str, Any] = {}
        code = 0
        for parameter, choices in zip(self._space.parameters, self._choices.values(), strict=True):
            code *= len(choices)
            if parameter.applies(known):
                if parameter.name not in flat:
                    return None
                place = _place(parameter.distribution, choices, flat[parameter.name])
                if place is None:
                    return None
                known[parameter.name] = choices[place]
                code += place
        return code if self._space.allows(known) else None

    def _after_tried(self, number: int) -> int:
        """The code of the point that has ``number`` points before it which were not tried."""
        code = number
        while (shifted := number + bisect_right(self._tried, code)) != code:
            code = shifted
        return code

    def _at(self, code: int) -> dict[str, Any]:
        places = []
        for size in reversed(self._sizes):
            code, place = divmod(code, size)
            places.append(place)
        named = zip(self._choices.items(), reversed(places), strict=True)
        return self._space.nested({name: choices[place] for (name, choices), place in named})

    def _codes(self) -> Iterator[int]:
        """Codes of all points that conditions and constraints leave, in order."""
        tried = set(self._tried)
        return (code for code in self._below(0, 0, {}) if code not in tried)

    def _below(self, depth: int, code: int, flat: dict[str, Any]) -> Iterator[int]:
        if depth == len(self._space.parameters):
            yield code
            return
        parameter = self._space.parameters[depth]
        choices = self._choices[parameter.name]
        code *= len(choices)
        if not parameter.applies(flat):
            yield from self._below(depth + 1, code, flat)  # the first place stands for none
            return
        constraints = self._decided_by(depth, parameter)
        for place, value in enumerate(choices):
            flat[parameter.name] = value
            if all(not names <= flat.keys() or holds(flat) for names, holds in constraints):
                yield from self._below(depth + 1, code + place, flat)
        del flat[parameter.name]

    def _decided_by(self, depth: int, parameter: Parameter) -> list[Any]:
        """Constraints that can be looked at once this parameter has a value."""
        behind = {later.name for later in self._space.parameters[depth + 1 :]}
        return [
            (constraint.names, constraint.holds)
            for constraint in self._space.constraints
            if parameter.name in constraint.names and not constraint.names & behind
        ]


def _place(distribution: Distribution, choices: Sequence[Any], value: Any) -> int | None:
    if not distribution.contains(value):
        return None
    if isinstance(distribution, Categorical):
        return distribution.index(value)
    if isinstance(distribution, Integers):
        return int(value) - distribution.low
    return next((place for place, choice in enumerate(choices) if math.isclose(choice, value, rel_tol=1e-9)), None)


def _choices(space: Space, run_cap: int | None) -> dict[str, Sequence[Any]]:
    """Values of each parameter; of continuous ones as many as the cap leaves, evenly spread over their shares."""
    counted = {parameter.name: parameter.distribution.choices for parameter in space.parameters}
    endless = [name for name, choices in counted.items() if choices is None]
    finite = math.prod(len(choices) for choices in counted.values() if choices is not None)
    each = 0
    if endless:
        if run_cap is None:
            kinds = ", ".join(f"{name} ({space.by_name[name].distribution.kind})" for name in endless)
            raise refused(
                "parameters",
                f"a grid over {kinds} has infinitely many points ({finite:,} times infinitely many); give values, "
                "a distribution with q, or a run_cap, of which each gets its share",
            )
        each = max(
            1,
            int(run_cap / finite + 1e-9) if len(endless) == 1 else int((run_cap / finite) ** (1 / len(endless)) + 1e-9),
        )
    found: dict[str, Sequence[Any]] = {}
    for name, choices in counted.items():
        if choices is None:
            quantile = space.by_name[name].distribution.quantile
            choices = list(
                {key_of(value): value for value in (quantile((i + 0.5) / each) for i in range(each))}.values()
            )
        found[name] = choices
    return found
