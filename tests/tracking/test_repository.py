"""What a repository says in its files is what git says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from forebear.tracking.repository import find_repository, head_of, remote_of
from tests.tracking.repositories import git, make_repository


@pytest.fixture
def tree() -> Path:
    make_repository(Path("tree"))
    return Path("tree").absolute()


def told(folder: Path) -> tuple[str | None, str | None]:
    repository = find_repository(folder)
    assert repository is not None
    return head_of(repository)


def test_commit_and_branch_from_any_folder(tree: Path) -> None:
    (tree / "deep/er").mkdir(parents=True)
    commit = git("rev-parse", "HEAD", cwd=tree)
    assert told(tree) == told(tree / "deep" / "er") == (commit, "trunk")


def test_branches_with_slashes_and_packed_references(tree: Path) -> None:
    git("checkout", "-q", "-b", "team/feature.x", cwd=tree)
    git("commit", "-q", "--allow-empty", "-m", "second", cwd=tree)
    git("pack-refs", "--all", cwd=tree)
    assert not (tree / ".git/refs/heads/team/feature.x").exists()
    assert told(tree) == (git("rev-parse", "HEAD", cwd=tree), "team/feature.x")
    git("commit", "-q", "--allow-empty", "-m", "third", cwd=tree)
    assert told(tree) == (git("rev-parse", "HEAD", cwd=tree), "team/feature.x")


def test_a_detached_head_has_no_branch(tree: Path) -> None:
    git("checkout", "-q", "--detach", cwd=tree)
    assert told(tree) == (git("rev-parse", "HEAD", cwd=tree), None)


def test_another_working_tree_of_the_same_repository(tree: Path) -> None:
    git("remote", "add", "origin", "https://u:hunter2@host/x.git", cwd=tree)
    git("worktree", "add", "-q", "-b", "side", "../side", cwd=tree)
    side = tree.parent / "side"
    git("commit", "-q", "--allow-empty", "-m", "second", cwd=side)
    assert told(side) == (git("rev-parse", "HEAD", cwd=side), "side")
    assert told(tree) == (git("rev-parse", "HEAD", cwd=tree), "trunk")
    repository = find_repository(side)
    assert repository is not None
    assert remote_of(repository) == "https://***@host/x.git"


def test_a_submodule_is_a_repository_of_its_own(tree: Path) -> None:
    make_repository(tree.parent / "inner")
    git("submodule", "add", "-q", str(tree.parent / "inner"), "sub", cwd=tree)
    assert told(tree / "sub") == (git("rev-parse", "HEAD", cwd=tree / "sub"), "trunk")


def test_sha256_repositories(home: Path) -> None:
    Path("new").mkdir()
    try:
        git("init", "-q", "--object-format=sha256", cwd=Path("new"))
    except Exception:  # an old git
        pytest.skip("this git knows no SHA-256")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=Path("new"))
    assert told(Path("new").absolute())[0] == git("rev-parse", "HEAD", cwd=Path("new"))


def test_what_is_broken_or_unborn_tells_nothing(tree: Path) -> None:
    (tree / ".git/HEAD").write_text("ref: refs/heads/none\n")
    assert told(tree) == (None, None)
    (tree / ".git/HEAD").write_bytes(b"\xff\x00garbage")
    assert told(tree) == (None, None)
    (tree / ".git/HEAD").write_text("ref: HEAD\n")
    assert told(tree) == (None, None)
    (tree / ".git/HEAD").unlink()
    assert told(tree) == (None, None)
    shutil.rmtree(tree / ".git")
    for text in ("gitdir: /nowhere", "what is this", ""):
        (tree / ".git").write_text(text)
        assert find_repository(tree) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_repository_that_may_not_be_read_tells_nothing(tree: Path) -> None:
    (tree / ".git/HEAD").chmod(0)
    assert told(tree) == (None, None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git"),
        ("ssh://git@host:22/x", "ssh://***@host:22/x"),
        ("https://me:hunter2@host/x.git", "https://***@host/x.git"),
        ("https://ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@github.com/o/r", "https://***@github.com/o/r"),
        ("https://host/x.git", "https://host/x.git"),
        ("../other", "../other"),
    ],
)
def test_the_remote_has_no_credentials(tree: Path, url: str, shown: str) -> None:
    git("remote", "add", "upstream", "https://other/x", cwd=tree)
    git("remote", "add", "origin", url, cwd=tree)
    git("config", "remote.origin.pushurl", "https://me:hunter2@push/x", cwd=tree)
    repository = find_repository(tree)
    assert repository is not None
    assert remote_of(repository) == shown
    git("remote", "remove", "origin", cwd=tree)
    assert remote_of(repository) == "https://other/x"
    git("remote", "remove", "upstream", cwd=tree)
    assert remote_of(repository) is None
