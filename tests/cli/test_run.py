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
