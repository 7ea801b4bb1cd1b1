"""``forebear sweep`` and ``forebear agent``: from a file to the best trial, and all that may go wrong on the way."""

from __future__ import annotations

import csv
import json
import shlex
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import forebear
from forebear.cli import sweep_showing
from forebear.cli.agent_running import seconds
from forebear.cli.layout import plain, width_of
from forebear.cli.output import Screen
from forebear.errors import InvalidInput
from forebear.store.shared import shared_store
from tests.cli.conftest import make_search

SCRIPT = """
import sys
import forebear
with forebear.init() as run:
    print("with", sys.argv[1:])
    if run.config["x"] == 3:
        sys.exit("three is too many")
    run.log({"loss": 10 - run.config["x"]})
"""


@pytest.fixture
def grid(cli):
    """A sweep of four trials that execute `SCRIPT`, the third of which fails; returns its id."""
    cli("init", "--project", "p")
    Path("train.py").write_text(SCRIPT)
    Path("grid.yaml").write_text(
        "method: grid\nprogram: train.py\nmetric: {name: loss}\nparameters: {x: {values: [1, 2, 3, 4]}}\n"
    )
    return cli("sweep", "grid.yaml", "-q").out.strip().rpartition("/")[2]


def record(sweep):
    return shared_store().catalog.sweep("local", "p", sweep)


# -- declaring --------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_sweep(cli, grid):
    answer = cli("sweep", "grid.yaml", "--name", "all of it", "--project", "q")
    assert answer.lines[0].endswith("in project q: grid over 1 parameter, 4 trials at most")
    assert answer.lines[1] == "execute its trials with:"
    assert answer.lines[2].startswith("  forebear agent local/q/")
    made = cli("sweep", "declare", "grid.yaml", "--project=q", "--json").json()
    assert (made["method"], made["state"], made["limit"], made["name"]) == ("grid", "pending", 4, None)
    assert [row["name"] for row in cli("sweep", "ls", "--project", "q", "--json").json_lines()] == [None, "all of it"]


def test_a_store_that_was_named_is_named_again(cli, grid, tmp_path):
    place = tmp_path / "a place"
    answer = cli("sweep", "grid.yaml", "--store", place)
    program, *words = shlex.split(answer.lines[-1])
    assert (program, words[:1], words[2:]) == ("forebear", ["agent"], ["--store", shared_store(place).url])
    assert cli(*words, "--count", 1, "-q").out.strip() == words[1]


def test_the_file_names_the_project_unless_the_command_does(cli, grid):
    Path("more.yaml").write_text(Path("grid.yaml").read_text() + "project: own\nentity: team\n")
    assert cli("sweep", "more.yaml", "-q").out.startswith("team/own/")
    assert cli("sweep", "--project", "mine", "more.yaml", "-q").out.startswith("team/mine/")


def test_runs_of_before_count(cli, grid):
    with forebear.init(project="p", config={"x": 2}) as run:
        run.log({"loss": 8})
    path = cli("sweep", "grid.yaml", "--prior-run", run.id, "-q").out.strip()
    (tried,) = cli("sweep", "export", path, "--json").json_lines()
    assert (tried["params"], tried["values"], tried["run"]) == ({"x": 2}, {"loss": 8.0}, f"local/p/{run.id}")
    assert cli("sweep", "show", path, "--json").json()["limit"] == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["sweep", "shwo"], 3, "did you mean forebear sweep show?"),
        (["sweep", "none.yaml"], 3, "there is no file 'none.yaml' with a declaration"),
        (["sweep", "bad.yaml"], 2, "parameters.x: {'vlaues': [1]} says no values; give value, values, min and max"),
        (["sweep", "macro.yaml"], 2, "command[0]: there is no macro ${argz}"),
        (["sweep", "grid.yaml", "--prior-run", "none"], 3, "prior_runs names 'none'"),
        (["sweep", "show", "none"], 3, "no sweep 'none' in project local/p"),
        (["sweep", "ls", "--state", "asleep"], 2, "a sweep is never 'asleep'"),
        (["sweep", "rerun-failed", "ID", "--trial", "one"], 2, "'one' is no number of a trial"),
        (["sweep", "rerun-failed", "ID", "--trial", "77"], 3, "has no trial 77"),
        (["sweep", "best", "ID", "--metric", "none"], 2, "the sweep has no objective 'none'; it has loss"),
        (["sweep", "importance", "ID"], 2, "importance needs at least 5 trials"),
        (["sweep", "export", "ID", "-o", "trials.txt"], 2, "does not end in one of .csv"),
        (["sweep", "export", "ID", "--csv", "--json"], 2, "two formats"),
        (["sweep", "rm", "ID"], 2, "There is no terminal to ask; say --yes"),
        (["agent", "none"], 3, "no sweep 'none'"),
        (["agent", "ID", "--timeout", "soon"], 2, "'soon' is no time; write 90s, 30m or 2h"),
        (["agent", "ID", "--agents", "2"], 2, "here, say --jobs"),
        (["agent", "ID", "--on", "dask", "--timeout", "5"], 2, "not with --on"),
        (["agent", "FUNCTION"], 2, "has neither program nor command to execute"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_refused(cli, grid, words, status, said):
    Path("bad.yaml").write_text("method: grid\nparameters: {x: {vlaues: [1]}}\n")
    Path("macro.yaml").write_text("method: grid\nparameters: {x: {values: [1]}}\ncommand: ['${argz}']\n")
    Path("function.yaml").write_text("method: grid\nparameters: {x: {values: [1]}}\n")
    function = cli("sweep", "function.yaml", "-q").out.strip()
    answer = cli(*({"ID": grid, "FUNCTION": function}.get(word, word) for word in words), status=status)
    assert said in answer.err.splitlines()[0]
    assert answer.out == ""


def test_a_sweep_without_a_program_is_executed_in_python(cli, grid):
    Path("function.yaml").write_text("method: grid\nparameters: {x: {values: [1]}}\n")
    answer = cli("sweep", "function.yaml")
    assert 'forebear.agent("local/p/' in answer.lines[-1]


# -- executing and looking --------------------------------------------------------------------------------------------


def test_from_the_file_to_the_best_trial(cli, grid, monkeypatch):
    monkeypatch.setenv("FOREBEAR_SILENT", "false")
    answer = cli("agent", grid, "--jobs", 2)
    assert sorted(line for line in answer.lines if "with" in line) == [f"[{n}] with ['--x={n + 1}']" for n in range(4)]
    assert answer.lines[-1] == f"executed 4 trials; forebear sweep show {grid}"
    assert f"trial 2 of sweep {grid} failed: exit status 1: three is too many" in answer.err
    assert "trial 3 finished after" in answer.err
    shown = cli("sweep", "show", grid)
    assert shown.lines[0] == f"{grid}  finished  in p"
    assert shown.lines[1] == f"{'█' * 40}  4 of 4 trials"
    assert shown.lines[2] == "3 finished · 1 failed"
    assert any(line.startswith("best      loss 6  trial 3, run ") for line in shown.lines)
    assert "failed    trial 2: exit status 1: three is too many" in shown.lines
    rows = [line.split()[:4] for line in shown.lines[shown.lines.index("") + 1 :] if line.split()[1:2] == ["finished"]]
    assert rows == [["3", "finished", "6", "4"], ["1", "finished", "8", "2"], ["0", "finished", "9", "1"]]
    best = cli("sweep", "best", grid, "--json").json()
    assert (best["number"], best["params"], best["values"], best["made"]) == (3, {"x": 4}, {"loss": 6.0}, [])
    assert cli("run", "show", cli("sweep", "best", grid, "-q").out.strip(), "--json").json()["config"] == {"x": 4}
    assert cli("sweep", "ls", "--state", "finished", "-q").lines == [f"local/p/{grid}"]
    assert cli("sweep", "ls", "--state", "paused").lines[0].startswith("no sweep in project p is in that state")


def test_without_an_id_it_is_the_sweep_declared_last(cli, grid):
    search = make_search(cli)
    assert cli("sweep", "show").lines[0].startswith(f"{search}  a search  ")
    assert cli("sweep", "show", "--json").json() == cli("sweep", "show", search, "--json").json()
    assert cli("sweep", "best", "-q").out == cli("sweep", "best", search, "-q").out != ""
    assert cli("sweep", "importance", "--json").out == cli("sweep", "importance", search, "--json").out
    assert cli("sweep", "export", "--csv").out == cli("sweep", "export", search, "--csv").out
    # Of the project alone, and only to look at: what changes a sweep wants to be told which.
    assert "no sweep in project local/none yet" in cli("sweep", "show", "--project", "none", status=3).err
    cli("sweep", "cancel", status=2)


def test_failed_trials_are_tried_again(cli, grid):
    cli("agent", grid)
    assert cli("sweep", "rerun-failed", grid, "--trial", 0).lines == [f"no trial of sweep {grid} is failed or crashed"]
    Path("train.py").write_text(SCRIPT.replace("== 3", "== 33"))
    answer = cli("sweep", "rerun-failed", grid)
    assert answer.lines[0] == "1 trial waits for another attempt; agents take them first:"
    assert record(grid).state == "running"
    assert cli("agent", grid, "--json").json()["executed"] == 1
    trials = cli("sweep", "export", grid, "--json").json_lines()
    assert [(trial["state"], trial["attempt"]) for trial in trials] == [("finished", n) for n in (1, 1, 2, 1)]


def test_an_agent_that_gives_up_exits_with_one(cli, grid):
    Path("train.py").write_text("raise SystemExit(3)")
    answer = cli("agent", grid, "--json", status=1)
    assert "3 trials failed in the first 60 s" in answer.json()["why"]
    assert cli("sweep", "show", grid, "--json").json()["counts"] == {"failed": 3}


def test_halting_and_going_on(cli, grid):
    cli("agent", grid, "--count", 1)
    assert cli("sweep", "pause", grid).lines == [f"{grid} is paused, 1/4 trials ended"]
    assert cli("sweep", "resume", grid).lines == [f"{grid} is running, 1/4 trials ended"]
    taken = shared_store().catalog.take_trial(record(grid).key, "somebody", lambda n: {"x": n}, silent_seconds=100)
    assert cli("sweep", "stop", grid).lines == [f"{grid} is stopped, 1/4 trials ended, 1 trial comes to its end"]
    assert cli("sweep", "cancel", grid).lines == [f"{grid} is cancelled, 1/4 trials ended, 1 trial is asked to end"]
    (held,) = shared_store().catalog.trials(record(grid).key, numbers=[taken.trial.number])
    assert held.asked == "stop"
    assert cli("sweep", "pause", grid, status=5).err.startswith("forebear: error: ")
    assert cli("sweep", "rm", grid, "--yes", "--json").json()["deleted"] is True
    assert cli("sweep", "ls").lines[0] == "no sweeps yet in project p; one is declared with:"


def test_several_are_changed_at_once_or_none(cli, grid):
    other = cli("sweep", "grid.yaml", "-q").out.strip()
    cli("sweep", "pause", grid, "none", status=3)
    assert record(grid).state == "pending"
    cli("sweep", "pause", grid, other, grid)
    assert [row["state"] for row in cli("sweep", "ls", "--json").json_lines()] == ["paused", "paused"]


def test_all_trials_in_a_file(cli, grid):
    cli("agent", grid)
    assert cli("sweep", "export", grid, "--output", "t.csv").lines == [f"wrote 4 trials of sweep {grid} to t.csv"]
    with open("t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["state"], row["loss"], row["x"]) for row in rows] == [
        ("0", "finished", "9.0", "1"),
        ("1", "finished", "8.0", "2"),
        ("2", "failed", "", "3"),
        ("3", "finished", "6.0", "4"),
    ]
    assert rows[2]["error"] == "exit status 1: three is too many"
    assert cli("sweep", "export", grid, "--csv").out == Path("t.csv").read_text()
    assert cli("sweep", "export", grid, "-o", "t.jsonl", "--json").json()["format"] == "json"
    written = [json.loads(line) for line in Path("t.jsonl").read_text().splitlines()]
    assert written == cli("sweep", "export", grid, "--json").json_lines()
    assert [line.split()[0] for line in cli("sweep", "export", grid).lines] == ["TRIAL", "0", "1", "2", "3"]


def test_metrics_that_are_no_numbers_can_be_written(cli, grid):
    Path("train.py").write_text(SCRIPT.replace('10 - run.config["x"]', "float('nan')"))
    cli("agent", grid, "--count", 1)
    (trial,) = cli("sweep", "export", grid, "--json").json_lines()
    assert trial["values"] == {"loss": "NaN"}
    shown = cli("sweep", "show", grid)
    assert "best      none: no finished trial logged loss as a finite number" in shown.lines
    assert cli("sweep", "best", grid).lines == [f"no trial of sweep {grid} has a value yet"]


def test_the_front_of_two_metrics(cli, grid):
    Path("two.yaml").write_text(
        "method: grid\nmetrics: [{name: loss}, {name: right, goal: maximize}]\nparameters: {x: {values: [1, 2, 3]}}\n"
    )
    path = cli("sweep", "two.yaml", "-q").out.strip()

    def train():
        with forebear.init() as run:
            x = run.config["x"]
            run.log({"loss": x, "right": [1, 2, 0][x - 1]})

    forebear.agent(path, function=train)
    assert [row["number"] for row in cli("sweep", "best", path, "--json").json_lines()] == [0, 1]
    assert [row["number"] for row in cli("sweep", "best", path, "--metric", "right", "--json").json_lines()] == [1]
    assert "front     2 trials that no other is better than in everything" in cli("sweep", "show", path).lines


def test_what_the_best_run_made(cli, grid):
    Path("model.yaml").write_text("method: grid\nmetric: {name: loss}\nparameters: {x: {values: [1, 2]}}\n")
    path = cli("sweep", "model.yaml", "-q").out.strip()

    def train():
        with forebear.init() as run:
            model = forebear.Artifact("model", type="model")
            model.add({"x": run.config["x"]}, "weights")
            run.log_artifact(model)
            run.log({"loss": run.config["x"]})

    forebear.agent(path, function=train)
    assert cli("sweep", "best", path, "--json").json()["made"] == ["local/p/model:v0"]
    assert any(line.split() == ["made", "local/p/model:v0"] for line in cli("sweep", "best", path).lines)
    # And from the model back to the sweep.
    sweep, run = path.rpartition("/")[2], cli("sweep", "best", path, "-q").out.strip()
    up = cli("lineage", "up", "model:v0")
    assert any(line.startswith("└─ run") and line.endswith(f"of sweep {sweep}") for line in up.lines)
    assert [node["sweep"] for node in cli("lineage", "up", "model:v0", "--json").json_lines()] == [sweep]
    assert cli("run", "show", run, "--json").json()["sweep"] == sweep
    assert any(line.split() == ["sweep", sweep] for line in cli("run", "show", run).lines)


# -- following --------------------------------------------------------------------------------------------------------


def test_scripts_are_told_of_changes_until_it_is_over(cli, grid, monkeypatch):
    looks = []

    def pause(span):
        looks.append(span)
        if len(looks) == 2:
            cli_free_agent(grid)

    monkeypatch.setattr(sweep_showing.time, "sleep", pause)
    states = [state["counts"] for state in cli("sweep", "show", grid, "--watch", "--json").json_lines()]
    assert states == [{}, {"finished": 3, "failed": 1}]
    assert len(looks) == 2


def cli_free_agent(sweep):
    """Execute a sweep without printing."""
    from forebear.sweeps.commands import CommandAgent, Options
    from forebear.sweeps.places import find_sweep

    CommandAgent(find_sweep(sweep), Options(jobs=2, echo=False)).run()


def test_the_live_table(cli, grid, monkeypatch, capsys):
    """On a terminal it is drawn in one place, and what stays is how it ended."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    monkeypatch.setattr(sweep_showing.time, "sleep", lambda span: cli_free_agent(grid))
    answer = cli("sweep", "show", grid, "--watch")
    text = answer.out
    assert "0 of 4 trials" in text
    assert "4 of 4 trials" in text
    assert text.index("0 of 4 trials") < text.index("4 of 4 trials")


def test_the_time_that_is_left_and_narrow_terminals(cli, search):
    found = sweep_showing.find(cli_session(), search)
    for agent in ("one", "two"):
        found.store.catalog.take_trial(found.sweep.key, agent, lambda n: {"lr": 0.5}, silent_seconds=100)
    found.store.catalog.update_sweep(found.sweep.key, forebear.records.sweeps.SweepChanges(limit=60, state="running"))
    view = sweep_showing.look(found, 15)
    assert view.progress.left is not None
    assert timedelta() < view.progress.left < timedelta(minutes=5)
    for width in (30, 40, 60, 80, 120):
        lines = list(view.lines(Screen(width, datetime.now(UTC))))
        assert max(map(width_of, lines)) <= width
        assert any("5 of 60" in plain(line) for line in lines)
    wide = [plain(line) for line in view.lines(Screen(100, datetime.now(UTC)))]
    assert " left" in wide[1]
    assert wide[1].startswith("███░")
    assert wide[2] == "1 running · 5 finished"


def cli_session():
    from forebear.cli.session import Session

    return Session(project="p")


def test_pictures(cli, search):
    answer = cli("sweep", "show", search, "--chart", "all.svg")
    assert answer.err == "forebear: wrote all.svg\n"
    assert ET.parse("all.svg").getroot().tag.endswith("svg")
    assert cli("sweep", "importance", search, "--chart", "weights.html", "--json").err == ""
    assert "<html" in Path("weights.html").read_text()
    said = cli("sweep", "show", search, "--chart", "all.txt", status=2).err
    assert "all.txt" in said
    assert ".svg" in said


def test_many_trials_are_cut(cli, grid):
    cli("agent", grid)
    answer = cli("sweep", "show", grid, "--limit", 2)
    assert answer.lines[-1] == "and 2 trials more; --limit 0 shows all"
    assert len(cli("sweep", "show", grid, "--limit", 0, "--json").json()["trials"]) == 4


# -- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "span"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("30 min", 1800), ("1d", 86400)])
def test_times(text, span):
    assert seconds(text) == span


@pytest.mark.parametrize("text", ["", "0", "-5s", "soon", "1w", "1" + "0" * 400])
def test_no_times(text):
    with pytest.raises(InvalidInput, match="is no time"):
        seconds(text)


def test_clusters_are_somebody_elses_work(cli, grid, monkeypatch):
    from forebear.sweeps import engines

    asked = []
    monkeypatch.setattr(engines, "launch", lambda on, path, **options: asked.append((on, path, options)))
    cli("agent", grid, "--on", "dask://host:1", "--agents", 3, "--jobs", 2, "--count", 5)
    ((on, path, options),) = asked
    assert (on, path) == ("dask://host:1", f"local/p/{grid}")
    assert {name: options[name] for name in ("agents", "count", "jobs")} == {"agents": 3, "count": 5, "jobs": 2}
    assert options["settings"].project == "p"
