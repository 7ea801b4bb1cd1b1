"""Reading the distribution of one parameter: which keys it has, or which distribution its keys mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from forebear.sweeps.distributions import (
    Beta,
    Categorical,
    Continuous,
    Distribution,
    Integers,
    LogUniform,
    Normal,
    Quantized,
    Uniform,
    key_of,
)
from forebear.sweeps.keys import above_zero, below, items, number, only, refused, shown, word

#: Keys that any parameter may have beside those of its distribution.
COMMON = ("distribution", "when")
#: Largest power of e that is a float.
_MAX_EXPONENT = 709.0
#: More multiples than a float tells apart.
_MAX_STEPS = 2**53
#: How far the sum of probabilities may be from 1.
_SLACK = 1e-6


def distribution(path: str, spec: Mapping[str, Any]) -> Distribution:
    """Return the distribution that the keys of a parameter mean.

    Raises:
        InvalidInput: keys are missing, unknown or contradict each other, or nothing is between the bounds.
    """
    kind = (
        word(below(path, "distribution"), spec["distribution"], KINDS) if "distribution" in spec else _meant(path, spec)
    )
    reader, required, optional = KINDS[kind]
    only(path, spec, (*required, *optional, *COMMON))
    for key in required:
        if key not in spec:
            raise refused(path, f"{kind} needs {' and '.join(required)}; {key} is missing")
    return reader(path, kind, spec)


def _meant(path: str, spec: Mapping[str, Any]) -> str:
    """The distribution of a parameter that does not name it."""
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical_w_probabilities" if "probabilities" in spec else "categorical"
    if "min" in spec or "max" in spec:
        ends = [number(below(path, key), spec[key]) for key in ("min", "max") if key in spec]
        if "q" in spec:
            return "q_uniform"
        return "int_uniform" if all(isinstance(end, int) for end in ends) else "uniform"
    if "mu" in spec or "sigma" in spec:
        return "q_normal" if "q" in spec else "normal"
    if "a" in spec or "b" in spec:
        return "q_beta" if "q" in spec else "beta"
    raise refused(
        path, f"{shown(dict(spec))} says no values; give value, values, min and max, or a distribution with its keys"
    )


def _constant(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    return Categorical([spec["value"]], kind=kind)


def _categorical(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    values = items(below(path, "values"), spec["values"])
    seen = set()
    for value in values:
        key = key_of(value)
        if key in seen:
            raise refused(below(path, "values"), f"{shown(value)} is there twice")
        seen.add(key)
    if "probabilities" not in spec:
        return Categorical(values, kind=kind)
    return Categorical(values, _weights(below(path, "probabilities"), spec["probabilities"], len(values)), kind=kind)


def _weights(path: str, given: object, count: int) -> list[float]:
    weights = [number(f"{path}[{index}]", weight) for index, weight in enumerate(items(path, given))]
    if len(weights) != count:
        raise refused(path, f"there are {len(weights)} for {count} values; give one for each")
    if min(weights) < 0:
        raise refused(path, f"{min(weights)} is below 0")
    total = math.fsum(weights)
    if abs(total - 1) > _SLACK:
        raise refused(path, f"they sum to {total:g}, not to 1")
    return [weight / total for weight in weights]


def _ends(path: str, spec: Mapping[str, Any]) -> tuple[float, float]:
    low, high = (number(below(path, key), spec[key]) for key in ("min", "max"))
    if low > high:
        raise refused(path, f"min {low} is above max {high}: nothing is between them")
    return low, high


def _integers(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    low, high = _ends(path, spec)
    for key, end in (("min", low), ("max", high)):
        if not float(end).is_integer():
            raise refused(below(path, key), f"{end} is no whole number, which int_uniform needs; uniform takes it")
    return Integers(int(low), int(high))


def _uniform(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    return _in_steps(path, spec, Uniform(kind, *_ends(path, spec)))


def _log_values(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    low, high = _ends(path, spec)
    if low <= 0:
        raise refused(below(path, "min"), f"{low} is not above 0, and has no logarithm")
    return _in_steps(path, spec, LogUniform(kind, low, high))


def _log_exponents(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    ends = _ends(path, spec)
    for key, end in zip(("min", "max"), ends, strict=True):
        if abs(end) > _MAX_EXPONENT:
            raise refused(
                below(path, key),
                f"{kind} takes powers of e, and e to the {end} is no number; {kind}_values takes values",
            )
    low, high = (-ends[1], -ends[0]) if kind.startswith("inv") else ends
    return _in_steps(path, spec, LogUniform(kind, math.exp(low), math.exp(high)))


def _normal(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    mu = number(below(path, "mu"), spec.get("mu", 0.0))
    sigma = above_zero(below(path, "sigma"), spec.get("sigma", 1.0))
    return _in_steps(path, spec, Normal(kind, mu, sigma, of_log="log" in kind))


def _beta(path: str, kind: str, spec: Mapping[str, Any]) -> Distribution:
    a, b = (above_zero(below(path, key), spec.get(key, 1.0)) for key in ("a", "b"))
    return _in_steps(path, spec, Beta(kind, a, b))


def _in_steps(path: str, spec: Mapping[str, Any], continuous: Continuous) -> Distribution:
    if not continuous.kind.startswith("q_"):
        return continuous
    q = above_zero(below(path, "q"), spec.get("q", 1))
    low, high = continuous.bounds
    if math.isfinite(high - low) and (high - low) / q > _MAX_STEPS:
        raise refused(below(path, "q"), f"{q} is too small for numbers from {low:g} to {high:g}")
    steps = Quantized(continuous, q)
    if steps.is_empty:
        raise refused(path, f"no multiple of q={q} is between {low:g} and {high:g}")
    return steps


_Reader = Callable[[str, str, Mapping[str, Any]], Distribution]
_BOUNDS, _Q, _GAUSS, _SHAPE = ("min", "max"), ("q",), ("mu", "sigma"), ("a", "b")
#: Each distribution: what reads it, the keys that it needs, and those that it may have.
KINDS: dict[str, tuple[_Reader, tuple[str, ...], tuple[str, ...]]] = {
    "constant": (_constant, ("value",), ()),
    "categorical": (_categorical, ("values",), ("probabilities",)),
    "categorical_w_probabilities": (_categorical, ("values", "probabilities"), ()),
    "int_uniform": (_integers, _BOUNDS, ()),
    "uniform": (_uniform, _BOUNDS, ()),
    "q_uniform": (_uniform, _BOUNDS, _Q),
    "log_uniform": (_log_exponents, _BOUNDS, ()),
    "q_log_uniform": (_log_exponents, _BOUNDS, _Q),
    "inv_log_uniform": (_log_exponents, _BOUNDS, ()),
    "log_uniform_values": (_log_values, _BOUNDS, ()),
    "q_log_uniform_values": (_log_values, _BOUNDS, _Q),
    "inv_log_uniform_values": (_log_values, _BOUNDS, ()),
    "normal": (_normal, (), _GAUSS),
    "q_normal": (_normal, (), (*_GAUSS, *_Q)),
    "log_normal": (_normal, (), _GAUSS),
    "q_log_normal": (_normal, (), (*_GAUSS, *_Q)),
    "beta": (_beta, (), _SHAPE),
    "q_beta": (_beta, (), (*_SHAPE, *_Q)),
}
