"""A run begins, is looked up, and ends; what it was told is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.errors import AlreadyExists, Conflict, InvalidInput, NotFound, StorageFailure
from forebear.tracking import current
from tests.forked import child, wait


def stored(run: forebear.Run) -> Any:
    return forebear.Api(project=run.project, entity=run.entity).run(run.id)


def artifact(content: str, name: str = "ds") -> forebear.Artifact:
    made = forebear.Artifact(name, "dataset")
    made.add(content, "a")
    return made


# -- beginning --------------------------------------------------------------------------------------------------------


def test_what_init_was_told_is_kept() -> None:
    with forebear.init(
        project="digits",
        entity="team",
        name="first try",
        job_type="train",
        config={"lr": 0.1},
        id="run-1",
        group="g",
        notes="words",
        tags=["a", "b"],
    ) as run:
        assert (run.id, run.name, run.project, run.entity) == ("run-1", "first try", "digits", "team")
        assert (run.job_type, run.group, run.notes, run.tags) == ("train", "g", "words", ("a", "b"))
        assert (run.path, run.state, run.offline, run.url) == ("team/digits/run-1", "running", True, None)
        assert run.settings.project == "digits"
        assert repr(run) == "<Run team/digits/run-1 running>"
    found = stored(run)
    assert (found.id, found.name, found.project, found.entity) == ("run-1", "first try", "digits", "team")
    assert (found.job_type, found.group, found.notes, found.tags) == ("train", "g", "words", ["a", "b"])
    assert (found.config, found.state, found.path) == ({"lr": 0.1}, "finished", ["team", "digits", "run-1"])
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.created_at <= found.ended_at
    assert found.created_at.timestamp() == run.start_time
    assert (found.record.exit_code, found.record.error) == (0, None)
    assert "first try" in found._repr_html_()


def test_what_was_not_told_is_drawn_or_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with forebear.init() as run:
        assert (run.project, run.entity) == ("uncategorized", "local")
        assert len(run.id) == 8
        assert run.name
    monkeypatch.setenv("WANDB_PROJECT", "from-wandb")
    monkeypatch.setenv("FOREBEAR_ENTITY", "us")
    monkeypatch.setenv("WANDB_RUN_ID", "fixed")
    monkeypatch.setenv("WANDB_TAGS", "x, y")
    with forebear.init() as run:
        assert (run.path, run.tags) == ("us/from-wandb/fixed", ("x", "y"))
        assert forebear.Api().run("fixed").state == "running"


def test_changes_to_name_notes_and_tags_are_kept() -> None:
    with forebear.init(project="p") as run:
        run.name, run.notes, run.tags = "better", "more", ["t"]
        found = stored(run)
        assert (found.name, found.notes, found.tags) == ("better", "more", ["t"])
        with pytest.raises(InvalidInput, match="tag"):
            run.tags = ["a/b"]


@pytest.mark.parametrize(
    "bad",
    [
        {"project": "a/b"},
        {"project": ".."},
        {"project": "x" * 129},
        {"project": "a\n"},
        {"entity": "a:b"},
        {"entity": "a\x00"},
        {"id": "a/b"},
        {"id": ".."},
        {"id": "x" * 129},
        {"tags": ["a\nb"]},
        {"mode": "fast"},
        {"reinit": "sometimes"},
        {"settings": {"colour": "red"}},
        {"store": "ftp://host/x"},
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused_and_no_run_begins(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        forebear.init(**{"project": "p", **bad})
    assert forebear.run is None
    assert not (Path.home() / ".forebear" / "catalog.db").exists() or forebear.Api(project="p").runs("*") == []


def test_an_id_that_is_taken_is_refused() -> None:
    with forebear.init(project="p", id="one"):
        pass
    with pytest.raises(AlreadyExists, match="one"):
        forebear.init(project="p", id="one")
    with forebear.init(project="q", id="one") as other:
        assert other.path == "local/q/one"


def test_an_unknown_run_is_answered_with_words() -> None:
    with forebear.init(project="p"):
        pass
    with pytest.raises(NotFound, match="'none' in project local/p"):
        forebear.Api(project="p").run("none")


def test_options_that_mean_nothing_here_are_taken_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    with forebear.init(project="p", monitor_gym=True, anonymous="allow", settings={"start_method": "thread"}):
        pass
    said = capsys.readouterr().err
    assert said.count("takes no notice of anonymous, monitor_gym, start_method\n") == 1


def test_silence_can_be_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    with forebear.init(project="p", save_code=True):
        pass
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_init_says_where_things_go_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with forebear.init(project="p", name="n", id="i"):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "run n (i) in project p, store" in captured.err


def test_the_store_is_the_nearest_above_the_folder(tmp_path: Path) -> None:
    (tmp_path / "project" / ".forebear").mkdir(parents=True)
    (tmp_path / "project" / "deep").mkdir()
    with forebear.init(project="p", dir=tmp_path / "project" / "deep") as run:
        assert Path(run.store.url) == tmp_path / "project" / ".forebear"
    with forebear.init(project="p", store=str(tmp_path / "named")) as run:
        assert Path(run.store.url) == tmp_path / "named"


# -- ending -----------------------------------------------------------------------------------------------------------


def test_the_end_of_a_block_ends_the_run() -> None:
    with forebear.init(project="p") as run:
        assert forebear.run is run
    assert forebear.run is None
    assert (run.state, stored(run).state) == ("finished", "finished")


@pytest.mark.parametrize(("code", "state"), [(None, "finished"), (0, "finished"), (1, "failed"), (3, "failed")])
def test_finish_takes_an_exit_code(code: int | None, state: str) -> None:
    run = forebear.init(project="p")
    run.finish(code)
    run.finish(7)
    assert (run.state, stored(run).state, stored(run).record.exit_code) == (state, state, code or 0)


def crash(error: BaseException) -> forebear.Run:
    run = forebear.init(project="p")
    with pytest.raises(type(error)), run:
        raise error
    return run


@pytest.mark.parametrize(
    ("error", "state", "code", "words"),
    [
        (ValueError("bad value"), "failed", 1, "ValueError: bad value"),
        (ValueError("x" * 10_000), "failed", 1, "ValueError: " + "x" * 1_988),
        (KeyboardInterrupt(), "killed", 130, "interrupted"),
        (SystemExit(3), "failed", 3, None),
        (SystemExit(None), "finished", 0, None),
        (SystemExit("no data"), "failed", 1, "no data"),
    ],
    ids=["error", "long error", "interrupt", "exit 3", "exit", "exit with words"],
)
def test_an_error_in_the_block_is_kept(error: BaseException, state: str, code: int, words: str | None) -> None:
    found = stored(crash(error))
    assert (found.state, found.record.exit_code, found.record.error) == (state, code, words)
    assert found.ended_at is not None


def test_a_run_that_is_over_takes_nothing_more() -> None:
    with forebear.init(project="p") as run:
        logged = run.log_artifact(artifact("1"))
    for attempt in (
        lambda: run.log_artifact(artifact("2")),
        lambda: run.use_artifact("ds"),
        lambda: run.use_artifact(logged),
        lambda: run.config.update(a=1),
    ):
        with pytest.raises(Conflict, match="is finished, so it cannot"):
            attempt()
    run.notes = "said afterwards"
    assert stored(run).notes == "said afterwards"
    with pytest.raises(Conflict, match="is finished, so it cannot"):
        run.log_artifact(artifact("2"))
    run.finish(5)
    assert stored(run).state == "finished"


def test_an_end_that_could_not_be_written_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = forebear.init(project="p")

    def fail(key: int, changes: Any) -> None:
        raise StorageFailure("full")

    with monkeypatch.context() as patch:
        patch.setattr(run.store.catalog, "update_run", fail)
        with pytest.raises(StorageFailure):
            run.finish()
    assert forebear.run is run
    run.finish()
    assert stored(run).state == "finished"


# -- several runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reinit", [None, False, "default", "return_previous"])
def test_a_second_init_returns_the_run_that_is_there(reinit: Any) -> None:
    with forebear.init(project="p") as run:
        assert forebear.init(project="q", reinit=reinit) is run


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_a_second_init_can_finish_the_first(reinit: Any) -> None:
    first = forebear.init(project="p")
    with forebear.init(project="p", reinit=reinit) as second:
        assert second is not first
        assert (first.state, stored(first).state) == ("finished", "finished")
        assert forebear.run is second


def test_runs_can_be_active_together(tmp_path: Path) -> None:
    first = forebear.init(project="p")
    second = forebear.init(project="q", reinit="create_new", store=str(tmp_path / "other"))
    assert forebear.run is second
    mine = artifact("for the second")  # filled while the second is current, logged by the first all the same
    assert first.log_artifact(mine).qualified_name == "local/p/ds:v0"
    assert second.log_artifact(artifact("1")).qualified_name == "local/q/ds:v0"
    assert mine.read("a") == b"for the second"
    with pytest.raises(InvalidInput, match="start the run on that store"):
        second.use_artifact(mine)
    first.finish()
    assert forebear.run is second
    second.finish()
    assert forebear.run is None


def test_the_functions_of_the_module_speak_to_the_current_run() -> None:
    with forebear.init(project="p") as run:
        logged = forebear.log_artifact(artifact("1"), aliases=["prod"])
        assert forebear.use_artifact("ds:prod").name == logged.name == "ds:v0"
        Path("m.txt").write_text("model")
        assert forebear.log_model("m.txt", name="m").type == "model"
        assert Path(forebear.use_model("m:latest")).read_text() == "model"
        forebear.finish(2)
        assert stored(run).record.exit_code == 2
    forebear.finish()


@pytest.mark.parametrize("function", ["log_artifact", "use_artifact", "log_model", "use_model"])
def test_without_a_run_they_say_what_to_do(function: str) -> None:
    with pytest.raises(Conflict, match=r"there is no run to .* begin one with forebear.init\(\)"):
        getattr(forebear, function)("x")


def test_a_disabled_run_works_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    script = """
import forebear
with forebear.init(project="p", mode="disabled") as run:
    made = forebear.Artifact("ds", "dataset")
    made.add("x", "a")
    assert run.log_artifact(made).version == "v0"
    assert run.use_artifact("ds:latest").download("out")
left_open = forebear.init(project="p", mode="disabled")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []
    assert not (Path.home() / ".forebear").exists()


# -- processes --------------------------------------------------------------------------------------------------------

BEGIN = """
import os, sys, threading
import forebear
run = forebear.init(project="p", id="it", settings={"silent": True})
"""


def ended(script: str, *, wait: bool = True) -> Any:
    done = subprocess.run([sys.executable, "-c", BEGIN + script], capture_output=True, text=True, check=False)
    return done, forebear.Api(project="p").run("it")


@pytest.mark.parametrize(
    ("script", "code", "state", "error"),
    [
        ("", 0, "finished", None),
        ("raise ValueError('no data')", 1, "failed", "ValueError: no data"),
        ("sys.exit(3)", 3, "failed", None),
        ("sys.exit('no data')", 1, "failed", "no data"),
        ("sys.exit()", 0, "finished", None),
        ("run.finish(); sys.exit(3)", 3, "finished", None),
        ("raise KeyboardInterrupt", -signal.SIGINT, "killed", "interrupted"),
        ("os._exit(4)", 4, "crashed", None),
        ("os.kill(os.getpid(), 9)", -9, "crashed", None),
        ("os.kill(os.getpid(), 15)", -15, "killed", "terminated"),
        (
            "import signal, time; run.log({'a': 1}); os.kill(os.getpid(), 15); time.sleep(60)",
            -15,
            "killed",
            "terminated",
        ),
        ("worker = threading.Thread(target=sys.exit, args=(9,)); worker.start(); worker.join()", 0, "finished", None),
    ],
    ids=[
        "end",
        "error",
        "exit 3",
        "exit words",
        "exit",
        "finished",
        "interrupt",
        "_exit",
        "kill -9",
        "term",
        "term after log",
        "thread",
    ],
)
def test_however_a_process_ends_its_run_says_so(script: str, code: int, state: str, error: str | None) -> None:
    done, found = ended(script)
    assert done.returncode in {code, 130 if code == -signal.SIGINT else code}
    assert (found.state, found.record.error) == (state, error)
    if state == "crashed":
        assert [run.id for run in forebear.Api(project="p").runs(states=["crashed"])] == ["it"]
        assert list(forebear.Api(project="p").runs(states=["running"])) == []
    else:
        assert found.record.exit_code == (0 if state == "finished" else 128 - code if code < 0 else code)


def test_a_run_of_a_living_process_is_running_and_a_zombie_has_crashed(home: Path) -> None:
    script = BEGIN + "print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert forebear.Api(project="p").run("it").state == "running"
        process.kill()
        # Not yet waited for: its entry in the process table is still there.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert forebear.Api(project="p").run("it").state == "crashed"
    assert forebear.Api(project="p").run("it").state == "crashed"


# -- threads ----------------------------------------------------------------------------------------------------------


def test_two_threads_log_to_one_collection_and_to_two() -> None:
    with forebear.init(project="p") as run:

        def log(thread: int) -> list[str]:
            names = []
            for number in range(15):
                names.append(run.log_artifact(artifact(f"{thread}-{number}", "shared")).name)
                names.append(run.log_artifact(artifact(f"{number}", f"own{thread}")).name)
            return names

        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(log, range(2)))
        names = [name for names in both for name in names]
        assert len(set(names)) == 60
        shared = forebear.Api(project="p").artifacts("shared")
        assert [item.record.number for item in shared] == list(range(29, -1, -1))
        assert {item.read("a").decode() for item in shared} == {f"{a}-{b}" for a in range(2) for b in range(15)}
        assert len(run.logged_artifacts()) == 60


def test_two_threads_log_the_same_draft_and_it_is_one_version() -> None:
    with forebear.init(project="p") as run:
        for number in range(10):
            draft = artifact(str(number))
            together = threading.Barrier(2)

            def log(draft: forebear.Artifact = draft, together: threading.Barrier = together) -> str:
                together.wait()
                return run.log_artifact(draft).name

            with ThreadPoolExecutor(2) as pool:
                names = {future.result() for future in [pool.submit(log) for _ in range(2)]}
            assert names == {f"ds:v{number}"}


def test_two_threads_change_the_config_and_no_change_is_lost() -> None:
    with forebear.init(project="p") as run:

        def change(thread: int) -> None:
            for number in range(40):
                run.config[f"{thread}-{number}"] = number

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(change, range(2)))
        assert len(stored(run).config) == 80


# -- forks ------------------------------------------------------------------------------------------------------------


def in_child(work: Any) -> int:
    """Run ``work`` in a forked child that leaves as a worker of multiprocessing does; return its exit code."""
    return wait(child(work))


def test_a_forked_child_logs_through_its_parents_run() -> None:
    with forebear.init(project="p") as run:
        run.log_artifact(artifact("before"))
        half = artifact("begun by the parent", "half")

        def work() -> None:
            run.log_artifact(artifact("child"))
            run.use_artifact("ds:v0")
            run.config["child"] = 1
            run.finish()  # is not the child's to end

        assert in_child(work) == 0
        assert stored(run).state == "running"
        run.log_artifact(artifact("after"))
        run.log_artifact(half)
        assert [item.read("a") for item in forebear.Api(project="p").artifacts("ds")] == [b"after", b"child", b"before"]
        assert half.read("a") == b"begun by the parent"
        assert {item.name for item in run.logged_artifacts()} == {"ds:v0", "ds:v1", "ds:v2", "half:v0"}
        assert stored(run).config == {"child": 1}
    assert stored(run).state == "finished"


def test_a_child_is_not_held_up_by_a_lock_of_another_thread() -> None:
    """A thread of the parent is in the middle of logging when the child is made."""
    with forebear.init(project="p") as run:
        logging, forked = threading.Event(), threading.Event()
        real = run.store.catalog.commit_version

        def slow(new: Any) -> Any:
            logging.set()
            assert forked.wait(60)
            return real(new)

        run.store.catalog.commit_version = slow  # type: ignore[method-assign]
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(run.log_artifact, artifact("thread"))
            assert logging.wait(60)
            run.store.catalog.commit_version = real  # type: ignore[method-assign]

            def work() -> None:
                signal.alarm(60)
                run.log_artifact(artifact("child"))

            code = in_child(work)
            forked.set()
            assert busy.result().read("a") == b"thread"
        assert code == 0
        assert len(forebear.Api(project="p").artifacts("ds")) == 2


def test_a_child_that_ends_as_a_program_does_not_end_the_run() -> None:
    script = (
        BEGIN
        + """
made = forebear.Artifact("ds", "dataset")
made.add("parent", "a")
if os.fork() == 0:
    more = forebear.Artifact("ds", "dataset")
    more.add("child", "a")
    run.log_artifact(more)
    sys.exit(5)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 5
assert forebear.Api(project="p").run("it").state == "running"
run.log_artifact(made)
"""
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = forebear.Api(project="p").run("it")
    assert (found.state, found.record.exit_code) == ("finished", 0)
    assert {item.read("a") for item in found.logged_artifacts()} == {b"parent", b"child"}


def test_the_current_run_is_the_innermost() -> None:
    assert current.current_run() is None
    first = forebear.init(project="p")
    second = forebear.init(project="p", reinit="create_new")
    assert current.active_runs() == [second, first]
    second.finish()
    assert current.current_run() is first
    first.finish()
