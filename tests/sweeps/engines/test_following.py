"""Agents of an engine followed to their ends: lost ones begin again, and nothing is left when somebody interrupts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import ForebearError, InvalidInput, NotFound
from forebear.records.sweeps import TRIAL_FINISHED, WAITING, SweepRecord
from forebear.sweeps.engines import carrying, following, launch
from forebear.sweeps.engines.following import Follower
from forebear.sweeps.lifecycle import cancel
from tests.sweeps.engines import functions
from tests.sweeps.engines.machines import Threads, await_true, is_there, waiting

if TYPE_CHECKING:
    from forebear.store.store import Store

Follow = Callable[..., Threads]
Begin = Callable[..., SweepRecord]


def in_a_thread(*steps: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=lambda: [step() for step in steps])
    thread.start()
    return thread


def interrupt(number: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def test_several_agents_share_a_sweep(
    store: Store, grid: SweepRecord, follow: Follow, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(grid, functions.train, agents=2)
    trials = store.catalog.trials(grid.key)
    assert [trial.values["loss"] for trial in trials] == [1, 2, 3, 4, 5, 6]
    assert {trial.attempt for trial in trials} == {1}
    said = capsys.readouterr().err
    assert f"sweep {grid.id}: 2 agents for threads" in said
    assert "agent 2 began on thread 1" in said
    assert "agent 1 ended after" in said
    assert f"sweep {grid.id}: all 2 agents have ended" in said


def test_a_lost_agent_begins_again(
    store: Store, grid: SweepRecord, follow: Follow, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(grid, functions.die_once)
    trials = store.catalog.trials(grid.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert [trial.attempt for trial in trials] == [2, 1, 1, 1, 1, 1]
    assert "agent 1 was lost: its process was ended by SIGKILL; it begins again (1 of 5)" in capsys.readouterr().err


def test_an_agent_that_is_lost_too_often_has_failed(
    begin: Begin, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_LOSSES", 1)
    with pytest.raises(
        ForebearError, match="1 of 1 agents failed: it was lost 2 times, at last so: .*SIGKILL"
    ) as caught:
        follow(begin(), functions.die)
    assert caught.value.code == "agents-failed"


def test_a_lost_agent_is_not_missed_where_nothing_is_left(
    store: Store, begin: Begin, follow: Follow, capsys: pytest.CaptureFixture[str]
) -> None:
    record = begin()
    follower = in_a_thread(lambda: await_true(waiting), lambda: cancel(store, record), lambda: os.kill(waiting()[0], 9))
    follow(record, functions.wait)
    follower.join()
    assert "begins again" not in capsys.readouterr().err


def test_agents_that_fail_are_named(grid: SweepRecord, follow: Follow, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ForebearError, match="1 of 1 agents failed: the agent of sweep .* 3 trials failed"):
        follow(grid, functions.fail)
    assert "agent 1 failed after 3 trials" in capsys.readouterr().err


def test_agents_without_room_are_let_go_once_nothing_is_left(
    store: Store,
    grid: SweepRecord,
    follow: Follow,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "TELL_SECONDS", 0.01)
    monkeypatch.setattr(following, "IDLE_SECONDS", 0.05)
    said: list[str] = []

    def told() -> bool:
        said.append(capsys.readouterr().err)
        return "no agent has begun yet; threads has no room that fits" in "".join(said)

    helper = in_a_thread(lambda: await_true(told), lambda: cancel(store, grid))
    follow(grid, functions.train, agents=2, room=0)
    helper.join()
    text = "".join(said) + capsys.readouterr().err
    assert "2 agents had not begun, and nothing is left for them" in text
    assert f"sweep {grid.id}: 0 of 6 trials ended, 0 run" in text
    assert store.catalog.trials(grid.key) == []


def test_an_interruption_ends_the_agents_and_leaves_their_trials(
    store: Store, begin: Begin, follow: Follow, capsys: pytest.CaptureFixture[str]
) -> None:
    record = begin()
    helper = in_a_thread(lambda: await_true(lambda: len(waiting()) == 2), interrupt)
    with pytest.raises(KeyboardInterrupt):
        follow(record, functions.wait, agents=2)
    helper.join()
    assert [trial.state for trial in store.catalog.trials(record.key)] == [WAITING] * 2
    assert not any(is_there(pid) for pid in waiting())
    assert "2 agents are asked to end; once more ends them at once" in capsys.readouterr().err


def test_a_second_interruption_does_not_wait(
    store: Store, begin: Begin, errand: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "END_SECONDS", 1.0)
    record = begin()
    helper = in_a_thread(
        lambda: await_true(waiting), interrupt, lambda: await_true(Path("interrupted").exists), interrupt
    )
    with Threads() as engine, pytest.raises(KeyboardInterrupt):
        Follower(engine, store, record, errand(record, functions.wait_stubbornly), 1, poll=0.02).run()
    helper.join()
    assert engine.killed == 1


def test_a_termination_has_the_status_of_its_signal(begin: Begin, follow: Follow) -> None:
    helper = in_a_thread(lambda: await_true(waiting), lambda: interrupt(signal.SIGTERM))
    with pytest.raises(SystemExit) as caught:
        follow(begin(), functions.wait)
    helper.join()
    assert caught.value.code == 128 + signal.SIGTERM


# -- what launch refuses before it asks anybody ---------------------------------------------------------------------


def test_launch_looks_first(grid: SweepRecord) -> None:
    with pytest.raises(NotFound, match="no sweep 'gone'"):
        launch("dask", "gone")
    with pytest.raises(InvalidInput, match="has neither program nor command"):
        launch("dask", grid.id)
    with pytest.raises(InvalidInput, match="there is no engine 'spark'"):
        launch("spark", grid.id, function=functions.train)
    with pytest.raises(InvalidInput, match="give more agents, not jobs"):
        launch("dask", grid.id, jobs=2, function=functions.train)
    for name in ("agents", "count", "jobs"):
        with pytest.raises(InvalidInput, match=f"{name} 0 is no whole number of at least 1"):
            launch("dask", grid.id, **{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_says_how_to(
    grid: SweepRecord, engine: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ForebearError, match=rf"--on {engine} needs .*pip install 'forebear\[{engine}\]'") as caught:
        launch(engine, grid.id, function=functions.train)
    assert caught.value.code == "engine-not-installed"
