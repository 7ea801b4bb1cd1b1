"""``method: bayes`` from the declaration to trials of the catalog, by one agent and by several."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import Unsupported
from forebear.records.runs import RunChanges
from forebear.records.sweeps import (
    CRASHED,
    FAILED,
    FINISHED,
    STOP,
    TRIAL_FINISHED,
    TRIAL_STOPPED,
    SweepRecord,
    Trial,
    TrialEnding,
)
from forebear.sweeps.bayes import read_history
from forebear.sweeps.controller import end_trial, next_trial, proposal
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.distributions import key_of
from forebear.sweeps.lifecycle import begin_sweep, rerun_failed
from forebear.testing.builders import new_run
from tests.sweeps.searching import CONSTRAINTS, MIXED, is_point

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]
LINE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}


def take(store: Store, sweep: SweepRecord, agent: str = "a") -> Trial:
    trial = next_trial(store, sweep, agent).trial
    assert trial is not None
    return trial


def end(store: Store, sweep: SweepRecord, trial: Trial, value: float | None, state: str = TRIAL_FINISHED) -> None:
    values = {} if value is None else {"loss": value}
    assert end_trial(store, sweep, trial, TrialEnding(state, values)) is not None


def near(params: dict[str, Any]) -> float:
    return float((params["x"] - 0.7) ** 2)


def test_one_agent_finds_what_is_best(store: Store, begin: Begin) -> None:
    sweep = begin(method="bayes", run_cap=18, seed=1)
    for _ in range(18):
        trial = take(store, sweep)
        end(store, sweep, trial, near(trial.params))
    assert next_trial(store, sweep, "a").sweep.state == FINISHED
    assert min(abs(trial.params["x"] - 0.7) for trial in store.catalog.trials(sweep.key)) < 1e-3


def test_the_same_seed_makes_the_same_search(store: Store, begin: Begin) -> None:
    sweeps = [begin(method="bayes", seed=seed) for seed in (4, 4, 5)]
    for sweep in sweeps:
        for agent in "abcabcabcabcabc":
            trial = take(store, sweep, agent)
            end(store, sweep, trial, near(trial.params))
    tried = [[trial.params for trial in store.catalog.trials(sweep.key)] for sweep in sweeps]
    assert tried[0] == tried[1] != tried[2]


def test_agents_at_once_never_try_the_same(store: Store, begin: Begin) -> None:
    """In a space with few points, so that they would: each exactly once, and then there is no more."""
    sweep = begin(method="bayes", parameters={"a": {"min": 1, "max": 5}, "b": {"values": list("wxyz")}}, seed=1)

    def agent(name: str) -> list[Any]:
        done = []
        while (trial := next_trial(store, sweep, name).trial) is not None:
            end(store, sweep, trial, trial.params["a"] + ord(trial.params["b"]))
            done.append(key_of(trial.params))
        return done

    with ThreadPoolExecutor(4) as pool:
        done = [params for found in pool.map(agent, "abcd") for params in found]
    assert len(done) == len(set(done)) == 20
    assert next_trial(store, sweep, "a").sweep.state == FINISHED


def test_mixed_spaces_come_through_the_catalog(store: Store, begin: Begin) -> None:
    """With trials that crash, fail, are stopped, run on, or have no number."""
    sweep = begin(method="bayes", parameters=MIXED, constraints=CONSTRAINTS, seed=2)
    declaration = read_declaration(sweep.config)
    lot = random.Random(1)
    fates = [TRIAL_FINISHED] * 5 + [FAILED, CRASHED, TRIAL_STOPPED, "run on", "no number"]
    for _ in range(25):
        trial = take(store, sweep)
        fate = lot.choice(fates)
        if fate == "no number":
            end(store, sweep, trial, lot.choice([float("nan"), float("inf"), -float("inf")]))
        elif fate != "run on":
            end(store, sweep, trial, trial.params["layers"] if fate == TRIAL_FINISHED else None, fate)
    trials = store.catalog.trials(sweep.key)
    assert all(is_point(declaration, trial.params) for trial in trials)
    assert len({key_of(trial.params) for trial in trials}) == len(trials) > 18  # crashed ones are given again
    history = read_history(store, sweep, declaration)
    finite = [one.losses[0] for one in history.known if one.losses is not None]
    assert min(finite) >= 1
    assert max(finite) <= 9
    assert history.expected


def test_prior_runs_count(store: Store, begin: Begin) -> None:
    for number in range(12):
        x = number / 11
        run = store.catalog.add_run(new_run(f"r{number}", entity="local", project="p", config={"x": x}))
        store.catalog.update_run(run.key, RunChanges(summary={"loss": (x - 0.7) ** 2}))
    config = {"method": "bayes", "metric": {"name": "loss"}, "parameters": LINE, "seed": 1}
    sweep = begin_sweep(store, config, "local", "p", [f"r{number}" for number in range(12)])
    trial = take(store, sweep)
    assert trial.number == 0
    assert abs(trial.params["x"] - 0.7) < 0.03


def test_what_was_reported_last_may_count(store: Store, begin: Begin) -> None:
    sweep = begin(method="bayes", metric={"name": "loss", "impute": "latest", "impute_while_running": "latest"}, seed=1)
    known = [take(store, sweep) for _ in range(2)]
    for trial, value in zip(known, (1.0, 3.0), strict=True):
        end(store, sweep, trial, value)
    failed, running = take(store, sweep), take(store, sweep)
    for trial, value in ((failed, 1.5), (running, 2.5)):
        store.catalog.report_trial(sweep.key, trial.number, trial.attempt, [(1, 9.0), (2, value)])
    end(store, sweep, failed, None, FAILED)
    history = read_history(store, sweep, read_declaration(sweep.config))
    assert [one.losses for one in history] == [(1.0,), (3.0,), (1.5,), (2.5,)]


def test_a_trial_that_is_rerun_counts_with_its_last_end(store: Store, begin: Begin) -> None:
    sweep = begin(method="bayes", seed=1)
    first, second = take(store, sweep), take(store, sweep)
    end(store, sweep, first, 1.0)
    end(store, sweep, second, None, FAILED)
    assert rerun_failed(store, sweep) == 1
    again = take(store, sweep)
    assert (again.number, again.attempt) == (1, 2)
    end(store, sweep, again, 0.5)
    assert [one.losses for one in read_history(store, sweep, read_declaration(sweep.config))] == [(1.0,), (0.5,)]


def test_several_objectives_reach_the_search(store: Store, begin: Begin) -> None:
    sweep = begin(method="bayes", metric=None, metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}], seed=1)
    for _ in range(14):
        trial = take(store, sweep)
        x = trial.params["x"]
        assert end_trial(store, sweep, trial, TrialEnding(TRIAL_FINISHED, {"a": x * x, "b": x})) is not None
    history = read_history(store, sweep, read_declaration(sweep.config))
    assert all(one.losses == (one.values["a"], -one.values["b"]) for one in history.known)
    assert len({trial.params["x"] for trial in store.catalog.trials(sweep.key)}) == 14


def test_asking_without_taking_changes_nothing(store: Store, begin: Begin) -> None:
    sweep = begin(method="bayes", seed=1)
    asked = [proposal(store, sweep) for _ in range(2)]
    assert asked[0] == asked[1]
    assert store.catalog.trials(sweep.key) == []
    assert take(store, sweep).params == asked[0].params


def test_without_what_it_computes_with_it_says_so(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = begin(method="bayes")
    for name in ("scipy", "scipy.linalg", "scipy.linalg.lapack"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unsupported, match=r"method: bayes needs NumPy and SciPy .*forebear\[sweeps\].*method: random"):
        next_trial(store, sweep, "a")


def test_an_agent_of_this_process_searches(store: Store) -> None:
    """With a training that fails, one that logs no number, and one that is asked to stop."""
    sweep_id = forebear.sweep(
        {"method": "bayes", "metric": {"name": "loss"}, "parameters": LINE, "run_cap": 20, "seed": 2}, project="p"
    )
    tried: list[float] = []

    def train() -> None:
        with forebear.init() as run:
            tried.append(run.config["x"])
            if len(tried) == 6:
                raise ZeroDivisionError("a training that fails")
            if len(tried) == 8:
                found = store.catalog.sweep("local", "p", sweep_id)
                assert found is not None
                store.catalog.ask_trials(found.key, STOP)
            run.log({"loss": float("nan") if len(tried) == 4 else (run.config["x"] - 0.3) ** 2})

    forebear.agent(sweep_id, train, project="p")
    assert len(set(tried)) == 20
    assert min(abs(x - 0.3) for x in tried) < 0.01
