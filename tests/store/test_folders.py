"""A new folder appears with all of its files, whatever happens to its place meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from forebear.blobs.digest import digest_of
from forebear.errors import InvalidInput, StorageFailure
from forebear.store import folders
from forebear.store.folders import NewFolder, Staging

CONTENT = {"a": b"1", "b": b"22", "c": b""}
LATER_NS = 10 * folders.TICK_NS


def write(folder: NewFolder, *names: str) -> None:
    folder.write([(name, digest_of(CONTENT[name]), CONTENT[name]) for name in names])


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(str(tmp_path))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = folders.time.time_ns
    monkeypatch.setattr(folders.time, "time_ns", lambda: now() + LATER_NS)


def test_a_folder_appears_when_it_is_full_and_a_tick_has_passed(
    staging: Staging, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staging.until_all_appear():
        folder = staging.folder(str(out), 3)
        write(folder, "a", "b")
        with monkeypatch.context() as patch:
            later(patch)
            staging.advance()
        assert not out.exists()
        write(folder, "c")
        staging.advance()
        assert not out.exists()
        later(monkeypatch)
        staging.advance()
        assert files_of(out) == CONTENT
    assert os.listdir(out.parent) == ["out"]
    assert {name: found[4] for name, found in folder.prints().items()} == {
        name: digest_of(content) for name, content in CONTENT.items()
    }
    status = (out / "b").stat()
    assert folder.prints()["b"][:4] == (status.st_ino, 2, status.st_mtime_ns, status.st_ctime_ns)


def test_what_appears_within_the_tick_is_not_remembered(staging: Staging, out: Path) -> None:
    """Somebody could change a file at once, and its times would not tell."""
    with staging.until_all_appear():
        folder = staging.folder(str(out), 3)
        write(folder, *CONTENT)
    assert files_of(out) == CONTENT
    assert folder.prints() == {}


def test_when_the_block_fails_what_is_there_appears_and_nothing_else_is_left(staging: Staging, out: Path) -> None:
    def fail() -> None:
        with staging.until_all_appear():
            write(staging.folder(str(out), 3), "a", "b")
            staging.folder(str(out.with_name("never")), 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert files_of(out) == {"a": b"1", "b": b"22"}
    assert os.listdir(out.parent) == ["out"]


def test_a_file_that_cannot_be_written_leaves_no_half(
    staging: Staging, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def fill_up(descriptor: int, content: Any) -> int:
        if len(content) != 2:
            return real(descriptor, content)
        real(descriptor, content[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fill_up)

    def fail() -> None:
        with staging.until_all_appear():
            write(staging.folder(str(out), 3), "a", "b")

    with pytest.raises(StorageFailure, match="free some space"):
        fail()
    assert files_of(out) == {"a": b"1"}


def test_a_write_that_is_cut_short_goes_on(staging: Staging, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:1]))
    with staging.until_all_appear():
        write(staging.folder(str(out), 3), *CONTENT)
    assert files_of(out) == CONTENT


@pytest.mark.parametrize("there", [{}, {"a": b"old", "mine": b"mine"}], ids=["empty", "with files"])
def test_a_folder_that_somebody_made_meanwhile_is_filled(staging: Staging, out: Path, there: dict[str, bytes]) -> None:
    with staging.until_all_appear():
        write(staging.folder(str(out), 3), *CONTENT)
        out.mkdir()
        for name, content in there.items():
            (out / name).write_bytes(content)
    assert files_of(out) == there | CONTENT
    assert os.listdir(out.parent) == ["out"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_came_in_the_way_meanwhile_is_named_and_stays(staging: Staging, out: Path, kind: str) -> None:
    elsewhere = out.with_name("elsewhere")
    elsewhere.mkdir()

    def fail() -> None:
        with staging.until_all_appear():
            write(staging.folder(str(out), 3), *CONTENT)
            write(staging.folder(str(out.with_name("other")), 1), "a")
            if kind == "file":
                out.write_text("mine")
            else:
                out.symlink_to(elsewhere)

    with pytest.raises(InvalidInput, match="out: a file is in its place"):
        fail()
    assert out.is_symlink() or out.read_text() == "mine"
    assert os.listdir(elsewhere) == []
    assert files_of(out.with_name("other")) == {"a": b"1"}
    assert sorted(os.listdir(out.parent)) == ["elsewhere", "other", "out"]


def test_a_folder_on_another_file_system_is_filled_file_by_file(
    staging: Staging, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a volume is mounted further down, which shows only in the answer of the system."""
    real = os.replace

    def refuse(source: str, target: str) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def replace(source: str, target: str) -> None:
        if os.path.dirname(source) != os.path.dirname(target):
            refuse(source, target)
        real(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, "replace", replace)
    with staging.until_all_appear():
        folder = staging.folder(str(out), 3)
        write(folder, *CONTENT)
    assert files_of(out) == CONTENT
    assert folder.prints() == {}
    assert os.listdir(out.parent) == ["out"]


def test_two_that_fill_the_same_folder_both_succeed(tmp_path: Path, out: Path) -> None:
    first, second = Staging(str(tmp_path)), Staging(str(tmp_path))
    with first.until_all_appear(), second.until_all_appear():
        write(first.folder(str(out), 3), *CONTENT)
        write(second.folder(str(out), 3), *CONTENT)
    assert files_of(out) == CONTENT
    assert os.listdir(tmp_path) == ["out"]


def test_where_nothing_may_be_made_the_system_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure, match="No such file or directory"):
        Staging(str(tmp_path / "gone")).folder(str(tmp_path / "gone" / "a"), 1)
