"""What a process that is gone has written is taken by whoever finds it; damage is named, and nothing taken twice."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forebear.records.runs import CRASHED, FINISHED, RUNNING, RunChanges
from forebear.store import liveness
from forebear.store.opening import open_store
from forebear.tracking.history.reading import read_rows
from forebear.tracking.journal import frames
from forebear.tracking.journal.file import try_lock
from forebear.tracking.journal.frames import Kind, SummaryChange
from forebear.tracking.recovery import recover_journals
from forebear.tracking.taking import JournalTaker
from tests.tracking.journaled import JournaledRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forebear.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Iterator[JournaledRun]:
    made = JournaledRun(store)
    yield made
    made.journal.close()


@pytest.fixture
def _gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that runs name is gone."""
    monkeypatch.setattr("forebear.tracking.recovery.process_is_gone", lambda origin: origin.pid is not None)


def abandon(run: JournaledRun) -> Path:
    """Let go of the journal as a process does that is killed: without a last frame."""
    (path,) = run.journals
    for file in run.journal.files():
        file.close()
    return path


def losses(run: JournaledRun) -> list[Any]:
    return [row["loss"] for row in read_rows(run.store, run.record, keys=["loss"])]


@pytest.mark.usefixtures("_gone")
def test_a_crashed_run_has_all_its_rows(run: JournaledRun) -> None:
    run.rows(7)
    run.recorder.flush()
    run.rows(5)
    path = abandon(run)
    (found,) = recover_journals(run.store)
    assert (found.run, found.rows, found.crashed, found.damage, found.kept) == ("ada/digits/r1", 5, True, (), None)
    assert found.words() == []
    assert losses(run) == list(map(float, range(12)))
    assert run.record.state == CRASHED
    assert run.record.ended_at is not None
    assert run.record.summary["loss"] == 11.0
    assert not path.parent.exists()
    assert run.store.catalog.journal_position(path.stem) == 0
    assert recover_journals(run.store) == []


def test_a_journal_in_use_is_left_alone(run: JournaledRun) -> None:
    run.rows(3)
    assert recover_journals(run.store) == []
    assert len(run.journals) == 1
    run.rows(1)
    run.recorder.stop()
    assert len(losses(run)) == 4


def test_a_run_whose_process_lives_or_that_has_ended_keeps_its_state(store: Store, run: JournaledRun) -> None:
    run.rows(1)
    abandon(run)
    assert [found.crashed for found in recover_journals(store)] == [False]
    assert run.record.state == RUNNING
    ended = JournaledRun(store, "ended")
    ended.rows(1)
    abandon(ended)
    store.catalog.update_run(ended.key, RunChanges(state=FINISHED))
    assert [found.crashed for found in recover_journals(store)] == [False]
    assert ended.record.state == FINISHED


def test_one_run_alone(store: Store, run: JournaledRun) -> None:
    other = JournaledRun(store, "other")
    for each in (run, other):
        each.rows(2)
        abandon(each)
    assert [found.run for found in recover_journals(store, run=("ada", "digits", "other"))] == ["ada/digits/other"]
    assert [found.run for found in recover_journals(store)] == ["ada/digits/r1"]


def test_what_was_set_by_hand_before_the_last_position_still_counts(run: JournaledRun) -> None:
    run.journal.summary(SummaryChange(set=[(("loss",), -1.0)]))
    run.rows(2)
    run.recorder.flush()
    run.rows(2)
    abandon(run)
    recover_journals(run.store)
    assert run.record.summary["loss"] == -1.0


def test_killed_between_taking_and_deleting(run: JournaledRun) -> None:
    run.rows(4)
    run.recorder.flush()
    abandon(run)
    (found,) = recover_journals(run.store)
    assert found.rows == 0
    assert losses(run) == list(map(float, range(4)))
    assert run.journals == []


# -- damage -----------------------------------------------------------------------------------------------------------


def test_a_torn_end_is_told_and_forgotten(run: JournaledRun) -> None:
    run.rows(3)
    path = abandon(run)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)
    (found,) = recover_journals(run.store)
    assert (found.rows, found.kept) == (2, None)
    (words,) = found.words()
    assert "was being written" in words
    assert losses(run) == [0.0, 1.0]
    assert run.journals == []


def test_damage_in_the_middle_is_named_and_the_journal_kept(run: JournaledRun) -> None:
    run.rows(5)
    path = abandon(run)
    data = bytearray(path.read_bytes())
    place = [at for at in range(len(data)) if data.startswith(frames.lead_of(Kind.ROW), at)][2]
    data[place + 20] ^= 1
    path.write_bytes(bytes(data))
    (found,) = recover_journals(run.store)
    assert losses(run) == [0.0, 1.0, 3.0, 4.0]
    (damage,) = found.damage
    assert damage.offset == place
    assert (damage.frames_before, found.frames) == (6, 8)
    words = " ".join(found.words())
    assert f"from byte {place} on; 6 frames before it and 2 after it are safe" in words
    assert found.kept is not None
    assert found.kept.read_bytes() == bytes(data)
    assert str(found.kept) in words
    assert recover_journals(run.store) == []


def test_a_journal_that_lost_its_first_frames_belongs_where_it_lies(run: JournaledRun) -> None:
    run.rows(3)
    path = abandon(run)
    data = path.read_bytes()
    keys = data.index(frames.lead_of(Kind.KEYS))
    path.write_bytes(bytes(keys) + data[keys:])
    (found,) = recover_journals(run.store)
    assert (found.run, found.rows) == ("ada/digits/r1", 3)
    assert losses(run) == [0.0, 1.0, 2.0]
    begun = next(read_rows(run.store, run.record))["_timestamp"]
    assert begun == pytest.approx(run.record.created_at.timestamp(), abs=20)


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(5_000), b"\xf5\xc1\x03\x00" * 50])
def test_a_file_that_is_no_journal_hurts_nobody(run: JournaledRun, content: bytes) -> None:
    run.rows(2)
    path = abandon(run)
    other = path.with_name("0000000000001-x.journal")
    other.write_bytes(content)
    first, second = recover_journals(run.store)
    assert (first.rows, second.rows) == (0, 2)
    assert run.journals == []


def test_unknown_frames_are_told(run: JournaledRun) -> None:
    run.rows(1)
    path = abandon(run)
    with path.open("ab") as file:
        file.write(frames.build(50, {"new": 1}))
    (found,) = recover_journals(run.store)
    assert (found.rows, found.unknown) == (1, 1)
    assert "newer forebear" in found.words()[0]


def test_a_newer_form_is_put_aside(run: JournaledRun) -> None:
    run.rows(1)
    path = abandon(run)
    about = {name: getattr(run.journal.session, name) for name in run.journal.session.__struct_fields__}
    path.write_bytes(frames.build(Kind.SESSION, {**about, "format": 99}))
    (found,) = recover_journals(run.store)
    assert found.kept is not None
    assert found.kept.suffix == ".newer"
    assert "upgrade" in found.words()[0]


@pytest.mark.parametrize("why", ["deleted", "another store", "another run"])
def test_a_journal_of_no_run_is_put_aside(store: Store, run: JournaledRun, why: str) -> None:
    run.rows(2)
    path = abandon(run)
    data = path.read_bytes()
    if why == "deleted":
        store.catalog.delete_run(run.key)
    else:
        changes: dict[str, Any] = {"store_id": "x" * 32} if why == "another store" else {"run_id": "r2"}
        session = frames.build(Kind.SESSION, msgspec.structs.replace(run.journal.session, **changes))
        keys = data.index(frames.lead_of(Kind.KEYS))
        path.write_bytes(session * 2 + data[keys:])
        data = path.read_bytes()
    (found,) = recover_journals(store)
    assert found.kept is not None
    assert found.kept.read_bytes() == data
    assert "not in this store" in found.words()[0]
    assert recover_journals(store) == []


# -- several at once --------------------------------------------------------------------------------------------------


def test_two_recoverers_at_once_take_each_row_once(store: Store, run: JournaledRun) -> None:
    runs = [run, *(JournaledRun(store, f"run{number}") for number in range(5))]
    for each in runs:
        each.rows(200)
        abandon(each)
    together = threading.Barrier(3)
    taken: list[int] = []

    def recover() -> None:
        together.wait()
        taken.extend(found.rows for found in recover_journals(store))

    threads = [threading.Thread(target=recover) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 200 * len(runs)
    for each in runs:
        assert losses(each) == list(map(float, range(200)))
        assert sum(block.rows for block in store.catalog.history(each.key).blocks) == 200


def test_a_recoverer_that_is_killed_is_followed_by_another(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.tracking.taking.BATCH_ROWS", 10)
    monkeypatch.setattr("forebear.tracking.recovery._PIECE_BYTES", 200)
    run.rows(50)
    abandon(run)
    commits = 0
    commit = JournalTaker.commit

    def dying(taker: JournalTaker, **how: Any) -> Any:
        nonlocal commits
        commits += 1
        if commits == 3:
            raise KeyboardInterrupt
        return commit(taker, **how)

    with monkeypatch.context() as patch:
        patch.setattr(JournalTaker, "commit", dying)
        with pytest.raises(KeyboardInterrupt):
            recover_journals(run.store)
    (found,) = recover_journals(run.store)
    assert 0 < found.rows < 50
    assert losses(run) == list(map(float, range(50)))
    assert run.record.summary["loss"] == 49.0


def test_a_deleted_file_cannot_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "j"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    path.unlink()
    assert not try_lock(descriptor)
    os.close(descriptor)


def test_a_process_that_is_there_is_not_gone(run: JournaledRun) -> None:
    assert not liveness.process_is_gone(run.record.origin)
