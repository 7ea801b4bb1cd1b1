"""Decisions about ending early are functions of what was reported."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forebear.errors import InvalidInput
from forebear.sweeps.early import EarlyRule, read_rule

losses = st.floats(-1e6, 1e6) | st.just(math.inf) | st.just(math.nan)


def rule(**keys: Any) -> EarlyRule:
    return read_rule("early_terminate", keys)


@pytest.mark.parametrize(
    ("keys", "rungs"),
    [
        ({"type": "hyperband", "min_iter": 3}, (3, 9, 27, 81)),
        ({"type": "hyperband", "min_iter": 2, "eta": 2}, (2, 4, 8, 16)),
        ({"type": "hyperband", "max_iter": 27, "s": 2}, (3, 9)),
        ({"type": "hyperband", "max_iter": 27, "s": 3, "eta": 3}, (1, 3, 9)),
        ({"type": "hyperband", "max_iter": 81, "eta": 2.5}, (12, 32)),
        ({"type": "asha"}, (2, 8, 32, 128)),
        ({"type": "asha", "min_iter": 2, "eta": 3, "max_iter": 20}, (2, 6, 18)),
        ({"type": "hyperband", "min_iter": 1, "eta": 1.5}, (1, 2, 3, 5)),
        ({"type": "asha", "min_iter": 1, "eta": 1e300}, (1,)),
    ],
)
def test_where_it_is_decided(keys: dict[str, Any], rungs: tuple[int, ...]) -> None:
    made = rule(**keys)
    assert made.rungs[: len(rungs)] == rungs
    decided = [iteration for iteration in range(1, rungs[-1] + 1) if made.decides_at(iteration)]
    assert tuple(decided) == rungs


def test_a_bracket_of_hyperband_ends_with_its_last_rung() -> None:
    assert rule(type="hyperband", max_iter=27, s=2).rungs == (3, 9)


def test_of_as_many_trials_one_goes_on() -> None:
    made = rule(type="hyperband", min_iter=1, eta=3)
    others = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert not made.stops(1, 0.05, others)
    assert not made.stops(1, 0.25, others)
    assert made.stops(1, 0.35, others)
    assert not made.stops(1, 9.0, [])
    assert made.stops(1, 0.2, [0.1])
    assert not made.stops(1, 0.1, [0.1])
    assert not made.stops(2, 9.0, others)


def test_the_median_decides_once_enough_have_come() -> None:
    made = rule(type="median", min_iter=5, every=2, min_trials=3)
    assert [iteration for iteration in range(1, 12) if made.decides_at(iteration)] == [5, 7, 9, 11]
    assert not made.stops(5, 9.0, [1.0, 2.0])
    assert made.stops(5, 2.5, [1.0, 2.0, 3.0])
    assert not made.stops(5, 2.0, [1.0, 2.0, 3.0])


def test_strict_judges_by_the_last_value() -> None:
    assert rule(type="hyperband", min_iter=1, strict=True).judged(0.1, 0.5) == 0.5
    assert rule(type="hyperband", min_iter=1).judged(0.1, 0.5) == 0.1
    assert rule(type="asha").judged(math.nan, 0.5) == 0.5


@pytest.mark.parametrize("keys", [{"type": "asha", "min_iter": 1}, {"type": "median", "min_trials": 1}])
@given(mine=losses, others=st.lists(losses, max_size=12))
def test_the_best_always_goes_on(keys: dict[str, Any], mine: float, others: list[float]) -> None:
    made = rule(**keys)
    known = [value for value in others if not math.isnan(value)]
    best = not math.isnan(mine) and all(mine <= value for value in known)
    if best:
        assert not made.stops(1, mine, others)
    if math.isnan(mine):
        assert made.stops(1, mine, others)


@given(st.lists(losses, min_size=1, max_size=12), losses, losses)
def test_who_is_better_than_one_that_goes_on_goes_on(others: list[float], one: float, other: float) -> None:
    made = rule(type="hyperband", min_iter=1)
    if one <= other and not made.stops(1, other, others):
        assert not made.stops(1, one, others)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "e: type is missing; it is one of hyperband, asha, median"),
        ({"type": "hyperbnd"}, "e.type: 'hyperbnd' is unknown; did you mean 'hyperband'?"),
        ({"type": "hyperband"}, "e: hyperband needs min_iter, or max_iter and s"),
        ({"type": "hyperband", "min_iter": 3, "s": 2}, "e.s: min_iter says already where the brackets are"),
        ({"type": "hyperband", "min_iter": 0}, "e.min_iter: 0 is no whole number of at least 1"),
        ({"type": "hyperband", "min_iter": 1, "eta": 1}, "e.eta: 1 is below 1.1"),
        ({"type": "hyperband", "max_iter": 2, "s": 1}, "e: max_iter 2 divided by eta 3 leaves no iteration"),
        ({"type": "hyperband", "min_iter": 1, "strict": "yes"}, "e.strict: 'yes' is neither true nor false"),
        ({"type": "asha", "min_iter": 9, "max_iter": 9}, "e: min_iter 9 is not below max_iter 9"),
        ({"type": "asha", "s": 2}, "e.s: there is no such key"),
        ({"type": "median", "eta": 2}, "e.eta: there is no such key"),
        ({"type": "median", "min_trials": 0}, "e.min_trials: 0 is no whole number of at least 1"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_rule("e", keys)
    assert words in str(caught.value)
