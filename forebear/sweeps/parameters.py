"""The space that is searched: parameters, when they apply, and which of their combinations are allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.errors import InvalidInput
from forebear.sweeps.chance import draw
from forebear.sweeps.conditions import Condition, check_possible, conditions
from forebear.sweeps.expressions import Expression, expression
from forebear.sweeps.keys import below, items, only, refused, table
from forebear.sweeps.parameter_keys import distribution

if TYPE_CHECKING:
    from forebear.sweeps.distributions import Distribution

#: Draws for one trial of which none fulfils the constraints, before they are taken for impossible.
MAX_DRAWS = 10_000
MAX_DEPTH = 32


class Parameter(NamedTuple):
    """One parameter.

    Attributes:
        path: Its keys from the outermost group to its own.
        distribution: How its values are spread.
        when: Conditions which all hold where it applies.
    """

    path: tuple[str, ...]
    distribution: Distribution
    when: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        """Its keys with dots between them: how conditions, constraints and charts call it."""
        return ".".join(self.path)

    def applies(self, flat: Mapping[str, Any]) -> bool:
        """Whether it applies, given the values of those before it."""
        return all(condition.applies(flat) for condition in self.when)


class Space:
    """All parameters of a sweep, in an order in which each stands behind those that its conditions speak of."""

    def __init__(self, parameters: Sequence[Parameter], constraints: Sequence[Expression] = ()) -> None:
        self.parameters = tuple(parameters)
        self.constraints = tuple(constraints)
        self.by_name = {parameter.name: parameter for parameter in self.parameters}
        #: Whether every combination of values is a point.
        self.is_product = not self.constraints and not any(parameter.when for parameter in self.parameters)

    @property
    def size(self) -> int | None:
        """Combinations of values, whatever conditions and constraints say; ``None`` where they cannot be counted."""
        size = 1
        for parameter in self.parameters:
            choices = parameter.distribution.choices
            if choices is None:
                return None
            size *= len(choices)
        return size

    def nested(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by name as the trial gets them: groups nested, without what does not apply."""
        params: dict[str, Any] = {}
        known: dict[str, Any] = {}
        for parameter in self.parameters:
            name = parameter.name
            if name not in flat or not parameter.applies(known):
                continue
            known[name] = flat[name]
            group = params
            for key in parameter.path[:-1]:
                group = group.setdefault(key, {})
            group[parameter.path[-1]] = flat[name]
        return params

    def flat(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of nested parameters by name; keys that are no parameters are left out."""
        found: dict[str, Any] = {}
        for parameter in self.parameters:
            value: Any = params
            for key in parameter.path:
                if not isinstance(value, Mapping) or key not in value:
                    break
                value = value[key]
            else:
                found[parameter.name] = value
        return found

    def is_active(self, parameter: Parameter, flat: Mapping[str, Any]) -> bool:
        """Whether a parameter applies where the others have these values."""
        return parameter.applies(flat)

    def allows(self, flat: Mapping[str, Any]) -> bool:
        """Whether the constraints hold; one that speaks of a parameter that does not apply, does."""
        return all(constraint.holds(flat) for constraint in self.constraints if constraint.names <= flat.keys())

    def sample(self, seed: int, number: int) -> dict[str, Any]:
        """Return the parameters of a trial of a random search: the same for the same seed and number, anywhere.

        Raises:
            InvalidInput: no draw of `MAX_DRAWS` fulfils the constraints.

        Cost: about 2 µs a parameter, times the draws that are needed.
        """
        for attempt in range(MAX_DRAWS):
            flat = self._drawn(f"{seed}/{number}/{attempt}")
            if self.allows(flat):
                return self.nested(flat)
        raise InvalidInput(
            f"sweep: constraints: none of {MAX_DRAWS:,} draws fulfils {' and '.join(self._constraint_texts())}; "
            "loosen them, or choose bounds in which they hold",
            code="empty-space",
        )

    def _drawn(self, source: str) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.applies(flat):
                flat[parameter.name] = parameter.distribution.quantile(draw(source, parameter.name))
        return flat

    def _constraint_texts(self) -> Iterator[str]:
        return (repr(constraint.text) for constraint in self.constraints)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_space(given: object, constraints: object = None) -> Space:
    """Read the keys ``parameters`` and ``constraints`` of a declaration.

    Raises:
        InvalidInput: a key is wrong, a name is used twice or is unknown, or conditions go round in a circle.
    """
    whens: list[tuple[Condition, object]] = []
    found = list(_parameters("parameters", table("parameters", given), (), (), whens, 0))
    if not found:
        raise refused("parameters", "there are none; name at least one")
    names: dict[str, Distribution] = {}
    for parameter in found:
        if parameter.name in names:
            raise refused("parameters", f"two of them are called {parameter.name}")
        names[parameter.name] = parameter.distribution
    for condition, words in whens:
        _check_names(condition.path, condition.names, names)
        check_possible(condition, words, names)
    return Space(_in_order(found), _constraints(constraints, names))


def _parameters(
    path: str,
    given: Mapping[str, Any],
    outer: tuple[str, ...],
    when: tuple[Condition, ...],
    whens: list[tuple[Condition, object]],
    depth: int,
) -> Iterator[Parameter]:
    if depth > MAX_DEPTH:
        raise refused(path, f"groups are nested more than {MAX_DEPTH} deep")
    for key, value in given.items():
        here, keys = below(path, key), (*outer, key)
        if not isinstance(value, Mapping):
            raise refused(here, f"{value!r} is no table; for one value write {{value: {value!r}}}")
        spec = table(here, value)
        holds = when
        if "when" in spec:
            given_when = spec["when"]
            read = conditions(below(here, "when"), given_when)
            whens += [(condition, _part(given_when, condition)) for condition in read]
            holds = (*when, *read)
        if "parameters" in spec:
            only(here, spec, ("parameters", "when"))
            inner = table(below(here, "parameters"), spec["parameters"])
            yield from _parameters(below(here, "parameters"), inner, keys, holds, whens, depth + 1)
        else:
            yield Parameter(keys, distribution(here, spec), holds)


def _part(given: object, condition: Condition) -> object:
    """The part of a table of conditions that one of them stands for."""
    if not isinstance(given, Mapping):
        return given
    return {name: given[name] for name in given if condition.names == {name}}


def _check_names(path: str, names: frozenset[str], known: Mapping[str, object]) -> None:
    for name in sorted(names):
        if name not in known:
            raise refused(path, f"there is no parameter {name!r}; there are {', '.join(known)}")


def _constraints(given: object, names: Mapping[str, Distribution]) -> list[Expression]:
    if given is None:
        return []
    read = []
    texts = [given] if isinstance(given, str) else items("constraints", given)
    for index, text in enumerate(texts):
        path = f"constraints[{index}]"
        constraint = expression(text, path)
        _check_names(path, constraint.names, names)
        read.append(constraint)
    return read


def _in_order(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Put each behind those that its conditions speak of; otherwise they stay as they were declared."""
    ordered: list[Parameter] = []
    done: set[str] = set()
    left = list(parameters)
    while left:
        ready = next((p for p in left if all(c.names <= done for c in p.when)), None)
        if ready is None:
            names = ", ".join(parameter.name for parameter in left)
            raise refused(left[0].when[0].path, f"the conditions of {names} go round in a circle")
        left.remove(ready)
        ordered.append(ready)
        done.add(ready.name)
    return ordered
