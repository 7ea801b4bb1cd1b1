"""When a parameter applies: the key ``when`` of a parameter, as a table or as an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from forebear.sweeps.distributions import Distribution, key_of
from forebear.sweeps.expressions import expression
from forebear.sweeps.keys import below, items, refused, shown


class Condition(NamedTuple):
    """A condition: its path and words, the parameters it speaks of, and whether it holds of their values."""

    path: str
    text: str
    names: frozenset[str]
    holds: Callable[[Mapping[str, Any]], bool]

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds; of a parameter that does not apply itself nothing does."""
        return self.names <= values.keys() and self.holds(values)


def conditions(path: str, given: object) -> list[Condition]:
    """Read the value of ``when``: an expression, or a table of parameters with one value or a list of them.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(given, str):
        read = expression(given, path)
        return [Condition(path, given, read.names, read.holds)]
    if not isinstance(given, Mapping) or not given:
        raise refused(path, f"{shown(given)} is neither an expression nor a table such as {{optimizer: sgd}}")
    return [_one_of(below(path, name), str(name), wanted) for name, wanted in given.items()]


def _one_of(path: str, name: str, wanted: object) -> Condition:
    values = items(path, wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    keys = frozenset(_loose(value) for value in values)
    return Condition(path, f"{name} in {values!r}", frozenset({name}), lambda found: _loose(found[name]) in keys)


def _loose(value: Any) -> Any:
    """Of numbers the value alone counts: ``when: {depth: 3}`` holds of 3.0."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else key_of(value)


def check_possible(condition: Condition, given: object, distributions: Mapping[str, Distribution]) -> None:
    """Refuse a table of values that a parameter never has.

    Raises:
        InvalidInput: such a value is named.
    """
    if not isinstance(given, Mapping):
        return
    for name, wanted in given.items():
        distribution = distributions[str(name)]
        for value in wanted if isinstance(wanted, (list, tuple)) else [wanted]:
            if distribution.is_number or distribution.choices is None:
                possible = distribution.contains(value)
            else:
                possible = any(_loose(choice) == _loose(value) for choice in distribution.choices)
            if not possible:
                raise refused(condition.path, f"{name} is never {shown(value)}")
