"""The recorder brings into the catalog what the journal holds, once, and leaves nothing behind."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from forebear.blobs.digest import digest_of
from forebear.errors import NotFound, StorageFailure
from forebear.records.history import Stream
from forebear.store.opening import open_store
from forebear.tracking import recorder as recording
from forebear.tracking import taking
from forebear.tracking.history.reading import read_rows
from forebear.tracking.journal import writer as writing
from forebear.tracking.journal.frames import SummaryChange, TableFrame
from forebear.tracking.metrics import new_metric
from tests.tracking.journaled import JournaledRun, wait_until

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


def losses(run: JournaledRun, key: str = "loss") -> list[Any]:
    return [row[key] for row in read_rows(run.store, run.record, keys=[key])]


def in_catalog(run: JournaledRun, stream: Stream = Stream.HISTORY) -> int:
    return sum(block.rows for block in run.store.catalog.history(run.key, stream=stream).blocks)


def test_stop_leaves_everything_in_the_catalog_and_no_journal(run: JournaledRun) -> None:
    run.rows(1_000, "loss", "acc")
    run.journal.system_row(5, {"cpu": 0.5})
    run.recorder.stop()
    assert (in_catalog(run), in_catalog(run, Stream.SYSTEM)) == (1_000, 1)
    assert losses(run) == list(map(float, range(1_000)))
    assert not run.folder.exists()
    assert run.store.catalog.history(run.key).positions == {}
    assert {key: run.record.summary[key] for key in ("loss", "_step")} == {"loss": 999.0, "_step": 999}
    run.recorder.stop()
    assert run.warnings == []


def test_a_run_that_wrote_nothing_leaves_nothing(run: JournaledRun) -> None:
    run.recorder.wake()
    run.recorder.flush()
    run.recorder.stop()
    assert not run.folder.exists()
    assert run.record.summary == {}


def test_flush_brings_what_was_written_before(run: JournaledRun) -> None:
    run.rows(10)
    run.recorder.flush()
    assert in_catalog(run) == 10
    run.rows(5)
    assert in_catalog(run) == 10
    run.recorder.flush()
    assert in_catalog(run) == 15
    run.recorder.stop()
    assert losses(run) == list(map(float, range(15)))


def test_the_thread_does_it_by_itself(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(recording, "LONGEST_WAIT", 0.001)
    run.rows(500)
    before = threading.active_count()
    for _ in range(3):
        run.recorder.wake()
    assert threading.active_count() == before + 1
    wait_until(lambda: in_catalog(run) == 500, "the first rows")
    run.rows(500)
    wait_until(lambda: in_catalog(run) == 1_000, "the later rows")
    assert run.record.summary["loss"] == 999.0
    run.recorder.stop()
    assert threading.active_count() == before
    assert losses(run) == list(map(float, range(1_000)))


def test_the_thread_works_in_short_pieces(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two rests it decodes no more than a piece, however much there is."""
    pieces: list[int] = []
    rests: list[float] = []
    read = taking.JournalTaker.read

    def counted(taker: taking.JournalTaker, limit: int, **how: Any) -> bool:
        pieces.append(limit)
        return read(taker, limit, **how)

    monkeypatch.setattr(taking.JournalTaker, "read", counted)
    monkeypatch.setattr(recording, "LONGEST_WORK", 0.0)
    monkeypatch.setattr(recording.time, "sleep", rests.append)
    run.rows(2_000, "a", "b", "c")
    run.recorder._try_round()
    assert in_catalog(run) == 2_000
    assert set(pieces) == {recording.PIECE_BYTES}
    assert len(rests) >= len(pieces) - 1
    assert min(rests) >= 0.002
    run.recorder.stop()


def test_small_blocks_become_large_ones(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MERGE_AT", 5)
    for _ in range(12):
        run.rows(3)
        run.recorder._try_round()
    assert len(run.store.catalog.history(run.key).blocks) < 6
    run.recorder.stop()
    (block,) = run.store.catalog.history(run.key).blocks
    assert block.rows == 36
    assert losses(run) == list(map(float, range(36)))


def test_merging_keeps_sets_of_keys_and_large_blocks_apart(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.tracking.history.blocks.BLOCK_ROWS", 20)
    for part in (3, 4, 25, 2, 6):
        run.rows(part)
        run.row(other=part)
        run.recorder.flush()
    run.recorder.stop()
    blocks = run.store.catalog.history(run.key).blocks
    assert sorted(block.rows for block in blocks if "loss" in block.columns) == [7, 8, 25]
    assert [block.rows for block in blocks if "other" in block.columns] == [5]
    assert losses(run, "other") == [3, 4, 25, 2, 6]


def test_files_that_are_full_go_while_the_run_goes_on(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROTATE_BYTES", 2_000)
    run.rows(300)
    assert len(run.journals) > 3
    run.recorder.flush()
    assert len(run.journals) <= 1
    run.rows(10)
    run.recorder.stop()
    assert run.journals == []
    assert losses(run) == list(map(float, range(310)))


def test_many_rows_are_taken_in_several_transactions(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 40)
    monkeypatch.setattr(recording, "DRAIN_BYTES", 1_000)
    batches = []
    append = run.store.catalog.append_history
    monkeypatch.setattr(
        run.store.catalog, "append_history", lambda batch, **how: batches.append((batch, how)) or append(batch, **how)
    )
    run.rows(500)
    run.recorder.stop()
    assert len(batches) > 5
    assert [how["durable"] for _, how in batches] == [False] * (len(batches) - 1) + [True]
    assert [batch.start for batch, _ in batches[1:]] == [batch.end for batch, _ in batches[:-1]]
    assert losses(run) == list(map(float, range(500)))


def test_a_large_summary_is_not_written_with_every_few_rows(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction writes it whole, so there are as many as it doubles, and not one for each block."""
    monkeypatch.setattr(taking, "LARGE_SUMMARY", 100)
    monkeypatch.setattr(taking, "BATCH_SETS", 50)
    monkeypatch.setattr(recording, "DRAIN_BYTES", 1_000)
    batches: list[Any] = []
    append = run.store.catalog.append_history
    monkeypatch.setattr(
        run.store.catalog, "append_history", lambda batch, **how: batches.append(batch) or append(batch, **how)
    )
    for number in range(2_000):
        run.row(**{f"k{number}": number})
    run.recorder.stop()
    assert sum(len(batch.blocks) for batch in batches) > 30
    assert sum(len(batch.summary) for batch in batches) < 5 * 2_000
    assert sum(len(batch.blocks) == 0 for batch in batches) <= 1
    assert losses(run, "k1999") == [1_999]
    assert run.record.summary["k0"] == 0


def test_a_large_summary_waits_for_more_rows_while_the_run_goes_on(
    run: JournaledRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "LARGE_SUMMARY", 100)
    run.rows(1, *(f"k{number}" for number in range(300)))
    run.recorder._try_round()
    assert in_catalog(run) == 1
    run.rows(20, "k5")
    run.recorder._try_round()
    assert in_catalog(run) == 1, "20 values are not worth writing 300"
    assert len(losses(run, "k5")) == 21, "readers find them in the journal"
    run.recorder.flush()
    assert in_catalog(run) == 21
    run.recorder.stop()
    assert run.record.summary["k5"] == 20.0


# -- more than rows ---------------------------------------------------------------------------------------------------


def test_media_go_into_the_store_before_they_are_named(run: JournaledRun) -> None:
    content = os.urandom(3_000)
    digest = digest_of(content)
    for number in range(3):
        run.journal.blob(digest, content)
        run.journal.file(f"media/images/{number}.png", digest, len(content))
        run.row(image={"_type": "image-file", "path": f"media/images/{number}.png"})
    run.recorder.stop()
    assert [file.path for file in run.store.catalog.run_files(run.key)] == [f"media/images/{n}.png" for n in range(3)]
    assert run.store.read(digest) == content


def test_content_that_is_not_its_digest_is_told(run: JournaledRun) -> None:
    run.journal.blob(b"d" * 32, b"content")
    run.row(loss=1.0)
    run.recorder.stop()
    assert len(run.warnings) == 1
    assert "6464646464646464" in run.warnings[0]
    assert in_catalog(run) == 1


def test_a_table_becomes_a_version(run: JournaledRun) -> None:
    content = b'{"columns": ["a"], "data": [[1]]}'
    digest = digest_of(content)
    run.journal.blob(digest, content)
    run.journal.table(TableFrame("run-r1-t", "run_table", {"rows": 1}, [("t.table.json", digest, len(content))]))
    run.recorder.flush()
    collection = run.store.catalog.collection("ada", "digits", "run-r1-t")
    assert collection is not None
    (version,) = run.store.catalog.versions(collection.id)
    assert (collection.type, version.number, version.metadata) == ("run_table", 0, {"rows": 1})
    run.recorder.stop()


def test_a_table_that_cannot_be_kept_stops_no_rows(run: JournaledRun) -> None:
    run.journal.table(TableFrame("run-r1-t", "run_table", {}, [("t.json", b"d" * 32, 3)]))
    run.row(loss=1.0)
    run.recorder.stop()
    assert in_catalog(run) == 1
    assert "run-r1-t" in run.warnings[0]


def test_what_is_set_by_hand_config_and_definitions(run: JournaledRun) -> None:
    run.journal.metric({"name": "loss", "summary": ["min", "max"], "overwrite": True})
    run.rows(5)
    run.journal.summary(SummaryChange(set=[(("best", "epoch"), 3)]))
    run.journal.config({"lr": 0.1, "deep": {"er": [1]}})
    run.recorder.stop()
    record = run.record
    assert record.summary["loss"] == {"min": 0.0, "max": 4.0}
    assert record.summary["best"] == {"epoch": 3}
    assert record.config == {"lr": 0.1, "deep": {"er": [1]}}
    assert set(record.metrics) == {"loss"}


def test_a_definition_counts_for_the_rows_behind_it(run: JournaledRun) -> None:
    run.row(loss=-5.0)
    run.journal.metric({"name": "loss", "summary": ["min"], "overwrite": True})
    run.rows(3)
    run.recorder.stop()
    assert run.record.summary["loss"] == {"min": 1.0}
    assert new_metric("loss", summary="min").summary == ("min",)


def test_summaries_of_two_writers_and_of_others_meet(store: Store, run: JournaledRun) -> None:
    other = JournaledRun(store, record=run.record, writer="rank1")
    run.row(loss=1.0)
    other.row(speed=2.0)
    run.recorder.flush()
    other.recorder.flush()
    run.row(loss=3.0)
    run.recorder.stop()
    other.row(speed=4.0)
    other.recorder.stop()
    summary = run.record.summary
    assert (summary["loss"], summary["speed"]) == (3.0, 4.0)
    writers = [(row["_step"], row["_writer"]) for row in read_rows(store, run.record)]
    assert writers == [(0, ""), (0, "rank1"), (1, ""), (1, "rank1")]


# -- trouble ----------------------------------------------------------------------------------------------------------


class Refusing:
    """Makes a method fail so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int) -> None:
        self.left = times
        self._method = getattr(owner, name)
        monkeypatch.setattr(owner, name, self)

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self.left > 0:
            self.left -= 1
            raise StorageFailure("the disk is gone")
        return self._method(*args, **options)


@pytest.mark.parametrize("method", ["append_history", "add_objects", "runs_by_key"])
def test_an_unreachable_catalog_costs_one_warning_and_no_row(
    run: JournaledRun, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    content = b"image"
    Refusing(monkeypatch, run.store.catalog, method, times=3)
    for _ in range(5):
        run.journal.blob(digest_of(content), content)
        run.rows(3)
        run.recorder._try_round()
    assert len(run.warnings) == 1
    assert "disk is gone" in run.warnings[0]
    assert in_catalog(run) == 15
    run.recorder.stop()
    assert losses(run) == list(map(float, range(15)))
    assert run.record.summary["loss"] == 14.0
    assert run.store.read(digest_of(content)) == content


def test_rows_do_not_pile_up_in_memory_while_the_catalog_fails(
    run: JournaledRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BATCH_ROW_BYTES", 1_000)
    monkeypatch.setattr(recording, "PIECE_BYTES", 500)
    refusing = Refusing(monkeypatch, run.store.catalog, "append_history", times=10**9)
    run.rows(2_000)
    for _ in range(5):
        run.recorder._try_round()
    (taker,) = run.recorder._takers.values()
    assert taker.position < 3_000
    refusing.left = 0
    run.recorder.stop()
    assert losses(run) == list(map(float, range(2_000)))


def test_a_stop_that_fails_may_be_tried_again(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rows(10)
    Refusing(monkeypatch, run.store.catalog, "append_history", times=1)
    with pytest.raises(StorageFailure):
        run.recorder.stop()
    assert len(run.journals) == 1
    run.recorder.stop()
    assert run.journals == []
    assert losses(run) == list(map(float, range(10)))


def test_a_stop_that_fails_when_its_files_are_gone_may_be_tried_again(
    run: JournaledRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.rows(10)
    Refusing(monkeypatch, run.store.catalog, "forget_journals", times=2)
    for _ in range(2):
        with pytest.raises(StorageFailure):
            run.recorder.stop()
        assert run.journals == []
    run.recorder.stop()
    assert losses(run) == list(map(float, range(10)))
    assert run.store.catalog.history(run.record.key).positions == {}


def test_a_stretch_that_another_took_is_not_taken_twice(run: JournaledRun) -> None:
    run.rows(5)
    run.recorder.flush()
    run.rows(5)
    twin = recording.Recorder(run.store, run.key, run.journal, warn=run.warnings.append)
    twin.flush()
    run.rows(5)
    run.recorder.stop()
    assert in_catalog(run) == 15
    assert losses(run) == list(map(float, range(15)))


def test_a_deleted_run_is_told_once(run: JournaledRun) -> None:
    run.rows(3)
    run.store.catalog.delete_run(run.key)
    run.recorder._try_round()
    run.recorder._try_round()
    assert len(set(run.warnings)) == 1
    with pytest.raises(NotFound):
        run.recorder.stop()


def test_rows_that_no_disk_took_are_counted_in_the_run(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.rows(2)
    monkeypatch.setattr(run.journal, "take_lost", lambda: (7, 1))
    run.recorder.stop()
    assert run.record.lost_rows == 7
    assert "7 rows" in run.warnings[0]


# -- children ---------------------------------------------------------------------------------------------------------


def in_child(work: Any) -> None:
    """Run something in a forked child that ends without any goodbye, and wait for it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_what_forked_children_wrote_is_taken_at_the_end(run: JournaledRun) -> None:
    run.rows(3)
    run.recorder.flush()
    in_child(lambda: run.row(child=1.0))
    run.step += 1
    in_child(lambda: run.row(child=2.0))
    assert len(run.journals) == 3
    run.recorder.stop()
    assert run.journals == []
    assert losses(run, "child") == [1.0, 2.0]
    assert losses(run) == [0.0, 1.0, 2.0]


def test_a_child_records_its_own_journal(run: JournaledRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FIRST_WAIT", 0.001)
    run.rows(3)
    run.recorder.wake()
    run.recorder._work.acquire()  # as the thread may hold it when the child is made

    def work() -> None:
        run.row(child=1.0)
        run.recorder.wake()
        wait_until(lambda: in_catalog(run) >= 1, "the child's own thread")

    in_child(work)
    run.recorder._work.release()
    run.recorder.stop()
    assert losses(run, "child") == [1.0]
    assert in_catalog(run) == 4
