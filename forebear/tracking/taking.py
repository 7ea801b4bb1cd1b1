"""Taking a journal into the catalog: what its owner does while it runs, and others when the owner is gone.

Everything is taken exactly once, because the position in the journal moves in the transaction that takes what stands
before it. Bytes of files come first, then artifacts, then that transaction.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound
from forebear.names import check_collection_name, check_type_name
from forebear.records.history import HistoryBatch, HistoryBlock, RunFile
from forebear.records.runs import DELETED
from forebear.store.paths import check_inner_path
from forebear.tracking.history.blocks import Origin, RowBuffer
from forebear.tracking.journal.frames import Kind, TableFrame
from forebear.tracking.journal.reader import JournalReader, Piece
from forebear.tracking.metrics import Metric, Metrics
from forebear.tracking.summarize import Summarizer
from forebear.tracking.working import TakenByAnother, no_pause

if TYPE_CHECKING:
    from forebear.records.runs import RunRecord
    from forebear.store.intake import Intake
    from forebear.store.store import Store
    from forebear.tracking.journal.frames import Session, SummaryChange
    from forebear.tracking.journal.reader import Rows

#: Rows that wait as they are: their bytes, those of one set of keys, and sets of keys. More are packed into blocks.
BATCH_ROW_BYTES = 2 * 1024 * 1024
BATCH_ROWS = 16_384
BATCH_SETS = 8_192
#: What may wait to be taken in one transaction: bytes of everything.
BATCH_BYTES = 64 * 1024 * 1024
#: A summary of more keys is not written with a few values: each transaction writes it whole.
LARGE_SUMMARY = 4_096
#: Bytes of a journal that are read in one go while its files are stored.
_BLOB_PIECE_BYTES = 4 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Standing:
    """What a run amounts to as its rows come in: summary, config, definitions of metrics.

    Shared by all files that one process writes. What other processes change in the same run stays.
    """

    def __init__(self, record: RunRecord, session: Session) -> None:
        """Begin where the catalog stands."""
        self.metrics = Metrics(record.metrics)
        self.config: dict[str, Any] | None = None
        self._summarizer = Summarizer(self.metrics, time_base=session.time_base, known=record.summary)
        self._told = dict(record.summary)
        self._metrics_changed = self._summary_changed = False

    @property
    def size(self) -> int:
        """How many values the summary has, about."""
        return self._summarizer.size

    def take(self, piece: Piece) -> None:
        """Take in what a piece of a journal says, in its order."""
        for kind, value in piece.values:
            if kind == Kind.METRIC:
                with suppress(msgspec.ValidationError):  # it says nothing of a metric
                    self.metrics.define(msgspec.convert(value, Metric), overwrite=bool(value.get("overwrite")))
                    self._metrics_changed = True
        self.take_rows([rows for rows in piece.rows if not rows.system])
        for kind, value in piece.values:
            if kind == Kind.SUMMARY:
                self.take_change(value)
            elif kind == Kind.CONFIG:
                self.config = value

    def take_change(self, change: SummaryChange) -> None:
        """Take in what somebody set in the summary."""
        self._summarizer.change(change.set, change.delete)
        self._summary_changed = True

    def take_rows(self, groups: list[Rows]) -> None:
        """Take in rows. Cost: that of one row a set of keys, unless a metric asks for more than the last value."""
        self._summary_changed = self._summary_changed or bool(groups)
        # Of rows whose steps never fall, the last one says what all of them say.
        brief = not self.metrics.summarize and all(_ascend(rows) for rows in groups)
        fed = [
            (seq, rows.keys, row)
            for rows in groups
            for seq, row in zip(
                rows.seqs[-1:] if brief else rows.seqs, rows.rows[-1:] if brief else rows.rows, strict=True
            )
        ]
        # In the order of writing, as the run itself summarizes them; the last ones alone, in that of their steps.
        for _, keys, row in sorted(fed, key=lambda one: (one[2][1] if brief else 0, one[0])):
            self._summarizer.row(row[1], row[2], dict(zip(keys, row[3:], strict=True)))

    def changes(self, record: RunRecord) -> dict[str, Any]:
        """Return what of summary, config and metrics has to be written over what the catalog has now."""
        found: dict[str, Any] = {}
        if self._summary_changed:
            found["summary"] = self._merged(record.summary)
        counts = self._summarizer.counts()
        if self._metrics_changed or (self._summary_changed and counts):
            found["metrics"] = {**record.metrics, **self.metrics.to_json(counts)}
        if self.config is not None:
            found["config"] = self.config
        return found

    def _merged(self, theirs: dict[str, Any]) -> dict[str, Any]:
        mine = self._summarizer.value()
        told, self._telling = self._told, mine
        if theirs == told:
            return mine
        merged = {key: value for key, value in theirs.items() if key in mine or key not in told}
        return merged | {key: value for key, value in mine.items() if key not in told or told[key] != value}

    def written(self, found: dict[str, Any]) -> None:
        """Say that the catalog has what `changes` gave."""
        if "summary" in found:
            self._told, self._summary_changed = self._telling, False
        if "metrics" in found:
            self._metrics_changed = False
        if "config" in found:
            self.config = None


def _ascend(rows: Rows) -> bool:
    steps = [row[1] for row in rows.rows]
    return steps == sorted(steps)


class JournalTaker:
    """Takes one file of a journal into a store. Not safe for threads."""

    def __init__(self, store: Store, run_key: int, reader: JournalReader, standing: Standing, name: str) -> None:
        """Go on from where ``reader`` stands, which is where the catalog stands.

        Args:
            name: Name of the journal in the catalog.
        """
        self._store = store
        self._run_key = run_key
        self._reader = reader
        self._standing = standing
        self._name = name
        #: Rows that the catalog took.
        self.rows = 0
        #: What could not be done as it was asked, for somebody to read.
        self.notes: list[str] = []
        self._start = reader.position
        #: Contents that are in the store, and that nothing names yet.
        self._intakes: list[Intake] = []
        self._forget()

    def _forget(self) -> None:
        self._buffer = RowBuffer()
        self._files: list[RunFile] = []
        self._tables: list[TableFrame] = []
        self._lost = 0
        self._has_blobs = False
        self._row_bytes = 0
        #: Values that were read, in rows or not.
        self._values = 0
        self._blocks: list[HistoryBlock] = []

    # -- from the journal ---------------------------------------------------------------------------------------

    def read(self, limit: int, *, final: bool = False, pause: Callable[[], None] = no_pause) -> bool:
        """Take about ``limit`` bytes out of the journal into memory; false where there was nothing."""
        piece = self._reader.read(limit, final=final)
        if piece.empty:
            return False
        for rows in piece.rows:
            self._buffer.add(rows)
            self._values += len(rows.keys) * len(rows.rows)
        if piece.rows:
            self._row_bytes += piece.end - piece.start
        for kind, value in piece.values:
            self._take_value(kind, value)
        self._values += len(piece.values)
        self._standing.take(piece)
        if self._row_bytes >= BATCH_ROW_BYTES or self._buffer.most >= BATCH_ROWS or self._buffer.sets >= BATCH_SETS:
            self._pack(pause)
        return True

    def _pack(self, pause: Callable[[], None]) -> None:
        """Make blocks of the rows that wait, which take a tenth of the memory."""
        session = self._reader.session
        if self._buffer and session is not None:
            self._blocks += self._buffer.take(Origin.of(session), pause)
        self._row_bytes = 0

    def _take_value(self, kind: int, value: Any) -> None:
        if kind == Kind.BLOB:
            self._has_blobs = True  # read again when it is stored, so that no image waits in memory
        elif kind == Kind.FILE:
            path, digest, size, at = value
            try:
                check_inner_path(path)
            except InvalidInput as err:
                self.notes.append(f"a file of the run is left out: {err}")
            else:
                self._files.append(RunFile(path, digest, size, _EPOCH + timedelta(microseconds=at)))
        elif kind == Kind.TABLE:
            self._tables.append(value)
        elif kind == Kind.LOST:
            self._lost += value[0]

    @property
    def position(self) -> int:
        """Bytes of the journal that were read."""
        return self._reader.position

    def close(self) -> None:
        """Let go of the journal."""
        self._reader.close()
        self._let_go()

    def _let_go(self) -> None:
        """Let go of contents that something names by now, or that nobody will name."""
        while self._intakes:
            self._intakes.pop().abort()

    @property
    def full(self) -> bool:
        """Whether as much waits as one transaction should take."""
        return (bool(self._blocks) and self._worth_it) or self._reader.position - self._start >= BATCH_BYTES

    @property
    def due(self) -> bool:
        """Whether something waits for which a transaction is worth its cost."""
        return self._reader.position > self._start and self._worth_it

    @property
    def waiting(self) -> bool:
        """Whether something was read that the catalog has not taken."""
        return self._reader.position > self._start

    @property
    def _worth_it(self) -> bool:
        size = self._standing.size
        return size <= LARGE_SUMMARY or self._values * 2 >= size

    # -- into the store -----------------------------------------------------------------------------------------

    def commit(self, *, durable: bool = False, pause: Callable[[], None] = no_pause) -> list[HistoryBlock]:
        """Let the catalog take what was read; return the blocks. Where it fails, it may be called again.

        Raises:
            TakenByAnother: the catalog is further than this taker knew.
            NotFound: the run was deleted.
            StorageFailure: store or journal cannot be read or written.
        """
        if self._has_blobs:
            self._store_blobs()
            self._has_blobs = False
        while self._tables:
            self._commit_table(self._tables[0])
            del self._tables[0]
        self._pack(pause)
        with self._alone():
            self._append(self._blocks, durable)
        blocks, self._start = self._blocks, self._reader.position
        self.rows += sum(block.rows for block in blocks)
        self._forget()
        self._let_go()
        return blocks

    def _append(self, blocks: list[HistoryBlock], durable: bool) -> None:
        changes = self._standing.changes(self._run())
        batch = HistoryBatch(
            run_key=self._run_key,
            journal=self._name,
            start=self._start,
            end=self._reader.position,
            blocks=tuple(blocks),
            files=tuple(self._files),
            lost_rows=self._lost,
            **changes,
        )
        if not self._store.catalog.append_history(batch, durable=durable):
            raise TakenByAnother
        self._standing.written(changes)

    def _run(self) -> RunRecord:
        record = self._store.catalog.runs_by_key([self._run_key]).get(self._run_key)
        if record is None or record.state == DELETED:
            raise NotFound(f"the run of the journal {self._name} was deleted", code="run-not-found")
        return record

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process change the summary of the run between reading and writing it."""
        descriptor = os.open(self._reader.file.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _store_blobs(self) -> None:
        """Store the bytes of files between the last position and this one, durably."""
        intake = self._store.intake()
        reader = JournalReader(self._reader.file.path, self._start, look_back=False)
        try:
            while reader.position < self._reader.position:
                piece = reader.read(min(_BLOB_PIECE_BYTES, self._reader.position - reader.position))
                if piece.empty:
                    break
                for kind, value in piece.values:
                    if kind == Kind.BLOB and intake.add_bytes(value[1]) != value[0]:
                        self.notes.append(f"the content of a file is not that of its digest {value[0].hex()[:16]}…")
            intake.register()
        except BaseException:
            intake.abort()
            raise
        finally:
            reader.close()
        self._intakes.append(intake)

    def _commit_table(self, table: TableFrame) -> None:
        record = self._run()
        draft = Draft(self._store)
        labels = Labels(
            entity=record.entity,
            project=record.project,
            name=table.name,
            type=table.type,
            description=table.description,
            metadata=table.metadata,
            aliases=table.aliases,
        )
        try:
            check_collection_name(table.name)
            check_type_name(table.type)
            draft.add_rows((path, size, digest) for path, digest, size in table.entries)
            commit_draft(draft, labels, self._run_key)
        except (Conflict, CorruptData, InvalidInput) as err:
            # Trying again would not help, and must not keep the rows behind it from being taken.
            self.notes.append(f"the table {table.name} could not be kept: {err}")
        finally:
            draft.intake.abort()
