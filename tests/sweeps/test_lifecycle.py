"""Beginning sweeps, finding them, and halting them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import Conflict, InvalidInput, NotFound
from forebear.records.sweeps import (
    CANCELLED,
    FAILED,
    FINISHED,
    PAUSED,
    PENDING,
    RUNNING,
    STOPPED,
    TRIAL_FINISHED,
    SweepRecord,
    TrialEnding,
)
from forebear.settings import load_settings
from forebear.sweeps import lifecycle
from forebear.sweeps.agent import agent
from forebear.sweeps.controller import end_trial, next_trial
from forebear.sweeps.lifecycle import begin_sweep, change_cap, sweep
from forebear.sweeps.places import find_sweep, sweep_at
from tests.sweeps.conftest import GRID, SPACE

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]
CONFIG: dict[str, Any] = {"method": "grid", "parameters": GRID, "name": "words"}


def test_a_sweep_is_written_with_its_seed(store: Store) -> None:
    sweep_id = sweep(CONFIG, "team", "p")
    (record,) = store.catalog.sweeps()
    assert (record.id, record.entity, record.project, record.name) == (sweep_id, "team", "p", "words")
    assert (record.state, record.limit, record.next_number) == (PENDING, 6, 0)
    assert record.config == {**CONFIG, "seed": record.config["seed"]}


def test_the_declaration_may_say_where_it_belongs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "env")
    sweep(CONFIG)
    sweep({**CONFIG, "project": "said", "entity": "anna"})
    sweep({**CONFIG, "project": "said"}, project="argument")
    assert [(found.entity, found.project) for found in store.catalog.sweeps()] == [
        ("local", "argument"),
        ("anna", "said"),
        ("local", "env"),
    ]


def test_a_declaration_may_be_a_function_or_a_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "method: random\nmetric: {name: loss, goal: minimize}\nrun_cap: 3\n"
        "parameters:\n  lr: {min: 0.0001, max: 0.1, distribution: log_uniform_values}\n  n: {values: [1, 2]}\n"
    )
    sweep(file)
    sweep(str(file))
    sweep(lambda: CONFIG)
    assert [found.limit for found in store.catalog.sweeps()] == [6, 3, 3]


def test_what_is_wrong_in_a_file_is_told(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("method: random\nparameters:\n  lr: {min: 1e-5, max: 1e-1}\n")
    with pytest.raises(InvalidInput, match=r"parameters\.lr\.min: '1e-5' is a text"):
        sweep(file)
    with pytest.raises(InvalidInput, match=r"nowhere\.yaml"):
        sweep("nowhere.yaml")
    assert store.catalog.sweeps() == []


def test_the_person_is_told(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(CONFIG)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FOREBEAR_SILENT", "false")
    sweep_id = sweep(CONFIG)
    assert f"sweep {sweep_id} in project uncategorized" in (said := capsys.readouterr().err)
    assert "at most 6 trials" in said


# -- runs that were there before --------------------------------------------------------------------------------------


def earlier_run(config: dict[str, Any], loss: float) -> str:
    with forebear.init(project="p", config=config) as run:
        run.log({"loss": loss})
    return run.id


def test_earlier_runs_are_trials_of_a_sweep(store: Store) -> None:
    ids = [earlier_run({"x": 0.25, "more": 1}, 3.0), earlier_run({}, 4.0)]
    config = {"method": "random", "metric": {"name": "loss"}, "parameters": SPACE}
    sweep(config, project="p", prior_runs=[*ids, ids[0]])
    (record,) = store.catalog.sweeps()
    first, second = reversed(store.catalog.trials(record.key))
    assert (first.number, first.params, first.values, first.state) == (-1, {"x": 0.25}, {"loss": 3.0}, TRIAL_FINISHED)
    assert (second.number, second.params, second.values) == (-2, {}, {"loss": 4.0})
    runs = store.catalog.runs_by_key([first.run_key or 0])
    assert [run.id for run in runs.values()] == [ids[0]]
    assert next_trial(store, record, "a").trial is not None


def test_a_grid_leaves_out_what_was_tried(store: Store) -> None:
    ids = [earlier_run({"x": 1, "y": "b"}, 3.0), earlier_run({"x": 3, "y": "a"}, 4.0), earlier_run({"x": 9}, 1.0)]
    record = begin_sweep(store, CONFIG, "local", "p", ids)
    assert record.limit == 4
    found = []
    while (trial := next_trial(store, record, "a").trial) is not None:
        found.append((trial.params["x"], trial.params["y"]))
    assert found == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]


def test_an_earlier_run_must_be_there(store: Store) -> None:
    with pytest.raises(NotFound, match="'gone', which project local/p does not have"):
        sweep(CONFIG, project="p", prior_runs=["gone"])


# -- finding ----------------------------------------------------------------------------------------------------------


def test_a_sweep_is_found_by_its_path(store: Store, begin: Begin) -> None:
    record = begin()
    settings = load_settings()
    for path in (record.id, f"p/{record.id}", f"local/p/{record.id}", f"local/p/sweeps/{record.id}"):
        assert sweep_at(store, path, settings).key == record.key
    assert find_sweep(record.id, project="p").sweep == record


def test_what_is_not_found_says_what_there_is(store: Store, begin: Begin) -> None:
    record = begin()
    with pytest.raises(NotFound, match=f"no sweep 'x' in project local/uncategorized.*has local/p/{record.id}"):
        find_sweep("x")
    with pytest.raises(NotFound, match=f"has local/p/{record.id}"):
        find_sweep(record.id, project="elsewhere")
    with pytest.raises(InvalidInput, match="is not of the form"):
        find_sweep("a/b/c/d")
    store.catalog.delete_sweep(record.key)
    with pytest.raises(NotFound, match="no sweep at all"):
        find_sweep("x")


def test_an_id_that_names_several_is_refused(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "new_run_id", lambda: "same")
    begin()
    begin_sweep(store, CONFIG, "anna", "q")
    with pytest.raises(InvalidInput, match="names several sweeps: anna/q/same, local/p/same"):
        find_sweep("same")
    assert find_sweep("q/same", entity="anna").sweep.entity == "anna"


# -- halting ----------------------------------------------------------------------------------------------------------


def test_sweeps_are_halted_and_go_on(store: Store, begin: Begin) -> None:
    record = begin()
    for halt, state in [
        (lifecycle.pause, PAUSED),
        (lifecycle.stop, STOPPED),
        (lifecycle.cancel, CANCELLED),
    ]:
        assert halt(store, record).state == state
        assert halt(store, record).state == state
        assert lifecycle.resume(store, record).state == RUNNING
    lifecycle.cancel(store, record)
    for halt in (lifecycle.pause, lifecycle.stop):
        with pytest.raises(Conflict, match="is cancelled, not"):
            halt(store, record)


def test_failed_trials_are_run_again(store: Store, begin: Begin) -> None:
    record = begin(run_cap=3)
    for state in (FAILED, TRIAL_FINISHED, FAILED):
        trial = next_trial(store, record, "a").trial
        assert trial is not None
        end_trial(store, record, trial, TrialEnding(state, {"loss": 1.0}))
    assert store.catalog.sweeps()[0].state == FINISHED
    assert lifecycle.rerun_failed(store, record, [2]) == 1
    again = next_trial(store, record, "a").trial
    assert again is not None
    assert (again.number, again.attempt) == (2, 2)
    assert lifecycle.rerun_failed(store, record) == 1


def test_a_larger_cap_goes_on(store: Store, begin: Begin) -> None:
    record = begin(run_cap=1)
    trial = next_trial(store, record, "a").trial
    assert trial is not None
    end_trial(store, record, trial, TrialEnding(TRIAL_FINISHED, {"loss": 1.0}))
    changed = change_cap(store, record, 2)
    assert (changed.state, changed.limit, changed.config["run_cap"]) == (RUNNING, 2, 2)
    assert next_trial(store, changed, "a").trial is not None
    assert change_cap(store, changed, None).limit is None
    with pytest.raises(InvalidInput, match="run_cap 0"):
        change_cap(store, changed, 0)


def test_the_cap_of_a_grid_over_numbers_stays(store: Store, begin: Begin) -> None:
    record = begin(method="grid", run_cap=4)
    with pytest.raises(InvalidInput, match="values follow from its run_cap"):
        change_cap(store, record, 8)
    other = begin_sweep(store, CONFIG, "local", "p")
    assert change_cap(store, other, 2).limit == 2
    assert change_cap(store, other, None).limit == 6


def test_a_sweep_that_reached_its_target_can_go_on(store: Store, begin: Begin) -> None:
    record = begin(metric={"name": "loss", "target": 1.0}, run_cap=5)
    trial = next_trial(store, record, "a").trial
    assert trial is not None
    end_trial(store, record, trial, TrialEnding(TRIAL_FINISHED, {"loss": 0.5}))
    assert store.catalog.sweeps()[0].state == FINISHED
    assert lifecycle.resume(store, record).limit == 5
    assert next_trial(store, record, "a").trial is not None


def test_an_agent_finds_a_sweep_of_another_project(store: Store, begin: Begin) -> None:
    record = begin(run_cap=1)

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": 1.0})

    agent(record.id, train)
    assert [run.project for run in store.catalog.runs()] == ["p"]


def test_an_agent_at_another_store_is_told_where_it_looked(
    store: Store, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = begin()
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("FOREBEAR_STORE", str(elsewhere))
    with pytest.raises(NotFound, match="there is no store at"):
        agent(record.id, lambda: None)
    assert not elsewhere.exists()
    sweep(CONFIG, project="mine")
    with pytest.raises(NotFound, match=f"the store {elsewhere} has local/mine/"):
        agent(record.id, lambda: None)
    assert store.catalog.trials(record.key) == []
