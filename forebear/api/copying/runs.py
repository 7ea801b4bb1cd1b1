"""Runs of one store on their way into another: records first, then files and histories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from forebear.api.copying.histories import copy_history
from forebear.api.copying.prints import print_of_run
from forebear.api.copying.report import CONFLICT, DAMAGED, NEWER
from forebear.errors import AlreadyExists, CorruptData, NotFound
from forebear.records.copies import Copy
from forebear.records.history import Branch, HistoryBatch, RunFile
from forebear.records.lineage import EdgeKind, Node
from forebear.records.runs import DELETED, RUNNING, RunRecord

if TYPE_CHECKING:
    from forebear.api.copying.freight import Freight
    from forebear.api.copying.report import Copied
    from forebear.catalog.port import Catalog
    from forebear.store.store import Store

#: Runs whose keys of history are asked for at a time.
_RUNS_AT_ONCE = 200
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Looked(NamedTuple):
    """A run of the source, with all of it but the rows of its history."""

    run: RunRecord
    files: list[RunFile]
    branches: list[Branch]
    print: bytes


class RunCopier:
    """Copies runs, with all that is known of them."""

    def __init__(self, source: Store, target: Store, freight: Freight, known: dict[int, Copy], copied: Copied) -> None:
        """Copy from ``source`` to ``target``; ``known`` is what became of earlier copies, and is added to."""
        self._source = source
        self._target = target
        self._freight = freight
        self._known = known
        self._copied = copied

    def copy(self, runs: Iterable[RunRecord]) -> None:
        """Copy runs, those first that others go on from; what cannot be copied is told."""
        taken = [looked for looked in look_at(self._source.catalog, runs) if self._take(looked)]
        # Who goes on from a run that was deleted keeps its history, so all records are there first.
        for looked in taken:
            try:
                self._fill(looked)
            except CorruptData as err:
                self._copied.tell(DAMAGED, looked.run.qualified_name, str(err))

    def _take(self, looked: Looked) -> bool:
        """Let the target have the record of a run, and tell whether there is more to bring."""
        run = looked.run
        node = Node.of_run(run.key).key
        copy = self._known.get(node)
        if copy is not None and copy.print == looked.print:
            self._copied.runs_same += run.state != DELETED
            return False
        here = self._run_there(run, copy)
        if here is not None and here.created_at == run.created_at and is_ahead(here, run):
            self._copied.tell(NEWER, run.qualified_name, "went on there, and stays as it is there")
            return False
        try:
            key = self._target.catalog.adopt_run(self._source.id, run, looked.branches)
        except AlreadyExists:
            self._copied.tell(
                CONFLICT, run.qualified_name, "is another run there, which began at another time; it stays as it is"
            )
            return False
        except NotFound:
            self._copied.tell(CONFLICT, run.qualified_name, "goes on from a run that is not there")
            return False
        self._known[node] = Copy(Node.of_run(key).key, None)
        if run.state != DELETED:
            if here is None:
                self._copied.runs += 1
            else:
                self._copied.runs_changed += 1
        return here is None or here.state != DELETED

    def _run_there(self, run: RunRecord, copy: Copy | None) -> RunRecord | None:
        if copy is not None:
            return self._target.catalog.runs_by_key([Node(copy.node).row_id]).get(Node(copy.node).row_id)
        return None if run.state == DELETED else self._target.catalog.run(run.entity, run.project, run.id)

    def _fill(self, looked: Looked) -> None:
        node = Node.of_run(looked.run.key).key
        key = Node(self._known[node].node).row_id
        try:
            if looked.run.state != DELETED:
                self._bring_files(looked, key)
            copy_history(self._source.catalog, looked.run.key, self._target.catalog, key)
        except NotFound:
            if looked.run.state != DELETED:
                return  # deleted there at this moment
        self._target.catalog.mark_copied(self._source.id, {node: looked.print})
        self._known[node] = Copy(Node.of_run(key).key, looked.print)

    def _bring_files(self, looked: Looked, key: int) -> None:
        there = {file.path: file for file in self._target.catalog.run_files(key)}
        fresh = [file for file in looked.files if there.pop(file.path, None) != file]
        if fresh:
            self._freight.bring(file.digest for file in fresh)
            journal = f"copy-{self._source.id}"  # a batch of no bytes leaves no trace of it
            self._target.catalog.append_history(HistoryBatch(key, journal, 0, 0, files=tuple(fresh)), durable=True)
        if there:
            self._target.catalog.forget_run_files(key, there)


def look_at(catalog: Catalog, runs: Iterable[RunRecord]) -> Iterator[Looked]:
    """Yield what there is of runs besides their records. Cost: two questions a run."""
    waiting = list(runs)
    for start in range(0, len(waiting), _RUNS_AT_ONCE):
        batch = waiting[start : start + _RUNS_AT_ONCE]
        # Before anything else is read, so that what is added meanwhile is noticed the next time.
        keys = catalog.history_keys(run.key for run in batch)
        for run in batch:
            files, branches = catalog.run_files(run.key), catalog.branches(run.key)
            yield Looked(run, files, branches, print_of_run(run, keys.get(run.key, ()), files, branches))


def is_ahead(here: RunRecord, run: RunRecord) -> bool:
    """Whether a run went on where it is after it was copied from there, or to there: it ended later."""
    return _end(here) > _end(run)


def _end(run: RunRecord) -> tuple[bool, datetime]:
    return (run.state != RUNNING, run.ended_at or _LONG_AGO)


def deleted_runs(catalog: Catalog, live: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the deleted runs that the lineage still knows. Cost: one pass over all edges."""
    nodes = {node for edge in catalog.all_edges(EdgeKind) for node in (edge.source, edge.target) if Node(node).is_run}
    keys = {Node(node).row_id for node in nodes} - {run.key for run in live}
    return [run for run in catalog.runs_by_key(keys).values() if run.state == DELETED]
