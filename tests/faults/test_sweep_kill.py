"""Agents that are killed at any moment: no trial is lost, and none is executed by two.

A sample by default; ``EVERY_KILL=1`` kills two hundred of them.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import forebear
from forebear.records.sweeps import FINISHED, TRIAL_FINISHED, WAITING, SweepChanges, SweepRecord
from forebear.store.shared import close_stores, shared_store
from forebear.sweeps.agent import Agent
from forebear.sweeps.lifecycle import begin_sweep
from forebear.sweeps.places import find_sweep
from tests.faults.results import REPEATED, note
from tests.forked import child, die_at, wait

KILLS = 200 if os.environ.get("EVERY_KILL") else 80
AGENTS = 3
#: Points of the grid: more than are executed while agents are killed.
POINTS = 3_000
#: Seconds that an agent lives at most before it is killed.
LONGEST_LIFE = 0.08
DEADLINE = 120.0


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepRecord:
    for name, value in {
        "STORE": str(tmp_path / "store"),
        "SILENT": "true",
        "CONSOLE": "off",
        "DISABLE_GIT": "true",
        "DISABLE_STATS": "true",
        "SAVE_REQUIREMENTS": "false",
    }.items():
        monkeypatch.setenv(f"FOREBEAR_{name}", value)
    return begun(POINTS)


def begun(points: int) -> SweepRecord:
    config = {
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": 1, "max": points}},
        "early_terminate": {"type": "median", "min_trials": 10**6},
        "retry": KILLS,
    }
    return begin_sweep(shared_store(), config, "local", "p")


def executing(sweep: SweepRecord, file: Path) -> None:
    """Execute trials until there are no more; say in a file which attempts were begun and came to their end."""
    written = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def train() -> None:
        with forebear.init() as run:
            (held,) = shared_store().catalog.trials(sweep.key, numbers=[run.config["x"] - 1])
            os.write(written, f"{held.number} {held.attempt}\n".encode())
            run.log({"loss": float(run.config["x"])})

    Agent(find_sweep(sweep.qualified_name), train, heartbeat=5, poll=0.005).run()


def check(sweep: SweepRecord, file: Path, points: int) -> None:
    """All points are finished, each with its own value, and no attempt was executed by two."""
    catalog = shared_store().catalog
    trials = catalog.trials(sweep.key)
    assert [(trial.number, trial.params["x"]) for trial in trials] == [(n, n + 1) for n in range(points)]
    assert {trial.state for trial in trials} == {TRIAL_FINISHED}
    assert [trial.values for trial in trials] == [{"loss": float(trial.params["x"])} for trial in trials]
    attempts = Counter(file.read_text().splitlines())
    assert max(attempts.values()) == 1
    assert {int(line.split()[0]) for line in attempts} == set(range(points))
    found = catalog.sweep("local", "p", sweep.id)
    assert found is not None
    assert (found.state, found.next_number) == (FINISHED, points)


def test_kills_at_random_lose_and_double_nothing(sweep: SweepRecord, tmp_path: Path) -> None:
    lot = random.Random(17)
    file = tmp_path / "attempts"
    close_stores()
    alive: dict[int, float] = {}
    killed = 0
    deadline = time.monotonic() + DEADLINE
    while killed < KILLS:
        assert time.monotonic() < deadline
        while len(alive) < AGENTS:
            pid = child(lambda: executing(sweep, file))
            alive[pid] = time.monotonic() + lot.random() * LONGEST_LIFE
        pid = min(alive, key=alive.__getitem__)
        time.sleep(max(0.0, alive.pop(pid) - time.monotonic()))
        os.kill(pid, signal.SIGKILL)
        killed += wait(pid) == -signal.SIGKILL
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        wait(pid)
    # What is left is executed by agents that live, of a grid that is not longer than what was begun.
    catalog = shared_store().catalog
    record = catalog.sweep("local", "p", sweep.id)
    assert record is not None
    points = max(record.next_number, AGENTS)
    assert 20 < points < POINTS
    catalog.update_sweep(sweep.key, SweepChanges(limit=points))
    close_stores()
    assert [wait(pid) for pid in [child(lambda: executing(sweep, file)) for _ in range(AGENTS)]] == [0] * AGENTS
    check(sweep, file, points)
    assert max(trial.attempt for trial in shared_store().catalog.trials(sweep.key)) > 1
    for number in range(killed):
        note("many processes", "agents of a sweep", f"SIGKILL at kill {number}", REPEATED)


STAGES = [
    (method, moment)
    for method in ("take_trial", "begin_trial", "report_trial", "append_history", "update_run", "end_trial")
    for moment in ("before", "after")
]


@pytest.mark.parametrize(("method", "moment"), STAGES)
def test_an_agent_that_dies_at_any_stage_leaves_its_trial_to_others(
    sweep: SweepRecord, tmp_path: Path, method: str, moment: str
) -> None:
    record, file = begun(3), tmp_path / "attempts"
    close_stores()

    def dies() -> None:
        die_at(type(shared_store().catalog), method, moment)
        executing(record, file)

    assert wait(child(dies)) == -signal.SIGKILL
    left = shared_store().catalog.trial_counts([record.key])[record.key]
    assert left.get(WAITING, 0) == 0
    assert left != {TRIAL_FINISHED: 3}
    close_stores()
    assert wait(child(lambda: executing(record, file))) == 0
    check(record, file, 3)
