"""A run knows its command line, its code and its host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from forebear.store.liveness import process_start
from forebear.tracking.naming import new_run_id, new_run_name
from forebear.tracking.origin import current_origin
from tests.tracking.repositories import git, make_repository


@pytest.fixture
def repository(home: Path) -> str:
    """The working folder is a repository with one commit on branch ``trunk``; return the commit."""
    return make_repository(Path())


def test_the_process_is_described() -> None:
    origin = current_origin()
    assert origin.command[0] == sys.executable
    assert (origin.host, origin.pid) == (socket.gethostname(), os.getpid())
    assert origin.pid_started == process_start(os.getpid())
    assert origin.python == ".".join(map(str, sys.version_info[:3]))
    assert (origin.os or "").split()[0] == os.uname().sysname
    assert origin.cpu_count == os.cpu_count()


def test_outside_a_repository_there_is_no_commit() -> None:
    origin = current_origin()
    assert (origin.git_commit, origin.git_branch, origin.git_dirty) == (None, None, None)


def test_the_commit_is_taken_down(repository: str) -> None:
    git("remote", "add", "origin", "https://me:hunter2@host/x.git")
    Path("deep/er").mkdir(parents=True)
    for folder in (".", "deep/er"):
        os.chdir(folder)
        origin = current_origin()
        assert (origin.git_commit, origin.git_branch) == (repository, "trunk")
        assert origin.git_remote == "https://***@host/x.git"


def test_git_is_not_looked_at_if_so_wished(repository: str) -> None:
    origin = current_origin(git=False)
    assert (origin.git_commit, origin.git_branch, origin.git_remote) == (None, None, None)


def test_a_working_folder_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert current_origin().git_commit is None
    finally:
        os.chdir(tmp_path)


def test_it_starts_no_process_and_loads_little(repository: str) -> None:
    program = (
        "import sys; from forebear.tracking.origin import current_origin; current_origin()\n"
        "assert not {'subprocess', 'psutil', 'importlib.metadata'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


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
