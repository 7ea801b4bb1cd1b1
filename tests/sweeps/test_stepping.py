"""Driving a sweep by hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import forebear
from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.sweeps import FINISHED, TRIAL_FINISHED, WAITING, TrialEnding
from forebear.sweeps.agent import Agent
from forebear.sweeps.controller import end_trial, next_trial
from forebear.sweeps.places import find_sweep
from forebear.sweeps.stepping import controller
from tests.sweeps.conftest import GRID

if TYPE_CHECKING:
    from forebear.store.store import Store

CONFIG = {"method": "grid", "metric": {"name": "loss"}, "parameters": GRID, "project": "p"}


def test_agents_get_what_is_scheduled(store: Store) -> None:
    driver = controller(CONFIG)
    assert next_trial(store, driver.sweep, "a").trial is None
    first, second = driver.search(), driver.search({"x": 9, "y": "z"})
    assert first is not None
    assert second is not None
    assert (first.params, first.number, second.number) == ({"x": 1, "y": "a"}, 0, None)
    driver.schedule(second)
    scheduled = driver.schedule(first)
    assert scheduled is not None
    assert (scheduled.state, scheduled.number) == (WAITING, 0)
    with pytest.raises(Conflict):
        driver.schedule(first)
    found = [next_trial(store, driver.sweep, "a").trial for _ in range(3)]
    assert [trial.params if trial else None for trial in found] == [{"x": 9, "y": "z"}, {"x": 1, "y": "a"}, None]
    assert driver.schedule(None) is None
    assert driver.schedule({"x": 3, "y": "q"}) is not None


def test_a_sweep_is_put_together_piece_by_piece(store: Store) -> None:
    driver = controller(project="q")
    driver.configure_search("random")
    driver.configure_metric("loss", goal="minimize")
    driver.configure_stopping("hyperband", min_iter=3)
    driver.configure_parameter("lr", min=0.0, max=1.0, distribution="uniform")
    driver.configure_parameter("n", values=(1, 2))
    driver.configure_parameter("k", value=5)
    driver.configure_program("train.py")
    driver.configure_controller(type="local")
    with pytest.raises(Conflict, match="create"):
        driver.step()
    sweep_id = driver.create()
    assert driver.sweep_id == sweep_id
    assert store.catalog.sweeps()[0].project == "q"
    assert driver.sweep_config["parameters"]["n"] == {"values": [1, 2]}
    assert driver.sweep_config["early_terminate"] == {"type": "hyperband", "min_iter": 3}
    for change in (driver.create, lambda: driver.configure_search("grid"), lambda: driver.configure(CONFIG)):
        with pytest.raises(Conflict, match="has begun"):
            change()
    with pytest.raises(InvalidInput, match="is local"):
        driver.configure_controller(type="cloud")


def test_steps_follow_the_agents(store: Store) -> None:
    driver = controller({**CONFIG, "run_cap": 3})
    for number in range(3):
        driver.step()
        driver.step()
        assert len(driver.trials) == number + 1
        assert not driver.done()
        trial = next_trial(store, driver.sweep, "a").trial
        assert trial is not None
        end_trial(store, driver.sweep, trial, TrialEnding(TRIAL_FINISHED, {"loss": 1.0}))
    assert driver.done()
    assert driver.search() is None
    driver.step()
    assert len(driver.trials) == 3
    assert "3 finished" in driver.status()


def test_worse_trials_are_found_and_ended(store: Store) -> None:
    driver = controller({**CONFIG, "early_terminate": {"type": "asha", "min_iter": 2, "eta": 2}})
    for _ in range(3):
        driver.step()
        next_trial(store, driver.sweep, "a")
    for number, value in enumerate([3.0, 1.0]):
        store.catalog.report_trial(driver.sweep.key, number, 1, [(1, value), (2, value)])
    assert [trial.number for trial in driver.stopping()] == [0]
    driver.step()
    assert [trial.asked for trial in driver.trials] == ["prune", None, None, None]
    assert driver.stopping() == []
    driver.stop()
    assert [trial.asked for trial in driver.trials[:3]] == ["prune", "stop", "stop"]


def test_without_a_rule_nobody_is_ended(store: Store) -> None:
    driver = controller(CONFIG)
    driver.step()
    assert driver.stopping() == []
    assert driver.stop_runs([]) == 0


def test_it_runs_until_all_is_done(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    driver = controller({**CONFIG, "run_cap": 2})

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": run.config.x})

    worker = Agent(find_sweep(driver.sweep.qualified_name), train, heartbeat=5, poll=0.01)
    thread = threading.Thread(target=worker.run)
    thread.start()
    driver.run(step_seconds=0.01)
    thread.join()
    assert [trial.state for trial in driver.trials] == [TRIAL_FINISHED] * 2
    assert driver.sweep.state == FINISHED
    driver.print_status()
    driver.print_space()
    driver.print_actions()
    driver.print_summary()
    said = capsys.readouterr().err
    assert "is finished: 2 finished" in said
    assert "x: categorical" in said
    assert "scheduled: none" in said
    assert "trial 0: finished loss=1" in said


def test_a_sweep_that_is_there_is_taken_over(store: Store, begin) -> None:  # type: ignore[no-untyped-def]
    record = begin()
    assert next_trial(store, record, "a").trial is not None
    driver = controller(record.id)
    assert next_trial(store, driver.sweep, "a").trial is None
    assert repr(driver).startswith(f"<Controller sweep {record.id}")
    store.catalog.delete_sweep(record.key)
    with pytest.raises(NotFound, match="was deleted"):
        driver.step()
    with pytest.raises(NotFound):
        controller("nowhere")
