"""A disk that takes nothing: training goes on, what waits is written later, what is lost is counted."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import Conflict
from forebear.tracking.journal import backlog, file, writer
from forebear.tracking.journal.frames import Kind
from forebear.tracking.journal.place import journals_in
from tests.tracking.journal.journals import Said, open_writer

if TYPE_CHECKING:
    from pathlib import Path


class Disk:
    """A disk with so many bytes of room left; a write that does not fit is taken in part, as the kernel does it."""

    def __init__(self) -> None:
        self.room: int | None = None

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room is None:
            return os.write(descriptor, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data = data[: self.room]
        self.room -= len(data)
        return os.write(descriptor, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()

    class System:
        """The module `os`, but for its writes."""

        def __getattr__(self, name: str) -> Any:
            return made.write if name == "write" else getattr(os, name)

    monkeypatch.setattr(file, "os", System())
    monkeypatch.setattr(writer, "_write", made.write)
    return made


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [row for path in journals_in(folder) for row in Said(path).named]


@pytest.mark.parametrize("room", [0, 1, 11, 30, 100, 250])
@pytest.mark.parametrize("keys", ["old", "new"])
def test_rows_wait_and_are_written_in_their_order(tmp_path: Path, disk: Disk, room: int, keys: str) -> None:
    warnings: list[str] = []
    journal = open_writer(tmp_path, warnings=warnings)
    journal.row(0, 0, {"old": 0})
    disk.room = room
    for step in range(1, 20):
        journal.row(step, step, {keys if step % 2 else "old": step})
        journal.system_row(step, {keys: step})
    assert len(warnings) == 1
    assert "No space left" in warnings[0]
    (path,) = journals_in(tmp_path)
    assert Said(path, final=False).reader.damage == []
    disk.room = None
    journal.row(20, 20, {"last": 20})
    journal.row(21, 21, {"old": 21})
    journal.close()
    said = Said(path)
    assert [step for system, step, _, _ in said.rows if not system] == list(range(22))
    assert [runtime for system, _, runtime, _ in said.rows if system] == list(range(1, 20))
    assert (said.reader.damage, said.reader.ended) == ([], True)
    assert len(warnings) == 2
    assert "lost" not in warnings[1]


def test_a_journal_that_cannot_be_begun_is_begun_later(tmp_path: Path, disk: Disk) -> None:
    warnings: list[str] = []
    journal = open_writer(tmp_path / "j", warnings=warnings)
    disk.room = 5
    journal.row(0, 0, {"a": 0})
    journal.row(1, 1, {"a": 1})
    assert journals_in(tmp_path / "j") == []
    disk.room = None
    journal.row(2, 2, {"a": 2})
    journal.close()
    assert rows_in(tmp_path / "j") == [{"a": 0}, {"a": 1}, {"a": 2}]


def test_what_does_not_fit_into_memory_is_counted(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "BACKLOG_BYTES", 1_000)
    warnings: list[str] = []
    journal = open_writer(tmp_path, warnings=warnings)
    journal.row(0, 0, {"a": 0})
    disk.room = 0
    for step in range(1, 101):
        journal.row(step, step, {"a": step})
    journal.blob(b"d" * 32, b"x" * 2_000)
    disk.room = None
    journal.row(101, 101, {"a": 101})
    journal.close()
    (path,) = journals_in(tmp_path)
    said = Said(path)
    ((kind, (rows, blobs)),) = said.values
    assert (kind, blobs) == (Kind.LOST, 1)
    assert len(said.rows) + rows == 102
    kept = [row["a"] for row in said.named]
    assert kept == [*range(len(kept) - 1), 101]
    assert f"{rows} rows and 1 files" in warnings[1]
    assert journal.take_lost() == (0, 0)


def test_without_room_until_the_end_all_that_waits_is_lost_and_counted(tmp_path: Path, disk: Disk) -> None:
    journal = open_writer(tmp_path)
    journal.row(0, 0, {"a": 0})
    disk.room = 7
    for step in range(1, 11):
        journal.row(step, step, {"a": step})
    journal.close()
    assert journal.take_lost() == (10, 0)
    assert journal.take_lost() == (0, 0)
    assert rows_in(tmp_path) == [{"a": 0}]


def test_the_end_may_be_tried_again_until_what_waits_is_written(tmp_path: Path, disk: Disk) -> None:
    warnings: list[str] = []
    journal = open_writer(tmp_path, warnings=warnings)
    journal.row(0, 0, {"a": 0})
    disk.room = 0
    journal.row(1, 1, {"a": 1})
    journal.blob(b"d" * 32, b"x")
    assert journal.waiting == (1, 1)
    assert not journal.seal()
    with pytest.raises(Conflict):
        journal.row(2, 2, {"a": 2})
    disk.room = None
    assert journal.seal()
    assert journal.seal()
    assert journal.waiting == (0, 0)
    journal.give_up()
    assert journal.take_lost() == (0, 0)
    (path,) = journals_in(tmp_path)
    said = Said(path)
    assert ([row["a"] for row in said.named], said.reader.ended, said.reader.damage) == ([0, 1], True, [])
    with pytest.raises(Conflict):
        journal.row(2, 2, {"a": 2})
    journal.close()


def test_a_row_larger_than_memory_may_hold_is_lost_alone(tmp_path: Path, disk: Disk) -> None:
    journal = open_writer(tmp_path)
    journal.row(0, 0, {"a": ""})
    disk.room = 0
    journal.row(1, 1, {"a": "x" * (backlog.BACKLOG_BYTES + 1)})
    journal.row(2, 2, {"a": "y"})
    disk.room = None
    journal.row(3, 3, {"a": "z"})
    journal.close()
    assert rows_in(tmp_path) == [{"a": ""}, {"a": "y"}, {"a": "z"}]


def test_a_real_disk_that_is_full(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (4 * 1024 * 1024 - 100_000))
    warnings: list[str] = []
    journal = open_writer(small_disk / "j", warnings=warnings)
    for step in range(5_000):
        journal.row(step, step, {"a": float(step), "b": float(step)})
    assert len(warnings) == 1
    ballast.unlink()
    journal.row(5_000, 5_000, {"a": 5e3, "b": 0.0})
    journal.close()
    assert [row["a"] for row in rows_in(small_disk / "j")] == list(map(float, range(5_001)))
    assert len(warnings) == 2
