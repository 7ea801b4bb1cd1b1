"""The part of the reference model that holds histories, branches and files of runs, and finds runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from forebear.catalog.query_check import check_query
from forebear.records.history import Branch, HistoryBatch, HistoryBlock, HistoryView, KeyInfo, RunFile, Stream
from forebear.records.lineage import EdgeKind
from forebear.testing.run_conditions import holds, sorted_runs

if TYPE_CHECKING:
    from datetime import datetime

    from forebear.records.queries import RunQuery
    from forebear.records.runs import RunRecord


class MemoryHistories:
    """Histories by run. What it is asked of runs that are not there is its caller's affair."""

    def __init__(self) -> None:
        #: id → run key, block; in the order of writing.
        self.blocks: dict[int, tuple[int, HistoryBlock]] = {}
        self.positions: dict[str, tuple[int, int]] = {}
        self.branches: dict[int, list[Branch]] = {}
        self.files: dict[int, dict[str, RunFile]] = {}
        self._last_id = 0

    def take(self, batch: HistoryBatch) -> bool:
        """Take blocks, files and position of a batch, if it begins where the journal was left."""
        if self.position(batch.journal) != batch.start:
            return False
        if batch.end != batch.start:
            self.positions[batch.journal] = (batch.run_key, batch.end)
        self.add(batch.run_key, batch.blocks)
        self.files.setdefault(batch.run_key, {}).update((file.path, file) for file in batch.files)
        return True

    def position(self, journal: str) -> int:
        """How many bytes of a journal were taken."""
        return self.positions.get(journal, (0, 0))[1]

    def add(self, run_key: int, blocks: Iterable[HistoryBlock]) -> None:
        """Add blocks, each with an id that no block ever had."""
        for block in blocks:
            self._last_id += 1
            self.blocks[self._last_id] = (run_key, replace(block, id=self._last_id))

    def of_run(self, run_key: int) -> list[HistoryBlock]:
        """The blocks of a run in the order of their first rows."""
        found = [block for owner, block in self.blocks.values() if owner == run_key]
        return sorted(found, key=lambda block: (block.first_seq, block.id))

    def view(
        self, run_key: int, branch: int, stream: Stream, keys: set[str] | None, low: int | None, high: int | None
    ) -> HistoryView:
        """What `Catalog.history` returns."""
        found = []
        for block in self.of_run(run_key):
            columns = {key: column for key, column in block.columns.items() if keys is None or key in keys}
            if (
                (block.branch, block.stream) == (branch, stream)
                and (low is None or block.last_step >= low)
                and (high is None or block.first_step < high)
                and (keys is None or columns)
            ):
                found.append(replace(block, columns=columns))
        return HistoryView(tuple(found), {name: at for name, (owner, at) in self.positions.items() if owner == run_key})

    def keys(self, run_key: int, wanted: set[str] | None = None) -> list[KeyInfo]:
        """What `Catalog.history_keys` returns for one run."""
        found: dict[tuple[str, Stream], KeyInfo] = {}
        for block in self.of_run(run_key):
            for key, column in block.columns.items():
                if wanted is not None and key not in wanted:
                    continue
                here = KeyInfo(key, block.stream, *(column.span or (block.rows, block.first_step, block.last_step)))
                known = found.get((key, block.stream), replace(here, rows=0))
                found[key, block.stream] = KeyInfo(
                    key,
                    block.stream,
                    known.rows + here.rows,
                    min(known.first_step, here.first_step),
                    max(known.last_step, here.last_step),
                )
        return [found[place] for place in sorted(found)]

    def replace(self, run_key: int, old: set[int], new: Iterable[HistoryBlock]) -> bool:
        """Put blocks in the place of others, if all of those are there."""
        if not old <= {id_ for id_, (owner, _) in self.blocks.items() if owner == run_key}:
            return False
        self.add(run_key, new)
        for id_ in old:
            del self.blocks[id_]
        return True

    def goes_on(self, run_key: int) -> bool:
        """Whether another run goes on from this one."""
        return any(b.parent_run == run_key for key, bs in self.branches.items() if key != run_key for b in bs)

    def branch_off(self, run_key: int, branch: Branch, kind: EdgeKind, now: datetime) -> int:
        """Add a branch and return its number."""
        others = self.branches.setdefault(run_key, [])
        fresh = kind is EdgeKind.FORKED and not others and not self.of_run(run_key)
        number = 0 if fresh else max((other.number for other in others), default=0) + 1
        others.append(replace(branch, number=number, at=now))
        return number

    def drop(self, run_key: int, live: set[int]) -> None:
        """Drop what deleted runs hold and nobody goes on from."""
        self.positions = {name: place for name, place in self.positions.items() if place[0] != run_key}
        while True:
            parents = {b.parent_run for key, bs in self.branches.items() for b in bs if b.parent_run != key}
            holders = {owner for owner, _ in self.blocks.values()} | self.branches.keys() | self.files.keys()
            useless = holders - live - parents
            if not useless:
                return
            self.blocks = {id_: held for id_, held in self.blocks.items() if held[0] not in useless}
            for key in useless:
                self.branches.pop(key, None)
                self.files.pop(key, None)


def found_runs(runs: Iterable[RunRecord], query: RunQuery) -> list[RunRecord]:
    """What a query asks for among ``runs``, without regard to its limit and offset."""
    check_query(query)
    found = [
        run
        for run in runs
        if query.entity in (None, run.entity) and query.project in (None, run.project) and holds(query.where, run)
    ]
    return sorted_runs(found, query.order)


def piece(runs: list[RunRecord], query: RunQuery) -> list[Any]:
    """The piece of an answer that a query asks for."""
    end = None if query.limit is None else query.offset + query.limit
    return runs[query.offset : end]
