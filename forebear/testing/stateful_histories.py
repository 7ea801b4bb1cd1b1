"""The state machine of `forebear.testing.stateful`, with histories, branches, files and the deletion of runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis.stateful import invariant, rule
from msgspec.structs import replace

from forebear.records.history import Branch, Column, HistoryBatch, HistoryBlock, RunFile, Stream
from forebear.records.lineage import EdgeKind
from forebear.records.queries import Compare, Not, Order, RunQuery
from forebear.testing.builders import digest_of, new_run
from forebear.testing.stateful import CatalogMachine, Side, run_ids

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

START = datetime(2026, 1, 1, tzinfo=UTC)
#: What is asked about runs.
QUERIES = (
    RunQuery(),
    RunQuery(where=Compare("summary.a", "gt", 0), order=(Order("summary.a"),)),
    RunQuery(where=Not(Compare("summary.a", "exists", True)), limit=2, offset=1),
    RunQuery(where=Compare("summary.c", "eq", True), order=(Order("id", descending=True),)),
)


class HistorySide(Side):
    """A side that knows which runs were deleted."""

    def __init__(self, catalog: Catalog) -> None:
        """Drive ``catalog``, which is empty."""
        super().__init__(catalog)
        #: Keys of the runs that were deleted.
        self.removed: list[int] = []

    def branch(self, run_id: str, parent_id: str, kind: EdgeKind) -> int:
        """Let a run go on from a step of another, or of its own."""
        run, parent = self.runs[run_id], self.runs[run_id if kind is EdgeKind.REWOUND else parent_id]
        return self.catalog.add_branch(run.key, Branch(0, parent.key, 0, 3, START), kind=kind)

    def start_again(self, run_id: str) -> object:
        """Delete a run and register another under its id."""
        self.catalog.delete_run(self.runs[run_id].key)
        self.removed.append(self.runs[run_id].key)
        self.runs[run_id] = self.catalog.add_run(new_run(run_id))
        return replace(self.runs[run_id], key=0)

    def merge(self, run_id: str) -> bool:
        """Put one block in the place of the first two of a run."""
        blocks = self.catalog.history(self.runs[run_id].key).blocks[:2]
        merged = [replace(blocks[0], rows=sum(block.rows for block in blocks))] if blocks else []
        return self.catalog.replace_blocks(self.runs[run_id].key, [block.id for block in blocks], merged)

    def histories(self) -> Iterator[object]:
        """All runs with their histories, keys, files and branches; what is left of deleted ones too."""
        keys = {run.key: run_id for run_id, run in self.runs.items()} | {
            key: f"removed {number}" for number, key in enumerate(self.removed)
        }
        for key, run in sorted(self.catalog.runs_by_key(keys).items()):
            yield keys[key], replace(run, key=0, id=run.id.partition("~")[0])
        for key, name in keys.items():
            for branch in range(3):
                view = self.catalog.history(key, branch=branch)
                yield name, [replace(block, id=0) for block in view.blocks], view.positions
                yield [
                    replace(b, id=0) for b in self.catalog.history(key, branch=branch, keys=["a"], min_step=2).blocks
                ]
            yield self.catalog.history_keys([key]).get(key), self.catalog.run_files(key)
            yield [(replace(b, parent_run=0), keys[b.parent_run]) for b in self.catalog.branches(key)]
        for query in QUERIES:
            yield [run.id for run in self.catalog.find_runs(query)], self.catalog.count_runs(query)


class HistoryMachine(CatalogMachine):
    """Does to runs what trackers do, beside all that `CatalogMachine` does."""

    side = HistorySide
    model: HistorySide
    real: HistorySide

    @rule(
        run_id=run_ids,
        journal=st.sampled_from(["j0", "j1"]),
        start=st.sampled_from([0, 0, 1, 2]),
        keys=st.sets(st.sampled_from("ab")),
        first_step=st.integers(0, 3),
        branch=st.integers(0, 1),
        summary=st.sampled_from([None, {}, {"a": 1}, {"a": {"b": "x"}, "c": True}]),
        file=st.sampled_from([None, "f", "g"]),
    )
    def append(
        self,
        run_id: str,
        journal: str,
        start: int,
        keys: set[str],
        first_step: int,
        branch: int,
        summary: dict[str, Any] | None,
        file: str | None,
    ) -> None:
        """Bring a piece of a journal."""
        columns = {key: Column(1, key.encode()) for key in sorted(keys)}
        block = HistoryBlock(Stream.HISTORY, branch, "", 0, 2, start, first_step, first_step + 1, b"axis", columns)
        files = () if file is None else (RunFile(file, digest_of(file), start, START),)
        self.both(
            lambda side: side.catalog.append_history(
                HistoryBatch(
                    side.runs[run_id].key, f"{run_id}/{journal}", start, start + 1, (block,), files, summary=summary
                )
            )
        )

    @rule(run_id=run_ids)
    def merge(self, run_id: str) -> None:
        """Merge blocks."""
        self.both(methodcaller("merge", run_id))

    @rule(run_id=run_ids, parent_id=run_ids, kind=st.sampled_from([EdgeKind.FORKED, EdgeKind.REWOUND]))
    def branch(self, run_id: str, parent_id: str, kind: EdgeKind) -> None:
        """Fork or rewind a run."""
        self.both(methodcaller("branch", run_id, parent_id, kind))

    @rule(run_id=run_ids)
    def start_again(self, run_id: str) -> None:
        """Delete a run, and begin another of its id."""
        self.both(methodcaller("start_again", run_id))

    @invariant()
    def histories_agree(self) -> None:
        """Both hold the same runs, histories, branches and files."""
        assert list(self.real.histories()) == list(self.model.histories())
