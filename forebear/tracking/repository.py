"""What a git repository says about itself in its files: commit, branch, remote. No process is started for it.

Asking git costs 20 ms and more, on the way of a run that wants to begin. Its files are documented
(gitrepository-layout(5), git-config(1)); where they say something that is not known here, nothing is guessed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from forebear.records.redaction import redact_text

#: Links of symbolic references that are followed.
_MAX_LINKS = 5
#: Bytes of one of these small files.
_MAX_BYTES = 1024 * 1024
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SECTION = re.compile(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_SETTING = re.compile(r"\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*")


class Repository(NamedTuple):
    """A working tree and where its repository is.

    Attributes:
        tree: The folder of the working tree.
        folder: The repository of this working tree, with its ``HEAD``.
        common: The repository that it shares with other working trees; mostly the same.
    """

    tree: Path
    folder: Path
    common: Path


def find_repository(start: Path) -> Repository | None:
    """Return the repository that ``start`` lies in, or ``None``."""
    for tree in (start, *start.parents):
        git = tree / ".git"
        if git.is_dir():
            return Repository(tree, git, _common(git))
        if git.is_file():  # a submodule, or one of several working trees
            target = _read(git).strip()
            if not target.startswith("gitdir:"):
                return None
            folder = tree / target.removeprefix("gitdir:").strip()
            return Repository(tree, folder, _common(folder)) if folder.is_dir() else None
    return None


def head_of(repository: Repository) -> tuple[str | None, str | None]:
    """Return commit and branch; no branch where a commit itself is checked out."""
    head = _read(repository.folder / "HEAD").strip()
    branch = None
    for _ in range(_MAX_LINKS):
        if not head.startswith("ref:"):
            break
        name = head.removeprefix("ref:").strip()
        if branch is None and name.startswith("refs/heads/"):
            branch = name.removeprefix("refs/heads/")
        head = _reference(repository, name)
    commit = head if _COMMIT.fullmatch(head) else None
    return commit, branch if commit is not None else None


def remote_of(repository: Repository) -> str | None:
    """Return the address of ``origin``, else of the first remote, without credentials."""
    remotes: dict[str, str] = {}
    section = None
    for line in _read(repository.common / "config").splitlines():
        line = line.strip()
        if match := _SECTION.fullmatch(line):
            section = match[2] if match[1].lower() == "remote" else None
        elif section is not None and (match := _SETTING.fullmatch(line)) and match[1].lower() == "url":
            remotes.setdefault(section, match[2].strip('"'))
    url = remotes.get("origin") or next(iter(remotes.values()), None)
    return redact_text(url) if url else None


def _common(folder: Path) -> Path:
    shared = _read(folder / "commondir").strip()
    return folder / shared if shared else folder


def _reference(repository: Repository, name: str) -> str:
    for folder in (repository.folder, repository.common):
        if found := _read(folder / name).strip():
            return found
    for line in _read(repository.common / "packed-refs").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name:
            return commit
    return ""


def _read(path: Path) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return os.fsdecode(file.read(_MAX_BYTES))
    except (OSError, ValueError):
        return ""
