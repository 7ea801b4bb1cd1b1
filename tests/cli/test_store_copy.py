from __future__ import annotations

import os
from pathlib import Path

import pytest

import forebear
from forebear.catalog.sqlite import SqliteCatalog


@pytest.fixture
def stores(pipeline, tmp_path) -> tuple[Path, Path]:
    """A folder store with a pipeline in it, and the place of another."""
    return Path.cwd() / ".forebear", tmp_path / "other"


def test_a_store_is_copied(cli, stores):
    source, target = stores
    answer = cli("store", "copy", source, target)
    assert answer.lines[0].startswith("copied 6 runs, 6 versions, ")
    assert answer.lines[0].endswith("sent)")
    assert cli("artifact", "ls", "-q", "--all", "--store", target).lines == cli("artifact", "ls", "-q", "--all").lines
    again = cli("store", "copy", source, target)
    assert again.lines == ["nothing to copy: all of it is there"]


def test_a_dry_run_writes_nothing(cli, stores):
    source, target = stores
    answer = cli("store", "copy", source, target, "--dry-run")
    assert answer.lines[0].startswith("would copy 6 runs, 6 versions")
    assert not target.exists()
    record = cli("store", "copy", source, target, "-n", "--json").json()
    assert (record["dry"], record["runs"], record["versions"]) == (True, 6, 6)
    assert (record["source"], record["target"]) == (str(source), str(target))


def test_one_project_alone(cli, stores):
    source, target = stores
    assert "has no project */nowhere" in cli("store", "copy", source, target, "--project", "nowhere", status=2).err
    project = forebear.Api().settings.project
    assert cli("store", "copy", source, target, "-p", project, "--json").json()["projects"] == 1


def test_what_is_left_out_is_told(cli, stores):
    source, target = stores
    cli("store", "copy", source, target)
    record = forebear.Api().store.catalog.runs()[0]
    with forebear.init(id="clash", store=target, project=record.project):
        pass
    with forebear.init(id="clash", project=record.project):
        pass
    answer = cli("store", "copy", source, target, status=5)
    assert "is another run there" in answer.out
    assert cli("store", "copy", source, target, "-q", status=5).lines == [f"local/{record.project}/clash"]


def test_numbers_that_changed_are_told(cli, data, tmp_path):
    for store, text in (("a", "one"), ("b", "two")):
        (data / "notes.txt").write_text(text)
        cli("artifact", "put", data, "-n", "data", "--store", tmp_path / store, "-p", "p")
    answer = cli("store", "copy", tmp_path / "a", tmp_path / "b")
    assert answer.lines[1] == "  local/p/data:v0 is v1 there"


def test_a_store_is_not_copied_to_itself_or_from_nowhere(cli, stores, tmp_path):
    source, _ = stores
    os.symlink(source, tmp_path / "link")
    assert "are the same" in cli("store", "copy", source, tmp_path / "link", status=2).err
    assert "there is no store at" in cli("store", "copy", tmp_path / "nowhere", source, status=3).err


def test_damage_is_told(cli, stores):
    source, target = stores
    for pack in source.glob("objects/pack/*/*"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:20])
    answer = cli("store", "copy", source, target, status=4)
    assert "is damaged" in answer.out or "is cut short" in answer.out
    with_nothing = SqliteCatalog(target / "catalog.db")
    assert all(collection.version_count == 0 for collection in with_nothing.collections())
    with_nothing.close()
