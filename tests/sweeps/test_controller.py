"""What agents are given: complete, once each, whoever asks in whatever order, and until there is no more."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import NotFound
from forebear.records.runs import RunChanges
from forebear.records.sweeps import (
    FAILED,
    FINISHED,
    PAUSED,
    RUNNING,
    STOPPED,
    TRIAL_FINISHED,
    SweepChanges,
    SweepRecord,
    Trial,
    TrialEnding,
)
from forebear.sweeps import controller
from forebear.sweeps.agent_ids import is_gone, new_agent_id, origin_of
from forebear.sweeps.controller import Proposal, end_trial, gone_agents, next_trial
from forebear.sweeps.lifecycle import rerun_failed
from forebear.testing.builders import new_run
from tests.sweeps.conftest import GRID

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]


def take(store: Store, sweep: SweepRecord, agent: str = "a") -> Trial:
    trial = next_trial(store, sweep, agent).trial
    assert trial is not None
    return trial


def done(store: Store, sweep: SweepRecord, trial: Trial, value: float = 1.0) -> None:
    assert end_trial(store, sweep, trial, TrialEnding(TRIAL_FINISHED, {"loss": value})) is not None


def test_a_grid_is_executed_once_each_whatever_fails(store: Store, begin: Begin) -> None:
    """Agents that fail, die and are told to go on; trials that are deleted with their runs; halts in between."""
    sweep = begin(method="grid", parameters=GRID, retry=1)
    lot = random.Random(3)
    finished: list[dict[str, Any]] = []
    for round_ in range(200):
        agent = f"a{round_}"
        taken = next_trial(store, sweep, agent, gone=[f"a{round_ - 1}"] if lot.random() < 0.3 else [])
        trial = taken.trial
        if trial is None and taken.sweep.state == FINISHED and not rerun_failed(store, sweep):
            break
        if trial is None:
            continue
        run = store.catalog.add_run(new_run(f"r{round_}", entity="local", project="p", sweep=sweep.id))
        store.catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key)
        fate = lot.choice(["finish", "fail", "die", "delete", "halt"])
        if fate == "halt":
            store.catalog.update_sweep(sweep.key, SweepChanges(state=PAUSED))
            assert next_trial(store, sweep, agent).trial is None
            store.catalog.update_sweep(sweep.key, SweepChanges(state=RUNNING))
        if fate == "die":
            assert next_trial(store, sweep, f"{agent}b", gone=[agent]).trial is not None
            store.catalog.take_trial(sweep.key, "x", lambda number: None, silent_seconds=100, gone=[f"{agent}b"])
        elif fate == "fail":
            end_trial(store, sweep, trial, TrialEnding(FAILED, error="boom"))
        else:
            done(store, sweep, trial)
            finished.append(trial.params)
        if fate == "delete":
            store.catalog.delete_run(run.key)
    trials = store.catalog.trials(sweep.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert len(finished) == 6
    assert sorted(map(repr, finished)) == sorted(repr({"x": x, "y": y}) for x in (1, 2, 3) for y in "ab")


def test_a_random_search_is_the_same_in_any_order_of_agents(store: Store, begin: Begin) -> None:
    one, other = begin(seed=11), begin(seed=11)
    first = [take(store, one, "a").params for _ in range(10)]
    second = [take(store, other, agent).params for agent in "bcabcabcab"]
    assert first == second
    assert take(store, begin(seed=12)).params != first[0]


def test_a_cap_ends_the_search(store: Store, begin: Begin) -> None:
    sweep = begin(run_cap=2)
    trials = [take(store, sweep) for _ in range(2)]
    taken = next_trial(store, sweep, "a")
    assert (taken.trial, taken.sweep.state, taken.sweep.exhausted) == (None, RUNNING, True)
    for trial in trials:
        done(store, sweep, trial)
    assert next_trial(store, sweep, "a").sweep.state == FINISHED


def test_a_deleted_sweep_is_not_found(store: Store, begin: Begin) -> None:
    sweep = begin()
    trial = take(store, sweep)
    store.catalog.delete_sweep(sweep.key)
    assert end_trial(store, sweep, trial, TrialEnding(TRIAL_FINISHED)) is None
    with pytest.raises(NotFound):
        next_trial(store, sweep, "a")


def test_objectives_come_from_the_final_values_of_the_run(store: Store, begin: Begin) -> None:
    sweep = begin(metric=None, metrics=[{"name": "val.loss"}, {"name": "acc", "goal": "maximize"}])
    for number, (summary, values, words) in enumerate(
        [
            ({"val": {"loss": 0.5}, "acc": 1}, {"val.loss": 0.5, "acc": 1.0}, None),
            ({"val.loss": {"min": 0.1, "max": 3, "best": 0.2}, "acc": {"max": 2}}, {"val.loss": 0.2, "acc": 2.0}, None),
            ({"acc": "high", "_step": 3}, {}, "metric val.loss, acc was never logged as a number; logged was acc"),
            ({}, {}, "nothing was logged"),
        ]
    ):
        trial = take(store, sweep)
        run = store.catalog.add_run(new_run(f"r{number}"))
        store.catalog.update_run(run.key, RunChanges(summary=summary))
        store.catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key)
        (trial,) = store.catalog.trials(sweep.key, numbers=[trial.number])
        ended = end_trial(store, sweep, trial, TrialEnding(TRIAL_FINISHED))
        assert ended is not None
        assert (ended.state, ended.values) == (TRIAL_FINISHED, values)
        assert words is None or words in str(ended.error)


@pytest.mark.parametrize(
    ("goal", "target", "values", "state"),
    [
        ("minimize", 0.2, [0.5, 0.2], FINISHED),
        ("maximize", 0.9, [0.5, 0.95], FINISHED),
        ("maximize", 0.9, [0.5, 0.8], RUNNING),
        ("minimize", 0.2, [0.5, float("nan")], RUNNING),
    ],
)
def test_a_sweep_ends_with_its_target(
    store: Store, begin: Begin, goal: str, target: float, values: list[float], state: str
) -> None:
    sweep = begin(metric={"name": "loss", "goal": goal, "target": target})
    for value in values:
        done(store, sweep, take(store, sweep), value)
    assert next_trial(store, sweep, "a").sweep.state == state


def test_halted_sweeps_say_so(store: Store, begin: Begin) -> None:
    sweep = begin()
    store.catalog.update_sweep(sweep.key, SweepChanges(state=STOPPED))
    taken = next_trial(store, sweep, "a")
    assert (taken.trial, taken.sweep.state) == (None, STOPPED)


# -- searches that look at what was tried -----------------------------------------------------------------------------


class Search:
    """Stands for a module that proposes: 1, 2, 3, … and then nothing more; somebody else may be faster."""

    def __init__(self, store: Store, most: int, rivals: int = 0) -> None:
        self.store, self.most, self.rivals, self.asked = store, most, rivals, 0

    def propose(self, store: Store, sweep: SweepRecord, declaration: Any) -> Proposal:
        self.asked += 1
        number = sweep.next_number
        if self.rivals:
            self.rivals -= 1
            store.catalog.take_trial(sweep.key, "rival", lambda n: {"x": -n}, silent_seconds=100)
        return Proposal(number, {"x": number + 1} if number < self.most else None)


def searching(monkeypatch: pytest.MonkeyPatch, search: Search) -> None:
    monkeypatch.setattr(controller, "import_module", lambda name: search)


def test_a_proposal_holds_for_its_number_alone(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(store, most=5, rivals=2)
    searching(monkeypatch, search)
    sweep = begin(method="bayes")
    trial = take(store, sweep)
    assert (trial.number, trial.params, search.asked) == (2, {"x": 3}, 3)
    assert [found.params for found in store.catalog.trials(sweep.key)] == [{"x": 0}, {"x": -1}, {"x": 3}]


def test_a_search_that_has_nothing_more_ends_the_sweep(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(store, most=1)
    searching(monkeypatch, search)
    sweep = begin(method="custom", sampler="random")
    done(store, sweep, take(store, sweep))
    taken = next_trial(store, sweep, "a")
    assert (taken.trial, taken.sweep.state) == (None, FINISHED)
    assert next_trial(store, sweep, "a").trial is None
    assert search.asked == 2


def test_what_waits_and_what_is_exhausted_needs_no_search(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(store, most=9)
    searching(monkeypatch, search)
    sweep = begin(method="bayes", run_cap=1, retry=1)
    end_trial(store, sweep, take(store, sweep), TrialEnding(FAILED))
    assert take(store, sweep).attempt == 2
    assert next_trial(store, sweep, "b").trial is None
    assert search.asked == 1


# -- agents that are gone ---------------------------------------------------------------------------------------------


def dead_agent() -> str:
    """The name of an agent of this machine whose process has ended."""
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return f"{socket.gethostname()}:{int(done.stdout)}:1:abcd"


def test_names_of_agents_tell_their_process() -> None:
    name = new_agent_id()
    assert name != new_agent_id()
    assert not is_gone(name)
    assert is_gone(dead_agent())
    assert not is_gone("elsewhere:1:1:abcd")
    for other in ("", "a", "a:b:c:d", "host:x:1:a", "host:1:x:a"):
        assert origin_of(other) is None
        assert not is_gone(other)


def test_a_trial_of_a_process_that_is_gone_is_given_at_the_end(store: Store, begin: Begin) -> None:
    """Without waiting until it counts as silent."""
    sweep = begin(run_cap=2)
    dead = dead_agent()
    lost = take(store, sweep, dead)
    alive = new_agent_id()
    assert gone_agents(store, sweep) == [dead]
    done(store, sweep, take(store, sweep, alive))
    again = take(store, sweep, alive)
    assert (again.number, again.attempt, again.params) == (lost.number, 2, lost.params)
    done(store, sweep, again)
    assert next_trial(store, sweep, alive).sweep.state == FINISHED
