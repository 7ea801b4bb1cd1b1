"""What a dead process left in somebody's folder is swept; what a living one writes, and all that is theirs, stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from forebear.blobs import temporary
from forebear.blobs.temporary import new_file, new_folder, sweep


def sweep_all(folder: Path) -> int:
    return sweep(str(folder), os.listdir(folder))


def killed(work: Callable[[], object]) -> None:
    """Do ``work`` in a child that is then killed."""
    child = os.fork()
    if child == 0:
        try:
            kept = work()
            assert kept
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def left_folder(folder: Path) -> tuple[int | None, str]:
    lock, path = new_folder(str(folder))
    Path(path, "0").mkdir()
    Path(path, "0", "half").write_bytes(b"half")
    return lock, path


def test_what_the_dead_left_is_swept(tmp_path: Path) -> None:
    killed(lambda: new_file(str(tmp_path)))
    killed(lambda: left_folder(tmp_path))
    assert len(os.listdir(tmp_path)) == 2
    assert sweep_all(tmp_path) == 2
    assert os.listdir(tmp_path) == []


def test_what_the_living_write_stays(tmp_path: Path) -> None:
    descriptor, file = new_file(str(tmp_path))
    lock, folder = left_folder(tmp_path)
    assert sweep_all(tmp_path) == 0
    assert {str(tmp_path / name) for name in os.listdir(tmp_path)} == {file, folder}
    os.close(descriptor)
    assert lock is not None
    os.close(lock)
    assert sweep_all(tmp_path) == 2


def test_names_of_others_stay(tmp_path: Path) -> None:
    names = {".forebear", ".forebear-notes", ".forebear-0123456789ABCDEF", ".forebear-0123456789abcdef.txt", "a"}
    for name in names:
        (tmp_path / name).write_text("mine")
    precious = tmp_path.with_name("precious")
    precious.mkdir()
    (tmp_path / ".forebear-0123456789abcdef").symlink_to(precious)
    assert sweep_all(tmp_path) == 0
    assert set(os.listdir(tmp_path)) == names | {".forebear-0123456789abcdef"}
    assert precious.exists()


@pytest.mark.parametrize("make", [new_file, new_folder])
def test_one_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[str], tuple[int | None, str]]
) -> None:
    real, swept = temporary.fcntl.flock, []

    def sweep_first(descriptor: int, how: int) -> None:
        if not swept:
            swept.append(0)
            swept.append(sweep_all(tmp_path))
        real(descriptor, how)

    monkeypatch.setattr(temporary.fcntl, "flock", sweep_first)
    descriptor, path = make(str(tmp_path))
    assert swept == [0, 1]
    assert [str(tmp_path / name) for name in os.listdir(tmp_path)] == [path]
    assert descriptor is not None
    os.close(descriptor)


def test_a_file_system_without_locks_is_written_to_and_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(95, "no locks here")

    monkeypatch.setattr(temporary.fcntl, "flock", refuse)
    descriptor, path = new_file(str(tmp_path))
    os.close(descriptor)
    assert sweep_all(tmp_path) == 0
    assert os.path.exists(path)
