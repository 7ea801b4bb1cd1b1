"""Agents as tasks of Dask: workers of this process's cluster, and a scheduler with workers of its own over TCP."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import forebear
from forebear.errors import ForebearError, InvalidInput, StorageFailure
from forebear.records.sweeps import TRIAL_FINISHED, WAITING, SweepRecord
from forebear.settings import load_settings
from forebear.sweeps.engines import following, launch
from tests.servers import free_port
from tests.sweeps.engines import functions
from tests.sweeps.engines.machines import ROOT, await_true, interrupted_while, is_there, waiting

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'forebear[dask]'")

if TYPE_CHECKING:
    from forebear.store.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@contextlib.contextmanager
def running(*words: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of Dask until the block ends."""
    with (folder / f"{words[0]}-{time.monotonic_ns()}.log").open("wb") as log:
        line = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(line, stdout=log, stderr=log, env=environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def worker(address: str, folder: Path, *more: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run a worker, whose process is the worker itself."""
    return running("worker", f"tcp://{address}", "--no-nanny", "--local-directory", str(folder), *more, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dask")


def begun_scheduler(folder: Path) -> Iterator[str]:
    """A scheduler in a process of its own; its address behind ``dask://``."""
    port = free_port()
    with running("scheduler", "--host", "127.0.0.1", "--port", str(port), folder=folder):
        await_true(lambda: workers(f"127.0.0.1:{port}") is not None)
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def scheduler(folder: Path) -> Iterator[str]:
    """One for all tests of this module, with a worker of two threads; starting them takes seconds."""
    for address in begun_scheduler(folder):
        with worker(address, folder, "--nthreads", "2", "--resources", "BOARD=2"):
            await_true(lambda: workers(address) == 1)  # noqa: B023
            yield address


def workers(address: str) -> int | None:
    """How many workers a scheduler has; ``None`` where it does not answer yet."""
    try:
        with distributed.Client(f"tcp://{address}", timeout=2, set_as_default=False) as client:
            return len(client.scheduler_info(n_workers=-1)["workers"])
    except OSError:
        return None


def test_workers_of_this_machine(store: Store, grid: SweepRecord, capsys: pytest.CaptureFixture[str]) -> None:
    scale = 10  # goes along by value, as does the function itself

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": run.config["x"] * scale})

    launch("dask", grid.id, agents=2, function=train)
    assert [trial.values["loss"] for trial in store.catalog.trials(grid.key)] == [10, 20, 30, 40, 50, 60]


def test_a_scheduler_and_its_worker_over_tcp(
    store: Store, grid: SweepRecord, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_SILENT", "false")
    said: list[str] = []

    def note(text: str) -> None:
        said.append(text)
        if sum("began on" in line for line in said) == 2:
            Path("go-on").touch()

    monkeypatch.setattr(following, "termlog", note)

    def train() -> None:
        import time
        from pathlib import Path

        with forebear.init() as run:
            # Until it was seen where the agents are: they are quicker than one look otherwise.
            while not Path("go-on").exists():
                time.sleep(0.02)
            run.log({"loss": 1.0})

    launch(f"dask://{scheduler}", grid.id, agents=2, count=3, function=train)
    trials = store.catalog.trials(grid.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert len({trial.agent for trial in trials}) == 2
    assert said[0] == f"sweep {grid.id}: 2 agents for Dask at tcp://{scheduler}"
    assert any(line.startswith("agent 2 began on tcp://127.0.0.1:") for line in said)
    assert "agent 1 ended after 3 trials" in said


def test_commands_of_a_sweep_run_on_workers(store: Store, begin: Callable[..., SweepRecord], scheduler: str) -> None:
    Path("train.py").write_text(
        "import argparse, forebear\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--x', type=int)\n"
        "x = parser.parse_args().x\n"
        "with forebear.init() as run:\n"
        "    run.log({'loss': x * x})\n"
    )
    record = begin(method="grid", parameters={"x": {"values": [1, 2, 3]}}, program="train.py")
    launch(f"dask://{scheduler}", record.id, jobs=2)
    assert [trial.values["loss"] for trial in store.catalog.trials(record.key)] == [1, 4, 9]


def test_what_a_killed_worker_did_is_done_again(store: Store, grid: SweepRecord, scheduler: str, folder: Path) -> None:
    def train() -> None:
        import time
        from pathlib import Path

        with forebear.init() as run:
            Path(f"waits-{os.getpid()}").touch()
            while not Path("go-on").exists():
                time.sleep(0.02)
            run.log({"loss": 1.0})

    with worker(scheduler, folder, "--nthreads", "1", "--resources", "SHORT=1") as doomed:

        def kill() -> None:
            (pid,) = await_true(waiting)
            doomed.kill()
            await_true(lambda: not is_there(pid))
            Path("go-on").touch()

        helper = threading.Thread(target=kill)
        helper.start()
        launch_on_doomed = threading.Thread(
            target=lambda: launch(f"dask://{scheduler}?SHORT=1", grid.id, function=train, settings=load_settings())
        )
        launch_on_doomed.start()
        helper.join()
        # Its task waits for another worker that has what it needs.
        with worker(scheduler, folder, "--nthreads", "1", "--resources", "SHORT=1"):
            launch_on_doomed.join()
    trials = store.catalog.trials(grid.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * 6
    assert [trial.attempt for trial in trials] == [2, 1, 1, 1, 1, 1]
    assert not any(is_there(pid) for pid in waiting())


def test_an_interruption_reaches_the_workers(store: Store, begin: Callable[..., SweepRecord], scheduler: str) -> None:
    record = begin()

    # There is room for two; the third is taken out of the queue.
    with interrupted_while(lambda: len(waiting()) == 2), pytest.raises(KeyboardInterrupt):
        launch(f"dask://{scheduler}?BOARD=1", record.id, agents=3, function=functions.wait)
    assert [trial.state for trial in store.catalog.trials(record.key)] == [WAITING] * 2
    assert not any(is_there(pid) for pid in waiting())


def test_a_client_that_is_open_serves_and_stays_open(store: Store, grid: SweepRecord, scheduler: str) -> None:
    with distributed.Client(f"tcp://{scheduler}", set_as_default=False) as client:
        forebear.agent(grid.id, functions.train, on=client, agents=2)
        assert client.submit(sum, [1, 2]).result() == 3
    assert len(store.catalog.trials(grid.key)) == 6


def test_a_scheduler_that_goes_away_is_told_of(
    store: Store, begin: Callable[..., SweepRecord], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forebear.sweeps.engines import dask

    monkeypatch.setattr(dask, "_ANSWER_SECONDS", 2)
    record = begin()
    with running("scheduler", "--host", "127.0.0.1", "--port", str(port := free_port()), folder=folder) as process:
        await_true(lambda: workers(f"127.0.0.1:{port}") is not None)
        with worker(f"127.0.0.1:{port}", folder, "--nthreads", "1"):

            def kill() -> None:
                await_true(waiting)
                process.kill()

            helper = threading.Thread(target=kill)
            helper.start()
            with pytest.raises(StorageFailure, match="its workers end with it") as caught:
                launch(f"dask://127.0.0.1:{port}", record.id, function=functions.wait)
            helper.join()
        # The worker would close by itself after half a minute.
        await_true(lambda: not any(is_there(pid) for pid in waiting()))
    assert caught.value.code == "engine-unreachable"
    assert [trial.state for trial in store.catalog.trials(record.key)] == [WAITING]


def test_a_function_that_fails_everywhere_is_no_loss(grid: SweepRecord, scheduler: str) -> None:
    with pytest.raises(ForebearError, match="1 of 1 agents failed: .* 3 trials failed"):
        launch(f"dask://{scheduler}", grid.id, function=functions.fail)


def test_a_function_that_cannot_be_sent_is_refused_before_anything_runs(
    store: Store, grid: SweepRecord, scheduler: str
) -> None:
    lock = threading.Lock()
    with pytest.raises(InvalidInput, match="cannot be sent to other machines") as caught:
        launch(f"dask://{scheduler}", grid.id, function=lambda: lock)
    assert caught.value.code == "unpicklable-function"
    assert store.catalog.trials(grid.key) == []


def test_nobody_at_the_address(grid: SweepRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    from forebear.sweeps.engines import dask

    monkeypatch.setattr(dask, "_ANSWER_SECONDS", 1)
    with pytest.raises(StorageFailure, match="no scheduler of Dask answers at tcp://127.0.0.1:") as caught:
        launch(f"dask://127.0.0.1:{free_port()}", grid.id, function=functions.train)
    assert caught.value.code == "engine-unreachable"
    with pytest.raises(InvalidInput, match="the file of a scheduler ends in .json"):
        launch("dask:///shared/scheduler", grid.id, function=functions.train)
