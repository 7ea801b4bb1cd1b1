"""Git repositories for tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

#: Where a commit of a test comes from does not depend on who runs it.
_IDENTITY = (
    "-c",
    "user.name=n",
    "-c",
    "user.email=e@x",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "protocol.file.allow=always",
)


def git(*words: str, cwd: Path | None = None) -> str:
    """Run git, and return what it says."""
    done = subprocess.run(["git", *_IDENTITY, *words], check=True, capture_output=True, text=True, cwd=cwd)
    return done.stdout.strip()


def make_repository(folder: Path) -> str:
    """Make a repository with one commit on branch ``trunk``; return the commit."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    git("init", "-q", cwd=folder)
    git("checkout", "-q", "-b", "trunk", cwd=folder)
    (folder / "train.py").write_text("x = 1\n")
    git("add", "train.py", cwd=folder)
    git("commit", "-q", "-m", "first", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)
