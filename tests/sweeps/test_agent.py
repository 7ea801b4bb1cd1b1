"""Agents in process: functions as people write them, and all the ways in which they end."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import Conflict, InvalidInput, NotFound, StorageFailure
from forebear.records.sweeps import (
    CANCELLED,
    CRASHED,
    FAILED,
    FINISHED,
    PAUSED,
    PRUNED,
    TRIAL_FINISHED,
    TRIAL_RUNNING,
    TRIAL_STOPPED,
    WAITING,
    NewTrial,
    SweepRecord,
    Trial,
    TrialEnding,
)
from forebear.sweeps import patience
from forebear.sweeps.agent import Agent, agent
from forebear.sweeps.lifecycle import cancel, pause, resume, sweep
from forebear.sweeps.places import Found, find_sweep
from forebear.tracking.trial_context import TrialStopped
from tests.sweeps.conftest import GRID

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]


def trials(store: Store, sweep: SweepRecord) -> list[Trial]:
    return store.catalog.trials(sweep.key)


def quick(sweep: SweepRecord, function: Callable[[], Any], **options: Any) -> Agent:
    """An agent that does not wait long."""
    return Agent(find_sweep(sweep.qualified_name), function, heartbeat=0.02, poll=0.01, **options)


def train() -> None:
    with forebear.init() as run:
        run.log({"loss": run.config["x"] * 2})


# -- as people write it -----------------------------------------------------------------------------------------------


def test_the_function_of_the_tutorial(store: Store) -> None:
    configuration = {
        "method": "random",
        "metric": {"name": "val_loss", "goal": "minimize"},
        "parameters": {
            "batch_size": {"values": [16, 32, 64]},
            "epochs": {"values": [2, 3]},
            "lr": {"min": 0.0001, "max": 0.1},
        },
    }
    sweep_id = sweep(configuration, project="first-sweep")
    seen = []

    def main() -> None:
        forebear.init()
        lr, batch_size = forebear.config.lr, forebear.config.batch_size
        for epoch in range(forebear.config.epochs):
            forebear.log({"epoch": epoch, "val_loss": lr / (epoch + 1) + batch_size})
        seen.append((lr, batch_size, forebear.config.epochs))

    agent(sweep_id, function=main, count=4)
    (record,) = store.catalog.sweeps()
    found = trials(store, record)
    assert [trial.state for trial in found] == [TRIAL_FINISHED] * 4
    assert [(t.params["lr"], t.params["batch_size"], t.params["epochs"]) for t in found] == seen
    assert [trial.values["val_loss"] for trial in found] == [lr / epochs + size for lr, size, epochs in seen]
    runs = store.catalog.runs_by_key([trial.run_key for trial in found if trial.run_key])
    assert {(run.project, run.sweep, run.state) for run in runs.values()} == {("first-sweep", sweep_id, "finished")}
    assert [runs[trial.run_key or 0].config for trial in found] == [trial.params for trial in found]


def test_a_grid_ends_the_agent(store: Store, begin: Begin) -> None:
    record = begin(method="grid", parameters=GRID)
    agent(record.id, train)
    assert [trial.values["loss"] for trial in trials(store, record)] == [x * 2 for x in (1, 1, 2, 2, 3, 3)]
    assert store.catalog.sweeps()[0].state == FINISHED
    agent(record.id, train)
    assert len(trials(store, record)) == 6


def test_models_of_trials_come_from_the_sweep(store: Store, begin: Begin) -> None:
    record = begin(method="grid", parameters=GRID, run_cap=2)

    def fit() -> None:
        with forebear.init(job_type="train") as run:
            model = forebear.Artifact("model", type="model")
            model.add(dict(run.config), "weights")
            run.log({"loss": 1.0})
            run.log_artifact(model)

    agent(record.id, fit)
    api = forebear.Api(str(store.url), project="p")
    for version in ("v0", "v1"):
        maker = api.artifact(f"model:{version}").logged_by()
        assert maker is not None
        assert api.run(f"p/{maker.id}").sweep_id == record.id
    assert {run.id for run in api.runs("p", filters={"sweep": record.id})} == {run.id for run in store.catalog.runs()}


def test_what_the_sweep_chose_stays_in_the_config(
    store: Store, begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_SILENT", "false")
    record = begin(
        method="grid",
        parameters={"x": {"values": [1]}, "opt": {"parameters": {"lr": {"values": [0.1]}}}},
    )

    def change() -> None:
        config = {"x": 5, "more": 1, "opt": {"lr": 9, "name": "adam"}}
        with forebear.init(config=config, project="elsewhere", id="mine", allow_val_change=True) as run:
            assert run.config.as_dict() == {"x": 1, "more": 1, "opt": {"lr": 0.1, "name": "adam"}}
            run.config.update({"x": 7, "more": 2})
            run.config.x = 8
            run.config.opt.lr = 3
            run.config["opt"] = {"lr": 4, "beta": 0.9}
            run.config.setdefaults({"x": 9})
            del run.config["x"]
            run.config.new = {"x": 1}
            assert (run.project, run.id == "mine") == ("p", False)

    agent(record.id, change)
    (run,) = store.catalog.runs()
    assert run.config == {"x": 1, "more": 2, "opt": {"lr": 0.1, "beta": 0.9}, "new": {"x": 1}}
    said = capsys.readouterr().err
    assert "config x, opt is as the sweep chose it" in said
    assert "takes no notice of run_id, project" in said
    assert "config x stays as the sweep chose it" in said
    assert "config opt.lr stays as the sweep chose it" in said


def test_other_runs_are_not_the_sweeps(store: Store, begin: Begin) -> None:
    record = begin()
    agent(record.id, train, count=1)
    with forebear.init(project="q", config={"x": 3}) as run:
        run.config.update({"x": 4}, allow_val_change=True)
    assert [(run.project, run.sweep, run.config["x"]) for run in store.catalog.runs()][0] == ("q", None, 4)


def test_an_open_run_is_ended_before_a_trial_and_after_it(store: Store, begin: Begin) -> None:
    record = begin()
    before = forebear.init(project="q")

    def leaves_open() -> None:
        forebear.init()
        forebear.log({"loss": 1.0})

    agent(record.id, leaves_open, count=2)
    assert before.state == "finished"
    assert {run.state for run in store.catalog.runs()} == {"finished"}
    assert [trial.values for trial in trials(store, record)] == [{"loss": 1.0}] * 2


def test_several_runs_of_one_function_are_one_trial(store: Store, begin: Begin) -> None:
    record = begin()

    def twice() -> None:
        with forebear.init() as run:
            run.log({"loss": 5.0, "acc": 1})
            assert forebear.init() is run
        with forebear.init() as run:
            run.log({"loss": 2.0})

    agent(record.id, twice, count=1)
    (trial,) = trials(store, record)
    first, second = reversed(store.catalog.runs())
    assert (trial.values, trial.run_key) == ({"loss": 2.0}, second.key)
    assert first.config == second.config == trial.params
    assert first.sweep == second.sweep == record.id


def test_a_function_without_a_run_is_a_trial_without_values(store: Store, begin: Begin) -> None:
    record = begin()
    agent(record.id, lambda: None, count=1)
    (trial,) = trials(store, record)
    assert (trial.state, trial.values, trial.run_key) == (TRIAL_FINISHED, {}, None)
    assert trial.error == "the function ended without init()"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_objectives_that_are_no_numbers_are_kept(store: Store, begin: Begin, value: float) -> None:
    record = begin()

    def diverge() -> None:
        with forebear.init() as run:
            run.log({"loss": value})

    agent(record.id, diverge, count=1)
    (trial,) = trials(store, record)
    assert trial.state == TRIAL_FINISHED
    assert repr(trial.values["loss"]) == repr(value)


def test_a_metric_that_is_never_logged_is_told(store: Store, begin: Begin) -> None:
    record = begin(metric={"name": "val_loss"})
    agent(record.id, train, count=1)
    (trial,) = trials(store, record)
    assert (trial.state, trial.values) == (TRIAL_FINISHED, {})
    assert trial.error == "metric val_loss was never logged as a number; logged was loss"


def test_what_define_metric_keeps_is_the_objective(store: Store, begin: Begin) -> None:
    record = begin(metric={"name": "acc", "goal": "maximize"})

    def peaks() -> None:
        with forebear.init() as run:
            run.define_metric("acc", summary="max")
            for acc in (0.1, 0.9, 0.4):
                run.log({"acc": acc})

    agent(record.id, peaks, count=1)
    assert trials(store, record)[0].values == {"acc": 0.9}


def test_a_disabled_run_keeps_nothing_and_counts(store: Store, begin: Begin) -> None:
    record = begin()

    def silent() -> None:
        with forebear.init(mode="disabled") as run:
            run.log({"loss": 3.0})

    agent(record.id, silent, count=1)
    (trial,) = trials(store, record)
    assert (trial.state, trial.values, trial.run_key) == (TRIAL_FINISHED, {"loss": 3.0}, None)
    assert store.catalog.runs() == []


# -- failures ---------------------------------------------------------------------------------------------------------


def test_a_failure_is_told_and_the_agent_goes_on(store: Store, begin: Begin) -> None:
    record = begin()
    calls = []

    def fails_once() -> None:
        calls.append(1)
        forebear.init()
        forebear.log({"loss": 1.0})
        if len(calls) == 1:
            raise RuntimeError("boom")

    agent(record.id, fails_once, count=2)
    first, second = trials(store, record)
    assert (first.state, first.error, first.values) == (FAILED, "RuntimeError: boom", {"loss": 1.0})
    assert second.state == TRIAL_FINISHED
    assert [run.state for run in reversed(store.catalog.runs())] == ["failed", "finished"]


def test_a_failed_trial_is_tried_again(store: Store, begin: Begin) -> None:
    record = begin(retry=1, run_cap=1)
    seen = []

    def fails_once() -> None:
        with forebear.init() as run:
            seen.append(dict(run.config))
            if len(seen) == 1:
                raise RuntimeError("boom")
            run.log({"loss": 1.0})

    agent(record.id, fails_once)
    (trial,) = trials(store, record)
    assert (trial.state, trial.attempt, trial.error) == (TRIAL_FINISHED, 2, None)
    assert seen[0] == seen[1] == trial.params


@pytest.mark.parametrize(
    ("code", "state"), [(None, TRIAL_FINISHED), (0, TRIAL_FINISHED), (3, FAILED), ("words", FAILED)]
)
def test_leaving_the_process_ends_the_trial_alone(store: Store, begin: Begin, code: Any, state: str) -> None:
    record = begin()

    def leaves() -> None:
        forebear.init()
        raise SystemExit(code)

    agent(record.id, leaves, count=1)
    assert [trial.state for trial in trials(store, record)] == [state]


def fail() -> None:
    raise RuntimeError("boom")


def test_an_agent_whose_first_trials_fail_at_once_gives_up(store: Store, begin: Begin) -> None:
    record = begin()
    agent(record.id, fail)
    assert [trial.state for trial in trials(store, record)] == [FAILED] * 3


def test_it_goes_on_if_that_is_meant(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_AGENT_DISABLE_FLAPPING", "true")
    record = begin(run_cap=7)
    agent(record.id, fail)
    assert len(trials(store, record)) == 7


def test_initial_failures_are_limited(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "2")
    record = begin()
    agent(record.id, fail)
    assert len(trials(store, record)) == 2


def test_an_interruption_gives_the_trial_back(store: Store, begin: Begin) -> None:
    record = begin(run_cap=1)

    def interrupted() -> None:
        forebear.init()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent(record.id, interrupted)
    (trial,) = trials(store, record)
    assert (trial.state, trial.error) == (WAITING, "interrupted")
    assert [run.state for run in store.catalog.runs()] == ["killed"]
    agent(record.id, train)
    assert [trial.state for trial in trials(store, record)] == [TRIAL_FINISHED]


def test_nonsense_is_refused(store: Store, begin: Begin) -> None:
    record = begin()
    for count in (0, -1):
        with pytest.raises(InvalidInput, match="count"):
            agent(record.id, train, count=count)
    with pytest.raises(InvalidInput, match="cannot be called"):
        agent(record.id, "train")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no sweep 'nope'"):
        agent("nope", train)


def test_an_agent_inside_a_trial_is_refused(store: Store, begin: Begin) -> None:
    record = begin()
    agent(record.id, lambda: agent(record.id, train), count=1)
    (trial,) = trials(store, record)
    assert trial.state == FAILED
    assert "another agent in another process" in str(trial.error)


# -- ends that others ask for -----------------------------------------------------------------------------------------


def test_a_cancelled_sweep_ends_the_running_trial(store: Store, begin: Begin) -> None:
    record = begin()
    caught = []

    def endless() -> None:
        with forebear.init() as run:
            cancel(store, record)
            try:
                while True:
                    run.log({"loss": 1.0})
            except TrialStopped as err:
                caught.append(err)
                raise

    quick(record, endless).run()
    (trial,) = trials(store, record)
    assert (trial.state, trial.values) == (TRIAL_STOPPED, {"loss": 1.0})
    assert caught[0].code == "trial-stopped"
    assert isinstance(caught[0], Conflict)
    assert [run.state for run in store.catalog.runs()] == ["killed"]
    assert store.catalog.sweeps()[0].state == CANCELLED


def test_a_sweep_that_is_deleted_ends_its_agent(store: Store, begin: Begin) -> None:
    record = begin()
    codes = []

    def endless() -> None:
        with forebear.init() as run:
            store.catalog.delete_sweep(record.key)
            try:
                while True:
                    run.log({"loss": 1.0})
            except TrialStopped as err:
                codes.append(err.code)

    quick(record, endless).run()
    assert codes == ["trial-lost"]
    assert store.catalog.sweeps() == []
    assert [run.state for run in store.catalog.runs()] == ["finished"]


def test_a_trial_that_was_given_to_another_counts_once(store: Store, begin: Begin) -> None:
    """An agent was silent for too long, say because its machine slept: what it brings then is not taken."""
    record = begin(run_cap=1)

    def slow() -> None:
        with forebear.init() as run:
            (held,) = trials(store, record)
            again = store.catalog.take_trial(
                record.key, "other", lambda n: None, silent_seconds=100, gone=[held.agent or ""]
            ).trial
            assert again is not None
            run.log({"loss": 5.0})
            store.catalog.end_trial(record.key, 0, again.attempt, TrialEnding(TRIAL_FINISHED, {"loss": 1.0}))

    agent(record.id, slow, count=1)
    (trial,) = trials(store, record)
    assert (trial.state, trial.attempt, trial.values) == (TRIAL_FINISHED, 2, {"loss": 1.0})


def test_a_paused_sweep_lets_agents_wait(store: Store, begin: Begin) -> None:
    record = begin(run_cap=2)
    pause(store, record)
    asked = threading.Event()
    waiting = quick(record, train)
    goes_on = waiting._goes_on

    def noted(taken: Any) -> bool:
        asked.set()
        return goes_on(taken)

    waiting._goes_on = noted  # type: ignore[method-assign]

    def let_go() -> None:
        assert asked.wait(30)
        assert [sweep.state for sweep in store.catalog.sweeps()] == [PAUSED]
        resume(store, record)

    other = threading.Thread(target=let_go)
    other.start()
    waiting.run()
    other.join()
    assert len(trials(store, record)) == 2


def test_worse_trials_end_early(store: Store, begin: Begin) -> None:
    record = begin(
        method="grid",
        parameters={"x": {"values": [1, 5, 2, 0]}},
        early_terminate={"type": "asha", "min_iter": 2, "eta": 2},
    )
    steps: dict[int, int] = {}

    def learns() -> None:
        with forebear.init() as run:
            for step in range(8):
                steps[run.config.x] = step + 1
                run.log({"loss": run.config.x + 1 / (step + 1), "other": 1})
                run.log({"other": 2})

    quick(record, learns).run()
    found = {trial.params["x"]: trial for trial in trials(store, record)}
    assert {x: trial.state for x, trial in found.items()} == {
        1: TRIAL_FINISHED,
        5: PRUNED,
        2: PRUNED,
        0: TRIAL_FINISHED,
    }
    assert steps == {1: 8, 5: 2, 2: 2, 0: 8}
    assert found[5].values == {"loss": 5.5}
    states = {run.config["x"]: run.state for run in store.catalog.runs()}
    assert set(states.values()) == {"finished"}
    reported = {(report.number, report.iteration) for report in store.catalog.trial_reports(record.key)}
    assert reported == {(0, 2), (0, 4), (0, 8), (1, 2), (2, 2), (3, 2), (3, 4), (3, 8)}


def test_a_loop_that_hears_nothing_of_its_end_is_pruned_all_the_same(store: Store, begin: Begin) -> None:
    record = begin(
        method="grid",
        parameters={"x": {"values": [1, 5]}},
        early_terminate={"type": "median", "min_trials": 1},
    )

    def deaf() -> None:
        with forebear.init() as run:
            for _ in range(3):
                try:
                    run.log({"loss": run.config.x})
                except Exception:
                    continue

    agent(record.id, deaf)
    assert [trial.state for trial in trials(store, record)] == [TRIAL_FINISHED, PRUNED]


# -- several agents, and stores that are away -------------------------------------------------------------------------


def test_an_agent_waits_for_trials_that_others_may_lose(store: Store, begin: Begin) -> None:
    """The last trial is held by an agent that gives no sign of life any more."""
    record = begin(run_cap=1)
    store.catalog.take_trial(record.key, "elsewhere:1:1:x", lambda n: {"x": 0.5}, silent_seconds=100)
    waiting = quick(record, train)
    rounds = []
    goes_on = waiting._goes_on

    def noted(taken: Any) -> bool:
        rounds.append(taken)
        if len(rounds) == 3:
            # It is found to be gone.
            store.catalog.take_trial(record.key, "x", lambda n: None, silent_seconds=100, gone=["elsewhere:1:1:x"])
            (trial,) = trials(store, record)
            store.catalog.end_trial(record.key, 0, trial.attempt, TrialEnding(CRASHED))
        return goes_on(taken)

    waiting._goes_on = noted  # type: ignore[method-assign]
    waiting.run()
    assert len(rounds) >= 3
    (trial,) = trials(store, record)
    assert (trial.state, trial.attempt) == (TRIAL_FINISHED, 3)


def test_an_agent_leaves_once_the_others_are_known_to_be_alive(store: Store, begin: Begin) -> None:
    record = begin(run_cap=1)
    held = store.catalog.take_trial(record.key, "elsewhere:1:1:x", lambda n: {"x": 0.5}, silent_seconds=100).trial
    assert held is not None
    leaving = quick(record, train)
    goes_on = leaving._goes_on

    def noted(taken: Any) -> bool:
        answer = goes_on(taken)
        store.catalog.report_trial(record.key, 0, held.attempt)
        return answer

    leaving._goes_on = noted  # type: ignore[method-assign]
    leaving.run()
    (trial,) = trials(store, record)
    assert (trial.state, trial.agent) == (TRIAL_RUNNING, "elsewhere:1:1:x")


def test_trials_that_somebody_adds_are_executed(store: Store, begin: Begin) -> None:
    record = begin(run_cap=1)
    store.catalog.add_trials(record.key, [NewTrial({"x": 7.0})])
    agent(record.id, train)
    assert [trial.values["loss"] for trial in trials(store, record)][0] == 14.0
    assert [trial.state for trial in trials(store, record)] == [TRIAL_FINISHED] * 2


class Away:
    """A catalog that is away for some calls."""

    def __init__(self, catalog: Any, calls: int) -> None:
        self._catalog, self.left = catalog, calls

    def __getattr__(self, name: str) -> Any:
        if name in {"take_trial", "end_trial", "report_trial"} and self.left > 0:
            self.left -= 1
            raise StorageFailure("the server is away", code="catalog-unavailable")
        return getattr(self._catalog, name)


def test_a_store_that_is_away_is_waited_for(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", pauses.append)
    record = begin(
        run_cap=2, early_terminate={"type": "asha", "min_iter": 1}, method="grid", parameters={"x": {"values": [1, 2]}}
    )
    away = Away(store.catalog, 3)
    store.catalog = away
    found = Found(store, record, find_sweep(record.qualified_name).settings)

    def breaks() -> None:
        with forebear.init() as run:
            away.left = 4  # a report, and then the end of the trial
            run.log({"loss": 1.0})
            run.log({"loss": 0.5})

    Agent(found, breaks).run()
    assert [trial.state for trial in trials(store, record)] == [TRIAL_FINISHED] * 2
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert away.left == 0


@pytest.mark.parametrize("method", ["add_run", "begin_trial"])
def test_a_trial_waits_for_a_store_that_is_away_when_it_begins(
    store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", pauses.append)
    record = begin(run_cap=1)
    real, calls = getattr(store.catalog, method), []

    def away(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise StorageFailure("the server is away", code="catalog-unavailable")
        return real(*args, **options)

    monkeypatch.setattr(store.catalog, method, away)
    agent(record.id, train)
    (trial,) = trials(store, record)
    assert (trial.state, trial.attempt, len(pauses)) == (TRIAL_FINISHED, 1, 2)
    (run,) = store.catalog.runs()
    assert (trial.run_key, trial.values["loss"]) == (run.key, run.summary["loss"])


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(patience.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def away() -> None:
        raise StorageFailure("away")

    with pytest.raises(StorageFailure):
        patience.patiently(away, seconds=60)
    assert 50 <= now[0] <= 60
