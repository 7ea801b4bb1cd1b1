"""What people do about what goes: collect, set policies, pin versions, bring them back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import forebear
from forebear.cli.keeping import days_in
from forebear.errors import InvalidInput

LARGE = 700_000


@pytest.fixture
def versions(cli) -> list[str]:
    """Four versions of ``data``, each with a large file of its own; the second is ``prod``."""
    cli("init")
    for number in range(4):
        Path("large.bin").write_bytes(bytes([number]) * LARGE + os.urandom(8))
        alias = ["--alias", "prod"] if number == 1 else []
        cli("artifact", "put", "large.bin", "--name", "data", "--type", "dataset", *alias)
    return [f"data:v{number}" for number in range(4)]


def files() -> int:
    """How many objects the store has."""
    return sum(path.is_file() for kind in ("loose", "pack") for path in Path(".forebear/objects", kind).rglob("*"))


def test_a_policy_is_set_shown_and_taken_away(cli, versions):
    assert "every version" in cli("artifact", "policy", "data").out
    shown = cli("artifact", "policy", "data", "--keep-last", "1", "--max-age", "2w")
    assert "the newest 1 version" in shown.out
    assert "no older than 14 days" in shown.out
    assert "would go  none" in shown.out
    record = cli("artifact", "policy", "data", "--json").json()
    assert record["policy"] == {"keep_last": 1, "max_age_days": 14.0, "keep_aliased": True}
    shown = cli("artifact", "policy", "data", "--keep-last", "1")
    assert "would go  v0, v2" in shown.out
    assert cli("artifact", "policy", "data", "-q").lines == [
        f"local/uncategorized/{name}" for name in (versions[0], versions[2])
    ]
    assert "v0–v2" in cli("artifact", "policy", "data", "--keep-last", "1", "--aliased-too").out
    assert "every version" in cli("artifact", "policy", "data", "--clear").out


@pytest.mark.parametrize(
    "words",
    [["--clear", "--keep-last", "1"], ["--aliased-too"], ["--max-age", "soon"], ["--keep-last", "0"]],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused(cli, versions, words):
    assert cli("artifact", "policy", "data", *words, status=2).err.startswith("forebear: error: ")
    assert "every version" in cli("artifact", "policy", "data").out


def test_a_pinned_version_stays(cli, versions):
    assert cli("artifact", "pin", versions[0]).lines == ["data:v0  pinned"]
    cli("artifact", "policy", "data", "--keep-last", "1")
    assert "pinned    v0" in cli("artifact", "policy", "data").out
    answer = cli("artifact", "rm", versions[0], "--yes", status=5)
    assert "forebear artifact pin data:v0 --remove" in answer.err
    assert cli("gc", "-q").lines == ["local/uncategorized/data:v2"]
    assert cli("artifact", "pin", versions[0], "--remove").lines == ["data:v0  not pinned any more"]
    cli("artifact", "rm", versions[0], "--yes")


def test_a_dry_run_prints_versions_objects_and_bytes(cli, versions):
    cli("artifact", "rm", versions[0], "--yes")
    cli("artifact", "policy", "data", "--keep-last", "1")
    before = files()
    answer = cli("gc", "--dry-run")
    assert answer.lines[0] == "local/uncategorized/data:v2  would go  by its policy"
    assert "garbage   4 blobs, 1.3 MiB that nothing names" in answer.out
    assert "objects   4 objects, 1.3 MiB of nothing else" in answer.out
    record = cli("gc", "--dry-run", "--json").json()
    assert (record["versions"], record["blobs"]) == (["local/uncategorized/data:v2"], 4)
    assert record["to_trash"]["count"] == 4
    assert record["to_trash"]["bytes"] > 2 * LARGE
    assert files() == before
    assert len(cli("artifact", "ls", "data", "-q").lines) == 3


def test_what_was_deleted_goes_to_the_trash_and_comes_back(cli, versions, tmp_path):
    cli("artifact", "rm", versions[0], "--yes")
    first = cli("gc", "--json").json()
    assert (first["blobs"], first["garbage"]["count"], first["trash"]["count"]) == (0, 2, 0)
    second = cli("gc", "--now", "--json").json()
    assert (second["blobs"], second["to_trash"]["count"], second["trash"]["count"]) == (2, 2, 2)
    assert second["deleted"]["count"] == 0
    before = files()
    listed = cli("undelete", "data").lines
    assert [text.split()[0] for text in listed[1:]] == ["data:v0"]
    assert cli("undelete", "data:v0").lines == ["data:v0  is back: 1 file, 683.6 KiB"]
    cli("artifact", "get", "data:v0", "--root", tmp_path / "back")
    assert (tmp_path / "back" / "large.bin").read_bytes()[:LARGE] == bytes(LARGE)
    assert cli("undelete", "data").lines == ["no version of data was deleted"]
    assert "has no deleted version v0" in cli("undelete", "data:v0", status=3).err
    assert "needs the number" in cli("undelete", "data:latest", status=2).err
    cli("artifact", "rm", "data:v0", "--yes")
    gone = cli("gc", "--now", "--trash", "0").out
    assert "deleted   2 objects, 683.8 KiB" in gone
    assert files() == before - 2
    said = cli("undelete", "data:v0", status=4).err
    assert "deleted for good" in said
    assert "hint: forebear artifact put FOLDER --name AGAIN, and then forebear undelete data:v0" in said
    assert cli("fsck").status == 0
    cli("artifact", "put", tmp_path / "back", "--name", "again", "--type", "dataset")
    assert cli("undelete", "data:v0").lines == ["data:v0  is back: 1 file, 683.6 KiB"]
    assert cli("fsck", "--read-data").status == 0


def test_times():
    assert [days_in(text, "--x") for text in ("30d", "12h", "2w", "90m", "0", "1.5", None)] == [
        30.0, 0.5, 14.0, 90 / 1_440, 0.0, 1.5, None,
    ]  # fmt: skip
    for text in ("", "soon", "-1d", "1y", "d"):
        with pytest.raises(InvalidInput):
            days_in(text, "--x")


def test_a_script_does_the_same(versions):
    api = forebear.Api()
    assert api.policy("data") is None
    api.set_policy("data", keep_last=1)
    assert [version.number for version in api.expiring("data")] == [0, 2]
    api.pin("data:v0")
    assert [version.number for version in api.pinned("data")] == [0]
    report = api.collect(at_once=True)
    assert report.versions == ["local/uncategorized/data:v2"]
    assert report.trash.count == 2
    assert [version.number for version in api.deleted("data")] == [2]
    assert api.undelete("data:v2").number == 2
    api.unpin("data:v0")
    api.clear_policy("data")
    assert api.expiring("data") == []
    assert api.collect(dry_run=True).garbage.count == 0
    with pytest.raises(InvalidInput):
        api.collect(trash_days=-1)


def test_a_run_collects_once_a_day_by_itself(versions, monkeypatch):
    store = forebear.Api().store
    forebear.Api().artifact("data:v0").delete()
    asked: list[timedelta] = []
    due = store.catalog.collect_due
    monkeypatch.setattr(store.catalog, "collect_due", lambda every: asked.append(every) or due(timedelta(0)))
    for _ in range(2):
        forebear.init(settings={"silent": True}).finish()
    assert asked == [timedelta(hours=24)] * 2
    assert store.catalog.garbage() == 2
    monkeypatch.setenv("FOREBEAR_GC", "off")
    forebear.init(settings={"silent": True}).finish()
    assert len(asked) == 2


def test_nothing_of_it_is_loaded_where_nothing_is_due():
    code = (
        "import sys, forebear\n"
        "forebear.init(settings={'silent': True}).finish()\n"
        "print([name for name in sys.modules if 'collecting' in name])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "forebear.artifacts.collecting.collecting" not in found.stdout
