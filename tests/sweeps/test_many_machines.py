"""One sweep of a team's store, and agents on machines that reach nothing but the database and the bucket."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

import forebear
from forebear.records.sweeps import TRIAL_FINISHED, TRIAL_RUNNING, SweepRecord
from forebear.store.shared import shared_store
from forebear.sweeps.lifecycle import begin_sweep
from tests.sweeps.engines.machines import ROOT, await_true
from tests.sweeps.machines_apart import Machine, Switch, switch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.store.store import Store
    from tests.team import Team

pytestmark = pytest.mark.server

TRAIN = """
import os, time
import forebear
from pathlib import Path

with forebear.init() as run:
    model = forebear.Artifact("model", type="model")
    with model.new_file("weights") as file:
        file.write(f"{os.uname().nodename} {run.config['x']}")
    run.log_artifact(model)
    run.log({"loss": run.config["x"]})
    Path(f"logged-{run.config['x']}").touch()
    while not Path("go-on").exists():
        time.sleep(0.02)
"""


class Place(NamedTuple):
    """A sweep over one number in a store that machines reach."""

    store: Store
    sweep: SweepRecord
    switch: Switch

    def agent(self, machine: Machine, *words: str) -> subprocess.Popen[str]:
        return machine.begin("-m", "forebear", "agent", self.sweep.qualified_name, *words)


@pytest.fixture
def place(team_servers: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with switch() as made:
        database, bucket = (urlsplit(url).port or 0 for url in (team_servers.database, team_servers.s3.url))
        url = team_servers.url(str(tmp_path))
        for port in (database, bucket):
            url = url.replace(f"127.0.0.1:{port}", made.relay(port).place)
        team_servers.enter(monkeypatch)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        for name, value in {"STORE": url, "DISABLE_GIT": "true", "DISABLE_STATS": "true", "CONSOLE": "off"}.items():
            monkeypatch.setenv(f"FOREBEAR_{name}", value)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        Path("train.py").write_text(TRAIN)
        store = shared_store()
        config = {
            "method": "grid",
            "metric": {"name": "loss"},
            "parameters": {"x": {"values": list(range(6))}},
            "program": "train.py",
        }
        yield Place(store, begin_sweep(store, config, "local", "p"), made)
        from forebear.store.shared import close_stores

        close_stores()


@contextlib.contextmanager
def ended(*agents: subprocess.Popen[str]) -> Iterator[None]:
    """Leave no agent behind."""
    try:
        yield
    finally:
        for agent in agents:
            if agent.poll() is None:
                os.killpg(agent.pid, signal.SIGTERM)
            agent.communicate(timeout=60)


def test_agents_of_three_machines_share_a_sweep(place: Place) -> None:
    agents = [place.agent(place.switch.machine()) for _ in range(3)]
    with ended(*agents):
        # Each has a trial that runs before any of them goes on.
        await_true(lambda: len(list(Path().glob("logged-*"))) == 3)
        running = place.store.catalog.trials(place.sweep.key, states=[TRIAL_RUNNING])
        hosts = [trial.agent.split(":")[0] for trial in running if trial.agent]
        assert len(set(hosts)) == 3
        Path("go-on").touch()
        assert [agent.wait(timeout=60) for agent in agents] == [0, 0, 0]
    trials = place.store.catalog.trials(place.sweep.key)
    assert [(trial.state, trial.attempt, trial.values["loss"]) for trial in trials] == [
        (TRIAL_FINISHED, 1, x) for x in range(6)
    ]
    # What each of them made came through the bucket.
    written = set()
    for version in range(6):
        folder = Path(forebear.Api(project="p").artifact(f"model:v{version}").download())
        written.add((folder / "weights").read_text())
    assert {line.split()[1] for line in written} == {str(x) for x in range(6)}
    assert {line.split()[0] for line in written} == set(hosts)


def test_a_cable_that_is_pulled_for_a_while_costs_no_trial(place: Place) -> None:
    machine = place.switch.machine()
    agent = place.agent(machine, "--count", "1")
    with ended(agent):
        await_true(lambda: list(Path().glob("logged-*")))
        machine.cut()
        Path("go-on").touch()
        with pytest.raises(subprocess.TimeoutExpired):
            agent.wait(timeout=2)  # it cannot say that the trial ended
        (trial,) = place.store.catalog.trials(place.sweep.key)
        assert trial.state == TRIAL_RUNNING
        machine.mend()
        assert agent.wait(timeout=100) == 0
    (trial,) = place.store.catalog.trials(place.sweep.key)
    assert (trial.state, trial.attempt, trial.values) == (TRIAL_FINISHED, 1, {"loss": 0.0})
