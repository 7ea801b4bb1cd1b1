"""Agents that execute commands, killed at any moment: no trial is lost, none counts twice, and no process is left.

A sample by default; ``EVERY_KILL=1`` kills two hundred of them.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from forebear.records.sweeps import FINISHED, TRIAL_FINISHED, WAITING, SweepChanges, SweepRecord
from forebear.store.shared import close_stores, shared_store
from forebear.sweeps.children import Children
from forebear.sweeps.commands import CommandAgent, Options
from forebear.sweeps.lifecycle import begin_sweep
from forebear.sweeps.places import find_sweep
from forebear.sweeps.warden import marked
from tests.forked import child, die_at, wait
from tests.sweeps.processes import until

KILLS = 200 if os.environ.get("EVERY_KILL") else 8
AGENTS = 2
#: Points of the grid: more than are executed while agents are killed.
POINTS = 2_000
#: Seconds that an agent lives at most before it is killed; a trial takes a third of that.
LONGEST_LIFE = 0.6
DEADLINE = 900.0
pytestmark = pytest.mark.timeout(int(DEADLINE))
#: Says which attempt it is when its run has begun and again when that has ended.
SCRIPT = """
import os
import forebear
written = os.open("attempts", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
with forebear.init() as run:
    os.write(written, f"{os.environ['FOREBEAR_TRIAL']}\\n".encode())
    run.log({"loss": float(run.config["x"])})
"""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepRecord:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "STORE": str(tmp_path / "store"),
        "SILENT": "true",
        "CONSOLE": "off",
        "DISABLE_GIT": "true",
        "DISABLE_STATS": "true",
        "SAVE_REQUIREMENTS": "false",
        "AGENT_DISABLE_FLAPPING": "true",
        # By this the processes of the test are known.
        "TEST_MARK": tmp_path.name,
    }.items():
        monkeypatch.setenv(f"FOREBEAR_{name}", value)
    Path("train.py").write_text(SCRIPT)
    return begun(POINTS)


def begun(points: int) -> SweepRecord:
    config = {
        "method": "grid",
        "command": [sys.executable, "train.py"],
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": 1, "max": points}},
        "retry": KILLS,
    }
    return begin_sweep(shared_store(), config, "local", "p")


def executing(sweep: SweepRecord) -> None:
    options = Options(jobs=2, echo=False, grace=0.2, heartbeat=0.02, poll=0.005)
    CommandAgent(find_sweep(sweep.qualified_name), options).run()


def check(sweep: SweepRecord, points: int) -> None:
    """All points are finished, each with its own value, each attempt began once, and nobody is left."""
    catalog = shared_store().catalog
    trials = catalog.trials(sweep.key)
    assert [(trial.number, trial.params["x"]) for trial in trials] == [(n, n + 1) for n in range(points)]
    assert {trial.state for trial in trials} == {TRIAL_FINISHED}
    assert [trial.values for trial in trials] == [{"loss": float(trial.params["x"])} for trial in trials]
    attempts = Counter(Path("attempts").read_text().splitlines())
    assert max(attempts.values()) == 1
    assert {f"{trial.number}:{trial.attempt}" for trial in trials} <= set(attempts)
    runs = catalog.runs_by_key([trial.run_key or 0 for trial in trials])
    assert len(runs) == points
    assert {run.state for run in runs.values()} == {"finished"}
    assert [runs[trial.run_key or 0].config for trial in trials] == [trial.params for trial in trials]
    found = catalog.sweep("local", "p", sweep.id)
    assert found is not None
    assert (found.state, found.next_number) == (FINISHED, points)
    mark = f"FOREBEAR_TEST_MARK={os.environ['FOREBEAR_TEST_MARK']}".encode()
    until(lambda: not marked(mark))


def test_kills_at_random_lose_and_double_nothing(sweep: SweepRecord) -> None:
    lot = random.Random(19)
    close_stores()
    alive: dict[int, float] = {}
    killed = 0
    deadline = time.monotonic() + DEADLINE
    while killed < KILLS:
        assert time.monotonic() < deadline
        while len(alive) < AGENTS:
            pid = child(lambda: executing(sweep))
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
    assert 2 < points < POINTS
    catalog.update_sweep(sweep.key, SweepChanges(limit=points))
    close_stores()
    assert [wait(pid) for pid in [child(lambda: executing(sweep)) for _ in range(AGENTS)]] == [0] * AGENTS
    check(sweep, points)


STAGES = [
    (method, moment)
    for method in ("take_trial", "begin", "report_trial", "trials", "end_trial")
    for moment in ("before", "after")
]


@pytest.mark.parametrize(("method", "moment"), STAGES)
def test_an_agent_that_dies_at_any_stage_leaves_its_trials_to_others(
    sweep: SweepRecord, method: str, moment: str
) -> None:
    record = begun(3)
    close_stores()

    def dies() -> None:
        die_at(Children if method == "begin" else type(shared_store().catalog), method, moment)
        executing(record)

    assert wait(child(dies)) == -signal.SIGKILL
    left = shared_store().catalog.trial_counts([record.key])[record.key]
    assert left.get(WAITING, 0) == 0
    assert left != {TRIAL_FINISHED: 3}
    close_stores()
    assert wait(child(lambda: executing(record))) == 0
    check(record, 3)
