"""The part of the SQL catalog that holds histories, branches and files of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from forebear.catalog.checked import BLOB, INT, TEXT, Kinds, blob, converts
from forebear.catalog.codec import from_micros, to_document, to_micros
from forebear.catalog.driver import Row, batches, execute_for, insert_rows, one, rows_in
from forebear.catalog.leaves import storable
from forebear.catalog.run_search import RunSearch
from forebear.catalog.run_values import CONFIG, DOCUMENTS, SUMMARY, known_key_ids
from forebear.records.history import (
    Branch,
    Column,
    HistoryBatch,
    HistoryBlock,
    HistoryView,
    KeyInfo,
    RunFile,
    Span,
    Stream,
)
from forebear.records.lineage import EdgeKind, Node
from forebear.records.runs import DELETED, RunChanges, RunOrigin

#: Blocks of a run whose columns are read together, where all are read.
_BLOCKS_AT_ONCE = 32


class HistoryTable(RunSearch):
    """Histories, branches and files. See `forebear.catalog.port.Catalog` for what each method promises."""

    # -- what journals bring --------------------------------------------------------------------------------------

    def append_history(self, batch: HistoryBatch, *, durable: bool = False) -> bool:
        """See `Catalog.append_history`."""
        with self._db.transaction(durable=durable):
            self._check_run(batch.run_key)
            if self.journal_position(batch.journal) != batch.start:
                return False
            if batch.end != batch.start:
                self._db.execute(_MOVE_POSITION, (batch.journal, batch.run_key, batch.end))
            self._insert_blocks(batch.run_key, batch.blocks)
            self._write_files(batch.run_key, batch.files)
            if batch.files:
                named = {file.digest for file in batch.files}
                self._count_on(named)  # what is missing is told to whoever reads it: the rest of the journal counts
                execute_for(self._db, _NO_HOLDS, (batch.run_key,), sorted(named))
            self._write_documents(batch)
        return True

    def _write_documents(self, batch: HistoryBatch) -> None:
        values: dict[str, Any] = {}
        for side, document in ((CONFIG, batch.config), (SUMMARY, batch.summary)):
            if document is not None:
                values[DOCUMENTS[side]] = to_document(document)
                self._index_document(batch.run_key, side, values[DOCUMENTS[side]])
        if batch.metrics is not None:
            values["metrics"] = to_document(batch.metrics)
        if values or batch.lost_rows:
            assignments = "".join(f"{column} = ?, " for column in values)
            self._db.execute(
                f"UPDATE runs SET {assignments}lost_rows = lost_rows + ? WHERE key = ?",
                (*values.values(), batch.lost_rows, batch.run_key),
            )

    @converts("a journal")
    def journal_position(self, journal: str) -> int:
        """See `Catalog.journal_position`."""
        row = one(self._db, "SELECT position FROM journals WHERE name = ?", (journal,))
        return int(row[0]) if row else 0

    def forget_journals(self, journals: Iterable[str]) -> None:
        """See `Catalog.forget_journals`."""
        with self._db.transaction():
            self._db.many("DELETE FROM journals WHERE name = ?", [(name,) for name in journals])

    # -- blocks ---------------------------------------------------------------------------------------------------

    def _insert_blocks(self, run_key: int, blocks: Iterable[HistoryBlock]) -> None:
        """Add blocks inside the current transaction, which holds the write lock."""
        blocks = tuple(blocks)
        ids = self._key_ids(key for block in blocks for key in block.columns)
        for block in blocks:
            self._db.execute(_ADD_BLOCK, (run_key, *_block_values(block)))
            row = one(self._db, "SELECT max(id) FROM history_blocks")
            assert row is not None
            insert_rows(
                self._db,
                "INSERT INTO history_columns (block_id, key_id, kind, data, row_count, first_step, last_step)",
                [
                    (row[0], ids[key], column.kind, column.data, *(column.span or _OF_BLOCK))
                    for key, column in block.columns.items()
                ],
            )

    def history(
        self,
        run_key: int,
        *,
        branch: int = 0,
        stream: Stream = Stream.HISTORY,
        keys: Iterable[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> HistoryView:
        """See `Catalog.history`."""
        names = None if keys is None else list(keys)
        with self._db.reading():
            positions = self._db.rows("SELECT name, position FROM journals WHERE run_key = ?", (run_key,))
            key_ids = None if names is None else list(known_key_ids(self._db, map(storable, names)).values())
            rows = self._block_rows(run_key, branch, stream, key_ids, min_step, max_step)
            columns = self._columns([row[0] for row in rows], key_ids)
        blocks = tuple(_block_of(row, columns.get(row[0], {})) for row in rows)
        return HistoryView(blocks, dict(positions))

    def _block_rows(
        self,
        run_key: int,
        branch: int,
        stream: Stream,
        key_ids: Sequence[int] | None,
        min_step: int | None,
        max_step: int | None,
    ) -> list[Row]:
        where, params = "b.run_key = ? AND b.branch = ? AND b.stream = ?", [run_key, branch, int(stream)]
        if min_step is not None:
            where, params = f"{where} AND b.last_step >= ?", [*params, min_step]
        if max_step is not None:
            where, params = f"{where} AND b.first_step < ?", [*params, max_step]
        if key_ids is not None:
            where += f" AND EXISTS (SELECT 1 FROM history_columns c WHERE c.block_id = b.id{_only(key_ids)})"
        return self._db.rows(
            f"SELECT {_BLOCK_COLUMNS} FROM history_blocks b WHERE {where} ORDER BY b.first_seq, b.id", params
        )

    def _columns(self, block_ids: Sequence[int], key_ids: Sequence[int] | None) -> dict[int, dict[str, Column]]:
        """Columns of each block by key: all, or those of some keys."""
        found: dict[int, dict[str, Column]] = {}
        for block_id, name, kind, data, *span in rows_in(self._db, f"{_COLUMNS}{_only(key_ids)}", block_ids):
            found.setdefault(block_id, {})[name] = Column(kind, data, None if span[0] is None else Span(*span))
        return found

    @converts("a key of a history")
    def history_keys(self, run_keys: Iterable[int], *, keys: Iterable[str] | None = None) -> dict[int, list[KeyInfo]]:
        """See `Catalog.history_keys`."""
        wanted = dict.fromkeys(run_keys)
        found: dict[int, list[KeyInfo]] = {}
        with self._db.reading():
            key_ids = None if keys is None else list(known_key_ids(self._db, map(storable, keys)).values())
            sql = _KEY_INFOS.format(keys="{keys}", only=_only(key_ids))
            for run_key, name, stream, rows, first, last in rows_in(self._db, sql, wanted):
                found.setdefault(run_key, []).append(KeyInfo(name, Stream(stream), rows, first, last))
        return {run_key: sorted(infos, key=lambda info: (info.key, info.stream)) for run_key, infos in found.items()}

    def history_blocks(
        self, run_key: int, *, ids: Iterable[int] | None = None, bare: bool = False
    ) -> Iterator[HistoryBlock]:
        """See `Catalog.history_blocks`."""
        sql = f"SELECT {_BLOCK_COLUMNS} FROM history_blocks b WHERE b.run_key = ?"
        if ids is None:
            rows: Iterable[Row] = self._db.stream(f"{sql} ORDER BY b.id", (run_key,))
        else:
            some = sql.replace("?", str(int(run_key)))
            rows = rows_in(self._db, f"{some} AND b.id IN ({{keys}}) ORDER BY b.id", sorted(set(ids)))
        for batch in batches(rows, _BLOCKS_AT_ONCE):
            columns = {} if bare else self._columns([row[0] for row in batch], None)
            yield from (_block_of(row, columns.get(row[0], {})) for row in batch)

    def replace_blocks(self, run_key: int, old: Iterable[int], new: Iterable[HistoryBlock]) -> bool:
        """See `Catalog.replace_blocks`."""
        ids = set(old)
        with self._db.transaction():
            if not self._goes_on(run_key):
                self._check_run(run_key)
            there = f"SELECT id FROM history_blocks WHERE id IN ({{keys}}) AND run_key = {int(run_key)}"
            if {row[0] for row in rows_in(self._db, there, ids)} != ids:
                return False
            self._insert_blocks(run_key, new)
            self._delete_blocks(ids)
        return True

    def _delete_blocks(self, ids: Iterable[int]) -> None:
        rows = [(id_,) for id_ in sorted(ids)]
        self._db.many("DELETE FROM history_columns WHERE block_id = ?", rows)
        self._db.many("DELETE FROM history_blocks WHERE id = ?", rows)

    # -- branches -------------------------------------------------------------------------------------------------

    def add_branch(self, run_key: int, branch: Branch, *, kind: EdgeKind) -> int:
        """See `Catalog.add_branch`."""
        with self._db.transaction(), self._one_moment():
            self._check_run(run_key)
            self._check_run(branch.parent_run)
            number = self._next_branch(run_key, kind)
            self._db.execute(
                "INSERT INTO branches (run_key, number, parent_run, parent_branch, fork_step, at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (run_key, number, branch.parent_run, branch.parent_branch, branch.fork_step, self._now()),
            )
            self._db.execute("UPDATE runs SET branch = ? WHERE key = ?", (number, run_key))
            self._db.execute(
                "INSERT INTO edges (source, target, kind, at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (source, kind, target) DO NOTHING",
                (Node.of_run(branch.parent_run).key, Node.of_run(run_key).key, int(kind), self._now()),
            )
        return number

    def _next_branch(self, run_key: int, kind: EdgeKind) -> int:
        row = one(self._db, "SELECT max(number) FROM branches WHERE run_key = ?", (run_key,))
        assert row is not None
        if row[0] is not None:
            return int(row[0]) + 1
        began = one(self._db, "SELECT 1 FROM history_blocks WHERE run_key = ? LIMIT 1", (run_key,))
        return 0 if kind is EdgeKind.FORKED and began is None else 1

    def branches(self, run_key: int) -> list[Branch]:
        """See `Catalog.branches`."""
        rows = self._db.rows(
            "SELECT number, parent_run, parent_branch, fork_step, at FROM branches WHERE run_key = ? ORDER BY number",
            (run_key,),
        )
        return [Branch(number, run, branch, step, from_micros(at)) for number, run, branch, step, at in rows]

    # -- files ----------------------------------------------------------------------------------------------------

    def _write_files(self, run_key: int, files: Iterable[RunFile]) -> None:
        newest = {file.path: file for file in files}
        insert_rows(
            self._db,
            "INSERT INTO run_files (run_key, path, digest, size, at)",
            [(run_key, file.path, file.digest, file.size, to_micros(file.at)) for file in newest.values()],
            "ON CONFLICT (run_key, path) DO UPDATE SET "
            "digest = excluded.digest, size = excluded.size, at = excluded.at",
        )

    def run_files(self, run_key: int) -> list[RunFile]:
        """See `Catalog.run_files`."""
        rows = self._db.rows("SELECT path, digest, size, at FROM run_files WHERE run_key = ? ORDER BY path", (run_key,))
        return [RunFile(path, blob(digest), size, from_micros(at)) for path, digest, size, at in rows]

    def forget_run_files(self, run_key: int, paths: Iterable[str]) -> None:
        """See `Catalog.forget_run_files`."""
        with self._db.transaction():
            self._db.many("DELETE FROM run_files WHERE run_key = ? AND path = ?", [(run_key, path) for path in paths])

    # -- the end of a run -----------------------------------------------------------------------------------------

    def delete_run(self, key: int) -> None:
        """See `Catalog.delete_run`."""
        with self._db.transaction(durable=True):
            self._check_run(key)
            self._change_run(key, _EMPTIED)
            # The id is free again, and the node keeps an id of its own: "~" can be in none.
            self._db.execute("UPDATE runs SET state = ?, id = id || '~' || key WHERE key = ?", (DELETED, key))
            self._db.execute("DELETE FROM journals WHERE run_key = ?", (key,))
            self._drop_histories(key)

    def _goes_on(self, run_key: int) -> bool:
        """Whether another run goes on from this one, so that its history is needed though it may be deleted."""
        sql = "SELECT 1 FROM branches WHERE parent_run = ? AND run_key <> ? LIMIT 1"
        return one(self._db, sql, (run_key, run_key)) is not None

    def _drop_histories(self, key: int) -> None:
        """Drop the history of a deleted run unless another goes on from it, and then those it alone went on from."""
        waiting = [key]
        while waiting:
            run_key = waiting.pop()
            state = one(self._db, "SELECT state FROM runs WHERE key = ?", (run_key,))
            if state != (DELETED,) or self._goes_on(run_key):
                continue
            waiting += {branch.parent_run for branch in self.branches(run_key)} - {run_key}
            blocks = self._db.rows("SELECT id FROM history_blocks WHERE run_key = ?", (run_key,))
            self._delete_blocks(row[0] for row in blocks)
            for table in ("branches", "run_files"):
                self._db.execute(f"DELETE FROM {table} WHERE run_key = ?", (run_key,))


#: What is taken from a run that is deleted; name, role and time stay for the lineage.
_EMPTIED = RunChanges(
    notes=None, tags=(), config={}, summary={}, metrics={}, origin=RunOrigin(), error=None, stop_requested=True
)


def _block_values(block: HistoryBlock) -> tuple[Any, ...]:
    return (
        block.branch,
        int(block.stream),
        block.writer,
        block.time_base,
        block.rows,
        block.first_seq,
        block.first_step,
        block.last_step,
        block.axis,
    )


_BLOCK = Kinds(INT, INT, INT, TEXT, INT, INT, INT, INT, INT, BLOB)


@converts("a block of a history")
def _block_of(row: Row, columns: dict[str, Column]) -> HistoryBlock:
    """The block of a row of `_BLOCK_COLUMNS`. Raises `CorruptData`."""
    _BLOCK.check(row)
    id_, branch, stream, writer, time_base, rows, first_seq, first_step, last_step, axis = row
    return HistoryBlock(
        stream=Stream(stream),
        branch=branch,
        writer=writer,
        time_base=time_base,
        rows=rows,
        first_seq=first_seq,
        first_step=first_step,
        last_step=last_step,
        axis=axis,
        columns=columns,
        id=id_,
    )


#: Columns of `history_columns` where a key has a value in every row of the block.
_OF_BLOCK = (None, None, None)


def _only(key_ids: Sequence[int] | None) -> str:
    return "" if key_ids is None else f" AND c.key_id IN ({','.join(map(str, key_ids))})"


_BLOCK_COLUMNS = (
    "b.id, b.branch, b.stream, b.writer, b.time_base, b.row_count, b.first_seq, b.first_step, b.last_step, b.axis"
)
_ADD_BLOCK = (
    "INSERT INTO history_blocks (run_key, branch, stream, writer, time_base, row_count, first_seq, first_step, "
    "last_step, axis) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COLUMNS = (
    "SELECT c.block_id, k.name, c.kind, c.data, c.row_count, c.first_step, c.last_step "
    "FROM history_columns c JOIN keys k ON k.id = c.key_id "
    "WHERE c.block_id IN ({keys})"
)
_MOVE_POSITION = (
    "INSERT INTO journals (name, run_key, position) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET position = excluded.position"
)
_NO_HOLDS = "DELETE FROM holds WHERE run_key = ? AND digest IN ({keys})"
_KEY_INFOS = (
    "SELECT b.run_key, k.name, b.stream, CAST(sum(coalesce(c.row_count, b.row_count)) AS BIGINT), "
    "min(coalesce(c.first_step, b.first_step)), max(coalesce(c.last_step, b.last_step)) "
    "FROM history_blocks b JOIN history_columns c ON c.block_id = b.id JOIN keys k ON k.id = c.key_id "
    "WHERE b.run_key IN ({keys}){only} GROUP BY b.run_key, k.id, k.name, b.stream"
)
