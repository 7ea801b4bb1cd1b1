"""Agents in processes of their own: how they begin, end, and are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from forebear.records.sweeps import TRIAL_FINISHED, WAITING, SweepRecord
from forebear.sweeps.engines import carrying
from forebear.sweeps.engines.carrying import Carrier, carry
from forebear.sweeps.engines.errand import ENDED, FAILED, LOST, STOPPED, Errand, Outcome
from tests.sweeps.engines import functions
from tests.sweeps.engines.machines import await_true, interrupted_while, is_there, waiting

if TYPE_CHECKING:
    from forebear.store.store import Store

Make = Callable[..., Errand]


def states(store: Store, sweep: SweepRecord) -> list[str]:
    return [trial.state for trial in store.catalog.trials(sweep.key)]


def carried(errand: Errand, asked: threading.Event | None = None) -> tuple[threading.Thread, list[Outcome]]:
    """Carry an errand in a thread."""
    found: list[Outcome] = []
    is_asked = (asked or threading.Event()).is_set
    thread = threading.Thread(target=lambda: found.append(carry(errand, is_asked, 0.02)))
    thread.start()
    return thread, found


def test_an_agent_executes_all_trials(store: Store, grid: SweepRecord, errand: Make) -> None:
    outcome = carry(errand(grid, functions.train))
    assert (outcome.kind, outcome.executed) == (ENDED, 6)
    assert "is finished" in outcome.words
    assert [trial.values["loss"] for trial in store.catalog.trials(grid.key)] == [1, 2, 3, 4, 5, 6]
    pids = {trial.agent.split(":")[1] for trial in store.catalog.trials(grid.key) if trial.agent}
    assert str(os.getpid()) not in pids


def test_an_agent_executes_as_many_as_it_is_told(store: Store, grid: SweepRecord, errand: Make) -> None:
    assert carry(errand(grid, functions.train, count=2)) == Outcome(ENDED, "", 2)
    assert states(store, grid) == [TRIAL_FINISHED] * 2


def test_an_agent_that_is_asked_to_end_leaves_its_trial_for_others(
    store: Store, grid: SweepRecord, errand: Make
) -> None:
    asked = threading.Event()
    thread, found = carried(errand(grid, functions.wait), asked)
    (pid,) = await_true(waiting)
    asked.set()
    thread.join()
    assert [outcome.kind for outcome in found] == [STOPPED]
    assert states(store, grid) == [WAITING]
    assert not is_there(pid)


def test_a_function_that_swallows_the_interruption_gets_no_further_trial(
    store: Store, grid: SweepRecord, errand: Make
) -> None:
    asked = threading.Event()
    thread, found = carried(errand(grid, functions.swallow), asked)
    await_true(waiting)
    asked.set()
    thread.join()
    assert [outcome.kind for outcome in found] == [STOPPED]
    assert states(store, grid) == [TRIAL_FINISHED, WAITING]


def test_an_agent_that_does_not_end_is_killed(grid: SweepRecord, errand: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "END_SECONDS", 0.5)
    asked = threading.Event()
    thread, found = carried(errand(grid, functions.wait_stubbornly), asked)
    (pid,) = await_true(waiting)
    asked.set()
    thread.join()
    assert found[0].kind == STOPPED
    assert "was killed" in found[0].words
    assert Path("interrupted").exists()
    assert not is_there(pid)


def test_an_agent_that_is_killed_is_lost(grid: SweepRecord, errand: Make) -> None:
    assert carry(errand(grid, functions.die)) == Outcome(LOST, "its process was ended by SIGKILL")


def test_an_agent_whose_trials_all_fail_has_failed(grid: SweepRecord, errand: Make) -> None:
    outcome = carry(errand(grid, functions.fail))
    assert (outcome.kind, outcome.executed) == (FAILED, 3)
    assert "3 trials failed in the first 60 s" in outcome.words


def test_what_an_agent_cannot_begin_with_is_said(grid: SweepRecord, errand: Make) -> None:
    good = errand(grid, functions.train)
    missing = carry(replace(good, sweep="local/p/gone"))
    assert missing.kind == FAILED
    assert "no sweep 'gone' in project local/p" in missing.words
    strange = carry(replace(good, function=b"cno_such_module\nf\n."))
    assert (strange.kind, strange.words) == (FAILED, "ModuleNotFoundError: No module named 'no_such_module'")


def test_an_agent_works_where_the_errand_was_written(
    grid: SweepRecord, errand: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = threading.Event()
    folder = tmp_path / "there"
    folder.mkdir()
    thread, _ = carried(replace(errand(grid, functions.wait), folder=str(folder)), asked)
    await_true(lambda: list(folder.glob("waits-*")))
    asked.set()
    thread.join()
    # Where that folder is not, it says so.
    assert carry(replace(errand(grid, functions.train, 1), folder="/no/such")).kind == ENDED
    assert "/no/such is not on this machine" in capfd.readouterr().err


def test_an_agent_ends_with_its_worker(store: Store, grid: SweepRecord, errand: Make, tmp_path: Path) -> None:
    """As where the system kills a worker: nobody is left to ask the agent."""
    import msgspec

    (tmp_path / "errand").write_bytes(msgspec.json.encode(errand(grid, functions.wait)))
    code = (
        "import sys, msgspec\n"
        "from forebear.sweeps.engines.carrying import carry\n"
        "from forebear.sweeps.engines.errand import Errand\n"
        "carry(msgspec.json.decode(open(sys.argv[1], 'rb').read(), type=Errand))\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "errand")])
    (pid,) = await_true(waiting)
    worker.kill()
    worker.wait()
    await_true(lambda: not is_there(pid))
    assert states(store, grid) == [WAITING]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_of_a_scheduler_end_an_agent_well(
    store: Store, grid: SweepRecord, errand: Make, number: signal.Signals
) -> None:
    thread, found = carried(errand(grid, functions.wait))
    (pid,) = await_true(waiting)
    os.kill(pid, signal.SIGUSR2)  # an announcement alone ends nothing
    os.kill(pid, number)
    thread.join()
    assert found == [Outcome(STOPPED)]
    assert states(store, grid) == [WAITING]


def test_ending_twice_is_ending_once(grid: SweepRecord, errand: Make) -> None:
    carrier = Carrier(errand(grid, functions.wait))
    (pid,) = await_true(waiting)
    carrier.end()
    carrier.end()
    assert not is_there(pid)


def test_an_interrupted_worker_ends_its_agent(store: Store, grid: SweepRecord, errand: Make) -> None:
    with interrupted_while(waiting):
        outcome = carry(errand(grid, functions.wait))
    assert outcome.kind == STOPPED
    assert states(store, grid) == [WAITING]


#: In a process of its own: threads that other tests left behind in this one open and close files as they like.
OPEN_FILES = """
import os, sys
from forebear.settings import load_settings
from forebear.sweeps.engines.carrying import carry
from forebear.sweeps.engines.errand import errand_for, packed
from forebear.sweeps.places import find_sweep
from tests.sweeps.engines import functions

found = find_sweep(sys.argv[1], create=False)

def carried(function, count=None):
    carry(errand_for(found.sweep, load_settings(), count=count, jobs=1, function=packed(function, "pickle")))

carried(functions.train, 1)
before = set(os.listdir("/proc/self/fd"))
carried(functions.train, 1)
carried(functions.die)
print(sorted(set(os.listdir("/proc/self/fd")) ^ before))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open files")
def test_nothing_is_left_open(grid: SweepRecord) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_FILES, f"{grid.entity}/{grid.project}/{grid.id}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
