"""Agents as tasks of Ray, on a cluster of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.errors import ForebearError, InvalidInput
from forebear.records.sweeps import TRIAL_FINISHED, WAITING, SweepRecord
from forebear.sweeps.engines import launch
from tests.sweeps.engines import functions
from tests.sweeps.engines.machines import await_true, interrupted_while, is_there, waiting

ray: Any = pytest.importorskip("ray", reason="Ray is not installed: pip install 'forebear[ray]'")

if TYPE_CHECKING:
    from forebear.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster with two processors and one device of somebody's own, which agents find by themselves."""
    ray.init(num_cpus=2, resources={"board": 1}, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_agents_share_a_sweep(store: Store, grid: SweepRecord) -> None:
    scale = 10

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": run.config["x"] * scale})

    launch("ray", grid.id, agents=2, function=train)
    assert [trial.values["loss"] for trial in store.catalog.trials(grid.key)] == [10, 20, 30, 40, 50, 60]
    assert ray.is_initialized(), "what somebody else opened stays open"


def test_a_lost_agent_begins_again(store: Store, grid: SweepRecord) -> None:
    launch("ray", grid.id, function=functions.die_once)
    trials = store.catalog.trials(grid.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert trials[0].attempt == 2


def test_a_worker_that_is_killed_is_a_loss(store: Store, grid: SweepRecord, capsys: pytest.CaptureFixture[str],
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    import psutil

    monkeypatch.setenv("FOREBEAR_SILENT", "false")

    def train() -> None:
        import time
        from pathlib import Path

        with forebear.init() as run:
            if not Path("go-on").exists():
                Path(f"waits-{os.getpid()}").touch()
                time.sleep(60)
            run.log({"loss": 1.0})

    def kill() -> None:
        from pathlib import Path

        (pid,) = await_true(waiting)
        Path("go-on").touch()
        psutil.Process(pid).parent().kill()

    helper = threading.Thread(target=kill)
    helper.start()
    launch("ray", grid.id, function=train)
    helper.join()
    assert "it begins again (1 of 5)" in capsys.readouterr().err
    assert [trial.state for trial in store.catalog.trials(grid.key)] == [TRIAL_FINISHED] * 6
    assert not any(is_there(pid) for pid in waiting())


def test_an_interruption_reaches_the_workers(store: Store, begin: Callable[..., SweepRecord]) -> None:
    record = begin()

    with interrupted_while(waiting), pytest.raises(KeyboardInterrupt):
        launch("ray", record.id, function=functions.wait)
    assert {trial.state for trial in store.catalog.trials(record.key)} == {WAITING}
    assert not any(is_there(pid) for pid in waiting())


def test_needs_of_an_agent(store: Store, grid: SweepRecord) -> None:
    launch("ray://?num_cpus=0.5&board=1", grid.id, function=functions.train)
    assert len(store.catalog.trials(grid.key)) == 6
    with pytest.raises(InvalidInput, match="option num_gpus=many is no number"):
        launch("ray?num_gpus=many", grid.id, function=functions.train)


def test_a_function_that_cannot_be_sent_is_refused(grid: SweepRecord) -> None:
    lock = threading.Lock()
    with pytest.raises(InvalidInput, match="cannot be sent to other machines"):
        launch("ray", grid.id, function=lambda: lock)


def test_a_function_that_fails_everywhere_is_no_loss(grid: SweepRecord) -> None:
    with pytest.raises(ForebearError, match="1 of 1 agents failed: .* 3 trials failed"):
        launch("ray", grid.id, function=functions.fail)
