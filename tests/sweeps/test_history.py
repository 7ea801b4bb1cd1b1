"""What a search knows of trials: their losses, and what those count as that have none."""

from __future__ import annotations

from typing import Any

import pytest

from forebear.records.sweeps import CRASHED, FAILED, PRUNED, TRIAL_FINISHED, TRIAL_RUNNING, TRIAL_STOPPED, WAITING
from forebear.sweeps.history import History
from tests.sweeps.searching import declared, trial

LINE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}
NAN, INFINITY = float("nan"), float("inf")
#: Two that say what is best and worst.
KNOWN = [trial(0, {"x": 0.1}, 1.0), trial(1, {"x": 0.2}, 3.0)]


def losses(metric: dict[str, Any], *trials: Any, latest: dict[int, float] | None = None) -> list[float | None]:
    declaration = declared(metric={"name": "loss", **metric}, parameters=LINE)
    history = History(declaration, [*KNOWN, *trials], latest or {})
    return [None if one.losses is None else one.losses[0] for one in history][2:]


@pytest.mark.parametrize(
    ("impute", "values", "state", "loss"),
    [
        ("worst", {}, CRASHED, 3.0),
        ("worst", {}, FAILED, 3.0),
        ("best", {}, FAILED, 1.0),
        ("latest", {}, FAILED, 2.5),
        ("worst", {"loss": 2.0}, PRUNED, 2.0),
        ("best", {"loss": 2.0}, TRIAL_STOPPED, 2.0),
        ("best", {"loss": NAN}, TRIAL_FINISHED, 3.0),
        ("best", {"loss": INFINITY}, TRIAL_FINISHED, 3.0),
        ("worst", {"loss": -INFINITY}, TRIAL_FINISHED, 1.0),
        ("best", {"loss": -7.0}, TRIAL_FINISHED, -7.0),
        ("worst", {"other": 2.0}, TRIAL_FINISHED, 3.0),
    ],
)
def test_what_a_trial_that_ended_counts_as(impute: str, values: Any, state: str, loss: float) -> None:
    assert losses({"impute": impute}, trial(2, {"x": 0.3}, values, state), latest={2: 2.5}) == [loss]


@pytest.mark.parametrize(("impute", "loss"), [(False, None), ("worst", 3.0), ("best", 1.0), ("latest", 2.5)])
@pytest.mark.parametrize("state", [TRIAL_RUNNING, WAITING])
def test_what_a_trial_that_runs_counts_as(impute: Any, loss: float | None, state: str) -> None:
    assert losses({"impute_while_running": impute}, trial(2, {"x": 0.3}, {}, state), latest={2: 2.5}) == [loss]


def test_what_was_reported_last_is_held_within_what_is_known() -> None:
    found = [losses({"impute": "latest"}, trial(2, {}, {}, FAILED), latest=at) for at in ({}, {2: NAN}, {2: -9.0})]
    assert found == [[3.0], [3.0], [1.0]]


def test_of_what_is_to_be_large_less_is_worse() -> None:
    trials = [trial(2, {"x": 0.3}, 2.0), trial(3, {"x": 0.4}, {}, FAILED), trial(4, {"x": 0.5}, NAN)]
    assert losses({"goal": "maximize"}, *trials) == [-2.0, -1.0, -1.0]


def test_one_that_somebody_stopped_says_nothing_but_was_tried() -> None:
    declaration = declared(parameters=LINE)
    history = History(declaration, [*KNOWN, trial(2, {"x": 0.3}, {}, TRIAL_STOPPED)], {})
    assert len(history) == 2
    assert history.was_tried({"x": 0.3})
    assert not history.was_tried({"x": 0.4})


def test_without_any_value_nothing_is_known() -> None:
    declaration = declared(parameters=LINE)
    trials = [trial(0, {"x": 0.1}, NAN), trial(1, {"x": 0.2}, {}, CRASHED), trial(2, {"x": 0.3}, {}, TRIAL_RUNNING)]
    history = History(declaration, trials, {})
    assert history.known == []
    assert [one.number for one in history.expected] == [2]
    assert [one.is_open for one in history] == [False, False, True]


def test_of_several_objectives_all_are_needed() -> None:
    declaration = declared(metric=None, metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}], parameters=LINE)
    trials = [trial(0, {"x": 0.1}, {"a": 1.0, "b": 2.0}), trial(1, {"x": 0.2}, {"a": 3.0})]
    assert [one.losses for one in History(declaration, trials, {})] == [(1.0, -2.0), (3.0, -2.0)]
    assert History(declaration, trials[1:], {}).known == []


def test_numbers_go_on_behind_the_last() -> None:
    declaration = declared(parameters=LINE)
    assert History(declaration, [], {}).next_number == 0
    assert History(declaration, [trial(-3, {"x": 0.5}, 1.0)], {}).next_number == 0
    assert History(declaration, KNOWN[::-1], {}).next_number == 2
    assert History(declaration, KNOWN, {}, 5).next_number == 5
    assert [one.number for one in History(declaration, KNOWN[::-1], {})] == [0, 1]
    assert History(declaration, KNOWN, {})[1].values == {"loss": 3.0}


def test_chance_finds_what_was_not_tried() -> None:
    declaration = declared(parameters={"n": {"min": 1, "max": 3}})
    trials = [trial(0, {"n": 1}, 1.0), trial(1, {"n": 3}, 1.0)]
    assert History(declaration, trials, {}).untried(7) == {"n": 2}
    assert History(declaration, [*trials, trial(2, {"n": 2}, 1.0)], {}).untried(7) is None
