"""``method: custom``, from the declaration to trials: samplers of Optuna, and functions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.records.sweeps import FINISHED, TRIAL_FINISHED, SweepRecord, TrialEnding
from forebear.sweeps import custom
from forebear.sweeps.controller import end_trial, next_trial, proposal
from forebear.sweeps.history import History
from forebear.sweeps.stepping import controller
from tests.sweeps.searching import declared

if TYPE_CHECKING:
    from forebear.store.store import Store
    from forebear.sweeps.parameters import Space

Begin = Callable[..., SweepRecord]
SPACE: dict[str, Any] = {
    "x": {"min": 0.0, "max": 1.0},
    "kind": {"values": ["a", "b"]},
    "opt": {"parameters": {"lr": {"min": 0.0, "max": 1.0}, "m": {"min": 0, "max": 3, "when": {"kind": "a"}}}},
}
POINT: dict[str, Any] = {"x": 0.5, "kind": "b", "opt": {"lr": 0.25}}


@pytest.fixture(autouse=True)
def _no_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom, "_studies", {})


def halving(space: Space, history: History) -> dict[str, Any] | None:
    """Halve the best x so far; three times."""
    if len(history) == 3:
        return None
    best = min(history.known, key=lambda one: one.losses or ()) if history.known else None
    return {"x": 1.0 if best is None else best.params["x"] / 2}


def run(
    store: Store, sweep: SweepRecord, agent: str, value: Callable[[dict[str, Any]], float]
) -> dict[str, Any] | None:
    found = next_trial(store, sweep, agent).trial
    if found is None:
        return None
    assert end_trial(store, sweep, found, TrialEnding(TRIAL_FINISHED, {"loss": value(found.params)})) is not None
    return found.params


def test_a_function_chooses_and_ends_the_sweep(store: Store, begin: Begin) -> None:
    sweep = begin(method="custom", sampler=halving)
    tried = [run(store, sweep, "a", lambda p: p["x"]) for _ in range(5)]
    assert tried == [{"x": 1.0}, {"x": 0.5}, {"x": 0.25}, None, None]
    assert next_trial(store, sweep, "a").sweep.state == FINISHED


def test_a_function_is_found_by_another_process(store: Store, begin: Begin) -> None:
    sweep = begin(method="custom", sampler="tests.sweeps.test_custom:halving")
    code = (
        "import sys\n"
        "from forebear.sweeps.controller import next_trial\n"
        "from forebear.sweeps.places import find_sweep\n"
        "found = find_sweep(sys.argv[1])\n"
        "print(next_trial(found.store, found.sweep, 'b').trial.params)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sweep.qualified_name], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'x': 1.0}\n"


@pytest.mark.parametrize(
    "returned",
    [POINT, {"x": 0.5, "kind": "b", "opt.lr": 0.25}, {"x": np.float64(0.5), "kind": "b", "opt": {"lr": 0.25, "m": 9}}],
)
def test_what_a_function_may_return(returned: Any) -> None:
    declaration = declared(method="custom", parameters=SPACE, sampler=lambda space, history: returned)
    found = custom.propose("s", declaration, History(declaration, [], {}))
    assert found == POINT
    assert type(found["x"]) is float


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (3, "it returned 3, which is no table of parameters"),
        ({**POINT, "z": 1}, r"it returned 'z', but the parameters are x, kind, opt\.lr, opt\.m"),
        ({"x": 0.5, "kind": "b"}, r"it returned no opt\.lr"),
        ({**POINT, "kind": "a"}, r"it returned no opt\.m"),
        ({**POINT, "x": 2.0}, r"it returned x = 2\.0, which is no value of its uniform"),
        ({**POINT, "x": float("nan")}, "it returned x = nan"),
        ({**POINT, "kind": "c"}, "it returned kind = 'c', which is no value of its categorical"),
        ({**POINT, "opt": 3}, r"it returned no opt\.lr"),
        ({**POINT, "x": 0.1}, r"the constraint 'x > 0\.2' does not hold"),
    ],
)
def test_what_is_no_point_is_refused(store: Store, begin: Begin, returned: Any, words: str) -> None:
    sweep = begin(method="custom", parameters=SPACE, constraints=["x > 0.2"], sampler=lambda space, history: returned)
    with pytest.raises(InvalidInput, match=words):
        next_trial(store, sweep, "a")
    assert store.catalog.trials(sweep.key) == []


def test_errors_of_a_function_are_its_own(store: Store, begin: Begin) -> None:
    def broken(space: Any, history: Any) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        next_trial(store, begin(method="custom", sampler=broken), "a")


@pytest.mark.parametrize("method", ["custom", "bayes"])
def test_a_sampler_of_optuna_serves_several_agents(store: Store, begin: Begin, method: str) -> None:
    """Of which each has its own, as if in another process."""
    sweep = begin(method=method, sampler={"name": "tpe", "multivariate": True}, run_cap=30, seed=5)
    asked: dict[str, Any] = {}
    tried = []
    for number in range(30):
        asked, custom._studies = custom._studies, asked
        tried.append(run(store, sweep, "ab"[number % 2], lambda p: (p["x"] - 0.3) ** 2))
    assert next_trial(store, sweep, "a").sweep.state == FINISHED
    assert len({repr(params) for params in tried}) == 30
    assert len(asked) == len(custom._studies) == 1
    assert min(abs((params or {})["x"] - 0.3) for params in tried) < 0.02


def test_an_instance_is_used_itself(store: Store, begin: Begin) -> None:
    class Fixed(optuna.samplers.RandomSampler):
        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> float:
            return 0.125

    sweep = begin(method="custom", sampler=Fixed())
    assert run(store, sweep, "a", lambda p: p["x"]) == {"x": 0.125}
    held = sweep.config["sampler"]["held"]
    elsewhere = begin(method="custom", sampler={"held": held[::-1], "is": "Fixed()"})
    with pytest.raises(Unsupported, match=r"sampler Fixed\(\) is an object of the process that declared the sweep"):
        next_trial(store, elsewhere, "a")


def test_a_sweep_that_is_driven_by_hand_needs_no_sampler(store: Store) -> None:
    driver = controller({"method": "custom", "parameters": {"x": {"min": 0.0, "max": 1.0}}}, project="p")
    driver.schedule({"x": 0.5})
    assert [one.params for one in driver.trials] == [{"x": 0.5}]
    with pytest.raises(InvalidInput, match="sampler: it is missing, and method: custom needs it to propose something"):
        proposal(store, driver.sweep)


def test_few_studies_are_kept(store: Store, begin: Begin) -> None:
    for _ in range(custom._KEPT + 2):
        assert next_trial(store, begin(method="custom", sampler="random"), "a").trial is not None
    assert len(custom._studies) == custom._KEPT
