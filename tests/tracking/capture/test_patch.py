"""The difference to the commit is kept so that it can be applied again, within bounds of time and size."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from forebear.tracking.capture.patch import Changes, changes
from tests.tracking.repositories import git, make_repository


@pytest.fixture
def tree() -> Path:
    make_repository(Path("tree"))
    return Path("tree").absolute()


def fake_git(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``git`` be a shell script."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_nothing_was_changed(tree: Path) -> None:
    (tree / "new.txt").write_text("git does not know it")
    assert changes(tree) == Changes(False)


def test_a_patch_makes_the_code_again(tree: Path) -> None:
    (tree / "data.bin").write_bytes(bytes(range(256)))
    (tree / "latin.txt").write_bytes("ä\n".encode("latin-1"))
    git("add", ".", cwd=tree)
    git("commit", "-q", "-m", "more", cwd=tree)
    (tree / "train.py").write_text("x = 2\n")
    (tree / "data.bin").write_bytes(bytes(range(255, -1, -1)))
    (tree / "latin.txt").write_bytes("ö\n".encode("latin-1"))
    (tree / "staged ü.py").write_text("y = 1\n")
    git("add", "staged ü.py", cwd=tree)
    found = changes(tree)
    assert found.dirty is True
    clone = tree.parent / "clone"
    git("clone", "-q", str(tree), str(clone))
    subprocess.run(["git", "apply", "-"], input=found.patch, cwd=clone, check=True)
    for name in ("train.py", "data.bin", "latin.txt", "staged ü.py"):
        assert (clone / name).read_bytes() == (tree / name).read_bytes()


def test_it_is_the_same_from_a_folder_below_and_whatever_git_is_set_to(tree: Path) -> None:
    (tree / "train.py").write_text("x = 2\n")
    plain = changes(tree)
    (tree / "below").mkdir()
    for name, value in {
        "diff.noprefix": "true", "color.ui": "always", "diff.external": "false", "diff.relative": "true",
        "diff.mnemonicPrefix": "true", "core.pager": "false", "diff.ignoreSubmodules": "none",
    }.items():  # fmt: skip
        git("config", name, value, cwd=tree)
    assert changes(tree / "below") == plain
    assert b"+x = 2" in plain.patch


def test_secrets_are_hidden(tree: Path) -> None:
    (tree / "train.py").write_text("url = 'postgresql://u:hunter2@host/db'\n")
    patch = changes(tree).patch
    assert b"hunter2" not in patch
    assert b"+url = 'postgresql://***@host/db'" in patch


def test_submodules_are_told_by_their_commit(tree: Path) -> None:
    make_repository(tree.parent / "inner")
    git("submodule", "add", "-q", str(tree.parent / "inner"), "sub", cwd=tree)
    git("commit", "-q", "-m", "sub", cwd=tree)
    (tree / "sub/train.py").write_text("changed inside\n")
    assert changes(tree) == Changes(False)
    git("commit", "-q", "-a", "-m", "moved", cwd=tree / "sub")
    found = changes(tree)
    assert found.dirty is True
    assert b"+Subproject commit " + git("rev-parse", "HEAD", cwd=tree / "sub").encode() in found.patch


def test_a_large_difference_is_left_out_with_a_note(tree: Path) -> None:
    (tree / "train.py").write_text("z = 1\n" * 50_000)
    found = changes(tree, max_bytes=100_000)
    assert (found.dirty, found.patch) == (True, b"")
    assert found.note == "what was changed since the commit is more than 100000 bytes, so it is not kept"


def test_git_that_takes_for_ever_is_given_up(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path / "bin", "exec sleep 100", monkeypatch)
    begun = time.monotonic()
    found = changes(tree, timeout=0.1)
    assert time.monotonic() - begun < 10
    assert (found.dirty, found.patch) == (None, b"")
    assert found.note == "git took more than 0.1 s to tell what was changed, so that is not kept"


def test_git_that_fails_or_is_not_there_tells_nothing(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changes(tree.parent) == Changes(None)
    fake_git(tmp_path / "bin", "echo partial; exit 128", monkeypatch)
    assert changes(tree) == Changes(None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert changes(tree) == Changes(None)
