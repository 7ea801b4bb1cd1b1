"""Conformance of a catalog's sweeps and trials."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import AlreadyExists, Conflict, NotFound
from forebear.records.sweeps import (
    CANCELLED,
    CRASHED,
    CRASHES_FORGIVEN,
    FAILED,
    FINISHED,
    PAUSED,
    PENDING,
    PRUNE,
    PRUNED,
    RUNNING,
    STOP,
    STOPPED,
    TRIAL_FINISHED,
    TRIAL_RUNNING,
    TRIAL_STOPPED,
    WAITING,
    NewSweep,
    NewTrial,
    Params,
    Standing,
    SweepChanges,
    SweepRecord,
    Taken,
    Trial,
    TrialEnding,
    TrialReport,
)
from forebear.testing.builders import ENTITY, PROJECT, Author, Tick

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

#: Seconds after which an agent counts as silent.
SILENT = 100.0
GONE = 4711


def new_sweep(sweep_id: str = "s1", **changes: Any) -> NewSweep:
    """A sweep of the project that the other builders use."""
    fields: dict[str, Any] = {"entity": ENTITY, "project": PROJECT, "id": sweep_id, "name": None, "config": {}}
    return NewSweep(**{**fields, **changes})


def offer(number: int) -> Params:
    """The parameters of a search whose trials are known by them."""
    return {"x": number, "deep": {"y": number / 3}}


def take(catalog: Catalog, sweep: SweepRecord, agent: str = "a1", **options: Any) -> Taken:
    """Ask for a trial."""
    given = {"offer": offer, "silent_seconds": SILENT, **options}
    return catalog.take_trial(sweep.key, agent, **given)


def held(catalog: Catalog, sweep: SweepRecord, agent: str = "a1", **options: Any) -> Trial:
    """Ask for a trial, and get one."""
    trial = take(catalog, sweep, agent, **options).trial
    assert trial is not None
    return trial


def end(catalog: Catalog, trial: Trial, state: str = TRIAL_FINISHED, **fields: Any) -> Trial | None:
    """End a trial."""
    return catalog.end_trial(trial.sweep_key, trial.number, trial.attempt, TrialEnding(state, **fields))


class SweepSuite:
    """What every catalog promises of sweeps and trials."""

    # -- sweeps ---------------------------------------------------------------------------------------------------

    def test_a_new_sweep_is_pending(self, catalog: Catalog, tick: Tick) -> None:
        now = tick()
        config = {"method": "grid", "parameters": {"a": {"values": [1, None, "x", 0.5]}}, "odd": math.inf}
        sweep = catalog.add_sweep(new_sweep(name="first", config=config, limit=4, retry=2))
        assert (sweep.entity, sweep.project, sweep.id, sweep.name) == (ENTITY, PROJECT, "s1", "first")
        assert (sweep.config, sweep.limit, sweep.retry) == (config, 4, 2)
        assert (sweep.state, sweep.next_number, sweep.created_at) == (PENDING, 0, now)
        assert sweep.qualified_name == f"{ENTITY}/{PROJECT}/s1"
        assert catalog.sweep(ENTITY, PROJECT, "s1") == sweep
        assert [project.name for project in catalog.projects()] == [PROJECT]

    def test_a_sweep_id_is_taken_once_in_a_project(self, catalog: Catalog) -> None:
        first = catalog.add_sweep(new_sweep(name="first"))
        with pytest.raises(AlreadyExists, match="s1"):
            catalog.add_sweep(new_sweep(name="second"), [NewTrial({})])
        assert catalog.sweeps() == [first]
        assert catalog.trials(first.key) == []
        assert catalog.add_sweep(new_sweep(project="elsewhere")).key != first.key

    def test_sweeps_are_found_by_scope_and_state_newest_first(self, catalog: Catalog) -> None:
        made = {
            name: catalog.add_sweep(new_sweep(name, **scope))
            for name, scope in [("a", {}), ("b", {"project": "other"}), ("c", {"entity": "anna"}), ("d", {})]
        }
        catalog.update_sweep(made["a"].key, SweepChanges(state=PAUSED))

        def found(**asked: Any) -> str:
            return "".join(sweep.id for sweep in catalog.sweeps(**asked))

        assert found() == "dcba"
        assert found(entity=ENTITY) == "dba"
        assert found(entity=ENTITY, project=PROJECT) == "da"
        assert found(states=iter([PAUSED])) == "a"
        assert found(states=[PENDING], entity=ENTITY) == "db"
        assert found(states=[]) == ""
        assert catalog.sweep(ENTITY, PROJECT, "b") is None

    def test_changes_of_a_sweep_replace_what_they_name(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(name="n", config={"k": 1}, limit=3))
        changed = catalog.update_sweep(sweep.key, SweepChanges(limit=None, retry=1, config={"k": [2]}))
        assert (changed.limit, changed.retry, changed.config, changed.name) == (None, 1, {"k": [2]}, "n")
        assert catalog.update_sweep(sweep.key, SweepChanges(name=None)).name is None
        assert catalog.update_sweep(sweep.key, SweepChanges()) == catalog.sweep(ENTITY, PROJECT, "s1")

    def test_a_change_may_expect_a_state(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        with pytest.raises(Conflict, match="pending"):
            catalog.update_sweep(sweep.key, SweepChanges(state=STOPPED), expect=iter([RUNNING, PAUSED]))
        assert catalog.sweep(ENTITY, PROJECT, "s1") == sweep
        assert catalog.update_sweep(sweep.key, SweepChanges(state=STOPPED), expect=[PENDING]).state == STOPPED

    def test_what_is_not_there_is_not_found(self, catalog: Catalog) -> None:
        for call in (
            lambda: catalog.update_sweep(GONE, SweepChanges()),
            lambda: catalog.delete_sweep(GONE),
            lambda: catalog.add_trials(GONE, []),
            lambda: catalog.take_trial(GONE, "a", offer, silent_seconds=SILENT),
            lambda: catalog.rerun_trials(GONE, [FAILED]),
        ):
            with pytest.raises(NotFound, match="4711"):
                call()
        assert catalog.trials(GONE) == []
        assert catalog.trial_reports(GONE) == []
        assert catalog.trial_counts([GONE]) == {}
        assert catalog.ask_trials(GONE, STOP) == 0
        assert catalog.report_trial(GONE, 0, 1) == Standing(held=False)
        assert catalog.begin_trial(GONE, 0, 1, 1) == Standing(held=False)
        assert catalog.end_trial(GONE, 0, 1, TrialEnding(TRIAL_FINISHED)) is None

    def test_a_deleted_sweep_takes_its_trials_and_leaves_its_runs(self, catalog: Catalog, author: Author) -> None:
        sweep, other = catalog.add_sweep(new_sweep()), catalog.add_sweep(new_sweep("s2"))
        run = author.run("r1", sweep="s1")
        trial, kept = held(catalog, sweep), held(catalog, other)
        catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key)
        catalog.report_trial(sweep.key, trial.number, trial.attempt, [(1, 0.5)])
        catalog.delete_sweep(sweep.key)
        assert catalog.sweeps() == [catalog.sweep(ENTITY, PROJECT, "s2")]
        assert catalog.trials(sweep.key) == []
        assert catalog.trial_reports(sweep.key) == []
        assert catalog.report_trial(sweep.key, trial.number, trial.attempt, [(2, 0.5)]) == Standing(held=False)
        assert end(catalog, trial) is None
        assert catalog.runs() == [run]
        assert catalog.trials(other.key) == [kept]

    def test_the_run_of_a_trial_may_be_deleted(self, catalog: Catalog, author: Author) -> None:
        sweep, run = catalog.add_sweep(new_sweep()), author.run("r1")
        trial = held(catalog, sweep)
        catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key)
        end(catalog, trial)
        catalog.delete_run(run.key)
        (found,) = catalog.trials(sweep.key)
        assert (found.run_key, found.state) == (run.key, TRIAL_FINISHED)
        assert held(catalog, sweep).number == 1

    # -- handing out ----------------------------------------------------------------------------------------------

    def test_trials_are_made_as_they_are_taken(self, catalog: Catalog, tick: Tick) -> None:
        sweep = catalog.add_sweep(new_sweep())
        now = tick()
        taken = take(catalog, sweep)
        trial = taken.trial
        assert trial is not None
        assert (trial.sweep_key, trial.number, trial.params) == (sweep.key, 0, offer(0))
        assert (trial.state, trial.attempt, trial.agent) == (TRIAL_RUNNING, 1, "a1")
        assert (trial.started_at, trial.heartbeat_at, trial.ended_at) == (now, now, None)
        assert (trial.run_key, trial.values, trial.error, trial.asked) == (None, {}, None, None)
        assert (taken.sweep.state, taken.sweep.next_number, taken.now) == (RUNNING, 1, now)
        assert taken.sweep == catalog.sweep(ENTITY, PROJECT, "s1")
        assert catalog.trials(sweep.key) == [trial]
        assert [held(catalog, sweep, agent).number for agent in "bca"] == [1, 2, 3]

    def test_an_offer_is_asked_for_the_next_number_and_may_decline(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=9))
        asked: list[int] = []

        def only_two(number: int) -> Params | None:
            asked.append(number)
            return offer(number) if number < 2 else None

        numbers = [taken.number for _ in range(2) if (taken := take(catalog, sweep, offer=only_two).trial)]
        declined = take(catalog, sweep, offer=only_two)
        assert (numbers, declined.trial, asked) == ([0, 1], None, [0, 1, 2])
        assert (declined.sweep.state, declined.sweep.exhausted) == (RUNNING, False)
        assert len(catalog.trials(sweep.key)) == 2

    def test_an_offer_that_fails_leaves_nothing(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())

        def fail(number: int) -> Params:
            raise ValueError(f"no {number}")

        with pytest.raises(ValueError, match="no 0"):
            take(catalog, sweep, offer=fail)
        assert catalog.sweep(ENTITY, PROJECT, "s1") == sweep
        assert catalog.trials(sweep.key) == []

    def test_the_limit_ends_a_sweep_when_all_trials_are_over(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=2))
        first, second = held(catalog, sweep), held(catalog, sweep)
        none = take(catalog, sweep)
        assert (none.trial, none.sweep.state, none.sweep.exhausted) == (None, RUNNING, True)
        end(catalog, second)
        assert take(catalog, sweep).sweep.state == RUNNING
        end(catalog, first)
        found = catalog.sweep(ENTITY, PROJECT, "s1")
        assert found is not None
        assert found.state == FINISHED
        assert take(catalog, sweep).trial is None

    def test_a_sweep_that_is_halted_gives_nothing(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=5))
        trial = held(catalog, sweep)
        for state in (PAUSED, STOPPED, CANCELLED, FINISHED):
            catalog.update_sweep(sweep.key, SweepChanges(state=state))
            taken = take(catalog, sweep)
            assert (taken.trial, taken.sweep.state) == (None, state)
        assert end(catalog, trial) is not None
        catalog.update_sweep(sweep.key, SweepChanges(state=RUNNING))
        assert held(catalog, sweep).number == 1

    def test_a_higher_limit_goes_on_where_it_was(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1))
        end(catalog, held(catalog, sweep))
        changed = catalog.update_sweep(sweep.key, SweepChanges(limit=2, state=RUNNING), expect=[FINISHED])
        assert held(catalog, changed).params == offer(1)

    # -- silent agents --------------------------------------------------------------------------------------------

    def test_a_trial_of_a_silent_agent_is_given_again(self, catalog: Catalog, tick: Tick, author: Author) -> None:
        sweep, run = catalog.add_sweep(new_sweep()), author.run("r1")
        trial = held(catalog, sweep, "dead")
        catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key)
        catalog.report_trial(sweep.key, trial.number, trial.attempt, [(1, 0.5)])
        tick(SILENT)
        assert held(catalog, sweep, "a2").number == 1
        tick(0.5)
        again = held(catalog, sweep, "a3")
        assert (again.number, again.attempt, again.agent, again.params) == (0, 2, "a3", offer(0))
        assert (again.run_key, again.error, again.ended_at) == (None, None, None)
        assert catalog.trial_reports(sweep.key) == []
        # Who fell silent holds it no more.
        assert catalog.report_trial(sweep.key, 0, 1, [(2, 0.1)]) == Standing(held=False)
        assert catalog.begin_trial(sweep.key, 0, 1, run.key) == Standing(held=False)
        assert end(catalog, trial) is None
        assert catalog.trials(sweep.key, numbers=[0]) == [again]
        assert catalog.trial_reports(sweep.key) == []

    def test_a_sign_of_life_keeps_a_trial(self, catalog: Catalog, tick: Tick) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1))
        trial = held(catalog, sweep)
        for _ in range(3):
            now = tick(SILENT)
            assert catalog.report_trial(sweep.key, trial.number, trial.attempt) == Standing(held=True)
            taken = take(catalog, sweep, "a2")
            assert (taken.trial, taken.silent_since, taken.now) == (None, now, now)
        assert catalog.trials(sweep.key)[0].heartbeat_at == now

    def test_a_trial_of_an_agent_that_is_gone_is_given_at_once(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        held(catalog, sweep, "a1")
        held(catalog, sweep, "a2")
        again = held(catalog, sweep, "a3", gone=iter(["a1", "unknown"]))
        assert (again.number, again.attempt) == (0, 2)
        assert held(catalog, sweep, "a3", gone=["a1"]).number == 2

    def test_a_trial_that_kills_its_agents_is_given_up(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1, retry=1))
        for attempt in range(1, CRASHES_FORGIVEN + 3):
            assert held(catalog, sweep, f"a{attempt}", gone=[f"a{attempt - 1}"]).attempt == attempt
        taken = take(catalog, sweep, "b", gone=[f"a{attempt}"])
        (trial,) = catalog.trials(sweep.key)
        assert (taken.trial, trial.state, taken.sweep.state) == (None, CRASHED, FINISHED)
        assert trial.error == f"its agent a{attempt} is gone"
        assert trial.ended_at is not None

    def test_what_was_to_end_is_not_given_again(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=2))
        held(catalog, sweep, "a1")
        held(catalog, sweep, "a2")
        catalog.ask_trials(sweep.key, STOP, [0])
        catalog.ask_trials(sweep.key, PRUNE, [1])
        assert take(catalog, sweep, "a3", gone=["a1", "a2"]).trial is None
        assert [trial.state for trial in catalog.trials(sweep.key)] == [TRIAL_STOPPED, PRUNED]

    def test_a_halted_sweep_takes_back_and_gives_later(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1))
        held(catalog, sweep, "a1")
        catalog.update_sweep(sweep.key, SweepChanges(state=PAUSED))
        taken = take(catalog, sweep, "a2", gone=["a1"])
        assert (taken.trial, taken.silent_since) == (None, None)
        assert catalog.trial_counts([sweep.key]) == {sweep.key: {WAITING: 1}}
        catalog.update_sweep(sweep.key, SweepChanges(state=RUNNING))
        assert held(catalog, sweep, "a2").attempt == 2

    # -- ends -----------------------------------------------------------------------------------------------------

    def test_a_trial_ends_with_what_it_achieved(self, catalog: Catalog, tick: Tick, author: Author) -> None:
        sweep, run = catalog.add_sweep(new_sweep()), author.run("r1")
        trial = held(catalog, sweep)
        assert catalog.begin_trial(sweep.key, trial.number, trial.attempt, run.key) == Standing(held=True)
        now = tick()
        ended = end(catalog, trial, values={"loss": 0.25, "acc": math.inf}, error="a word")
        assert ended is not None
        assert (ended.state, ended.values, ended.error) == (TRIAL_FINISHED, {"loss": 0.25, "acc": math.inf}, "a word")
        assert (ended.ended_at, ended.run_key, ended.params) == (now, run.key, offer(0))
        assert catalog.trials(sweep.key) == [ended]
        assert end(catalog, trial, FAILED) is None
        assert catalog.trials(sweep.key) == [ended]

    def test_values_that_are_no_numbers_stay_what_they_are(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        end(catalog, held(catalog, sweep), values={"loss": math.nan, "acc": -math.inf})
        (trial,) = catalog.trials(sweep.key)
        assert math.isnan(trial.values["loss"])
        assert trial.values["acc"] == -math.inf

    def test_a_failed_trial_is_tried_as_often_as_it_may(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1, retry=2))
        states = []
        for _ in range(3):
            ended = end(catalog, held(catalog, sweep), FAILED, error="boom")
            assert ended is not None
            states.append((ended.state, ended.attempt, ended.error))
        assert states == [(WAITING, 1, "boom"), (WAITING, 2, "boom"), (FAILED, 3, "boom")]
        assert take(catalog, sweep).sweep.state == FINISHED

    def test_failed_trials_are_run_again_when_somebody_asks(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=4))
        trials = [held(catalog, sweep) for _ in range(4)]
        for trial, state in zip(trials, [FAILED, TRIAL_FINISHED, CRASHED, FAILED], strict=True):
            for _ in range(1 + CRASHES_FORGIVEN * (state == CRASHED)):
                ended = end(catalog, trial, state, values={"loss": 1.0}, error="boom")
                assert ended is not None
                trial = held(catalog, sweep) if ended.state == WAITING else trial
        assert catalog.rerun_trials(sweep.key, iter([FAILED, CRASHED]), iter([2, 3, 17])) == 2
        found = catalog.sweep(ENTITY, PROJECT, "s1")
        assert found is not None
        assert found.state == RUNNING
        again = held(catalog, sweep)
        assert (again.number, again.attempt, again.values, again.error) == (2, CRASHES_FORGIVEN + 2, {}, None)
        assert held(catalog, sweep).number == 3
        # It counts anew how often it may fail.
        crashed = end(catalog, again, CRASHED)
        assert crashed is not None
        assert crashed.state == WAITING
        assert catalog.rerun_trials(sweep.key, [FAILED]) == 1
        assert catalog.rerun_trials(sweep.key, [FAILED]) == 0

    def test_what_runs_or_waits_is_not_run_again(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        trial = held(catalog, sweep)
        catalog.add_trials(sweep.key, [NewTrial({"x": 1})])
        assert catalog.rerun_trials(sweep.key, [WAITING, TRIAL_RUNNING]) == 0
        assert catalog.rerun_trials(sweep.key, []) == 0
        assert catalog.trials(sweep.key, states=[TRIAL_RUNNING]) == [trial]

    # -- asking to end --------------------------------------------------------------------------------------------

    def test_running_trials_are_asked_to_end(self, catalog: Catalog, author: Author) -> None:
        sweep, run = catalog.add_sweep(new_sweep()), author.run("r1")
        trials = [held(catalog, sweep) for _ in range(3)]
        end(catalog, trials[0])
        assert catalog.ask_trials(sweep.key, PRUNE, iter([0, 1, 9])) == 1
        assert catalog.ask_trials(sweep.key, STOP) == 1
        assert [trial.asked for trial in catalog.trials(sweep.key)] == [None, PRUNE, STOP]
        assert catalog.report_trial(sweep.key, 1, 1) == Standing(True, PRUNE)
        assert catalog.begin_trial(sweep.key, 2, 1, run.key) == Standing(True, STOP)
        ended = [end(catalog, trials[1], FAILED, error="x"), end(catalog, trials[2], TRIAL_STOPPED)]
        assert [trial.state for trial in ended if trial] == [PRUNED, TRIAL_STOPPED]

    def test_cancelling_asks_what_runs_to_stop(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        trial = held(catalog, sweep)
        assert catalog.update_sweep(sweep.key, SweepChanges(state=CANCELLED)).state == CANCELLED
        assert catalog.report_trial(sweep.key, trial.number, trial.attempt) == Standing(True, STOP)

    # -- trials that somebody adds --------------------------------------------------------------------------------

    def test_earlier_trials_come_with_a_sweep(self, catalog: Catalog, author: Author, tick: Tick) -> None:
        run, now = author.run("r1"), tick()
        prior = [NewTrial({"x": 9}, None, TRIAL_FINISHED, run.key, {"loss": 0.5}), NewTrial({}, None, FAILED)]
        sweep = catalog.add_sweep(new_sweep(limit=1), iter(prior))
        first, second = catalog.trials(sweep.key, numbers=[-1]) + catalog.trials(sweep.key, numbers=[-2])
        assert (first.params, first.run_key, first.values, first.ended_at) == ({"x": 9}, run.key, {"loss": 0.5}, now)
        assert (second.state, second.attempt, sweep.next_number) == (FAILED, 0, 0)
        assert held(catalog, sweep).number == 0

    def test_trials_that_are_added_come_first_whatever_the_limit(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=1))
        end(catalog, held(catalog, sweep))
        added = catalog.add_trials(sweep.key, iter([NewTrial({"x": 7}), NewTrial({"x": 8})]))
        assert [(trial.number, trial.state, trial.params) for trial in added] == [
            (-1, WAITING, {"x": 7}),
            (-2, WAITING, {"x": 8}),
        ]
        assert [held(catalog, sweep).params for _ in range(2)] == [{"x": 8}, {"x": 7}]
        assert take(catalog, sweep).trial is None
        assert catalog.add_trials(sweep.key, [NewTrial({})])[0].number == -3

    def test_a_trial_of_the_search_may_be_added_under_its_number(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep(limit=3))
        (added,) = catalog.add_trials(sweep.key, [NewTrial(offer(0), 0)])
        assert (added.number, added.state) == (0, WAITING)
        for wrong in (0, 2):
            with pytest.raises(Conflict, match="is 1"):
                catalog.add_trials(sweep.key, [NewTrial({"lost": True}), NewTrial(offer(wrong), wrong)])
        assert [held(catalog, sweep).number for _ in range(2)] == [0, 1]
        catalog.add_trials(sweep.key, [NewTrial(offer(2), 2)])
        with pytest.raises(Conflict, match="all of its 3"):
            catalog.add_trials(sweep.key, [NewTrial(offer(3), 3)])
        assert [trial.number for trial in catalog.trials(sweep.key)] == [0, 1, 2]

    # -- reports --------------------------------------------------------------------------------------------------

    def test_reports_are_read_by_trial_and_iteration(self, catalog: Catalog) -> None:
        sweep, other = catalog.add_sweep(new_sweep()), catalog.add_sweep(new_sweep("s2"))
        trials = [held(catalog, sweep) for _ in range(2)]
        held(catalog, other)
        catalog.report_trial(other.key, 0, 1, [(1, 99.0)])
        for trial in reversed(trials):
            pairs = [(1, 1.0), (3, trial.number + 0.5)]
            assert catalog.report_trial(sweep.key, trial.number, 1, iter(pairs)) == Standing(held=True)
        catalog.report_trial(sweep.key, 1, 1, [(3, 2.5), (4, math.inf), (3, 3.5)])
        assert catalog.trial_reports(sweep.key) == [
            TrialReport(0, 1, 1.0),
            TrialReport(0, 3, 0.5),
            TrialReport(1, 1, 1.0),
            TrialReport(1, 3, 3.5),
            TrialReport(1, 4, math.inf),
        ]
        assert catalog.trial_reports(sweep.key, iterations=iter([3, 9])) == [
            TrialReport(0, 3, 0.5),
            TrialReport(1, 3, 3.5),
        ]
        assert catalog.trial_reports(sweep.key, numbers=iter([0]), iterations=[1]) == [TrialReport(0, 1, 1.0)]
        assert catalog.trial_reports(sweep.key, numbers=[]) == []

    def test_a_report_that_is_no_number_stays_none(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        held(catalog, sweep)
        catalog.report_trial(sweep.key, 0, 1, [(1, math.nan), (2, -math.inf)])
        first, second = catalog.trial_reports(sweep.key)
        assert math.isnan(first.value)
        assert second.value == -math.inf

    # -- reading --------------------------------------------------------------------------------------------------

    def test_trials_are_found_by_state_and_number(self, catalog: Catalog) -> None:
        sweep, other = catalog.add_sweep(new_sweep(retry=1)), catalog.add_sweep(new_sweep("s2"))
        trials = [held(catalog, sweep) for _ in range(4)]
        held(catalog, other)
        end(catalog, trials[1])
        end(catalog, trials[3], FAILED)

        def found(**asked: Any) -> list[int]:
            return [trial.number for trial in catalog.trials(sweep.key, **asked)]

        assert found() == [0, 1, 2, 3]
        assert found(states=iter([TRIAL_RUNNING])) == [0, 2]
        assert found(numbers=iter([3, 0, 3, 77])) == [0, 3]
        assert found(states=[WAITING, TRIAL_FINISHED], numbers=[0, 1]) == [1]
        assert found(states=[]) == found(numbers=[]) == []
        assert catalog.trial_counts(iter([sweep.key, sweep.key, GONE])) == {
            sweep.key: {TRIAL_RUNNING: 2, TRIAL_FINISHED: 1, WAITING: 1}
        }
        assert catalog.trial_counts([other.key, catalog.add_sweep(new_sweep("s3")).key]) == {
            other.key: {TRIAL_RUNNING: 1},
            catalog.sweeps()[0].key: {},
        }

    def test_many_numbers_are_one_question(self, catalog: Catalog) -> None:
        sweep = catalog.add_sweep(new_sweep())
        catalog.add_trials(sweep.key, [NewTrial({"x": number}) for number in range(3_000)])
        found = catalog.trials(sweep.key, numbers=range(-3_000, 0))
        assert [trial.params["x"] for trial in found] == list(range(2_999, -1, -1))

    def test_no_trial_is_lost_or_doubled_whatever_happens(self, catalog: Catalog, tick: Tick) -> None:
        """A hundred agents of which every third dies: each number is executed, and ends once."""
        sweep = catalog.add_sweep(new_sweep(limit=60))
        ended: list[int] = []
        for agent in count():
            taken = take(catalog, sweep, f"a{agent}")
            if taken.trial is None and taken.silent_since is None:
                break
            if taken.trial is None:
                tick(SILENT + 1)
            elif agent % 3:
                ended.append(taken.trial.number)
                assert end(catalog, taken.trial) is not None
        assert sorted(ended) == list(range(60))
        assert taken.sweep.state == FINISHED
