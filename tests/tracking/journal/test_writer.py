"""What is written is there when the call returns, in files that follow one another, whoever writes."""

from __future__ import annotations

import fcntl
import math
import os
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forebear.errors import Conflict
from forebear.tracking.journal import writer as writing
from forebear.tracking.journal.frames import Kind, SummaryChange, TableFrame
from forebear.tracking.journal.place import journals_in
from tests.tracking.journal.journals import SESSION, Said, open_writer

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.tracking.journal.writer import JournalWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "ada" / "digits" / "r1"


def only(folder: Path) -> Path:
    (path,) = journals_in(folder)
    return path


def is_free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_nothing_is_made_before_the_first_call(folder: Path) -> None:
    writer = open_writer(folder)
    assert (writer.name, writer.files(), folder.exists()) == ("", [], False)
    writer.close()
    assert not folder.exists()


def test_rows_are_in_the_file_when_the_call_returns(folder: Path) -> None:
    writer = open_writer(folder)
    writer.row(0, 10, {"loss": 1.5, "note": "ä", "big": 2**63, "list": [1, None, {"a": True}]})
    writer.row(1, 20, {"loss": 2.5, "note": "", "big": -(2**63), "list": []})
    writer.system_row(25, {"cpu": 3})
    writer.row(1, 30, {"acc": math.inf})
    said = Said(only(folder), final=False)
    assert said.rows == [
        (False, 0, 10, {"loss": 1.5, "note": "ä", "big": 2**63, "list": [1, None, {"a": True}]}),
        (False, 1, 20, {"loss": 2.5, "note": "", "big": -(2**63), "list": []}),
        (True, 0, 25, {"cpu": 3}),
        (False, 1, 30, {"acc": math.inf}),
    ]
    assert not said.reader.ended
    writer.close()
    assert Said(only(folder)).reader.ended


def test_one_row_is_one_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"loss": 1.0})
    calls = []
    monkeypatch.setattr(writing, "_write", lambda fd, data: calls.append(len(data)) or os.write(fd, data))
    writer.row(1, 1, {"loss": 2.0})
    assert len(calls) == 1
    writer.close()


def test_the_session_names_the_writer(folder: Path) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"a": 1})
    session = Said(only(folder)).reader.session
    assert session is not None
    assert (session.run_key, session.pid, session.part) == (SESSION.run_key, os.getpid(), 0)
    assert session.first_seq > 1_600_000_000_000_000 * 1_024
    writer.close()


def test_every_kind_of_value_comes_back(folder: Path) -> None:
    writer = open_writer(folder)
    table = TableFrame("run-r1-t", "run_table", {"rows": 2}, [("t.table.json", b"d" * 32, 9)], ("best",), "seen")
    change = SummaryChange(set=[(("best", "loss"), 0.5)], delete=[("old",)])
    writer.blob(b"d" * 32, b"content")
    writer.file("media/a.png", b"d" * 32, 7)
    writer.table(table)
    writer.summary(change)
    writer.config({"lr": 0.1})
    writer.metric({"name": "loss", "summary": ["min"]})
    writer.close()
    values = Said(only(folder)).values
    assert [kind for kind, _ in values] == [Kind.BLOB, Kind.FILE, Kind.TABLE, Kind.SUMMARY, Kind.CONFIG, Kind.METRIC]
    blob, file, *rest = (value for _, value in values)
    assert blob == (b"d" * 32, b"content")
    assert file[:3] == ("media/a.png", b"d" * 32, 7)
    assert rest == [table, change, {"lr": 0.1}, {"name": "loss", "summary": ["min"]}]


@pytest.mark.parametrize("value", [object(), 2**64, "\ud800"])
def test_what_is_not_plain_leaves_nothing(folder: Path, value: Any) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"a": 1})
    size = only(folder).stat().st_size
    for keys in ("a", "b"):
        with pytest.raises((TypeError, OverflowError, UnicodeEncodeError)):
            writer.row(1, 1, {keys: value})
    assert only(folder).stat().st_size == size
    writer.row(2, 2, {"b": 2})
    writer.close()
    assert Said(only(folder)).named == [{"a": 1}, {"b": 2}]


def test_too_many_sets_of_keys_carry_their_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_SCHEMAS", 3)
    monkeypatch.setattr(writing, "MAX_NAMES", 6)
    rows = [{f"k{number}": number} for number in range(6)] + [{"k0": 7}, {"k5": 8}, {f"w{n}": n for n in range(9)}]
    writer = open_writer(folder)
    for step, row in enumerate(rows):
        writer.row(step, step, row)
        writer.system_row(step, row)
    writer.close()
    said = Said(only(folder))
    assert [row[3] for row in said.rows if not row[0]] == rows
    assert [row[3] for row in said.rows if row[0]] == rows
    assert said.reader.damage == []


def test_a_full_file_is_followed_by_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROTATE_BYTES", 2_000)
    writer = open_writer(folder)
    for step in range(200):
        writer.row(step, step, {"loss": float(step)})
    paths = journals_in(folder)
    assert len(paths) > 3
    assert [file.path for file in writer.files()] == sorted(paths, key=lambda path: Said(path).reader.session.part)  # type: ignore[union-attr]
    parts = [Said(file.path) for file in writer.files()]
    assert [row["loss"] for part in parts for row in part.named] == list(map(float, range(200)))
    sessions = [part.reader.session for part in parts]
    seqs = [session.first_seq for session in sessions if session is not None]
    assert seqs == sorted(seqs)
    assert all(later - earlier >= 2_000 for earlier, later in zip(seqs, seqs[1:], strict=False))
    assert not any(map(is_free, paths))
    writer.let_go(writer.files()[0].name)
    assert [is_free(path) for path in paths].count(True) == 1
    writer.close()
    assert all(map(is_free, paths))


def test_after_the_end_nothing_is_written(folder: Path) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"a": 1})
    writer.seal()
    size = only(folder).stat().st_size
    assert not is_free(only(folder))
    for call in (lambda: writer.row(1, 1, {"a": 2}), lambda: writer.row(1, 1, {"b": 2}), lambda: writer.config({})):
        with pytest.raises(Conflict, match="over"):
            call()
    writer.close()
    writer.close()
    assert only(folder).stat().st_size == size


def test_threads_write_whole_rows(folder: Path) -> None:
    writer = open_writer(folder)

    def write(name: str) -> None:
        for step in range(300):
            writer.row(step, step, {name: step, "shared": name})

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    said = Said(only(folder))
    assert said.reader.damage == []
    for number in range(4):
        assert [row[f"t{number}"] for row in said.named if f"t{number}" in row] == list(range(300))


def child_of(writer: JournalWriter, row: dict[str, Any]) -> int:
    """Fork a child that writes a row and ends at once; return its id."""
    pid = os.fork()
    if pid == 0:
        try:
            writer.row(5, 50, row)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_a_forked_child_has_a_journal_of_its_own(folder: Path) -> None:
    writer = open_writer(folder, msgspec.structs.replace(SESSION, writer="rank1"))
    writer.row(0, 0, {"a": 1})
    mine = only(folder)
    writer._lock.acquire()  # as another thread of the parent might hold it
    child = child_of(writer, {"a": 2})
    writer._lock.release()
    writer.row(1, 1, {"a": 3})
    (theirs,) = set(journals_in(folder)) - {mine}
    assert Said(mine).named == [{"a": 1}, {"a": 3}]
    said = Said(theirs)
    assert said.named == [{"a": 2}]
    assert said.reader.session is not None
    assert (said.reader.session.pid, said.reader.session.writer) == (child, "rank1")
    assert (is_free(mine), is_free(theirs)) == (False, True)
    writer.close()


def test_a_child_that_lives_on_does_not_keep_the_lock(folder: Path) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"a": 1})
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready[1], b"x")
        os.close(go[1])
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    writer.close()
    assert is_free(only(folder))
    for descriptor in (*ready, *go):
        os.close(descriptor)
    os.waitpid(pid, 0)


def test_a_signal_handler_may_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = open_writer(folder)
    writer.row(0, 0, {"a": 1})

    def interrupted(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(writing, "_write", os.write)
        writer.row(9, 9, {"b": 9})
        return os.write(descriptor, data)

    monkeypatch.setattr(writing, "_write", interrupted)
    writer.row(1, 1, {"a": 2})
    writer.close()
    assert sorted(map(str, Said(only(folder)).named)) == ["{'a': 1}", "{'a': 2}", "{'b': 9}"]


def test_the_folder_may_vanish_before_the_first_call(folder: Path) -> None:
    writer = open_writer(folder)
    folder.mkdir(parents=True)
    folder.rmdir()
    writer.row(0, 0, {"a": 1})
    writer.close()
    assert Said(only(folder)).named == [{"a": 1}]
