"""The best trial and the Pareto front."""

from __future__ import annotations

import random
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.records.sweeps import FAILED, PRUNED, TRIAL_RUNNING
from forebear.sweeps.declaration import declare
from forebear.sweeps.reading import best_trial, front
from tests.sweeps.searching import declared, trial

LINE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}
NAN, INFINITY = float("nan"), float("inf")
TWO = declared(metric=None, metrics=[{"name": "loss"}, {"name": "acc", "goal": "maximize"}], parameters=LINE)


def test_the_best_is_the_earliest_of_the_best_finite_ones() -> None:
    trials = [
        trial(0, {"x": 0.0}, NAN),
        trial(1, {"x": 0.1}, -INFINITY),
        trial(2, {"x": 0.2}, 0.5),
        trial(3, {"x": 0.3}, 0.25, PRUNED),
        trial(4, {"x": 0.4}, 0.25),
        trial(5, {"x": 0.5}, {}, FAILED),
        trial(6, {"x": 0.6}, 0.0, TRIAL_RUNNING),
        trial(-1, {"x": 0.7}, 0.5),
    ]
    found = best_trial(declared(parameters=LINE), trials)
    assert found is not None
    assert found.number == 3
    assert [one.number for one in front(declared(parameters=LINE), trials)] == [3]
    most = best_trial(declared(parameters=LINE, metric={"name": "loss", "goal": "maximize"}), trials)
    assert most is not None
    assert most.number == -1


def test_without_values_there_is_no_best() -> None:
    declaration = declared(parameters=LINE)
    assert best_trial(declaration, []) is None
    assert best_trial(declaration, [trial(0, {"x": 0.0}, NAN)]) is None
    assert front(declaration, [trial(0, {"x": 0.0}, NAN)]) == []


def test_an_objective_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match="no objective 'f1'; it has loss, acc"):
        best_trial(TWO, [], "f1")
    aimless = declare({"method": "random", "parameters": LINE})
    with pytest.raises(InvalidInput, match="it has none"):
        best_trial(aimless, [])
    assert front(aimless, [trial(0, {"x": 0.5})]) == []


def test_of_several_objectives_each_has_its_best() -> None:
    trials = [trial(0, {}, {"loss": 1.0, "acc": 0.9}), trial(1, {}, {"loss": 0.5, "acc": 0.1})]
    bests = [best_trial(TWO, trials, name) for name in (None, "loss", "acc")]
    assert [one.number for one in bests if one] == [1, 1, 0]


def test_the_front_has_what_none_is_better_than() -> None:
    values = [(1.0, 0.9), (0.5, 0.5), (0.5, 0.5), (0.6, 0.4), (0.2, 0.1), (0.2, 0.05), (2.0, 0.9), (0.1, NAN)]
    trials = [trial(number, {}, {"loss": loss, "acc": acc}) for number, (loss, acc) in enumerate(values)]
    assert [one.number for one in front(TWO, trials)] == [4, 1, 0]


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_front_is_what_looking_at_all_pairs_says(objectives: int) -> None:
    lot = random.Random(objectives)
    names = [f"m{index}" for index in range(objectives)]
    declaration = declared(metric=None, metrics=[{"name": name} for name in names], parameters=LINE)
    points = [[lot.randrange(12) for _ in names] for _ in range(150)]
    trials = [trial(n, {}, dict(zip(names, map(float, point), strict=True))) for n, point in enumerate(points)]

    def is_beaten(point: list[int]) -> bool:
        return any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)

    expected = sorted({tuple(point) for point in points if not is_beaten(point)})
    found = [tuple(int(one.values[name]) for name in names) for one in front(declaration, trials)]
    assert found == expected
