from __future__ import annotations

import pytest

import forebear


def test_ls(cli, pipeline):
    answer = cli("run", "ls")
    assert answer.lines[0].split() == ["ID", "STATE", "JOB", "TYPE", "NAME", "STARTED", "TOOK", "IN", "OUT"]
    assert [line.split()[2] for line in answer.lines[1:]] == ["cli", "evaluate", "train", "train", "prepare", "cli"]
    records = cli("run", "ls", "--json").json_lines()
    evaluate = records[1]
    assert evaluate["path"] == f"local/p/{pipeline['evaluate']}"
    assert (evaluate["inputs"], evaluate["outputs"]) == (2, 1)
    assert evaluate["state"] == "finished"


def test_ls_filters(cli, pipeline):
    with pytest.raises(ValueError, match="boom"), forebear.init(job_type="train"):
        raise ValueError("boom")
    assert len(cli("run", "ls", "--job-type", "train", "-q").lines) == 3
    assert len(cli("run", "ls", "--job-type", "train", "--state", "failed", "-q").lines) == 1
    assert "is of this kind" in cli("run", "ls", "--state", "running").out
    assert "there are running, finished" in cli("run", "ls", "--state", "done", status=2).err


def test_ls_limits(cli, pipeline):
    answer = cli("run", "ls", "--limit", "2")
    assert len(answer.lines) == 3
    assert "4 older runs are not listed" in answer.err
    assert cli("run", "ls", "--limit", "2", "--json").err == ""
    assert len(cli("run", "ls", "--limit", "0", "-q").lines) == 6


def test_ls_of_every_project(cli, pipeline):
    with forebear.init(project="q", id="other"):
        pass
    assert "local/q/other" in cli("run", "ls", "--all", "-q").lines
    assert cli("run", "ls", "--project", "q", "-q").lines == ["local/q/other"]
    assert "local/q/other" in cli("run", "ls", "--all").out


def test_ls_of_nothing_says_what_to_do(cli):
    cli("init")
    answer = cli("run", "ls")
    assert "no runs yet in project local/uncategorized" in answer.out
    assert "forebear.init(" in answer.out


def test_show(cli, pipeline):
    answer = cli("run", "show", pipeline["train"])
    assert pipeline["train"] in answer.lines[0]
    assert "finished" in answer.lines[0]
    for said in ("train", "lr   0.1", 'net  {"layers":2}', "split:v0", "model:v0", "not in a git repository"):
        assert said in answer.out
    record = cli("run", "show", f"p/{pipeline['train']}", "--json").json()
    assert record["config"] == {"lr": 0.1, "net": {"layers": 2}}
    assert record["inputs"] == ["local/p/split:v0"]
    assert record["outputs"] == ["local/p/model:v0"]
    assert record["exit_code"] == 0
    assert record["git_commit"] is None
    assert cli("run", "show", pipeline["train"], "-q").out == f"local/p/{pipeline['train']}\n"


def test_show_a_failed_run(cli):
    with pytest.raises(ValueError, match="boom"), forebear.init(id="bad", notes="a note", group="g", tags=["t"]):
        raise ValueError("boom")
    answer = cli("run", "show", "bad")
    for said in ("failed", "ValueError: boom", "a note", "g", "none"):
        assert said in answer.out


def test_an_unknown_run_lists_the_newest(cli, pipeline):
    answer = cli("run", "show", "nix", status=3)
    assert "no run 'nix' in project local/p; the newest are" in answer.err
    assert pipeline["evaluate"] in answer.err
    assert "hint: forebear run ls" in answer.err
    assert "that project has no runs yet" in cli("run", "show", "nix", "-p", "empty", status=3).err


# ── filters, orders, columns, groups ──────────────────────────────────────────────────────────────────────────────


def ids(answer):
    return [name.rpartition("/")[2] for name in answer.lines]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (["config.lr<0.05"], ["train2"]),
        (["config.lr"], ["train2", "train"]),
        (["!config.lr", "state=finished"], ["evaluate", "prepare"]),
        (["summary.acc>1", "job_type=train"], ["train2"]),
        (["config.lr=0.1,0.01", "config.net.layers=2"], ["train2", "train"]),
        (["job_type~^pre"], ["prepare"]),
        (["started>2020-01-01", "job_type!=cli", "!summary.acc"], ["evaluate", "prepare"]),
        (["tag=nix"], []),
    ],
)
def test_ls_with_conditions(cli, pipeline, conditions, found):
    words = [word for condition in [*conditions, "job_type!=cli"] for word in ("--filter", condition)]
    assert ids(cli("run", "ls", *words, "-q")) == [pipeline[name] for name in found]


def test_ls_of_a_condition_that_is_none(cli, pipeline):
    assert "there is no field 'lr' to filter" in cli("run", "ls", "-f", "lr=1", status=2).err
    assert "is of this kind" in cli("run", "ls", "-f", "tag=nix").out


def test_ls_sorted(cli, pipeline):
    first = cli("run", "ls", "-q", "--sort", "config.lr")
    assert ids(first)[:3] == [pipeline[name] for name in ("train2", "train", "prepare")] or ids(first)[:2] == [
        pipeline["train2"],
        pipeline["train"],
    ]
    last = cli("run", "ls", "-q", "--sort=-summary.acc", "--limit", "2")
    assert ids(last) == [pipeline["train2"], pipeline["train"]]
    assert "4 further runs are not listed" in cli("run", "ls", "--sort=-summary.acc", "--limit", "2").err


def test_what_is_filtered_and_sorted_by_is_shown(cli, pipeline):
    answer = cli("run", "ls", "-f", "config.lr<1", "--sort=-summary.acc")
    assert answer.lines[0].split()[-2:] == ["lr", "acc"]
    assert [line.split()[-2:] for line in answer.lines[1:]] == [["0.01", "1.9333"], ["0.1", "0.96667"]]


def test_ls_with_columns(cli, pipeline):
    answer = cli("run", "ls", "-j", "train", "--columns", "state,config.net.layers,summary.*,tags,commit")
    head = answer.lines[0].split()
    assert head[:3] == ["ID", "STATE", "net.layers"]
    assert {"acc", "loss", "COMMIT"} <= set(head)
    assert "TAGS" not in head  # none has any
    assert "there is no column 'nix'; there are id, state" in cli("run", "ls", "--columns", "nix", status=2).err


def test_columns_that_end_alike_say_where_they_are_from(cli):
    cli("init")
    with forebear.init(id="r", config={"lr": 1}) as run:
        run.summary["lr"] = 2
    answer = cli("run", "ls", "--columns", "config.lr,summary_metrics.lr")
    assert [line.split() for line in answer.lines] == [["ID", "config.lr", "summary.lr"], ["r", "1", "2"]]


def test_ls_in_groups(cli, pipeline):
    answer = cli("run", "ls", "-f", "job_type!=cli", "--group-by", "job_type", "--columns", "summary.acc")
    head, *rows = [line.split() for line in answer.lines]
    assert head == ["JOB", "TYPE", "RUNS", "acc", "MIN", "…", "MAX"]
    assert rows == [["evaluate", "1", "–"], ["train", "2", "1.45", "0.96667", "…", "1.9333"], ["prepare", "1", "–"]]
    records = cli("run", "ls", "--group-by", "config.net.layers", "--json").json_lines()
    assert records[1]["group"] == {"config.net.layers": 2}
    assert records[1]["runs"] == 2
    assert records[1]["summary.loss"] == {"count": 2, "mean": 1 / 30, "min": 1 / 30, "max": 1 / 30}
    assert cli("run", "ls", "--group-by", "job_type,state", "-q").lines[1] == "evaluate\tfinished"


def test_groups_of_nothing(cli, pipeline):
    assert "is of this kind" in cli("run", "ls", "--group-by", "state", "-f", "tag=nix").out
    assert "no runs yet" in cli("run", "ls", "--group-by", "state", "-p", "empty").out
    assert "--group-by names the fields" in cli("run", "ls", "--group-by", ",", status=2).err


def test_json_has_all_that_a_run_has(cli, pipeline):
    [record] = cli("run", "ls", "-f", "config.lr=0.1", "--json").json_lines()
    assert record["config"] == {"lr": 0.1, "net": {"layers": 2}}
    assert record["summary"]["loss"] == 1 / 30
