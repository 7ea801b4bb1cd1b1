"""Samplers of Optuna follow a sweep: they know what was tried, by whomever, and say it in the sweep's own values."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.trial import TrialState

from forebear.records.sweeps import CRASHED, FAILED, TRIAL_RUNNING, TRIAL_STOPPED, Trial
from forebear.sweeps.distributions import key_of
from forebear.sweeps.history import History
from forebear.sweeps.optuna_search import Study
from tests.sweeps.searching import CONSTRAINTS, MIXED, declared, is_point, searched, trial

if TYPE_CHECKING:
    from forebear.sweeps.declaration import Declaration

LINE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}
NAN, INFINITY = float("nan"), float("inf")


def study(declaration: Declaration, name: str = "TPE", **options: Any) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return Study(declaration, getattr(optuna.samplers, f"{name}Sampler")(**options))


def told(made: Study) -> list[tuple[TrialState, list[float] | None]]:
    return [(one.state, one.values) for one in made._study.get_trials(deepcopy=False)]


def after(made: Study, declaration: Declaration, trials: list[Trial]) -> dict[str, Any] | None:
    return made.propose(History(declaration, trials, {}))


@pytest.mark.parametrize("name", ["TPE", "Random", "NSGAII"])
def test_mixed_spaces_are_searched_in_their_own_values(name: str) -> None:
    declaration = declared(parameters=MIXED, constraints=CONSTRAINTS)
    made = study(declaration, name, seed=1)
    trials = searched(declaration, lambda _, history: made.propose(history), lambda p: p["lr"] + p["layers"], 40)
    assert len(trials) == 40
    assert all(is_point(declaration, one.params) for one in trials)
    assert len({key_of(one.params) for one in trials}) == 40
    assert {type(one.params["layers"]) for one in trials} == {int}
    assert {repr(one.params["dropout"]) for one in trials} <= {repr(n / 10) for n in range(7)}
    assert {repr(one.params["kind"]) for one in trials} == {"'sgd'", "'adam'", "None", "[1, 2]"}


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_it_finds_what_is_better_than_chance_would(goal: str) -> None:
    declaration = declared(metric={"name": "loss", "goal": goal}, parameters=LINE)
    made = study(declaration, seed=1)
    sign = 1 if goal == "minimize" else -1
    trials = searched(declaration, lambda _, h: made.propose(h), lambda p: sign * (p["x"] - 0.7) ** 2, 60)
    late = [abs(one.params["x"] - 0.7) for one in trials[-20:]]
    assert sorted(late)[10] < 0.1


def test_asked_twice_it_answers_the_same_and_another_agent_may_be_faster() -> None:
    declaration = declared(parameters=LINE)
    made = study(declaration, seed=1)
    first = after(made, declaration, [])
    assert first == after(made, declaration, [])
    faster = trial(0, {"x": 0.25}, state=TRIAL_RUNNING)
    second = after(made, declaration, [faster])
    assert second not in (first, None)
    assert [state for state, _ in told(made)] == [TrialState.FAIL, TrialState.RUNNING, TrialState.RUNNING]
    mine = trial(1, second or {}, 0.5)
    after(made, declaration, [trial(0, {"x": 0.25}, 0.125), mine])
    assert told(made)[1:3] == [(TrialState.COMPLETE, [0.125]), (TrialState.COMPLETE, [0.5])]


def test_what_became_of_trials_is_told_once() -> None:
    """Missing and infinite values count as the declaration says; who was stopped says nothing; a rerun counts anew."""
    declaration = declared(parameters=LINE)
    made = study(declaration, seed=1)
    trials = [
        trial(-1, {"x": 0.9}, 3.0),
        trial(-2, {"y": 0.9}, 1.0),
        trial(-3, {"x": 7.0}, 1.0),
        trial(0, {"x": 0.1}, 1.0),
        trial(1, {"x": 0.2}, NAN),
        trial(2, {"x": 0.3}, -INFINITY),
        trial(3, {"x": 0.4}, state=CRASHED),
        trial(4, {"x": 0.5}, state=TRIAL_STOPPED),
        trial(5, {"x": 0.6}, state=TRIAL_RUNNING),
    ]
    expected = [
        (TrialState.COMPLETE, [3.0]),
        (TrialState.COMPLETE, [1.0]),
        (TrialState.COMPLETE, [3.0]),
        (TrialState.COMPLETE, [1.0]),
        (TrialState.COMPLETE, [3.0]),
        (TrialState.RUNNING, None),
    ]
    for _ in range(2):
        after(made, declaration, trials)
        assert told(made)[:-1] == expected
    trials[-1] = trial(5, {"x": 0.6}, state=TRIAL_STOPPED)
    trials[6] = trial(3, {"x": 0.4}, 0.5)
    after(made, declaration, trials)
    assert told(made)[5] == (TrialState.FAIL, None)
    assert told(made)[-1] == (TrialState.COMPLETE, [0.5])


def test_where_everything_failed_nothing_is_told_until_something_is_known() -> None:
    declaration = declared(parameters=LINE)
    made = study(declaration, seed=1)
    failed = [trial(number, {"x": number / 10}, state=FAILED) for number in range(3)]
    assert after(made, declaration, failed) is not None
    assert {state for state, _ in told(made)} == {TrialState.RUNNING}
    after(made, declaration, [*failed, trial(3, {"x": 0.5}, 2.0)])
    assert [values for state, values in told(made) if state == TrialState.COMPLETE] == [[2.0]] * 4


@pytest.mark.parametrize("name", ["BruteForce", "Grid"])
def test_a_sampler_that_went_through_all_points_ends_the_search(name: str) -> None:
    space = {"a": {"values": [1, 1.0, True]}, "b": {"min": 1, "max": 2}}
    declaration = declared(parameters=space)
    options = {"search_space": {"a": ["0: 1", "1: 1.0", "2: True"], "b": [1, 2]}} if name == "Grid" else {}
    made = study(declaration, name, seed=1, **options)
    trials = searched(declaration, lambda _, history: made.propose(history), lambda p: 1.0, 20)
    assert len({key_of(one.params) for one in trials}) == len(trials) == 6


def test_where_a_sampler_has_nothing_new_chance_has() -> None:
    """One that always says the same; and there is an end where there is nothing new at all."""
    declaration = declared(parameters={"n": {"min": 1, "max": 5}})
    made = study(declaration, "PartialFixed", fixed_params={"n": 3}, base_sampler=optuna.samplers.RandomSampler(1))
    trials = searched(declaration, lambda _, history: made.propose(history), lambda p: 1.0, 20)
    assert trials[0].params == {"n": 3}
    assert sorted(one.params["n"] for one in trials) == [1, 2, 3, 4, 5]


def test_several_objectives_are_searched_for_their_front() -> None:
    """Points between 0 and 1 are on the front of x² and (1 - x)², and others are not."""
    declaration = declared(
        metric=None,
        metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}],
        parameters={"x": {"min": -4.0, "max": 5.0}},
    )
    made = study(declaration, seed=1, n_startup_trials=10)
    trials = searched(
        declaration,
        lambda _, history: made.propose(history),
        lambda p: {"a": p["x"] ** 2, "b": -((1 - p["x"]) ** 2)},
        60,
    )
    late = [0 <= one.params["x"] <= 1 for one in trials[20:]]
    assert sum(late) > 10  # chance has 4
    assert told(made)[0][1] == [trials[0].values["a"], trials[0].values["b"]]


def test_optuna_says_nothing_and_is_left_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    level = optuna.logging.get_verbosity()
    declaration = declared(parameters={"n": {"min": 1, "max": 5}})
    made = study(declaration, "BruteForce")
    assert after(made, declaration, []) is not None
    assert optuna.logging.get_verbosity() == level
    assert capfd.readouterr() == ("", "")
