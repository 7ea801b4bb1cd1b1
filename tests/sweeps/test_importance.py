"""Which parameters made the difference."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.search_functions import PROBLEMS
from forebear.errors import InvalidInput
from forebear.records.sweeps import FAILED, Trial
from forebear.sweeps.gp_search import propose
from forebear.sweeps.importance import Importance, importance
from tests.sweeps.searching import declared, searched, trial

CUBE: dict[str, Any] = {name: {"min": 0.0, "max": 1.0} for name in "abc"}


def sampled(loss: Callable[[dict[str, Any]], float], count: int = 60, **keys: Any) -> tuple[Any, list[Trial]]:
    declaration = declared(**keys)
    points = [declaration.space.sample(1, number) for number in range(count)]
    return declaration, [trial(number, params, loss(params)) for number, params in enumerate(points)]


def shares(found: Importance) -> dict[str, float]:
    return {weight.name: weight.importance for weight in found.weights}


def test_shares_are_those_of_the_effects() -> None:
    """Of 2a + b the variances are as 4 to 1; the third parameter does nothing."""
    found = importance(*sampled(lambda p: 2 * p["a"] + p["b"], parameters=CUBE))
    assert shares(found) == pytest.approx({"a": 0.8, "b": 0.2, "c": 0.0}, abs=0.04)
    assert [weight.name for weight in found.weights] == ["a", "b", "c"]
    assert found.explained > 0.95
    assert (found.objective, found.trials) == ("loss", 60)


def test_a_curve_without_a_correlation_is_seen() -> None:
    found = importance(*sampled(lambda p: (p["b"] - 0.5) ** 2 + 0.05 * p["a"], parameters=CUBE))
    assert found.weights[0].name == "b"
    assert found.weights[0].importance > 0.7
    assert abs(found.weights[0].correlation or 0) < 0.3


def test_correlations_are_with_the_metric_itself() -> None:
    """Whether it is to be large or small; by rank, so that a steep curve has 1 too."""
    for goal in ("minimize", "maximize"):
        metric = {"name": "loss", "goal": goal}
        found = importance(*sampled(lambda p: float(10 ** (6 * p["a"])), parameters=CUBE, metric=metric))
        assert found.weights[0].name == "a"
        assert found.weights[0].correlation == pytest.approx(1)


def test_listed_values_and_conditions_have_their_share() -> None:
    problem = PROBLEMS["made-up training"]
    found = importance(*sampled(problem.loss, 150, parameters=problem.parameters))
    weights = {weight.name: weight for weight in found.weights}
    assert weights.keys() == problem.parameters.keys()
    assert found.weights[0].name == "lr"
    assert weights["optimizer"].importance > 0.05
    assert weights["optimizer"].correlation is None
    assert weights["width"].importance > weights["dropout"].importance
    assert sum(weight.importance for weight in found.weights) == pytest.approx(1)


def test_a_search_that_looked_near_the_best_does_not_lead_it_astray() -> None:
    declaration = declared(parameters=CUBE)
    trials = searched(declaration, propose, lambda p: (p["a"] - 0.2) ** 2 + 0.3 * (p["b"] - 0.6) ** 2, 30)
    assert [weight.name for weight in importance(declaration, trials).weights] == ["a", "b", "c"]


def test_chance_alone_explains_nothing() -> None:
    lot = random.Random(1)
    found = importance(*sampled(lambda p: lot.gauss(0, 1), parameters=CUBE))
    assert found.explained < 0.2
    same = importance(*sampled(lambda p: 3.0, parameters=CUBE))
    assert shares(same) == dict.fromkeys("abc", 0.0)
    assert same.explained == 0


def test_it_is_the_same_each_time() -> None:
    given = sampled(lambda p: p["a"] * p["b"], parameters=CUBE)
    assert importance(*given) == importance(*given)


def test_each_objective_has_its_own() -> None:
    declaration = declared(metric=None, metrics=[{"name": "u"}, {"name": "v"}], parameters=CUBE)
    points = [declaration.space.sample(1, number) for number in range(40)]
    trials = [trial(number, p, {"u": p["a"], "v": p["c"]}) for number, p in enumerate(points)]
    assert [importance(declaration, trials, name).weights[0].name for name in ("u", "v")] == ["a", "c"]
    assert importance(declaration, trials).objective == "u"
    with pytest.raises(InvalidInput, match="the sweep has no objective w; it has u, v"):
        importance(declaration, trials, "w")


def test_few_trials_say_nothing() -> None:
    declaration, trials = sampled(lambda p: p["a"], 4, parameters=CUBE)
    useless = [
        trial(9, {"a": 0.5, "b": 0.5, "c": 0.5}, float("nan")),
        trial(10, {"a": 0.5}, 1.0),
        trial(11, {}, {}, FAILED),
    ]
    with pytest.raises(InvalidInput, match="at least 5 trials with a value of loss; there are 4"):
        importance(declaration, [*trials, *useless])


def test_a_space_with_one_point_has_no_weights() -> None:
    declaration, trials = sampled(lambda p: 1.0, 6, parameters={"a": {"value": 1}})
    assert importance(declaration, trials).weights == ()
