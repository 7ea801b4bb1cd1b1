"""Trials in processes that an agent began: the environment says which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import InvalidInput, NotFound
from forebear.records.sweeps import STOP, TRIAL_FINISHED, SweepRecord, Trial, TrialEnding
from forebear.sweeps.controller import end_trial, next_trial
from forebear.tracking.trial_context import TrialStopped

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]
SCRIPT = """
import forebear
with forebear.init(config={"x": 3, "more": 1}) as run:
    for step in range(5):
        run.log({"loss": run.config["x"] + step})
    print(run.id)
"""


def environment(monkeypatch: pytest.MonkeyPatch, sweep: SweepRecord, trial: Trial, **more: str) -> None:
    """What an agent tells its child."""
    said = {"SWEEP_ID": sweep.id, "ENTITY": sweep.entity, "PROJECT": sweep.project}
    for name, value in {**said, "TRIAL": f"{trial.number}:{trial.attempt}", **more}.items():
        monkeypatch.setenv(f"FOREBEAR_{name}", value)


def taken(store: Store, sweep: SweepRecord) -> Trial:
    trial = next_trial(store, sweep, "a").trial
    assert trial is not None
    return trial


def test_a_child_executes_the_trial_of_its_environment(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = begin(early_terminate={"type": "asha", "min_iter": 1})
    trial = taken(store, sweep)
    environment(monkeypatch, sweep, trial)
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    run = store.catalog.run("local", "p", done.stdout.strip())
    assert run is not None
    assert (run.sweep, run.config) == (sweep.id, {**trial.params, "more": 1})
    (held,) = store.catalog.trials(sweep.key)
    assert held.run_key == run.key
    ended = end_trial(store, sweep, held, TrialEnding(TRIAL_FINISHED))
    assert ended is not None
    assert ended.values == {"loss": pytest.approx(trial.params["x"] + 4)}
    assert [report.iteration for report in store.catalog.trial_reports(sweep.key)] == [1, 4]


def test_a_child_that_is_asked_to_stop_hears_of_it(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = begin(early_terminate={"type": "asha", "min_iter": 1})
    trial = taken(store, sweep)
    environment(monkeypatch, sweep, trial)
    store.catalog.ask_trials(sweep.key, STOP)
    run = forebear.init()
    with pytest.raises(TrialStopped, match="asked to stop"):
        run.log({"loss": 1.0})
    with pytest.raises(TrialStopped), run:
        run.log({"loss": 1.0})
    assert run.state == "killed"
    assert run.summary["loss"] == 1.0


def test_a_child_whose_trial_was_given_away_is_told(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = begin()
    trial = taken(store, sweep)
    environment(monkeypatch, sweep, trial)
    store.catalog.take_trial(sweep.key, "b", lambda n: None, silent_seconds=100, gone=["a"])
    run = forebear.init()
    with pytest.raises(TrialStopped) as caught:
        run.log({"loss": 1.0})
    assert caught.value.code == "trial-lost"
    assert store.catalog.trials(sweep.key)[0].run_key is None


def test_the_id_of_a_sweep_alone_is_a_label(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "label")
    with forebear.init() as run:
        run.log({"loss": 1.0})
        run.config["x"] = 1
        run.config.update({"x": 2}, allow_val_change=True)
    assert [(found.sweep, found.config) for found in store.catalog.runs()] == [("label", {"x": 2})]


@pytest.mark.parametrize("words", ["", "x", "1:", ":1", "1:2:3", "--1:1", "1:x"])
def test_an_environment_of_another_form_is_refused(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    sweep = begin()
    trial = taken(store, sweep)
    environment(monkeypatch, sweep, trial, TRIAL=words)
    if not words:  # an empty variable counts as not set
        forebear.init().finish()
        return
    with pytest.raises(InvalidInput, match="number:attempt"):
        forebear.init()


@pytest.mark.parametrize("wrong", [{"TRIAL": "7:1"}, {"SWEEP_ID": "gone"}, {"PROJECT": "q"}])
def test_a_trial_that_is_not_there_is_named(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    sweep = begin()
    environment(monkeypatch, sweep, taken(store, sweep), **wrong)
    with pytest.raises(NotFound, match="there is no trial .* unset FOREBEAR_TRIAL"):
        forebear.init()


def test_a_metric_below_others_and_of_other_libraries_counts(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy = pytest.importorskip("numpy")
    sweep = begin(metric={"name": "val.loss"}, early_terminate={"type": "asha", "eta": 2, "min_iter": 1})
    environment(monkeypatch, sweep, taken(store, sweep))
    with forebear.init() as run:
        run.log({"val": {"loss": numpy.float32(0.5)}})
        run.log({"val.loss": "high", "val": 3})
        run.log({"val.loss": numpy.array([1.0, 2.0])})
        run.log({"val.loss": True})
        run.log({"other": 1})
    found = [(report.iteration, report.value) for report in store.catalog.trial_reports(sweep.key)]
    assert found == [(1, 0.5), (2, 0.5)]
