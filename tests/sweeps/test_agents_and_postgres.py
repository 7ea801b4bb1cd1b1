"""Agents of commands on a catalog in PostgreSQL, whose server crashes and comes back while they work."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest

from forebear.catalog import postgres_driver
from forebear.records.sweeps import FINISHED, TRIAL_FINISHED
from forebear.store.shared import close_stores, shared_store
from forebear.sweeps import patience
from forebear.sweeps.commands import CommandAgent, Options
from forebear.sweeps.lifecycle import begin_sweep
from forebear.sweeps.places import find_sweep
from tests import servers
from tests.sweeps.processes import DEADLINE, until

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

TRIALS = 6
CRASHES = 2
SCRIPT = """
import os, time
import forebear
written = os.open("attempts", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
with forebear.init() as run:
    os.write(written, f"{os.environ['FOREBEAR_TRIAL']}\\n".encode())
    for step in range(10):
        time.sleep(0.05)
        run.log({"loss": float(run.config["x"]) + step})
"""


def test_a_server_that_crashes_and_comes_back_costs_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The agent has no patience but its own: the driver's is over before the server is back.
    monkeypatch.setattr(postgres_driver, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.05)
    Path("train.py").write_text(SCRIPT)
    with servers.postgres(quick=False, own=True) as server:
        assert server.restart is not None
        for name, value in {
            "STORE": f"{server.url}?blobs={quote(str(tmp_path / 'blobs'))}",
            "SILENT": "true",
            "CONSOLE": "off",
            "DISABLE_GIT": "true",
            "DISABLE_STATS": "true",
        }.items():
            monkeypatch.setenv(f"FOREBEAR_{name}", value)
        config = {
            "method": "grid",
            "program": "train.py",
            "metric": {"name": "loss"},
            "parameters": {"x": {"min": 1, "max": TRIALS}},
        }
        sweep = begin_sweep(shared_store(), config, "local", "p")
        agent = CommandAgent(
            find_sweep(sweep.qualified_name), Options(jobs=2, echo=False, heartbeat=0.05, poll=0.05, grace=5)
        )
        thread = threading.Thread(target=agent.run)
        thread.start()
        for crash in range(CRASHES):
            until(lambda crash=crash: Path("attempts").exists() and len(Path("attempts").read_text()) > 8 * crash)
            server.restart(hard=True)
        thread.join(2 * DEADLINE)
        assert not thread.is_alive()
        catalog = shared_store().catalog
        trials = catalog.trials(sweep.key)
        assert [(trial.error, trial.state, trial.values, trial.attempt) for trial in trials] == [
            (None, TRIAL_FINISHED, {"loss": trial.params["x"] + 9.0}, 1) for trial in trials
        ]
        assert max(Counter(Path("attempts").read_text().splitlines()).values()) == 1
        assert (agent.executed, agent.gave_up) == (TRIALS, False)
        runs = catalog.runs_by_key([trial.run_key or 0 for trial in trials])
        assert {run.state for run in runs.values()} == {"finished"}
        found = catalog.sweep("local", "p", sweep.id)
        assert found is not None
        assert (found.state, len(trials)) == (FINISHED, TRIALS)
        close_stores()
