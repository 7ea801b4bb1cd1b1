"""Agents as jobs through submitit: its executor of this machine, and stand-ins for the commands of Slurm."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import forebear
from forebear.errors import ForebearError, InvalidInput, Unsupported
from forebear.records.sweeps import TRIAL_FINISHED, WAITING, SweepRecord
from forebear.settings import load_settings
from forebear.sweeps.engines import launch
from forebear.sweeps.engines.address import parse_address
from forebear.sweeps.engines.errand import ENDED, STOPPED
from forebear.sweeps.engines.slurm import connect
from tests.sweeps.engines import functions
from tests.sweeps.engines.machines import await_true, interrupted_while, is_there, waiting

submitit = pytest.importorskip("submitit", reason="submitit is not installed: pip install 'forebear[slurm]'")

if TYPE_CHECKING:
    from forebear.store.store import Store
    from forebear.sweeps.engines.errand import Errand

LOCAL = "slurm://?cluster=local"


def test_jobs_of_this_machine(store: Store, grid: SweepRecord, capsys: pytest.CaptureFixture[str]) -> None:
    scale = 10

    def train() -> None:
        with forebear.init() as run:
            print("a line of the trial")
            run.log({"loss": run.config["x"] * scale})

    launch(LOCAL, grid.id, agents=2, function=train)
    assert [trial.values["loss"] for trial in store.catalog.trials(grid.key)] == [10, 20, 30, 40, 50, 60]
    (folder,) = Path("forebear-agents").iterdir()
    assert "a line of the trial" in "".join(file.read_text() for file in folder.glob("*_log.out"))
    # Passwords may be in what jobs were given: nobody else may look, and it is gone afterwards.
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.glob("*submitted.pkl")) == []


def test_a_job_that_is_killed_begins_again(store: Store, grid: SweepRecord, capsys: pytest.CaptureFixture[str]) -> None:
    launch(LOCAL, grid.id, function=functions.die_once)
    trials = store.catalog.trials(grid.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert trials[0].attempt == 2


def test_an_interruption_reaches_the_jobs(store: Store, begin: Callable[..., SweepRecord]) -> None:
    record = begin()

    with interrupted_while(waiting), pytest.raises(KeyboardInterrupt):
        launch(LOCAL, record.id, function=functions.wait)
    assert [trial.state for trial in store.catalog.trials(record.key)] == [WAITING]
    assert not any(is_there(pid) for pid in waiting())


def test_a_job_whose_time_is_up_ends_its_agent_and_stands_in_the_queue_again(
    store: Store, begin: Callable[..., SweepRecord], errand: Callable[..., Errand]
) -> None:
    record = begin()
    with connect(parse_address(LOCAL), 1, 1) as engine:
        handle = engine.begin(errand(record, functions.wait), "one")
        (first,) = await_true(waiting)
        psutil.Process(first).parent().send_signal(signal.SIGUSR2)  # what Slurm does some seconds before the end
        await_true(lambda: not is_there(first))
        await_true(lambda: len(waiting()) == 2)
        (trial,) = store.catalog.trials(record.key)
        assert trial.attempt == 2, "the new agent has the trial of the old one"
        assert engine.look([handle])[0].outcome is None
        engine.stop([handle])
        outcome = await_true(lambda: engine.look([handle])[0].outcome)
    assert outcome.kind == STOPPED
    assert not any(is_there(pid) for pid in waiting())


def test_jobs_go_on_without_who_launched_them(store: Store, grid: SweepRecord, errand: Callable[..., Errand]) -> None:
    with connect(parse_address(LOCAL), 1, 1) as engine:
        handle = engine.begin(errand(grid, functions.train), "one")
    assert await_true(lambda: engine.look([handle])[0].outcome).kind == ENDED
    assert len(store.catalog.trials(grid.key)) == 6


def test_a_cancelled_job_leaves_nothing(begin: Callable[..., SweepRecord], errand: Callable[..., Errand]) -> None:
    with connect(parse_address(LOCAL), 1, 1) as engine:
        handle = engine.begin(errand(begin(), functions.wait), "one")
        (pid,) = await_true(waiting)
        engine.kill([handle])
        await_true(lambda: not is_there(pid))
        assert await_true(lambda: engine.look([handle])[0].outcome) is not None


def test_a_function_that_fails_everywhere_is_no_loss(grid: SweepRecord) -> None:
    with pytest.raises(ForebearError, match="1 of 1 agents failed: .* 3 trials failed"):
        launch(LOCAL, grid.id, function=functions.fail)


# -- what is asked of Slurm -----------------------------------------------------------------------------------------


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands with the names of Slurm's, which keep what they were called with; jobs wait until they are cancelled."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, lines in {
        "srun": "exit 0",
        "sbatch": f"cp \"$1\" {tmp_path}/script; echo 'Submitted batch job 17'",
        "sacct": f"echo 'JobID|State'; [ -e {tmp_path}/gone ] && echo '17|CANCELLED by 0' || echo '17|PENDING'",
        "scancel": f"touch {tmp_path}/gone",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path


def test_options_become_those_of_sbatch(grid: SweepRecord, errand: Callable[..., Errand], slurm: Path) -> None:
    address = parse_address("slurm://gpu?time=240&gpus_per_node=1&mem_gb=16&qos=night&constraint=a100&account=ml")
    with connect(address, 1, 4) as engine:
        handle = engine.begin(errand(grid, functions.train), "one")
        script = (slurm / "script").read_text()
        for line in ("partition=gpu", "time=240", "gpus-per-node=1", "mem=16GB", "qos=night", "constraint=a100",
                     "account=ml", "cpus-per-task=4", "signal=USR2@60"):  # fmt: skip
            assert f"#SBATCH --{line}\n" in script
        look = engine.look([handle])[0]
        assert (look.outcome, look.runs) == (None, False)
        engine.stop([handle])
        assert (slurm / "gone").exists(), "one that waits is cancelled"
        # Slurm is asked from time to time; what it says then is that the job is gone.
        handle.job.watcher.update()
        outcome = engine.look([handle])[0].outcome
    assert outcome is not None
    assert (outcome.kind, outcome.words) == (STOPPED, "job 17 was cancelled")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("tme=3", "Unknown argument 'tme'"),
        ("time=soon", "timeout_min 'soon' is no number"),
        ("time=0.5", "timeout_min"),
    ],
)
def test_options_that_are_wrong_are_refused(grid: SweepRecord, slurm: Path, options: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=f"--on slurm: .*{said}") as caught:
        launch(f"slurm://gpu?{options}", grid.id, function=functions.train)
    assert caught.value.code == "engine-option"
    assert list(Path().glob("forebear-agents/*")) == []


def test_without_slurm_it_says_so(grid: SweepRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unsupported, match="the commands of Slurm must be on the PATH") as caught:
        launch("slurm", grid.id, settings=load_settings(), function=functions.train)
    assert caught.value.code == "engine-not-installed"
