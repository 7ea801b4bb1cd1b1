"""Where journals lie, whatever runs are called."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.errors import StorageFailure
from forebear.tracking.journal.place import (
    all_folders,
    journal_folder,
    journals_in,
    new_name,
    quoted,
    run_of,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:@"), min_size=1, max_size=128)


@given(name=NAMES)
def test_a_name_is_one_folder_and_comes_back(name: str) -> None:
    folder = quoted(name)
    assert folder.isascii()
    assert "/" not in folder
    assert folder not in {".", ".."}
    assert len(folder) <= 200
    (told, _, _) = run_of(journal_folder("/s", name, "p", "r"))
    assert told in {name, None}


@given(one=NAMES, other=NAMES)
def test_two_names_are_two_folders(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)


@pytest.mark.parametrize("name", ["..", ".", "%2E", "ä" * 128, "😀" * 128])
def test_difficult_names(name: str) -> None:
    folder = quoted(name)
    assert folder.strip(".")
    assert len(folder.encode()) <= 200


def test_journals_are_listed_by_age_and_others_are_not(tmp_path: Path) -> None:
    folder = journal_folder(tmp_path, "ada", "digits", "r1")
    assert journals_in(folder) == []
    folder.mkdir(parents=True)
    for name in ("2-b.journal", "1-a.journal", "3-c.journal.damaged", "other"):
        (folder / name).touch()
    assert [path.name for path in journals_in(folder)] == ["1-a.journal", "2-b.journal"]
    assert all_folders(tmp_path) == [folder]
    assert run_of(folder) == ("ada", "digits", "r1")


def test_names_tell_the_time_and_differ(tmp_path: Path) -> None:
    names = [new_name() for _ in range(100)]
    assert len(set(names)) == 100
    assert time_of(tmp_path / f"{names[0]}.journal") > 1_600_000_000_000_000
    assert time_of(tmp_path / "other.journal") == 0


def test_folders_that_cannot_be_listed_are_told_and_those_of_others_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in ("r1", "r2"):
        journal_folder(tmp_path, "e", "p", run).mkdir(parents=True)
    (tmp_path / "journals" / "e" / "p" / "no-folder").write_text("")
    everything = [journal_folder(tmp_path, "e", "p", run) for run in ("r1", "r2")]
    assert all_folders(tmp_path) == everything
    real = os.listdir

    def refuse(number: int) -> Callable[[Path], list[str]]:
        def listdir(path: Path) -> list[str]:
            if path.name == "p":
                raise OSError(number, os.strerror(number), str(path))
            return real(path)

        return listdir

    monkeypatch.setattr(os, "listdir", refuse(errno.EMFILE))
    with pytest.raises(StorageFailure, match="cannot list .*p: Too many open files; raise the limit"):
        all_folders(tmp_path)
    with pytest.raises(StorageFailure, match="cannot list"):
        journals_in(tmp_path / "journals" / "e" / "p")
    monkeypatch.setattr(os, "listdir", refuse(errno.EACCES))
    assert all_folders(tmp_path) == []
    with pytest.raises(StorageFailure, match="Permission denied"):
        journals_in(tmp_path / "journals" / "e" / "p")
