"""What a real run captures by itself, what it can be told not to, and what is left when its process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.tracking.capture import start as module
from forebear.tracking.recovery import recover_journals
from tests.tracking.repositories import git, make_repository

ALL_OFF = {"console": "off", "x_disable_stats": True, "x_disable_meta": True}


def files_of(run: Any) -> dict[str, bytes]:
    """Return the files of a run that is over."""
    store = shared_store()
    return {file.path: store.read(file.digest) for file in store.catalog.run_files(run.key)}


def record_of(run: Any) -> Any:
    return shared_store().catalog.runs_by_key([run.key])[run.key]


def test_a_run_captures_its_output_code_and_packages(capfd: pytest.CaptureFixture[str]) -> None:
    make_repository(Path())
    git("remote", "add", "origin", "https://me:hunter2@host/x.git")
    Path("train.py").write_text("x = 2\n")
    with forebear.init(project="p", settings={"x_stats_sampling_interval": 1_000.0}) as run:
        print("training with password=hunter2")
        print("\r50%", "\r100%", end="", file=sys.stderr)
        Path(run.dir, "weights.bin").write_bytes(b"w")
    print("after")
    files = files_of(run)
    assert sorted(files) == ["diff.patch", "output.log", "requirements.txt", "weights.bin"]
    assert sorted(files["output.log"].decode().splitlines()) == ["100%", "training with password=***"]
    assert b"+x = 2" in files["diff.patch"]
    assert b"msgspec==" in files["requirements.txt"]
    origin = record_of(run).origin
    assert (origin.git_dirty, origin.git_branch, origin.git_remote) == (True, "trunk", "https://***@host/x.git")
    assert "training with password=hunter2" in capfd.readouterr().out
    assert os.listdir(run.dir) == ["weights.bin"]


def test_everything_can_be_switched_off() -> None:
    make_repository(Path())
    Path("train.py").write_text("x = 2\n")
    with forebear.init(project="p", settings=ALL_OFF) as run:
        print("x")
    assert files_of(run) == {}
    assert not Path(run.store.url, "runs", run.entity, "p", run.id, "files").exists()


@pytest.mark.parametrize(
    ("setting", "missing"),
    [
        ({"console": "off"}, "output.log"),
        ({"disable_git": True}, "diff.patch"),
        ({"disable_code": True}, "diff.patch"),
        ({"x_save_requirements": False}, "requirements.txt"),
    ],
)
def test_each_part_can_be_switched_off(setting: dict[str, Any], missing: str) -> None:
    make_repository(Path())
    Path("train.py").write_text("x = 2\n")
    with forebear.init(project="p", settings=setting) as run:
        print("x")
    assert {"output.log", "diff.patch", "requirements.txt"} - files_of(run).keys() == {missing}


def test_a_disabled_run_captures_nothing() -> None:
    before = vars(sys.stdout).get("write")
    with forebear.init(project="p", mode="disabled") as run:
        assert vars(sys.stdout).get("write") is before
    assert run.disabled


def test_the_code_is_kept_if_asked_for() -> None:
    Path("src").mkdir()
    Path("src/model.py").write_text("y = 1\n")
    with forebear.init(project="p", settings=ALL_OFF | {"save_code": True, "code_dir": "src"}) as run:
        pass
    (artifact,) = run.logged_artifacts()
    assert artifact.type == "code"
    assert [file.path for file in artifact.files()] == ["model.py"]


def test_the_program_is_kept_if_asked_for() -> None:
    Path("train.py").write_text("import forebear\nforebear.init(project='p', id='r', save_code=True).finish()\n")
    subprocess.run([sys.executable, "train.py"], check=True, timeout=60)
    run = shared_store().catalog.run(load_settings().entity, "p", "r")
    assert run is not None
    assert files_of(run)["code/train.py"] == Path("train.py").read_bytes()


def test_the_machine_is_measured_into_the_run() -> None:
    import threading

    measured = threading.Event()
    with forebear.init(project="p", settings={"x_stats_sampling_interval": 0.1}) as run:
        row = run.journal.system_row
        run.journal.system_row = lambda runtime, values: (row(runtime, values), measured.set())  # type: ignore[assignment,method-assign,func-returns-value]
        assert measured.wait(30)
    keys = {info.key: info for info in shared_store().catalog.history_keys([run.key])[run.key]}
    assert keys["system.memory"].rows >= 1
    assert not [info for info in keys.values() if info.stream != keys["system.memory"].stream]


def test_a_resumed_run_writes_on_in_its_log() -> None:
    for text in ("first", "second"):
        with forebear.init(project="p", id="r", resume="allow") as run:
            print(text)
    assert files_of(run)["output.log"] == b"first\nsecond\n"


def test_processes_of_one_run_have_logs_by_their_labels() -> None:
    for label in ("rank 0", "rank 1"):
        with forebear.init(project="p", id="r", resume="allow", settings={"x_label": label}) as run:
            print(label)
    files = files_of(run)
    assert (files["output-rank_0.log"], files["output-rank_1.log"]) == (b"rank 0\n", b"rank 1\n")


def test_a_log_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(module.Console, "start", refuse)
    with forebear.init(project="p") as run:
        print("x")
    assert "warning: what the run prints is not kept: not yours" in capsys.readouterr().err
    assert "output.log" not in files_of(run)


def test_a_store_that_is_busy_in_the_background_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module.Background, "_keep_requirements", fail)
    with forebear.init(project="p"):
        pass
    assert "how the run was started could not be kept: disk full" in capsys.readouterr().err


def test_files_saved_and_restored_by_a_run() -> None:
    Path("a.txt").write_text("a")
    with forebear.init(project="p", settings=ALL_OFF) as run:
        assert run.save("a.txt", policy="now") == ["a.txt"]
        Path("a.txt").unlink()
        with run.restore("a.txt") as file:
            assert (file.read(), file.name) == ("a", str(Path(run.dir, "a.txt")))
        run.alert("look", "here", level="WARN")
    with forebear.init(project="p", settings=ALL_OFF) as other, other.restore("a.txt", f"p/{run.id}", root=".") as file:
        assert file.read() == "a"
    assert b'"title": "look"' in files_of(run)["alerts.jsonl"]


KILLED = """
import forebear, os, sys
run = forebear.init(project="p", id="r")
print("before the end")
open(os.path.join(run.dir, "weights.bin"), "w").close()
run.log({"x": 1})
run.alert("soon over")
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_printed_is_taken_with_its_journal() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = shared_store()
    assert any(found.crashed for found in recover_journals(store))
    run = store.catalog.run(load_settings().entity, "p", "r")
    assert run is not None
    files = files_of(run)
    assert b"before the end\n" in files["output.log"]
    assert {"alerts.jsonl", "weights.bin"} <= files.keys()
    assert os.listdir(Path(store.local, "runs", run.entity, "p", "r", "files")) == ["weights.bin"]


def test_beginning_loads_nothing_heavy_and_starts_no_process() -> None:
    program = """
import sys
import forebear
run = forebear.init(project="p")
heavy = {"numpy", "pandas", "PIL", "yaml", "psutil", "pynvml"} & set(sys.modules)
run.finish()
assert not heavy, heavy
assert "subprocess" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_traceback_that_ends_a_script_is_in_its_log() -> None:
    program = "import forebear\nforebear.init(project='p', id='r')\nprint('begun')\nraise ValueError('too deep')\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "too deep" in done.stderr
    run = shared_store().catalog.run(load_settings().entity, "p", "r")
    assert run is not None
    log = files_of(run)["output.log"].decode()
    assert log.startswith("begun\n")
    assert "ValueError: too deep\n" in log


def test_a_script_that_is_asked_to_end_leaves_its_log() -> None:
    program = """
import forebear, os, signal
forebear.init(project='p', id='r')
print('begun', flush=True)
print('half a li', end='')
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM
    store = shared_store()
    recover_journals(store)
    run = store.catalog.run(load_settings().entity, "p", "r")
    assert run is not None
    assert files_of(run)["output.log"].decode().startswith("begun\nhalf a li")


def test_a_forked_worker_prints_and_logs_without_harm() -> None:
    program = """
import forebear, os
run = forebear.init(project='p', id='r', settings={'x_stats_sampling_interval': 0.1})
print('parent', flush=True)
pid = os.fork()
if not pid:
    print('child', flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print('parent again')
run.finish()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "child", "parent", "parent again"]
    run = shared_store().catalog.run(load_settings().entity, "p", "r")
    assert run is not None
    assert files_of(run)["output.log"] == b"parent\nparent again\n"


def test_a_silent_run_says_nothing_and_others_speak_again(capsys: pytest.CaptureFixture[str]) -> None:
    with forebear.init(project="p", settings=ALL_OFF | {"silent": True}) as run:
        run.alert("quiet, please")
        run.save("none.txt", policy="now")
    assert capsys.readouterr().err == ""
    assert b"quiet, please" in files_of(run)["alerts.jsonl"]
    with forebear.init(project="p", settings=ALL_OFF) as run:
        run.alert("aloud")
    assert "forebear: alert: aloud" in capsys.readouterr().err
