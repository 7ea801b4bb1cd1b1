"""Commands that read what a run logged: show, compare, history, log, files, restore."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

import forebear
from forebear.cli.layout import plain, width_of
from forebear.cli.output import Screen
from forebear.cli.run_history import spread
from forebear.cli.views.run_compare import OTHER, same

# ── show ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_show_draws_the_metrics(cli, pipeline):
    answer = cli("run", "show", pipeline["train"])
    first = next(number for number, text in enumerate(answer.lines) if text.startswith("METRIC"))
    head, acc, loss = answer.lines[first : first + 3]
    assert head.split() == ["METRIC", "CURVE", "LAST", "MIN", "MAX", "ROWS"]
    assert acc.split()[0] == "acc"
    assert acc.split()[1].startswith("▁")
    assert acc.split()[1].endswith("█")
    assert loss.split()[2:] == ["0.033333", "0.033333", "1", "30"]
    assert "plots/loss.svg    6 B" in answer.out
    record = cli("run", "show", pipeline["train"], "--json").json()
    assert record["summary"]["loss"] == 1 / 30
    assert record["history"]["loss"] == {"rows": 30, "last": 1 / 30, "min": 1 / 30, "max": 1.0}
    assert {"output.log", "plots/loss.svg"} <= {file["path"] for file in record["files"]}


def test_show_says_of_a_summary_what_no_curve_says(cli):
    cli("init")
    with forebear.init(id="r") as run:
        run.log({"x": 1, "image": {"_type": "image-file", "path": "a.png"}})
        run.summary.update({"x": 5, "best": {"acc": 0.5}})
    out = cli("run", "show", "r").out
    assert "best.acc  0.5" in out
    assert "x         5" in out
    assert "image-file" in out


def test_many_metrics_are_not_all_shown(cli):
    cli("init")
    with forebear.init(id="r") as run:
        run.log({f"m{number:02}": number for number in range(30)})
    short, whole = cli("run", "show", "r"), cli("run", "show", "r", "--all")
    assert "10 metrics more; --all shows them" in short.lines
    assert "m29" not in short.out
    assert any(text.startswith("m29 ") for text in whole.lines)


def test_files_stand_behind_the_metrics_and_those_of_a_full_folder_are_one_line(cli):
    cli("init")
    with forebear.init(id="r", settings={"console": "off", "x_save_requirements": False}) as run:
        run.log({"loss": 1})
        for number in range(30):
            for place in ("media/images", f"few/{number // 3}"):
                path = Path(run.dir, place, f"{number}.bin")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x" * 100)
    short, whole = cli("run", "show", "r"), cli("run", "show", "r", "--all")
    metrics = next(number for number, text in enumerate(short.lines) if text.startswith("METRIC"))
    files = short.lines[metrics + 3 :]
    assert files[0].split() == ["files", "few/0/0.bin", "100", "B"]
    assert len(files) == 21
    assert files[-1].strip() == "and 40 files more; --all shows them"
    assert [text.split()[-2:] for text in whole.lines[-30:]] == [["100", "B"]] * 30
    assert len(cli("run", "show", "r", "--json").json()["files"]) == 60


def test_a_full_folder_tells_its_size(cli):
    cli("init")
    with forebear.init(id="r", settings={"console": "off", "x_save_requirements": False}) as run:
        for number in range(71):
            run.log({"image": forebear.Image([[number, 255]])})
    last = cli("run", "show", "r").lines[-1].split()
    assert last[:3] == ["files", "media/images/", "71"]
    assert last[-1] in {"B", "KiB"}


# ── compare ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_compare_shows_what_differs(cli, pipeline):
    answer = cli("run", "compare", pipeline["train"], pipeline["train2"])
    assert answer.lines[0].split() == [pipeline["train"], pipeline["train2"]]
    by_name = {line.split()[0]: line.split()[1:] for line in answer.lines if line.strip()}
    assert by_name["lr"] == ["0.1", "0.01"]
    assert by_name["acc"][0].startswith("▁")
    assert "net.layers" not in by_name
    assert re.search(r"0\.96667 +1\.9333 +\+0\.967", answer.out)
    assert "--all shows them" in answer.lines[-1]
    everything = cli("run", "compare", pipeline["train"], pipeline["train2"], "--all")
    assert "net.layers" in everything.out
    assert "--all" not in everything.out


def test_a_curve_that_stays_low_is_seen_to(cli, pipeline):
    lines = cli("run", "compare", pipeline["train"], pipeline["train2"]).lines
    first, second = next(line for line in lines if line.startswith("  acc") and "▁" in line).split()[1:]
    assert max(first) == "▅"
    assert second.endswith("█")


def test_what_differs_stands_out(cli, pipeline):
    view = cli("run", "compare", pipeline["train"], pipeline["train2"]).view
    lines = list(view.lines(Screen(100, None)))
    [lr] = [spans for spans in lines if plain(spans).startswith("  lr")]
    assert [(span.text, span.style) for span in lr if span.text.startswith("0.")] == [("0.1", ""), ("0.01", OTHER)]


def test_compare_in_json_and_by_name(cli, pipeline):
    pair = pipeline["train"], pipeline["train2"]
    record = cli("run", "compare", *pair, "--json").json()
    assert record["runs"] == [f"local/p/{name}" for name in pair]
    assert record["config"] == [{"name": "lr", "values": [0.1, 0.01], "differs": True}]
    assert cli("run", "compare", *pair, "-q").lines == ["config.lr", "summary.acc"]


def test_compare_takes_two_runs(cli, pipeline):
    assert "name two runs or more" in cli("run", "compare", pipeline["train"], status=2).err
    assert "no run 'nix'" in cli("run", "compare", pipeline["train"], "nix", status=3).err


@pytest.mark.parametrize(
    ("a", "b", "equal"), [(1, 1.0, True), (1, True, False), (float("nan"), float("nan"), True), (None, 0, False)]
)
def test_sameness(a, b, equal):
    assert same(a, b) is equal


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_history_is_spread_over_the_run(cli, pipeline):
    answer = cli("run", "history", pipeline["train"])
    assert answer.lines[0].split() == ["STEP", "TIME", "acc", "loss"]
    assert [line.split()[0] for line in answer.lines[1:21]] == [str(step) for step in spread(30, 20)]
    assert answer.lines[-1] == "20 rows of 30; --samples 0 shows all"
    assert len(cli("run", "history", pipeline["train"], "--samples", "0").lines) == 31
    assert len(cli("run", "history", pipeline["train"], "--samples", "5").lines) <= 8


def test_history_of_some_metrics_and_steps(cli, pipeline):
    rows = cli("run", "history", pipeline["train"], "-k", "l*", "--min-step", "3", "--max-step", "5", "--json")
    assert rows.json_lines() == [{"_step": 3, "loss": 0.25}, {"_step": 4, "loss": 0.2}]
    assert cli("run", "history", pipeline["train"], "-q").lines == ["acc", "loss"]
    answer = cli("run", "history", pipeline["train"], "-k", "nix", status=3)
    assert "logged no nix; it logged acc, loss" in answer.err


def test_history_as_csv(cli, pipeline):
    out = cli("run", "history", pipeline["train"], "--csv").out
    head, *rows = csv.reader(io.StringIO(out))
    assert head == ["_step", "acc", "loss", "_runtime", "_timestamp"]
    assert len(rows) == 30
    assert [float(value) for value in rows[2][:3]] == [2, 2 / 30, 1 / 3]
    assert cli("run", "history", pipeline["train"], "-o", "rows.csv").lines[0].startswith("rows.csv  30 rows, ")
    assert Path("rows.csv").read_text() == out


def test_history_as_parquet_and_json(cli, pipeline):
    parquet = pytest.importorskip("pyarrow.parquet")
    record = cli("run", "history", pipeline["train"], "--output", "rows.parquet", "--json").json()
    assert (record["rows"], record["format"]) == (30, "parquet")
    table = parquet.read_table("rows.parquet")
    assert table.column("loss").to_pylist() == [1 / (number + 1) for number in range(30)]
    cli("run", "history", pipeline["train"], "--parquet", "-o", "rows.data", "-k", "loss")
    assert parquet.read_table("rows.data").column_names == ["_step", "loss"]
    cli("run", "history", pipeline["train"], "-o", "rows.jsonl")
    assert json.loads(Path("rows.jsonl").read_text().splitlines()[1])["loss"] == 0.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--parquet"], "Parquet is binary; name a file with --output"),
        (["--csv", "--json"], "--json and --csv are two formats"),
        (["--output", "rows.xyz"], "rows.xyz does not end in one of .csv"),
    ],
)
def test_formats_that_do_not_go(cli, pipeline, words, said):
    assert said in cli("run", "history", pipeline["train"], *words, status=2).err


def test_history_of_nothing(cli, pipeline):
    assert "logged nothing yet" in cli("run", "history", pipeline["prepare"]).out


def test_values_of_other_kinds_in_csv(cli):
    cli("init")
    with forebear.init(id="r") as run:
        run.log({"list": [1, 2], "word": "a,b"})
        run.log({"word": None})
    rows = list(csv.DictReader(io.StringIO(cli("run", "history", "r", "--csv").out)))
    assert (rows[0]["list"], rows[0]["word"], rows[1]["list"]) == ("[1,2]", "a,b", "")


# ── log, files, restore ───────────────────────────────────────────────────────────────────────────────────────────


def test_log(cli, pipeline):
    assert cli("run", "log", pipeline["train"]).lines == ["epoch 1", "epoch 2", "done"]
    assert cli("run", "log", pipeline["train"], "--tail", "1").lines == ["done"]
    assert cli("run", "log", pipeline["train"], "-n", "1", "--json").json()["log"] == "done"


def test_a_log_says_nothing_that_a_terminal_obeys(cli, pipeline):
    Path("output.log").write_text("a\x1b[31mred\tb\n")
    forebear.Api().run(pipeline["train"]).upload_file("output.log")
    assert cli("run", "log", pipeline["train"]).lines == [r"a\x1b[31mred" + " " * (16 - 9) + "b"]


def test_a_run_without_a_log(cli):
    cli("init")
    with forebear.init(id="silent", settings={"console": "off"}):
        pass
    assert "has no output.log" in cli("run", "log", "silent", status=3).err


def test_files(cli, pipeline):
    answer = cli("run", "files", pipeline["train"])
    assert [line.split()[0] for line in answer.lines[:3]] == ["FILE", "output.log", "plots/loss.svg"]
    assert cli("run", "files", pipeline["train"], "plots/*", "-q").lines == ["plots/loss.svg"]
    assert cli("run", "files", pipeline["train"], "--json").json_lines()[1]["size"] == 6
    assert "has no file 'nix'; it has output.log, plots/loss.svg" in cli(
        "run", "files", pipeline["train"], "nix", status=3
    ).err  # fmt: skip


def test_restore(cli, pipeline):
    answer = cli("run", "restore", pipeline["train"], "*.svg")
    folder = Path("runs") / pipeline["train"]
    assert answer.lines[0].startswith(f"{folder}  1 file, 6 B")
    assert (folder / "plots" / "loss.svg").read_text() == "<svg/>"
    assert "is there already" in cli("run", "restore", pipeline["train"], status=5).err
    cli("run", "restore", pipeline["train"], "--replace", "--root", "out")
    assert Path("out/output.log").read_text() == "epoch 1\nepoch 2\ndone\n"


# ── rm ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rm(cli, pipeline):
    assert "say --yes" in cli("run", "rm", pipeline["train"], status=2).err
    answer = cli("run", "rm", pipeline["train"], pipeline["train2"], pipeline["train"], "--yes")
    assert [line.split()[:2] for line in answer.lines] == [[pipeline[name], "deleted"] for name in ("train", "train2")]
    assert "no run" in cli("run", "show", pipeline["train"], status=3).err
    assert "model:v0" in cli("artifact", "show", "model:v0").out
    assert "no run 'nix'" in cli("run", "rm", pipeline["evaluate"], "nix", "--yes", status=3).err
    assert pipeline["evaluate"] in cli("run", "ls").out


def test_rm_with_what_it_made(cli, pipeline):
    cli("run", "rm", pipeline["train"], "--artifacts", "--yes")
    assert cli("artifact", "ls", "model", "-q").lines == ["local/p/model:v1"]


def test_rm_of_a_running_run(cli):
    cli("init")
    with forebear.init(id="live"):
        assert "is running; stop it first" in cli("run", "rm", "live", "--yes", status=5).err


def test_many_runs_stand_in_several_tables(cli):
    cli("init")
    for number in range(7):
        with forebear.init(id=f"run-{number}", config={"lr": number}):
            pass
    view = cli("run", "compare", *(f"run-{number}" for number in range(7))).view
    heads = [plain(spans).split() for spans in view.lines(Screen(80, None)) if "run-0" in plain(spans)]
    assert heads == [["run-0", "run-1", "run-2"], ["run-0", "run-3", "run-4"], ["run-0", "run-5", "run-6"]]
    assert all(width_of(spans) <= 80 for spans in view.lines(Screen(80, None)))
    assert sum("run-0" in plain(spans) for spans in view.lines(Screen(None, None))) == 1
