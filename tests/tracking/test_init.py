"""How a run is begun: names and order of what `init` takes, and what another active run means."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.tracking import reinit
from forebear.tracking.history.reading import read_rows
from forebear.tracking.init import init
from forebear.tracking.resume import origin_of

#: The order in which W&B 0.31 takes them.
POSITIONAL = (
    "entity", "project", "dir", "id", "name", "notes", "tags", "config", "config_exclude_keys", "config_include_keys",
    "allow_val_change", "group", "job_type", "mode", "force", "reinit", "resume", "resume_from", "fork_from",
    "save_code", "tensorboard", "sync_tensorboard", "monitor_gym", "settings",
)  # fmt: skip


def test_arguments_come_in_the_order_that_scripts_use() -> None:
    parameters = inspect.signature(init).parameters.values()
    assert tuple(item.name for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD) == POSITIONAL
    with init("team", "p", None, "it", "a name", "words", ["t"], {"lr": 1}) as run:
        assert (run.path, run.name, run.notes, run.tags, run.config.lr) == ("team/p/it", "a name", "words", ("t",), 1)


def test_settings_hold_what_arguments_leave_open() -> None:
    settings = forebear.Settings(project="p", run_group="g", run_tags=["a"], run_id="it", strict_step=True)
    with forebear.init(settings=settings, job_type="train") as run:
        assert (run.path, run.group, run.tags, run.job_type) == ("local/p/it", "g", ("a",), "train")
        assert (run.settings.strict_step, run.settings.run_id) == (True, "it")
    with forebear.init(project="q", settings={"run_job_type": "eval"}) as run:
        assert (run.project, run.job_type, run.settings.run_id) == ("q", "eval", run.id)


def test_what_is_wrong_is_refused_before_the_run_that_is_there_is_ended() -> None:
    with forebear.init(project="p") as run:
        with pytest.raises(forebear.InvalidInput):
            forebear.init(project="p", config=5, reinit=True)
        assert run.state == "running"


def test_what_a_run_tells_of_itself() -> None:
    with forebear.init(project="p", id="it", settings={"sweep_id": "s1", "x_disable_meta": True}) as run:
        assert (run.sweep_id, run.url, run.project_url, run.sweep_url) == ("s1", None, None, None)
        assert (run.get_url(), run.get_project_url(), run.get_sweep_url()) == (None, None, None)
        assert (run.project_name(), run.offline, run.disabled, run.began_here) == ("p", True, False, True)
        assert Path(run.dir).is_dir()
        assert Path(run.dir).is_relative_to(run.store.url)
        run.log({"a": 1})
        assert run.status().waiting > 0
        assert not run.status().synced
        run.mark_preempting()
        assert run.status().synced
        assert "0 bytes" in repr(run.status())
        assert "it" in run.to_html()
        with pytest.raises(forebear.InvalidInput, match="cannot be pickled"):
            json.dumps(run.__reduce__())
    run.join()
    assert forebear.Api(project="p").run("it").record.sweep == "s1"


def test_parts_end_with_the_run_the_last_first_and_none_keeps_it_from_ending(
    capsys: pytest.CaptureFixture[str],
) -> None:
    order: list[str] = []

    def fail() -> None:
        raise RuntimeError("no such thing")

    with forebear.init(project="p") as run:
        run.at_end(lambda: order.append(f"first, {run.state}"))
        run.at_end(fail)
        run.at_end(lambda: run.log({"late": 1}))
        run.at_end(lambda: order.append("second"))
    run.finish()
    assert order == ["second", "first, running"]
    assert "RuntimeError: no such thing" in capsys.readouterr().err
    assert forebear.Api(project="p").run(run.id).record.summary["late"] == 1


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        ({"disable_git": True}, ("git_commit", "git_branch", "git_remote")),
        ({"x_disable_machine_info": True}, ("os", "cpu_count")),
        ({"x_disable_meta": True}, ("program", "user", "python", "os")),
    ],
    ids=str,
)
def test_what_is_told_of_the_process_can_be_left_out(settings: dict[str, Any], left_out: tuple[str, ...]) -> None:
    origin = origin_of(forebear.Settings(**settings))
    assert all(getattr(origin, name) is None for name in left_out)
    assert origin.pid == os.getpid(), "whether the process is still there must be seen all the same"


def test_a_disabled_run_takes_everything_and_keeps_nothing(home: Path) -> None:
    with forebear.init(project="p", mode="disabled") as run:
        assert run.disabled
        run.define_metric("a", summary="max")
        for value in (3, 1):
            run.log({"a": value, "text": "x", "list": [1]})
        run.summary["note"] = 1
        run.config.lr = 0.1
        assert run.summary["a"]["max"] == 3
        assert run.step == 2
        assert list(Path(run.store.url).rglob("*.journal")) == []
    assert not (home / ".forebear").exists()


# -- notebooks --------------------------------------------------------------------------------------------------------


def test_scripts_get_the_run_that_is_there_and_notebooks_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reinit.reinit_policy(None) == reinit.reinit_policy("default") == reinit.RETURN_PREVIOUS
    monkeypatch.setattr(reinit, "in_notebook", lambda: True)
    assert reinit.reinit_policy(None) == reinit.reinit_policy("default") == reinit.FINISH_PREVIOUS
    assert reinit.reinit_policy(False) == reinit.RETURN_PREVIOUS


def test_cells_of_a_notebook_begin_runs_again_and_again(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cell = (
        "import forebear\n"
        "run = forebear.init(project='p', config={'lr': 1})\n"
        "run.config.lr = 2\n"
        "run.log({'a': 1})\n"
        "run.id"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell), nbformat.v4.new_code_cell(cell)])
    client = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    ids = [eval(cell.outputs[-1]["data"]["text/plain"]) for cell in notebook.cells]  # noqa: S307 - it is our own
    assert ids[0] != ids[1]
    runs = {run.id: run for run in forebear.Api(project="p").runs()}
    assert [runs[run_id].state for run_id in ids] == ["finished", "finished"]
    assert [runs[run_id].record.summary["a"] for run_id in ids] == [1, 1]


# -- processes --------------------------------------------------------------------------------------------------------


def rows_of(run_id: str) -> list[dict[str, Any]]:
    api = forebear.Api(project="p")
    return [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in read_rows(api.store, api.run(run_id).record)
    ]


def test_workers_that_are_forked_log_to_the_run_and_end_nothing() -> None:
    """As those of a DataLoader do: they leave by os._exit, one of them by SIGKILL."""
    script = """
import os, signal, forebear
run = forebear.init(project="p", id="it", settings={"silent": True})
run.log({"parent": 0})
children = []
for worker in range(3):
    child = os.fork()
    if child == 0:
        for number in range(20):
            run.log({f"w{worker}": number}, step=100 * (worker + 1) + number)
        run.finish()
        os.kill(os.getpid(), signal.SIGKILL) if worker == 1 else os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
run.log({"parent": 1})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = rows_of("it")
    assert [row["parent"] for row in found if "parent" in row] == [0, 1]
    for worker in range(3):
        assert [row[f"w{worker}"] for row in found if f"w{worker}" in row] == list(range(20))
    record = forebear.Api(project="p").run("it").record
    assert (record.state, record.summary["w0"], record.summary["parent"]) == ("finished", 19, 1)


def test_a_fork_while_threads_log_does_not_hang() -> None:
    script = """
import os, signal, threading, forebear
run = forebear.init(project="p", id="it", settings={"silent": True})
over = threading.Event()
def work():
    while not over.is_set():
        run.log({"a": 1.0})
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        for number in range(5):
            run.log({"b": 1.0})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
over.set()
for thread in threads:
    thread.join()
print(run.step)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    # Rows of the children have steps that the parent went on to use; they are rows of the same steps.
    assert len([row for row in rows_of("it") if "a" in row]) == int(done.stdout)
    assert any("b" in row for row in rows_of("it"))


def begin_a_run(name: str, how: str) -> None:
    run = forebear.init(project="p", id=name, settings={"silent": True})
    run.log({"a": name})
    if how == "raise":
        raise ValueError("no data")
    if how == "exit":
        sys.exit(3)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_have_runs_of_their_own(method: Any) -> None:
    context = multiprocessing.get_context(method)
    with forebear.init(project="p", id="parent") as run:
        for how in ("return", "raise", "exit"):
            process = context.Process(target=begin_a_run, args=(f"{method}-{how}", how))
            process.start()
            process.join(60)
        run.log({"a": "parent"})
    found = {run.id: run for run in forebear.Api(project="p").runs()}
    assert {name: run.state for name, run in found.items()} == {
        "parent": "finished",
        f"{method}-return": "finished",
        f"{method}-raise": "failed",
        f"{method}-exit": "failed",
    }
    assert {run.record.summary["a"] for run in found.values()} == set(found)
    assert found[f"{method}-raise"].record.error == "ValueError: no data"


def test_somebody_elses_handler_of_a_signal_stays() -> None:
    script = """
import os, signal, forebear
signal.signal(signal.SIGTERM, lambda number, frame: print("theirs"))
run = forebear.init(project="p", id="it", settings={"silent": True})
os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "theirs\n")
    assert forebear.Api(project="p").run("it").state == "finished"
