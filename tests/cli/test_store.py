from __future__ import annotations

import os
from pathlib import Path

import pytest

import forebear
from forebear.cli import checkup


def test_init_makes_a_store_and_says_what_to_type(cli):
    answer = cli("init")
    assert answer.lines[0] == f"made a store at {Path.cwd() / '.forebear'}"
    assert "forebear artifact put PATH" in answer.out
    assert "there is a store already" in cli("init").out
    assert not Path(".forebear/config.toml").exists()


def test_init_of_a_folder(cli):
    record = cli("init", "work/sub", "--json").json()
    assert record["store"] == str(Path.cwd() / "work/sub/.forebear")
    assert record["created"] is True
    assert record["config"] is None
    os.chdir("work/sub")
    assert record["id"] == forebear.Api().store.id
    assert cli("init", ".forebear", "--json").json()["created"] is False


def test_init_keeps_the_project(cli, data):
    record = cli("init", "--project", "shop", "--entity", "team", "--json").json()
    assert record["config"] == str(Path.cwd() / ".forebear/config.toml")
    assert cli("artifact", "put", data, "-q").out == "team/shop/data:v0\n"
    config = Path(".forebear/config.toml")
    config.write_text('# ours\nproject = "shop"\nmode = "offline"\n')
    cli("init", "-p", 'a"b')
    assert config.read_text() == '# ours\nproject = "a\\"b"\nmode = "offline"\n'


def test_init_elsewhere_is_remembered_by_the_folder(cli, data, tmp_path):
    store = tmp_path / "store"
    cli("init", "--store", store, "--project", "p")
    assert (store / "store.json").exists()
    assert not Path(".forebear/store.json").exists()
    cli("artifact", "put", data)
    Path("deep/er").mkdir(parents=True)
    os.chdir("deep/er")
    assert cli("artifact", "ls", "-q").lines == ["local/p/data"]


def test_init_inside_a_folder_that_has_a_store(cli):
    Path(".forebear").mkdir()
    Path(".forebear/config.toml").write_text('store = "/somewhere/else"\n')
    cli("init", "inner")
    os.chdir("inner")
    assert forebear.Api().store.url == str(Path.cwd() / ".forebear")


def test_init_follows_the_environment(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "s"))
    assert cli("init", "--json").json()["store"] == str(tmp_path / "s")
    assert not Path(".forebear").exists()
    answer = cli("init", "--store", tmp_path / "t")
    assert f"environment FOREBEAR_STORE says {tmp_path / 's'}, and that counts more" in answer.err


def test_init_refuses(cli):
    Path("file").write_text("")
    assert "it is a file" in cli("init", "file", status=2).err
    assert "is not allowed" in cli("init", "-p", "a/b", status=2).err
    assert "a store cannot be at" in cli("init", "--store", "s3://bucket", status=2).err


def test_doctor(cli, pipeline):
    answer = cli("doctor")
    assert answer.lines[-1] == "all is well"
    record = cli("doctor", "--json").json()
    assert record["store"] == str(Path.cwd() / ".forebear")
    assert record["exists"] is record["writable"] is True
    assert record["id"] == forebear.Api().store.id
    totals = record["totals"]
    assert (totals["projects"], totals["runs"], totals["collections"], totals["versions"]) == (1, 6, 4, 6)
    assert totals["objects"] == totals["packs"] + totals["loose_objects"] > 0
    assert totals["leftovers"] == totals["unrecorded_versions"] == 0
    assert record["findings"] == []


def test_doctor_says_where_settings_come_from(cli, monkeypatch):
    cli("init", "--project", "p")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    record = cli("doctor", "--json", "--store", ".forebear").json()
    sources = {setting["name"]: (setting["value"], setting["source"]) for setting in record["settings"]}
    assert sources["project"] == ("p", str(Path.cwd() / ".forebear/config.toml"))
    assert sources["entity"] == ("team", "environment WANDB_ENTITY")
    assert sources["store"] == (".forebear", "option")
    assert sources["mode"] == ("online", "default")


def test_doctor_shows_the_settings_that_somebody_made(cli, monkeypatch):
    cli("init", "--project", "p")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    short, whole = cli("doctor"), cli("doctor", "--all")
    start = next(number for number, text in enumerate(short.lines) if text.startswith("SETTING"))
    made = ["entity", "project", "silent"]  # the last by the tests
    assert [text.split()[0] for text in short.lines[start + 1 : start + 4]] == made
    assert short.lines[start + 4].endswith("settings as they come; --all shows them")
    assert "strict_step" not in short.out
    assert "strict_step" in whole.out
    assert "as they come" not in whole.out


def test_doctor_names_journals_that_were_put_aside(cli, monkeypatch):
    cli("init")
    folder = forebear.Api().store.local / "journals/local/p/r"
    folder.mkdir(parents=True)
    for name in ("1.journal", "1.journal.damaged", "2.journal.newer", "notes.txt"):
        (folder / name).write_bytes(b"x")
    for number in range(3):
        (folder / f"{number}.journal.orphaned").write_bytes(b"x")
    answer = cli("doctor")
    assert "5 journals put aside" in answer.out
    words = " ".join(answer.out.split())
    assert "1.journal.damaged was damaged" in words
    assert "take .newer from its name, and type forebear sync" in words
    assert words.count("a run that is not in this store") == 3
    assert "all is well" not in answer.out
    monkeypatch.setattr(checkup, "_NAMED_JOURNALS", 2)
    findings = cli("doctor", "--json").json()["findings"]
    assert (len(findings), findings[-1].split()[:4]) == (3, ["3", "more", "journals", "were"])


def test_doctor_without_a_store(cli):
    answer = cli("doctor", status=3)
    assert "there is no store at" in answer.out
    assert "as they come" in answer.out
    record = cli("doctor", "--json", status=3).json()
    assert record["exists"] is False
    assert record["totals"] is None


def test_doctor_finds(cli, data, monkeypatch):
    cli("artifact", "put", data)
    store = Path.home() / ".forebear"
    (store / "tmp").mkdir(exist_ok=True)
    (store / "tmp" / "write-abc").write_bytes(b"x" * 1000)
    totals = cli("doctor", "--json").json()["totals"]
    assert (totals["leftovers"], totals["leftover_bytes"]) == (1, 1000)
    monkeypatch.setattr(checkup, "wal_is_sound", lambda: False)
    monkeypatch.setattr(checkup, "_MANY_LEFTOVERS", 1000)
    answer = cli("doctor")
    assert "rollback journal" in answer.out
    assert "1000 B of leftovers" in answer.out
    assert "all is well" not in answer.out


def test_a_store_that_is_not_there(cli):
    answer = cli("artifact", "ls", status=3)
    assert f"there is no store at {Path.home() / '.forebear'}" in answer.err
    assert "hint: forebear init" in answer.err


@pytest.mark.parametrize("option", ["--store", "--project", "--entity"])
def test_options_count_more_than_settings(cli, data, monkeypatch, tmp_path, option):
    cli("artifact", "put", data)
    value = {"--store": tmp_path / "s", "--project": "q", "--entity": "e"}[option]
    cli("artifact", "put", data, option, value)
    monkeypatch.setenv(f"FOREBEAR_{option[2:].upper()}", str(value))
    assert len(cli("artifact", "ls", "-q").lines) == 1
