"""A run knows its command line, its code and its host."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from forebear.store.liveness import process_start
from forebear.tracking.naming import new_run_id, new_run_name
from forebear.tracking.origin import current_origin


def git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(home: Path) -> str:
    """The working folder is a repository with one commit on branch ``trunk``; return the commit."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git("init", "-q")
    git("checkout", "-q", "-b", "trunk")
    Path("train.py").write_text("x = 1\n")
    git("add", "train.py")
    git("commit", "-q", "-m", "first")
    return git("rev-parse", "HEAD")


def test_the_process_is_described() -> None:
    origin = current_origin()
    assert origin.command[0] == sys.executable
    assert (origin.host, origin.pid) == (socket.gethostname(), os.getpid())
    assert origin.pid_started == process_start(os.getpid())
    assert origin.python == ".".join(map(str, sys.version_info[:3]))


def test_outside_a_repository_there_is_no_commit() -> None:
    origin = current_origin()
    assert (origin.git_commit, origin.git_branch, origin.git_dirty) == (None, None, None)


def test_the_commit_is_taken_down(repository: str) -> None:
    Path("deep/er").mkdir(parents=True)
    for folder in (".", "deep/er"):
        os.chdir(folder)
        origin = current_origin()
        assert (origin.git_commit, origin.git_branch, origin.git_dirty) == (repository, "trunk", False)


def test_a_changed_file_makes_it_dirty_and_a_new_one_does_not(repository: str) -> None:
    Path("new.txt").write_text("x")
    assert current_origin().git_dirty is False
    Path("train.py").write_text("x = 2\n")
    assert current_origin().git_dirty is True
    git("add", "train.py")
    assert current_origin().git_dirty is True


def test_a_detached_head_has_a_commit_and_no_branch(repository: str) -> None:
    git("checkout", "-q", "--detach")
    origin = current_origin()
    assert (origin.git_commit, origin.git_branch) == (repository, None)


def test_a_repository_without_a_commit_and_one_that_is_broken_are_no_trouble(home: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git("init", "-q")
    assert current_origin().git_commit is None
    shutil.rmtree(".git")
    Path(".git").write_text("gitdir: /nowhere")
    assert current_origin().git_commit is None


def test_without_git_there_is_no_trouble(repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert current_origin().git_commit is None


def test_secrets_of_the_command_line_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--api-key", "hunter2", "https://u:hunter2@h/"])
    with forebear.init(project="p") as run:
        pass
    origin = forebear.Api(project="p").run(run.id).origin
    assert origin.command[1:] == ("train.py", "--api-key", "***", "https://***@h/")


def test_a_run_keeps_the_commit(repository: str) -> None:
    with forebear.init(project="p") as run:
        pass
    assert forebear.Api(project="p").run(run.id).commit == repository


def test_ids_and_names_are_allowed_and_differ() -> None:
    ids = {new_run_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(found) == 8 and found.isalnum() and found == found.lower() for found in ids)
    assert len({new_run_name() for _ in range(50)}) > 40
