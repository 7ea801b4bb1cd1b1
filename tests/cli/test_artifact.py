from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

import forebear
from forebear.cli.text import size

MIB = 1024 * 1024


def test_ls_lists_collections(cli, two):
    cli("artifact", "put", two / "notes.txt", "-n", "notes", "-t", "text")
    answer = cli("artifact", "ls")
    assert answer.lines[0].split() == ["NAME", "TYPE", "VERSIONS", "LATEST", "SIZE", "UPDATED", "ALIASES"]
    assert answer.lines[1].split() == ["digits", "dataset", "2", "v1", "113", "B", "just", "now", "prod"]
    assert answer.lines[2].split()[:4] == ["notes", "text", "1", "v0"]
    assert cli("artifact", "ls", "-q").lines == ["local/p/digits", "local/p/notes"]
    assert [line.split()[0] for line in cli("artifact", "ls", "-t", "text").lines] == ["NAME", "notes"]


def test_ls_in_json_is_a_record_a_line(cli, two):
    (record,) = cli("artifact", "ls", "--json").json_lines()
    assert record["name"] == "local/p/digits"
    assert record["versions"] == 2
    assert record["latest"] == record["newest"] == "v1"
    assert record["aliases"] == ["latest", "prod"]
    assert record["size"] == 113
    assert set(record) == {
        "name", "type", "versions", "newest", "latest", "aliases", "files", "size", "added_bytes", "created_at",
        "updated_at",
    }  # fmt: skip


def test_ls_of_every_project(cli, two):
    cli("artifact", "put", two, "-n", "other/d")
    assert [line.split()[0] for line in cli("artifact", "ls", "--all").lines[1:]] == ["local/other/d", "local/p/digits"]


def test_ls_of_nothing_says_what_to_do(cli):
    cli("init", "--project", "p")
    answer = cli("artifact", "ls")
    assert "no artifacts yet in project local/p" in answer.out
    assert "forebear artifact put PATH" in answer.out
    assert cli("artifact", "ls", "--json").out == ""


def test_ls_lists_versions(cli, two):
    answer = cli("artifact", "ls", "digits")
    assert [line.split()[:2] for line in answer.lines[1:]] == [["v1", "latest"], ["v0", "prod"]]
    assert forebear.Api().artifact("digits").digest in answer.lines[1]
    records = cli("artifact", "ls", "digits", "--json").json_lines()
    assert [record["version"] for record in records] == ["v1", "v0"]
    assert records[1]["metadata"] == {"n": 5, "source": "scan"}
    assert cli("artifact", "ls", "digits", "-q").lines == ["local/p/digits:v1", "local/p/digits:v0"]


def test_ls_of_deleted_versions(cli, two):
    cli("artifact", "rm", "digits:v0", "--aliases", "-y")
    cli("artifact", "rm", "digits:v1", "-y")
    assert "all versions of digits were deleted" in cli("artifact", "ls", "digits").out
    assert cli("artifact", "ls", "--json").json_lines()[0]["newest"] is None
    assert "digits" in cli("artifact", "ls").out


def test_show(cli, pipeline):
    answer = cli("artifact", "show", "digits:v0")
    assert answer.lines[0] == "digits:v0  dataset  in local/p"
    for said in ("The digits", "prod", "7 files, 81 B", "to the store", "logged by", "scan"):
        assert said in answer.out
    assert pipeline["prepare"] in answer.out
    record = cli("artifact", "show", "digits:v0", "--json").json()
    assert record["description"] == "The digits"
    assert record["used_by"] == [f"local/p/{pipeline['prepare']}", f"local/p/{pipeline['evaluate']}"]
    assert record["logged_by"].startswith("local/p/")
    assert record["reproduced_by"] == []
    assert record["added_bytes"] > 0
    assert record["digest"] == forebear.Api().artifact("digits:v0").digest


def test_show_says_how_little_a_near_equal_file_added(cli, tmp_path, monkeypatch):
    for module in ("forebear.blobs.writer", "forebear.store.near_equal"):
        monkeypatch.setattr(f"{module}.CHUNKED_BYTES", 2 * MIB)
    content, more = random.Random(3).randbytes(8 * MIB), random.Random(4).randbytes(100_000)
    cli("init", "--store", tmp_path / "store")
    Path("model.bin").write_bytes(content)
    cli("artifact", "put", "model.bin", "-n", "model")
    before = set((tmp_path / "store" / "objects").rglob("*"))
    Path("model.bin").write_bytes(content[: 4 * MIB] + more + content[4 * MIB :])
    cli("artifact", "put", "model.bin", "-n", "model")
    fresh = set((tmp_path / "store" / "objects").rglob("*")) - before
    added = cli("artifact", "show", "model", "--json").json()["added_bytes"]
    assert added == sum(path.stat().st_size for path in fresh if path.parts[-3] in {"loose", "pack"})
    assert len(more) < added < MIB
    answer = cli("artifact", "show", "model")
    assert "1 file, 8.1 MiB" in answer.out
    assert f"{size(added)} to the store" in answer.out


def test_show_who_logged_it_again(cli, data):
    cli("artifact", "put", data)
    again = cli("artifact", "put", data, "--json").json()["run"]
    assert cli("artifact", "show", "data", "--json").json()["reproduced_by"] == [again]
    assert "again by" in cli("artifact", "show", "data").out


def test_show_a_version_without_a_run(cli):
    cli("init")
    artifact = forebear.Artifact("lone", "dataset")
    artifact.add(b"x", "x")
    artifact.save()
    assert "no run" in cli("artifact", "show", "lone").out
    assert cli("artifact", "show", "lone", "--json").json()["logged_by"] is None


def test_files(cli, two):
    answer = cli("artifact", "files", "digits:v0")
    assert answer.lines[0].split() == ["PATH", "SIZE", "DIGEST"]
    assert answer.lines[1].split()[:3] == ["images/0.png", "7", "B"]
    assert cli("artifact", "files", "digits:v0", "-q").lines[-1] == "notes.txt"
    record = cli("artifact", "files", "digits", "--prefix", "notes", "--json").json()
    assert record["path"] == "notes.txt"
    assert len(record["digest"]) == 64
    answer = cli("artifact", "files", "digits", "--prefix", "nope", status=3)
    assert "no file of" in answer.err


def test_a_file_name_cannot_write_to_the_terminal(cli, data):
    (data / "evil\x1b[2J\n.txt").write_text("x")
    cli("artifact", "put", data)
    answer = cli("artifact", "files", "data")
    assert "\x1b" not in answer.out
    assert len(answer.lines) == 9
    assert cli("artifact", "files", "data", "--prefix", "evil", "--json").json()["path"] == "evil\x1b[2J\n.txt"


def test_get(cli, two):
    answer = cli("artifact", "get", "digits:v0")
    assert answer.out == "digits:v0 → artifacts/digits:v0  7 files, 81 B, 7 written\n"
    assert Path("artifacts/digits:v0/images/1.png").read_text() == "image 1"
    assert "nothing to write" in cli("artifact", "get", "digits:v0").out
    record = cli("artifact", "get", "digits", "--root", "out", "--prefix", "images/", "--json").json()
    assert record == {
        "name": "local/p/digits:v1", "root": "out", "files": 5, "size": 39, "written": 5, "removed": 0
    }  # fmt: skip
    assert sorted(os.listdir("out")) == ["images"]
    assert cli("artifact", "get", "digits", "--root", "out", "-q").out == "out\n"


def test_get_cleans(cli, two):
    cli("artifact", "get", "digits:v0", "--root", "out")
    Path("out/images/stray.txt").write_text("x")
    answer = cli("artifact", "get", "digits:v1", "--root", "out", "--clean")
    assert "3 other files removed" in answer.out
    cli("artifact", "verify", "digits:v1", "--root", "out")


@pytest.mark.parametrize("root", [".", "..", "sub/.."])
def test_get_never_cleans_the_store_away(cli, two, root):
    Path("sub").mkdir()
    answer = cli("artifact", "get", "digits", "--root", root, "--clean", status=2)
    assert "a checkout deletes everything else" in answer.err
    assert Path("data/notes.txt").exists()
    cli("artifact", "verify", "digits")


def test_get_cleans_no_part(cli, two):
    assert "--clean" in cli("artifact", "get", "digits", "--clean", "--prefix", "images", status=2).err


def test_get_links(cli):
    Path("big.bin").write_bytes(b"x" * (2 << 20))
    cli("artifact", "put", "big.bin")
    cli("artifact", "get", "big.bin", "--root", "out", "--link")
    assert Path("out/big.bin").stat().st_nlink == 2


def test_get_records_no_use(cli, two):
    cli("artifact", "get", "digits")
    assert cli("artifact", "show", "digits", "--json").json()["used_by"] == []


def test_alias(cli, two):
    answer = cli("artifact", "alias", "digits:v1", "prod", "stable")
    assert answer.out == "digits:v1  aliases latest prod stable  tags –\n"
    assert cli("artifact", "alias", "digits:v0", "--json").json()["aliases"] == []
    cli("artifact", "alias", "digits", "stable", "--remove")
    assert forebear.Api().artifact("digits").aliases == ["latest", "prod"]
    assert "no alias 'stable'" in cli("artifact", "alias", "digits", "stable", "--remove", status=3).err


def test_alias_compares_and_swaps(cli, two):
    answer = cli("artifact", "alias", "digits:v1", "prod", "--expect", "v1", status=5)
    assert "alias 'prod' of artifact 'digits' was expected on v1 but is on v0" in answer.err
    cli("artifact", "alias", "digits:v1", "prod", "--expect", "v0")
    cli("artifact", "alias", "digits:v1", "new", "--expect", "")
    assert cli("artifact", "alias", "digits:v0", "new", "--expect", "", status=5).out == ""
    assert "write a version such as 'v7'" in cli("artifact", "alias", "digits:v0", "x", "--expect", "7", status=2).err


def test_alias_history(cli, two):
    cli("artifact", "alias", "digits:v1", "prod")
    cli("artifact", "alias", "digits", "prod", "--remove")
    records = cli("artifact", "alias", "digits:v0", "prod", "--history", "--json").json_lines()
    assert [record["version"] for record in records] == ["v0", "v1", None]
    assert [record["run"] is None for record in records] == [False, True, True]
    answer = cli("artifact", "alias", "digits", "--history")
    assert answer.lines[0].split() == ["WHEN", "ALIAS", "VERSION", "RUN"]
    assert answer.lines[-1].endswith("taken away")
    assert {record["alias"] for record in cli("artifact", "alias", "digits", "--history", "--json").json_lines()} == {
        "latest",
        "prod",
    }
    assert "no alias" in cli("artifact", "alias", "digits", "never", "--history").out


def test_tag(cli, two):
    assert cli("artifact", "tag", "digits:v0", "good", "old").out == "digits:v0  aliases prod  tags good old\n"
    assert cli("artifact", "tag", "digits:v0", "good", "--json").json()["tags"] == ["good", "old"]
    assert cli("artifact", "tag", "digits:v0", "good", "--remove", "--json").json()["tags"] == ["old"]
    assert forebear.Api().artifact("digits:v0").description == "The digits"
    assert "is not allowed" in cli("artifact", "tag", "digits", "a/b", status=2).err


def test_rm(cli, two):
    answer = cli("artifact", "rm", "digits:v0", status=2)
    assert "say --yes" in answer.err
    answer = cli("artifact", "rm", "digits:v0", "--yes", status=5)
    assert "hint: add --aliases" in answer.err
    assert "deleted" in cli("artifact", "rm", "digits:v0", "--yes", "--aliases").out
    answer = cli("artifact", "show", "digits:v0", status=3)
    assert "version v0 of artifact 'digits' was deleted; it has v1" in answer.err
    assert cli("artifact", "rm", "digits:v1", "-y", "--json").json() == {
        "name": "local/p/digits:v1", "deleted": True, "aliases_removed": ["latest"]
    }  # fmt: skip


@pytest.mark.parametrize(("said", "status", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("", 1, 2)])
def test_rm_asks_on_a_terminal(cli, two, monkeypatch, said, status, left):
    import io

    stdin = io.StringIO(said)
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    answer = cli("artifact", "rm", "digits:v1", status=status)
    assert "delete local/p/digits:v1?" in answer.err
    assert len(forebear.Api().artifacts("digits")) == left


def test_verify(cli, two):
    answer = cli("artifact", "verify", "digits")
    assert answer.out == "digits:v1  whole  7 files, 113 B in the store\n"
    record = cli("artifact", "verify", "digits", "--json").json()
    assert record["ok"] is True
    assert record["damaged"] == []


def flip_pack(content: bytes) -> None:
    for pack in Path(".forebear/objects/pack").rglob("*"):
        if pack.is_file() and content in pack.read_bytes():
            pack.chmod(0o644)
            pack.write_bytes(pack.read_bytes().replace(content, content[::-1]))
            return
    raise AssertionError("no pack holds it")


def test_verify_names_damaged_files(cli, two):
    flip_pack(b"image 3")
    answer = cli("artifact", "verify", "digits:v0", status=4)
    assert answer.lines[0].startswith("digits:v0  damaged  1 file of 7 not as logged, in the store")
    assert "images/3.png" in answer.out
    assert "digits:v1" in answer.out
    record = cli("artifact", "verify", "digits:v1", "--json", status=4).json()
    assert record["ok"] is False
    assert [item["path"] for item in record["damaged"]] == ["images/3.png"]
    assert cli("artifact", "verify", "digits:v1", "-q", status=4).out == "images/3.png\n"
    answer = cli("artifact", "get", "digits:v1", "--root", "out", status=4)
    assert "images/3.png" in answer.err
    assert answer.err.startswith("forebear: error: ")


def test_verify_a_folder(cli, two):
    cli("artifact", "get", "digits:v0", "--root", "out")
    cli("artifact", "verify", "digits:v0", "--root", "out")
    Path("out/notes.txt").write_text("line one\nline TWO\n")
    Path("out/labels.csv").unlink()
    Path("out/more.txt").write_text("")
    record = cli("artifact", "verify", "digits:v0", "--root", "out", "--json", status=4).json()
    assert {item["path"]: item["problem"] for item in record["damaged"]} == {
        "labels.csv": "missing",
        "more.txt": "not part of the version",
        "notes.txt": "changed",
    }
    assert cli("artifact", "verify", "digits", "--root", "nowhere", status=3).err


@pytest.mark.parametrize(
    ("words", "status", "said", "hint"),
    [
        (["show", "dgits"], 3, "did you mean 'digits'?", "forebear artifact ls lists"),
        (["show", "digits:nope"], 3, "it has latest, prod and versions v0 to v1", "forebear artifact ls digits"),
        (["show", "digits:v7"], 3, "it has v0 to v1", "forebear artifact ls digits"),
        (["show", "digits@ffffffff"], 3, "no version of artifact 'digits'", "forebear artifact ls digits"),
        (["show", "a b:v0"], 2, "is not allowed", None),
        (["ls", "digits:v0"], 2, "is not allowed", None),
        (["get", "digits", "--prefix", "nope"], 3, "begins with 'nope'", "forebear artifact files"),
    ],
)
def test_what_is_unknown_is_said_with_what_there_is(cli, two, words, status, said, hint):
    answer = cli("artifact", *words, status=status)
    assert answer.out == ""
    first, *rest = answer.err.splitlines()
    assert first.startswith("forebear: error: ")
    assert said in first
    assert hint is None or (len(rest) == 1 and rest[0].startswith("hint: ") and hint in rest[0])
