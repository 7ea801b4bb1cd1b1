"""A history is read whole, wherever it lies at that moment: in blocks, in journals, in other branches."""

from __future__ import annotations

import threading
from array import array
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from forebear.errors import CorruptData, StorageFailure
from forebear.records.history import Branch, Stream
from forebear.records.lineage import EdgeKind
from forebear.store.opening import open_store
from forebear.tracking import taking
from forebear.tracking.history import live, reading
from forebear.tracking.history.reading import keys_of, read_columns, read_rows
from forebear.tracking.journal import writer as writing
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


def values(run: JournaledRun, **how: Any) -> list[dict[str, Any]]:
    """Rows without their axes."""
    return [
        {key: value for key, value in row.items() if not key.startswith("_")}
        for row in read_rows(run.store, run.record, **how)
    ]


def steps(run: JournaledRun, **how: Any) -> list[int]:
    return [row["_step"] for row in read_rows(run.store, run.record, **how)]


@pytest.mark.parametrize("taken", [0, 3, 10])
def test_rows_are_the_same_wherever_they_lie(run: JournaledRun, taken: int) -> None:
    for step in range(10):
        run.row(loss=step / 2, epoch=step)
        if step + 1 == taken:
            run.recorder.flush()
    rows = list(read_rows(run.store, run.record))
    assert [row["_step"] for row in rows] == list(range(10))
    assert [(row["loss"], row["epoch"]) for row in rows] == [(step / 2, step) for step in range(10)]
    base = run.journal.session.time_base
    assert [row["_runtime"] for row in rows] == [step / 1_000 for step in range(10)]
    assert [round(row["_timestamp"] * 1e6) for row in rows] == [base + step * 1_000 for step in range(10)]


def test_rows_of_a_step_are_one_row_and_later_values_win(run: JournaledRun) -> None:
    run.journal.row(1, 10, {"loss": 1.0, "acc": 0.5})
    run.recorder.flush()
    run.journal.row(2, 20, {"loss": 2.0})
    run.journal.row(1, 30, {"loss": 9.0})
    assert values(run) == [{"loss": 9.0, "acc": 0.5}, {"loss": 2.0}]
    assert [row["_runtime"] for row in read_rows(run.store, run.record)] == [30 / 1e6, 20 / 1e6]


def test_keys_choose_rows_that_have_them_all(run: JournaledRun) -> None:
    run.row(loss=1.0)
    run.row(loss=2.0, acc=0.5, other=1)
    run.row(acc=0.7)
    run.recorder.flush()
    run.row(acc=0.8, loss=None)
    assert values(run, keys=["loss", "acc"]) == [{"loss": 2.0, "acc": 0.5}, {"loss": None, "acc": 0.8}]
    assert values(run, keys="acc") == [{"acc": 0.5}, {"acc": 0.7}, {"acc": 0.8}]
    assert values(run, keys=["_step", "loss"]) == [{"loss": 1.0}, {"loss": 2.0}, {"loss": None}]
    assert values(run, keys=["unknown"]) == []
    assert values(run, keys=["unknown", "loss"]) == []


@pytest.mark.parametrize("flushed", [True, False])
def test_a_range_of_steps(run: JournaledRun, flushed: bool) -> None:
    run.rows(20)
    if flushed:
        run.recorder.flush()
    assert steps(run, min_step=3, max_step=7) == [3, 4, 5, 6]
    assert steps(run, min_step=18) == [18, 19]
    assert steps(run, max_step=2) == [0, 1]
    assert steps(run, min_step=7, max_step=7) == []


def test_a_long_history_is_read_in_windows(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WINDOW_ROWS", 50)
    monkeypatch.setattr(taking, "BATCH_ROWS", 40)
    monkeypatch.setattr("forebear.tracking.history.blocks.BLOCK_ROWS", 40)
    for step in range(400):
        run.journal.row(step * 10, step, {"loss": step})
        if step % 100 == 50:
            run.journal.row(step * 10, step, {"eval": step})
    run.recorder.flush()
    run.journal.row(4_000, 400, {"loss": 400})
    calls = []
    history = run.store.catalog.history
    monkeypatch.setattr(run.store.catalog, "history", lambda *a, **how: calls.append(how) or history(*a, **how))
    rows = values(run)
    assert len(calls) > 5
    assert [row["loss"] for row in rows] == list(range(401))
    assert [row["eval"] for row in rows if "eval" in row] == [50, 150, 250, 350]
    assert steps(run, min_step=995, max_step=2_005) == list(range(1_000, 2_001, 10))


def test_columns_have_equal_lengths_and_none_where_there_is_nothing(run: JournaledRun) -> None:
    run.row(loss=1.5, note="a")
    run.row(acc=1)
    run.recorder.flush()
    run.row(loss=2.5, acc=2)
    found = read_columns(run.store, run.record)
    assert list(found) == ["_step", "_runtime", "_timestamp", "acc", "loss", "note"]
    assert {key: list(found[key]) for key in ("_step", "acc", "loss", "note")} == {
        "_step": [0, 1, 2],
        "acc": [None, 1, 2],
        "loss": [1.5, None, 2.5],
        "note": ["a", None, None],
    }
    one = read_columns(run.store, run.record, keys=["loss", "missing"])
    assert one["loss"] == array("d", [1.5, 2.5])
    assert list(one) == ["_step", "_runtime", "_timestamp", "loss"]
    assert list(one["_step"]) == [0, 2]


def test_rows_of_the_machine_are_apart(run: JournaledRun) -> None:
    run.row(loss=1.0)
    run.journal.system_row(2_000_000, {"cpu": 1.0})
    run.recorder.flush()
    run.journal.system_row(3_000_000, {"cpu": 2.0, "gpu": 5})
    found = list(read_rows(run.store, run.record, stream=Stream.SYSTEM))
    assert [(row["_runtime"], row["cpu"]) for row in found] == [(2.0, 1.0), (3.0, 2.0)]
    assert not any("_step" in row for row in found)
    assert values(run) == [{"loss": 1.0}]
    assert "_step" not in read_columns(run.store, run.record, stream=Stream.SYSTEM)


def test_writers_keep_their_rows_and_labels(store: Store, run: JournaledRun) -> None:
    other = JournaledRun(store, record=run.record, writer="rank1")
    run.row(loss=1.0)
    other.row(loss=2.0)
    run.recorder.flush()
    found = [(row["_step"], row["_writer"], row["loss"]) for row in read_rows(store, run.record)]
    assert found == [(0, "", 1.0), (0, "rank1", 2.0)]
    assert read_columns(store, run.record)["_writer"] == ["", "rank1"]
    other.journal.close()


def test_keys_tell_rows_and_steps(run: JournaledRun) -> None:
    run.rows(5)
    run.journal.system_row(1, {"loss": 1})
    run.recorder.flush()
    run.row(acc=1.0)
    run.row(loss=9.0)
    found = [
        (info.key, info.stream, info.rows, info.first_step, info.last_step) for info in keys_of(run.store, run.record)
    ]
    assert found == [
        ("acc", Stream.HISTORY, 1, 5, 5),
        ("loss", Stream.HISTORY, 6, 0, 6),
        ("loss", Stream.SYSTEM, 1, 0, 0),
    ]


# -- branches ---------------------------------------------------------------------------------------------------------


def go_on_from(store: Store, run: JournaledRun, parent: JournaledRun, branch: int, step: int) -> int:
    kind = EdgeKind.REWOUND if run is parent else EdgeKind.FORKED
    return store.catalog.add_branch(run.key, Branch(0, parent.key, branch, step, datetime.now(UTC)), kind=kind)


def test_a_rewound_run_reads_as_its_new_branch_and_the_old_one_stays(store: Store, run: JournaledRun) -> None:
    run.rows(10)
    run.recorder.stop()
    number = go_on_from(store, run, run, 0, 4)
    again = JournaledRun(store, record=run.record, branch=number)
    again.step = 5
    for _ in range(3):
        again.row(loss=-1.0, new=True)
    assert steps(run) == list(range(8))
    assert [row["loss"] for row in values(run)] == [0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -1.0, -1.0]
    assert steps(run, branch=0) == list(range(10))
    assert steps(run, min_step=3, max_step=6) == [3, 4, 5]
    again.recorder.stop()
    assert steps(run) == list(range(8))
    infos = {info.key: info for info in keys_of(store, run.record)}
    assert (infos["loss"].rows, infos["loss"].last_step, infos["new"].rows) == (8, 7, 3)


def test_a_fork_begins_with_the_rows_of_its_parent(store: Store, run: JournaledRun) -> None:
    run.rows(6)
    child = JournaledRun(store, "child")
    number = go_on_from(store, child, run, 0, 2)
    forked = JournaledRun(store, "child", record=child.record, branch=number)
    forked.step = 3
    forked.row(loss=100.0)
    grand = JournaledRun(store, "grand")
    assert go_on_from(store, grand, forked, number, 1) == 0
    assert [row["loss"] for row in values(forked)] == [0.0, 1.0, 2.0, 100.0]
    assert [row["loss"] for row in values(grand)] == [0.0, 1.0]
    run.recorder.flush()
    forked.recorder.stop()
    assert [row["loss"] for row in values(forked)] == [0.0, 1.0, 2.0, 100.0]
    assert {info.key: info.last_step for info in keys_of(store, grand.record)} == {"loss": 1}


# -- while it is written ----------------------------------------------------------------------------------------------


def test_a_reader_never_misses_or_doubles_a_row(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROTATE_BYTES", 3_000)
    reached = 0
    done = threading.Event()

    def write() -> None:
        nonlocal reached
        for number in range(40):
            run.rows(25)
            reached = run.step
            if number % 2:
                run.recorder.flush()
        run.recorder.stop()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    looks = 0
    while not done.is_set() or looks == 0:
        before = reached
        found = steps(run)
        assert found == list(range(len(found)))
        assert len(found) >= before
        looks += 1
    thread.join()
    assert steps(run) == list(range(1_000))


def test_a_journal_that_ends_between_two_looks(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rows(5)
    history = run.store.catalog.history
    ends = [run.recorder.stop]

    def looked(*args: Any, **how: Any) -> Any:
        found = history(*args, **how)
        if ends:
            ends.pop()()
        return found

    monkeypatch.setattr(run.store.catalog, "history", looked)
    assert steps(run) == list(range(5))


def test_journals_that_never_come_to_rest(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rows(1)
    monkeypatch.setattr(live, "_ATTEMPTS", 3)
    monkeypatch.setattr("forebear.tracking.journal.scanning.FrameFile.gone", True)
    with pytest.raises(StorageFailure, match="faster than they can be read"):
        steps(run)


def test_journals_of_another_run_of_that_name_are_left_out(store: Store, run: JournaledRun) -> None:
    run.rows(3)
    store.catalog.delete_run(run.key)
    another = JournaledRun(store)
    another.row(loss=7.0)
    assert values(another) == [{"loss": 7.0}]
    another.journal.close()


def test_a_damaged_block_is_an_error_that_says_so(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rows(3)
    run.recorder.stop()
    monkeypatch.setattr("forebear.tracking.history.columns.MAX_COLUMN_BYTES", 8)
    with pytest.raises(CorruptData):
        steps(run)
