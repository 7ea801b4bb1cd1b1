"""Searches that are driven by hand: trials as the catalog would hold them, and what a search says to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forebear.records.sweeps import TRIAL_FINISHED, Trial
from forebear.sweeps.declaration import Declaration, declare
from forebear.sweeps.history import History

#: One parameter of every kind: continuous, whole, stepped, listed, nested, and some that do not always apply.
MIXED: dict[str, Any] = {
    "kind": {"values": ["sgd", "adam", None, [1, 2]]},
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
    "layers": {"min": 1, "max": 9},
    "dropout": {"distribution": "q_uniform", "min": 0.0, "max": 0.6, "q": 0.1},
    "noise": {"distribution": "normal", "mu": 1.0, "sigma": 2.0},
    "scale": {"distribution": "q_log_normal", "mu": 1.0, "sigma": 0.5, "q": 0.5},
    "share": {"distribution": "beta", "a": 2.0, "b": 5.0},
    "batch": {"values": [16, 32, 64, 128]},
    "fixed": {"value": "yes"},
    "opt": {
        "when": {"kind": "sgd"},
        "parameters": {"momentum": {"min": 0.0, "max": 0.99}, "nesterov": {"values": [True, False]}},
    },
}
CONSTRAINTS = ["layers * batch <= 512"]


def declared(**keys: Any) -> Declaration:
    """A declaration of a search for a small ``loss`` with seed 3, unless keys say otherwise."""
    return declare({"method": "bayes", "metric": {"name": "loss"}, "seed": 3, **keys})


def trial(
    number: int, params: Mapping[str, Any], values: Mapping[str, float] | float = {}, state: str = TRIAL_FINISHED
) -> Trial:
    """A trial as the catalog would hold it; a number alone is its ``loss``."""
    values = dict(values) if isinstance(values, Mapping) else {"loss": values}
    return Trial(0, number, dict(params), state, 1, None, None, None, None, None, values, None, None)


def searched(
    declaration: Declaration,
    propose: Callable[[Declaration, History], dict[str, Any] | None],
    loss: Callable[[dict[str, Any]], Mapping[str, float] | float],
    count: int,
) -> list[Trial]:
    """Up to ``count`` trials, one after the other; fewer where the search ended."""
    trials: list[Trial] = []
    for number in range(count):
        params = propose(declaration, History(declaration, trials, {}))
        if params is None:
            break
        trials.append(trial(number, params, loss(params)))
    return trials


def is_point(declaration: Declaration, params: Mapping[str, Any]) -> bool:
    """Whether parameters are a point of the space: each that applies and no other, with values that it may have."""
    space = declaration.space
    flat = space.flat(params)
    applying = {parameter.name for parameter in space.parameters if parameter.applies(flat)}
    return (
        flat.keys() == applying
        and all(space.by_name[name].distribution.contains(value) for name, value in flat.items())
        and all(type(value).__module__ == "builtins" for value in flat.values())
        and space.allows(flat)
        and space.nested(flat) == params
    )
