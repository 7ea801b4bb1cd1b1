"""Going on with a run: where it stopped, at a step of its past, or as a branch of another."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.tracking.history.reading import read_rows


def record(run: Any) -> Any:
    return run.store.catalog.runs_by_key([run.key])[run.key]


def values(run: Any, key: str = "a", **options: Any) -> dict[int, Any]:
    return {row["_step"]: row[key] for row in read_rows(run.store, record(run), keys=[key], **options)}


def trained(run_id: str = "it", steps: int = 5, **options: Any) -> Any:
    """A run that logged its step number at each step, and is finished."""
    with forebear.init(project="p", id=run_id, config={"lr": 0.1, "seed": 1}, **options) as run:
        run.define_metric("low", summary="min,mean")
        for step in range(steps):
            run.log({"a": step, "low": 10 - step})
    return run


# -- resume -----------------------------------------------------------------------------------------------------------


def test_a_resumed_run_goes_on_with_step_runtime_and_summary() -> None:
    first = trained()
    first.summary.as_dict()
    with forebear.init(project="p", id="it", resume="allow", config={"lr": 0.2, "more": 1}, notes="again") as run:
        assert (run.resumed, run.starting_step, run.step, run.id) == (True, 5, 5, "it")
        assert record(run).state == "running"
        assert run.summary["a"] == 4
        assert run.summary["low"] == {"min": 6, "mean": 8.0}
        assert (run.config.lr, run.config.seed, run.config.more, run.notes) == (0.2, 1, 1, "again")
        run.log({"a": 5, "low": 14})
        assert run.summary["low"] == {"min": 6, "mean": 9.0}
    found = record(run)
    assert (found.state, found.exit_code, found.summary["_step"], found.summary["a"]) == ("finished", 0, 5, 5)
    assert found.summary["low"] == {"min": 6, "mean": 9.0}
    assert values(run) == {step: step for step in range(6)}
    rows = list(read_rows(run.store, found))
    assert [row["_runtime"] for row in rows] == sorted(row["_runtime"] for row in rows)
    assert [row["_timestamp"] for row in rows] == sorted(row["_timestamp"] for row in rows)


@pytest.mark.parametrize("resume", [None, "never", False])
def test_without_resume_a_run_is_not_gone_on_with(resume: Any) -> None:
    trained()
    with pytest.raises(AlreadyExists, match="it"):
        forebear.init(project="p", id="it", resume=resume)


def test_what_must_be_there_is_asked_for() -> None:
    with pytest.raises(NotFound, match="run 'it', and project local/p has none"):
        forebear.init(project="p", id="it", resume="must")
    with pytest.raises(NotFound, match="whose id is not said"):
        forebear.init(project="p", resume="must")
    trained()
    with forebear.init(project="p", id="it", resume="must") as run:
        assert run.resumed


@pytest.mark.parametrize("resume", ["allow", "auto", True])
def test_a_run_that_is_not_there_is_begun(resume: Any) -> None:
    with forebear.init(project="p", id="it", resume=resume) as run:
        assert (run.resumed, run.step) == (False, 0)
    with forebear.init(project="p", resume="allow") as other:
        assert other.id != "it"


def test_auto_goes_on_with_the_last_run_of_the_folder_if_it_did_not_end_well(tmp_path: Path) -> None:
    with forebear.init(project="p", resume="auto") as run:
        run.log({"a": 0})
        run.finish(1)
    with forebear.init(project="p", resume=True) as again:
        assert (again.id, again.step) == (run.id, 1)
    with forebear.init(project="p", resume="auto") as other:
        assert other.id != run.id, "it has ended well meanwhile"
        other.finish(1)
    with forebear.init(project="q", resume="auto") as elsewhere:
        assert elsewhere.id != other.id
    here = os.getcwd()
    os.chdir(tmp_path)
    with forebear.init(project="p", resume="auto") as elsewhere:
        assert elsewhere.id not in {run.id, other.id}
    os.chdir(here)
    with forebear.init(project="p", resume="auto") as again:
        assert again.id == other.id


def test_a_killed_run_is_gone_on_with_and_nothing_is_lost() -> None:
    script = """
import os, forebear
run = forebear.init(project="p", id="it", resume="allow", settings={"silent": True})
run.define_metric("low", summary="min")
for step in range(run.step, run.step + 100):
    run.log({"a": step, "low": -step})
run.config.update({f"from{run.starting_step}": True})
run.summary["note"] = run.starting_step
os.kill(os.getpid(), 9)
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", script], check=False)
    with forebear.init(project="p", id="it", resume="must") as run:
        assert (run.step, run.summary["a"], run.summary["note"]) == (300, 299, 200)
        assert run.summary["low.min"] == -299
        assert run.config.as_dict() == {"from0": True, "from100": True, "from200": True}
    assert values(run) == {step: step for step in range(300)}


#: Logs to a run and tells so, waits, and logs once more. With a word it takes that for the name of its host.
OTHER = """
import socket, sys
if len(sys.argv) > 1:
    socket.gethostname = lambda: sys.argv[1]
import forebear
run = forebear.init(project='p', id='it', settings={'silent': True})
run.log({'a': 1})
print('ready', flush=True)
sys.stdin.read()
run.log({'a': 3})
"""


@pytest.mark.parametrize("host", [[], ["elsewhere"]], ids=["here", "on another host"])
def test_a_run_that_is_still_running_elsewhere_is_told_of_and_keeps_both(
    host: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [sys.executable, "-c", OTHER, *host]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(AlreadyExists):
            forebear.init(project="p", id="it")
        with forebear.init(project="p", id="it", resume="allow") as run:
            assert f"is still running, in process {process.pid}" in capsys.readouterr().err
            run.log({"a": 2}, step=0)
            run.log({"a": 4}, step=1)
        process.communicate(b"")
    label = f"{socket.gethostname()}-{os.getpid()}"
    rows = [(row["_step"], row.get("_writer", ""), row["a"]) for row in read_rows(run.store, record(run))]
    assert rows == [(0, "", 1), (0, label, 2), (1, "", 3), (1, label, 4)]


def test_a_run_whose_host_was_lost_is_gone_on_with_under_no_label(capsys: pytest.CaptureFixture[str]) -> None:
    words = [sys.executable, "-c", OTHER + "import os; os._exit(1)", "elsewhere"]
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    with forebear.init(project="p", id="it", resume="allow") as run:
        assert "is still running" in capsys.readouterr().err
        run.log({"a": 5})
    assert values(run) == {0: 1, 1: 3, 2: 5}
    assert run.settings.x_label is None


@pytest.mark.parametrize(
    "both",
    [
        {"resume": "allow", "resume_from": "it?_step=1"},
        {"resume": "must", "fork_from": "it?_step=1"},
        {"resume_from": "it?_step=1", "fork_from": "it?_step=1"},
    ],
    ids=str,
)
def test_two_places_to_begin_at_are_one_too_many(both: dict[str, str]) -> None:
    trained()
    with pytest.raises(InvalidInput, match="give one of"):
        forebear.init(project="p", **both)  # type: ignore[arg-type]


# -- rewind -----------------------------------------------------------------------------------------------------------


def test_a_rewound_run_goes_on_after_that_step_and_the_rest_stays_readable() -> None:
    trained(steps=10)
    with forebear.init(project="p", resume_from="it?_step=3") as run:
        assert (run.id, run.resumed, run.step, run.summary["a"]) == ("it", True, 4, 3)
        assert run.summary["low"] == {"min": 7, "mean": 8.5}
        run.log({"a": 100, "low": 5})
        assert values(run) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 100}
    assert values(run) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 100}
    found = record(run)
    assert (found.branch, found.summary["a"], found.summary["_step"]) == (1, 100, 4)
    assert found.summary["low"] == {"min": 5, "mean": 7.8}
    assert [row["a"] for row in read_rows(run.store, found, branch=0)] == list(range(10))
    node = Node.of_run(run.key).key
    edges = list(run.store.catalog.edges([node], Direction.DOWNSTREAM, [EdgeKind.REWOUND]))
    assert [(edge.source, edge.target) for edge in edges] == [(node, node)]


def test_a_run_can_be_rewound_again_and_again() -> None:
    trained(steps=6)
    for number, step in enumerate((4, 2, 2)):
        with forebear.init(project="p", resume_from=f"it?_step={step}", id="it") as run:
            run.log({"a": f"{number}"})
            run.log({"a": f"{number}+"})
    assert values(run) == {0: 0, 1: 1, 2: 2, 3: "2", 4: "2+"}
    assert record(run).branch == 3
    with forebear.init(project="p", id="it", resume="allow") as run:
        run.log({"a": "last"})
    assert values(run) == {0: 0, 1: 1, 2: 2, 3: "2", 4: "2+", 5: "last"}


# -- fork -------------------------------------------------------------------------------------------------------------


def test_a_forked_run_has_the_history_up_to_there_and_its_own_after_it() -> None:
    parent = trained(steps=10)
    with forebear.init(project="p", fork_from="it?_step=3", id="fork", config={"lr": 0.5}) as run:
        assert (run.id, run.resumed, run.step, run.summary["a"]) == ("fork", False, 4, 3)
        assert run.config.as_dict() == {"lr": 0.5, "seed": 1}
        run.log({"a": 100, "low": 0})
    assert values(run) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 100}
    assert values(parent) == {step: step for step in range(10)}
    assert record(run).summary["low"] == {"min": 0, "mean": 6.8}
    edges = list(run.store.catalog.edges([Node.of_run(parent.key).key], Direction.DOWNSTREAM, [EdgeKind.FORKED]))
    assert [edge.target for edge in edges] == [Node.of_run(run.key).key]
    with forebear.init(project="p", fork_from="fork?_step=4") as third:
        third.log({"a": 200})
    assert values(third) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 100, 5: 200}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fork_from": "none?_step=1"}, NotFound, "names run 'none', which project local/p does not have"),
        ({"resume_from": "none?_step=1"}, NotFound, "names run 'none'"),
        ({"fork_from": "it"}, InvalidInput, r"of the form 'id\?_step=100'"),
        ({"fork_from": "it?step=1"}, InvalidInput, "of the form"),
        ({"resume_from": "it?_step=-1"}, InvalidInput, "of the form"),
        ({"resume_from": "it?_step=9"}, InvalidInput, "whose last step is 4"),
        ({"fork_from": "it?_step=1", "id": "it"}, InvalidInput, "cannot be forked from itself"),
        ({"resume_from": "it?_step=1", "id": "other"}, InvalidInput, "names run 'it' and id='other' another"),
    ],
    ids=str,
)
def test_what_cannot_be_gone_back_to_is_refused(options: dict[str, str], error: type[Exception], words: str) -> None:
    trained()
    with pytest.raises(error, match=words):
        forebear.init(project="p", **options)  # type: ignore[arg-type]
    assert forebear.run is None
    assert record(trained("other")).state == "finished"


def test_a_run_that_is_running_elsewhere_is_not_rewound() -> None:
    script = (
        "import sys, forebear; run = forebear.init(project='p', id='it', settings={'silent': True}); "
        "run.log({'a': 1}); run.mark_preempting(); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(Conflict, match="end it before it is rewound"):
            forebear.init(project="p", resume_from="it?_step=0")
        process.communicate(b"")


# -- several processes ------------------------------------------------------------------------------------------------


def test_several_processes_write_to_one_run() -> None:
    script = """
import sys, forebear
rank = int(sys.argv[1])
settings = forebear.Settings(x_label=f"rank{rank}", x_primary=rank == 0, silent=True)
run = forebear.init(project="p", id="it", mode="shared", settings=settings, config={f"rank{rank}": True})
for step in range(50):
    run.log({f"loss{rank}": step})
run.summary[f"done{rank}"] = True
"""
    processes = [subprocess.Popen([sys.executable, "-c", script, str(rank)]) for rank in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    run = forebear.Api(project="p").run("it")
    found = run.record
    assert found.state == "finished"
    for rank in range(3):
        rows = [row[f"loss{rank}"] for row in read_rows(forebear.Api().store, found, keys=[f"loss{rank}"])]
        assert rows == list(range(50))
        assert found.summary[f"loss{rank}"] == 49
        assert found.summary[f"done{rank}"] is True


def test_the_end_of_another_process_is_not_the_end_of_the_run() -> None:
    with forebear.init(project="p", id="it", mode="shared") as first:
        second = forebear.init(
            project="p", id="it", mode="shared", reinit="create_new", settings={"x_primary": False, "x_label": "second"}
        )
        assert second.key == first.key
        second.log({"b": 1})
        second.finish()
        assert record(first).state == "running"
        first.log({"a": 1})
    assert record(first).state == "finished"
    assert (record(first).summary["a"], record(first).summary["b"]) == (1, 1)
