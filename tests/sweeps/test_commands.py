"""Agents that execute commands: what a trial gets, how it ends, and what may happen to it and its agent meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import InvalidInput, NotFound, StorageFailure
from forebear.records.sweeps import (
    CANCELLED,
    FAILED,
    FINISHED,
    PRUNE,
    PRUNED,
    RUNNING,
    STOPPED,
    TRIAL_FINISHED,
    TRIAL_STOPPED,
    WAITING,
    SweepRecord,
    Trial,
)
from forebear.store.shared import shared_store
from forebear.sweeps import commands, patience
from forebear.sweeps.agent import agent
from forebear.sweeps.commands import CommandAgent, Options, log_folder, run_agent
from forebear.sweeps.lifecycle import begin_sweep, cancel, pause, resume, stop
from forebear.sweeps.places import find_sweep
from forebear.sweeps.taking import shown_params
from tests.sweeps.processes import DEADLINE, is_gone, number_in, until
from tests.sweeps.test_macros import HOSTILE

if TYPE_CHECKING:
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]

#: As people write it: it knows nothing of sweeps.
SCRIPT = """
import forebear
with forebear.init(config={"x": -1, "lr": 0.5}) as run:
    run.log({"loss": run.config.x + run.config.lr})
"""
#: Says in a file who it is, and lives until somebody ends it.
SLEEPER = """
import os, sys, time
with open(f"up-{os.environ['FOREBEAR_TRIAL']}", "w") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(60)
"""
GRID = {"x": {"values": [1, 2, 3]}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def grid(begin: Begin) -> Begin:
    """Begins a grid whose program is a script with this code, or that has another command."""

    def begun(code: str = SCRIPT, **keys: Any) -> SweepRecord:
        Path("train.py").write_text(code)
        return begin(**({"method": "grid", "parameters": GRID, "program": "train.py"} | keys))

    return begun


def python(code: str, *words: str) -> list[str]:
    """A command that executes code and begins quickly."""
    return [sys.executable, "-I", "-S", "-c", code, *words]


def quick(sweep: SweepRecord, **options: Any) -> CommandAgent:
    """An agent that does not wait long."""
    given = {"heartbeat": 0.02, "poll": 0.01, "grace": 0.3, "echo": False}
    return CommandAgent(find_sweep(sweep.qualified_name), Options(**(given | options)))


def trials(store: Store, sweep: SweepRecord) -> list[Trial]:
    return store.catalog.trials(sweep.key)


def states(store: Store, sweep: SweepRecord) -> list[str]:
    return [trial.state for trial in trials(store, sweep)]


def beside(agent: CommandAgent) -> threading.Thread:
    """Let an agent work in a thread."""
    thread = threading.Thread(target=agent.run)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> None:
    thread.join(DEADLINE)
    assert not thread.is_alive()


# -- what a trial gets ------------------------------------------------------------------------------------------------


def test_a_script_that_knows_nothing_of_sweeps(store: Store, grid: Begin) -> None:
    sweep = grid()
    agent(sweep.id)
    found = trials(store, sweep)
    assert [(trial.state, trial.values) for trial in found] == [(TRIAL_FINISHED, {"loss": x + 0.5}) for x in (1, 2, 3)]
    runs = store.catalog.runs_by_key([trial.run_key or 0 for trial in found])
    assert [runs[trial.run_key or 0].config for trial in found] == [{"x": x, "lr": 0.5} for x in (1, 2, 3)]
    assert {(run.project, run.sweep, run.state) for run in runs.values()} == {("p", sweep.id, "finished")}
    assert store.catalog.sweeps()[0].state == FINISHED


TELLS = """
import json, os, sys
with open("told-" + os.environ["FOREBEAR_TRIAL"].replace(":", "-"), "w") as file:
    json.dump([sys.argv[1:], dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid()], file)
"""


def told(number: int = 0, attempt: int = 1) -> list[Any]:
    found: list[Any] = json.loads(Path(f"told-{number}-{attempt}").read_text())
    return found


def test_what_the_process_is_told(store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", "/data; rm -rf")
    params = {"x": {"values": [1]}, "opt": {"parameters": {"lr": {"values": [0.1]}, "amp": {"values": [True]}}}}
    command = python(TELLS, "${args}", "d=${envvar:DATA}", "${args_json_file}", "${args_no_boolean_flags}")
    sweep = grid(command=command, parameters=params)
    run_agent(sweep.id, count=1)
    words, environment, folder, leads = told()
    (file,) = [word for word in words if word.endswith(".json")]
    assert json.loads(Path(file).read_text()) == {"x": 1, "opt": {"lr": 0.1, "amp": True}}
    assert words == ["--x=1", "--opt.lr=0.1", "--opt.amp=True", "d=/data; rm -rf", file] + [
        "--x=1",
        "--opt.lr=0.1",
        "--opt.amp",
    ]
    expected = {
        "FOREBEAR_STORE": store.url,
        "FOREBEAR_ENTITY": "local",
        "FOREBEAR_PROJECT": "p",
        "FOREBEAR_SWEEP_ID": sweep.id,
        "FOREBEAR_TRIAL": "0:1",
        "FOREBEAR_SLOT": "0",
        "PYTHONUNBUFFERED": "1",
        "DATA": "/data; rm -rf",
    }
    assert environment | expected == environment
    assert (folder, leads) == (os.getcwd(), True)


def test_no_value_is_obeyed(store: Store, grid: Begin, folder: Path) -> None:
    """Each hostile text is a parameter's value, and all of them arrive as they are, in one process."""
    texts = [text for text in HOSTILE if text.isprintable() or text in "\n\r\x1b[31m"]
    params = {f"p{index}": {"values": [text]} for index, text in enumerate(texts)}
    sweep = grid(command=python(TELLS, "${args}", "${args_no_hyphens}", "${args_json}"), parameters=params)
    before = sorted(path.name for path in folder.iterdir())
    run_agent(sweep.id)
    words = told()[0]
    count = len(texts)
    assert words[:count] == [f"--p{index}={text}" for index, text in enumerate(texts)]
    assert words[count : 2 * count] == [f"p{index}={text}" for index, text in enumerate(texts)]
    assert json.loads(words[2 * count]) == {f"p{index}": text for index, text in enumerate(texts)}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "told-0-1"])
    assert states(store, sweep) == [TRIAL_FINISHED]


def test_parameters_are_shown_on_one_line() -> None:
    params = {"lr": 0.1, "a\x1b[2J": "b\nc", "long": "x" * 500, "group": {"kind": "\x1b"}}
    text = shown_params(params)
    assert text.startswith(r"lr=0.1, 'a\x1b[2J'='b\nc', long='xxx")
    assert text.endswith("…, group={'kind': '\\x1b'}")
    assert text.isprintable()
    assert len(text) < 150


@pytest.mark.parametrize(("value", "said"), [("a\0b", "null byte"), ("x" * 3_000_000, "Argument list too long")])
def test_values_that_no_argument_can_hold(store: Store, grid: Begin, value: str, said: str) -> None:
    sweep = grid(command=python("pass", "${args}"), parameters={"x": {"values": [value]}})
    quick(sweep).run()
    (trial,) = trials(store, sweep)
    assert trial.state == FAILED
    assert said in (trial.error or "")


def test_places_are_never_shared_and_given_back(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The first two wait for each other, so they run at the same time; the third has the place of one of them."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    waits = f"""
{TELLS}
import time
number = os.environ["FOREBEAR_TRIAL"][0]
while number != "2" and not os.path.exists(f"told-{{1 - int(number)}}-1"):
    time.sleep(0.005)
"""
    sweep = grid(command=python(waits))
    quick(sweep, jobs=2).run()
    assert states(store, sweep) == [TRIAL_FINISHED] * 3
    places = [(told(number)[1]["FOREBEAR_SLOT"], told(number)[1]["CUDA_VISIBLE_DEVICES"]) for number in range(3)]
    assert sorted(places[:2]) == [("0", "5"), ("1", "7")]
    assert places[2] in places[:2]


def test_what_it_prints_is_shown_and_kept(store: Store, grid: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os, sys; print('to', os.environ['FOREBEAR_TRIAL']); print('and more', file=sys.stderr)"
    sweep = grid(command=python(code))
    CommandAgent(find_sweep(sweep.id), Options(jobs=2)).run()
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        line for number in range(3) for line in (f"[{number}] to {number}:1", f"[{number}] and more")
    )
    logs = log_folder(store, sweep)
    assert sorted(path.name for path in logs.iterdir()) == ["0-1.log", "1-1.log", "2-1.log"]
    assert sorted((logs / "2-1.log").read_text().splitlines()) == ["and more", "to 2:1"]


# -- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state", "error"),
    [
        ("import sys; sys.exit('no luck')", FAILED, "exit status 1: no luck"),
        ("import os; os.kill(os.getpid(), 11)", FAILED, "ended by SIGSEGV"),
        ("print('fine')", TRIAL_FINISHED, "the command ended without init()"),
    ],
)
def test_how_processes_end(store: Store, grid: Begin, code: str, state: str, error: str) -> None:
    sweep = grid(command=python(code))
    quick(sweep, count=1).run()
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.error, trial.values) == (state, error, {})


def test_a_metric_that_was_never_logged(store: Store, grid: Begin) -> None:
    sweep = grid(SCRIPT.replace('"loss"', '"los"'))
    quick(sweep, count=1).run()
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.values) == (TRIAL_FINISHED, {})
    assert trial.error == "metric loss was never logged as a number; logged was los"


def test_a_failure_keeps_what_was_logged(store: Store, grid: Begin) -> None:
    sweep = grid(SCRIPT + "    raise ValueError('late')\n")
    quick(sweep, count=1).run()
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.values) == (FAILED, {"loss": 1.5})
    assert trial.error == "exit status 1: ValueError: late"


def test_what_a_killed_run_logged_counts(store: Store, grid: Begin) -> None:
    """Nobody ended the run: its journal is taken in when its trial is judged."""
    sweep = grid(SCRIPT + "    import os; os.kill(os.getpid(), 9)\n")
    quick(sweep, count=1).run()
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.values, trial.error) == (FAILED, {"loss": 1.5}, "ended by SIGKILL")
    run = store.catalog.runs_by_key([trial.run_key or 0])[trial.run_key or 0]
    assert (run.state, run.summary["loss"]) == ("crashed", 1.5)


def test_failed_trials_are_tried_again_as_often_as_they_may(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_AGENT_DISABLE_FLAPPING", "true")
    code = "import os, sys; sys.exit(os.environ['FOREBEAR_TRIAL'] in ('0:1', '0:2', '1:1'))"
    sweep = grid(command=python(code), retry=1, parameters={"x": {"values": [1, 2]}})
    quick(sweep).run()
    assert [(trial.state, trial.attempt) for trial in trials(store, sweep)] == [(FAILED, 2), (TRIAL_FINISHED, 2)]
    assert len(list(log_folder(store, sweep).iterdir())) == 4


def test_trials_that_take_too_long_are_ended(store: Store, grid: Begin) -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}"
    sweep = grid(command=python(stubborn))
    quick(sweep, count=1, timeout=0.4, grace=0.1).run()
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.error) == (FAILED, "it took longer than the 0.4 s that it may")
    assert is_gone(number_in(Path("up-0:1")))


# -- giving up --------------------------------------------------------------------------------------------------------


def test_an_agent_whose_trials_all_fail_at_once_gives_up(
    store: Store, grid: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = grid(command=["no-such-program-anywhere"], parameters={"x": {"min": 1, "max": 100}})
    found = quick(sweep, jobs=8)
    found.run()
    assert found.gave_up
    assert "3 trials failed in the first 60 s" in (found.why or "")
    assert 3 <= found.executed <= 8
    first = trials(store, sweep)[0]
    assert "it could not be begun: [Errno 2] No such file" in (first.error or "")


def test_or_goes_on_where_that_was_said(store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_AGENT_DISABLE_FLAPPING", "true")
    sweep = grid(command=["false"], parameters={"x": {"min": 1, "max": 12}})
    found = quick(sweep, jobs=3)
    found.run()
    assert (found.gave_up, found.executed) == (False, 12)
    assert states(store, sweep) == [FAILED] * 12


def test_or_after_as_many_failures_as_may_come_first(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_AGENT_MAX_INITIAL_FAILURES", "2")
    found = quick(grid(command=["false"]))
    found.run()
    assert (found.gave_up, found.executed) == (True, 2)


# -- what there is to execute -----------------------------------------------------------------------------------------


def test_neither_program_nor_command(begin: Begin) -> None:
    sweep = begin()
    with pytest.raises(InvalidInput, match="has neither program nor command"):
        agent(sweep.id)


@pytest.mark.parametrize("word", ["${envvar:NONE}", "${program}"])
def test_what_is_missing_is_found_out_before_a_trial_is_taken(store: Store, begin: Begin, word: str) -> None:
    sweep = begin(command=["true", word])
    with pytest.raises(InvalidInput, match=r"is not set|program: it is missing"):
        run_agent(sweep.id)
    assert trials(store, sweep) == []


def test_no_such_sweep(store: Store) -> None:
    with pytest.raises(NotFound, match="no sweep 'none'"):
        run_agent("none")


def test_no_more_than_its_count(store: Store, grid: Begin) -> None:
    sweep = grid(command=["true"], parameters={"x": {"min": 1, "max": 50}})
    found = quick(sweep, jobs=4, count=6)
    found.run()
    assert (found.executed, found.why) == (6, None)
    assert states(store, sweep) == [TRIAL_FINISHED] * 6


def test_two_agents_share_a_grid(store: Store, grid: Begin) -> None:
    sweep = grid(command=["true"], parameters={"x": {"min": 1, "max": 30}})
    found = [quick(sweep, jobs=2) for _ in range(2)]
    for thread in [beside(one) for one in found]:
        ended(thread)
    assert [trial.attempt for trial in trials(store, sweep)] == [1] * 30
    assert sum(one.executed for one in found) == 30


def test_two_stores_have_nothing_to_do_with_each_other(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = grid()
    here = quick(sweep)
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "other"))
    with pytest.raises(NotFound):
        find_sweep(sweep.id)
    other = shared_store()
    twin = begin_sweep(other, sweep.config, "local", "p")
    there = quick(twin)
    for thread in [beside(here), beside(there)]:
        ended(thread)
    for one, its in ((store, sweep), (other, twin)):
        found = trials(one, its)
        assert [(trial.state, trial.values["loss"]) for trial in found] == [
            (TRIAL_FINISHED, x + 0.5) for x in (1, 2, 3)
        ]
        assert len(one.catalog.runs()) == 3


# -- being asked to end -----------------------------------------------------------------------------------------------


def sleeping(grid: Begin, **keys: Any) -> SweepRecord:
    return grid(command=python(SLEEPER), **keys)


def up(trial: str) -> int:
    """The process of a trial, once it is there."""
    return number_in(Path(f"up-{trial}"))


def test_a_sweep_that_is_cancelled_ends_its_trials(store: Store, grid: Begin) -> None:
    sweep = sleeping(grid)
    found = quick(sweep, jobs=2)
    thread = beside(found)
    pids = [up("0:1"), up("1:1")]
    cancel(store, sweep)
    ended(thread)
    assert states(store, sweep) == [TRIAL_STOPPED] * 2
    assert all(map(is_gone, pids))
    assert f"is {CANCELLED}; its agent ends after 2" in (found.why or "")


def test_a_stopped_sweep_lets_them_come_to_their_end(store: Store, grid: Begin) -> None:
    code = "import os, time; open('up', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.005)"
    sweep = grid(command=python(code))
    thread = beside(quick(sweep))
    until(Path("up").exists)
    stop(store, sweep)
    Path("go").touch()
    ended(thread)
    assert states(store, sweep) == [TRIAL_FINISHED]
    assert store.catalog.sweeps()[0].state == STOPPED


def test_a_paused_sweep_lets_its_agents_wait(store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = grid(command=["true"])
    pause(store, sweep)
    found = quick(sweep)
    waits = threading.Event()
    monkeypatch.setattr(found, "_goes_on", lambda taken: (waits.set(), CommandAgent._goes_on(found, taken))[1])
    thread = beside(found)
    assert waits.wait(DEADLINE)
    assert states(store, sweep) == []
    resume(store, sweep)
    ended(thread)
    assert states(store, sweep) == [TRIAL_FINISHED] * 3


def test_a_sweep_that_is_deleted_while_it_runs(store: Store, grid: Begin) -> None:
    sweep = sleeping(grid)
    found = quick(sweep, jobs=2)
    thread = beside(found)
    pids = [up("0:1"), up("1:1")]
    store.catalog.delete_sweep(sweep.key)
    ended(thread)
    assert all(map(is_gone, pids))
    assert not found.gave_up
    assert store.catalog.sweeps() == []


def test_a_trial_that_was_given_to_another_agent_is_ended(store: Store, grid: Begin) -> None:
    sweep = sleeping(grid, parameters={"x": {"values": [1]}})
    found = quick(sweep)
    thread = beside(found)
    pid = up("0:1")
    taken = store.catalog.take_trial(sweep.key, "another", lambda n: None, silent_seconds=100, gone=[found.id])
    assert taken.trial is not None
    assert taken.trial.attempt == 2
    until(lambda: is_gone(pid))
    store.catalog.end_trial(sweep.key, 0, 2, commands.TrialEnding(TRIAL_FINISHED, {"loss": 7.0}))
    ended(thread)
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.attempt, trial.values) == (TRIAL_FINISHED, 2, {"loss": 7.0})
    assert not found.gave_up


LEARNS = """
import forebear
with forebear.init() as run:
    for step in range(1, 10):
        run.log({"loss": run.config.x})
        print("step", step)
"""


def test_a_trial_that_others_are_better_than_ends_early(store: Store, grid: Begin) -> None:
    """It learns of that from `log`, and ends by itself."""
    rule = {"type": "median", "min_iter": 3, "min_trials": 1}
    sweep = grid(LEARNS, early_terminate=rule, parameters={"x": {"values": [1, 5]}})
    quick(sweep).run()
    assert [(trial.state, trial.values) for trial in trials(store, sweep)] == [
        (TRIAL_FINISHED, {"loss": 1.0}),
        (PRUNED, {"loss": 5.0}),
    ]
    printed = (log_folder(store, sweep) / "1-1.log").read_text().splitlines()
    assert "step 2" in printed
    assert "step 3" not in printed
    run = store.catalog.runs()[0]
    assert (run.state, run.exit_code) == ("finished", 0)


def test_one_that_does_not_listen_is_ended_after_a_while(store: Store, grid: Begin) -> None:
    sweep = sleeping(grid, parameters={"x": {"values": [1]}})
    thread = beside(quick(sweep, grace=0.1))
    pid = up("0:1")
    store.catalog.ask_trials(sweep.key, PRUNE)
    ended(thread)
    assert states(store, sweep) == [PRUNED]
    assert is_gone(pid)


# -- signals ----------------------------------------------------------------------------------------------------------

NOTES = """
import os, signal, sys, time
def note(number, frame):
    with open("got", "a") as file:
        file.write(signal.Signals(number).name + "\\n")
    if number != signal.SIGUSR1 and len(sys.argv) == 1:
        sys.exit(1)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(number, note)
with open("up-0:1", "w") as file:
    file.write(f"{os.getpid()}\\n")
while True:
    time.sleep(0.05)
"""


def agent_process(sweep: SweepRecord, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", "import sys; from forebear.cli import main; sys.exit(main())"]
    return subprocess.Popen(
        [*line, "agent", sweep.qualified_name, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_signals_are_handed_on_and_the_trial_waits_again(
    store: Store, grid: Begin, number: signal.Signals, status: int
) -> None:
    sweep = grid(command=python(NOTES))
    process = agent_process(sweep)
    pid = up("0:1")
    process.send_signal(signal.SIGUSR1)
    until(lambda: Path("got").exists() and Path("got").read_text() == "SIGUSR1\n")
    process.send_signal(number)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == status
    assert Path("got").read_text() == f"SIGUSR1\n{number.name}\n"
    assert is_gone(pid)
    (trial,) = trials(store, sweep)
    assert (trial.state, trial.error) == (WAITING, "interrupted")
    assert store.catalog.sweeps()[0].state == RUNNING


def test_a_second_signal_kills_at_once(store: Store, grid: Begin) -> None:
    sweep = grid(command=python(NOTES, "stubborn"))
    process = agent_process(sweep, "--grace", "60s")
    pid = up("0:1")
    process.send_signal(signal.SIGTERM)
    until(lambda: Path("got").exists() and Path("got").read_text() == "SIGTERM\n")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGTERM
    assert is_gone(pid)
    assert states(store, sweep) == [WAITING]


# -- a store that is away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["take_trial", "end_trial", "report_trial", "trials"])
def test_a_store_that_is_away_for_a_while(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Every call of it fails twice, and everything comes out as if it had not."""
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    sweep = grid(command=python("import time; time.sleep(0.1)"))
    real = getattr(store.catalog, method)
    calls = []

    def away(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) % 3:
            raise StorageFailure("the network is down", code="catalog-unreachable")
        return real(*args, **options)

    monkeypatch.setattr(store.catalog, method, away)
    found = quick(sweep, jobs=2)
    found.run()
    monkeypatch.undo()
    assert [(trial.state, trial.attempt) for trial in trials(store, sweep)] == [(TRIAL_FINISHED, 1)] * 3
    assert found.executed == 3
    assert len(calls) >= 3


def test_one_that_stays_away_ends_the_agent_and_its_trials(
    store: Store, grid: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sleeping(grid)
    found = quick(sweep, jobs=2)
    found._patience = patience.Patience(seconds=0.1)
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    real, calls = store.catalog.take_trial, []

    def away(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise StorageFailure("the network is down", code="catalog-unreachable")
        return real(*args, **options)

    monkeypatch.setattr(store.catalog, "take_trial", away)
    failed: list[StorageFailure] = []

    def run() -> None:
        try:
            found.run()
        except StorageFailure as err:
            failed.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    pid = up("0:1")
    ended(thread)
    assert str(failed[0]).startswith("the network is down")
    assert is_gone(pid)
    assert [(trial.state, trial.error) for trial in trials(store, sweep)] == [(WAITING, "interrupted")]
