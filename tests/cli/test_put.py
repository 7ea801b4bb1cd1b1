from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.cli import putting


def test_put_says_what_it_did(cli, data):
    answer = cli("artifact", "put", data, "--type", "dataset", "--alias", "prod")
    assert answer.out.startswith("data:v0  7 files, 81 B, ")
    assert answer.out.rstrip().endswith("latest prod")
    again = cli("artifact", "put", data, "--alias", "other")
    assert "unchanged" in again.out
    assert again.out.rstrip().endswith("latest other prod")


def test_put_in_json(cli, data):
    record = cli("artifact", "put", data, "-n", "d", "--json", "--tag", "t", "-m", "a=1", "-m", "b=x").json()
    assert record["name"] == "local/uncategorized/d:v0"
    assert record["version"] == "v0"
    assert record["created"] is True
    assert record["files"] == 7
    assert record["size"] == 81
    assert record["added_bytes"] > 81
    assert record["tags"] == ["t"]
    artifact = forebear.Api().artifact("d")
    assert record["digest"] == artifact.digest
    assert artifact.metadata == {"a": 1, "b": "x"}
    again = cli("artifact", "put", data, "-n", "d", "--json").json()
    assert again["created"] is False
    assert again["added_bytes"] == 0


def test_put_quietly(cli, data):
    assert cli("artifact", "put", data, "-q").out == "local/uncategorized/data:v0\n"


def test_put_is_recorded_as_a_run(cli, data):
    record = cli("artifact", "put", data, "--json").json()
    run = forebear.Api().artifact("data").logged_by()
    assert "/".join(run.path) == record["run"]
    assert run.job_type == putting.JOB_TYPE
    assert run.state == "finished"


def test_put_a_file_takes_its_name(cli, data):
    assert cli("artifact", "put", data / "notes.txt", "-q").out == "local/uncategorized/notes.txt:v0\n"
    assert [file.path for file in forebear.Api().artifact("notes.txt").files()] == ["notes.txt"]


def test_put_takes_the_type_that_the_artifact_has(cli, data):
    cli("artifact", "put", data, "-n", "m", "-t", "model")
    (data / "more").write_text("x")
    assert cli("artifact", "put", data, "-n", "m", "--json").json()["type"] == "model"
    answer = cli("artifact", "put", data, "-n", "m", "-t", "dataset", status=5)
    assert "has type 'model'" in answer.err


def test_put_into_another_project(cli, data):
    assert cli("artifact", "put", data, "-n", "team/shop/d", "-q").out == "team/shop/d:v0\n"
    assert cli("artifact", "put", data, "-n", "shop/d", "-q").out == "local/shop/d:v0\n"
    assert cli("artifact", "put", data, "-n", "a/b/c/d", status=2).err.startswith("forebear: error: ")


def test_put_a_uri_refers_to_it(cli, data):
    uri = (data / "notes.txt").resolve().as_uri()
    cli("artifact", "put", uri, "-n", "refs")
    assert forebear.Api().artifact("refs").files()[0].ref == uri


def test_put_links(cli):
    big = Path("big.bin")
    big.write_bytes(b"x" * (2 << 20))
    cli("artifact", "put", big, "--link")
    assert big.stat().st_nlink == 2


def test_put_with_an_expectation(cli, digits):
    answer = cli("artifact", "put", digits, "-n", "digits", "-a", "prod", "--expect", "v5", status=5)
    assert "expected on v5 but is on v0" in answer.err
    assert "hint: forebear artifact alias digits --history" in answer.err
    cli("artifact", "put", digits, "-n", "digits", "-a", "prod", "--expect", "v0")
    assert forebear.Api().artifact("digits:prod").version == "v1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no such file or folder"),
        (["data", "-n", "a:b"], "artifact name 'a:b' is not allowed"),
        (["data", "-a", "v3"], "alias 'v3' is not allowed"),
        (["data", "--tag", "a/b"], "tag 'a/b' is not allowed"),
        (["data", "-m", "novalue"], "key=value"),
        (["data", "-m", "=x"], "key=value"),
        (["data", "-m", "x=NaN", "-t", "a/b"], "artifact type 'a/b' is not allowed"),
    ],
)
def test_mistakes_are_found_before_a_run_begins(cli, data, words, said):
    answer = cli("artifact", "put", *words, status=2)
    assert said in answer.err
    assert answer.err.startswith("forebear: error: ")
    assert answer.out == ""
    assert cli("run", "ls", "--all", "-q", status=None).out == ""


def test_put_does_not_join_the_run_of_the_environment(cli, data, monkeypatch):
    with forebear.init(id="mine"):
        monkeypatch.setenv("FOREBEAR_RUN_ID", "mine")
        record = cli("artifact", "put", data, "--json").json()
    assert not record["run"].endswith("/mine")
