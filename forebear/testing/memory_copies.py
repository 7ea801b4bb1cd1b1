"""The part of the reference model that takes in what comes from other stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from forebear.catalog import messages
from forebear.catalog.codec import from_document, to_document
from forebear.catalog.port import TipMoved
from forebear.records.artifacts import COMMITTED, Collection, Version
from forebear.records.copies import Adopted, AdoptedVersion, AliasStep, Copy, WholeVersion
from forebear.records.lineage import Direction, Edge, EdgeKind, Node
from forebear.records.runs import DELETED, Project, RunRecord
from forebear.records.sweeps import OPEN_TRIALS, SweepRecord, Trial, TrialReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from threading import RLock
    from typing import Any

    from forebear.records.content import StoredObject
    from forebear.records.history import Branch, HistoryBlock
    from forebear.testing.memory_histories import MemoryHistories
    from forebear.testing.memory_sweeps import MemorySweeps


class Move(NamedTuple):
    """One alias move; ``version_id`` is ``None`` where the alias was taken away."""

    collection_id: int
    alias: str
    version_id: int | None
    at: datetime
    run_key: int | None


class _Taken(NamedTuple):
    node: int
    merged: bool
    print: bytes | None


class MemoryCopies:
    """Methods of `forebear.testing.memory_catalog.MemoryCatalog`, which has all that they use."""

    _clock: Callable[[], datetime]
    _lock: RLock
    _projects: dict[tuple[str, str], datetime]
    _runs: dict[int, RunRecord]
    _collections: dict[int, Collection]
    _versions: dict[int, Version]
    _contents: dict[int, frozenset[bytes]]
    _origins: dict[int, int]
    _recorded: set[int]
    _moves: list[Move]
    _edges: dict[tuple[int, EdgeKind, int], Edge]
    _histories: MemoryHistories
    _sweeps: MemorySweeps

    def __init__(self) -> None:
        """Know of no other store."""
        self._taken: dict[tuple[str, int], _Taken] = {}

    # -- what goes ------------------------------------------------------------------------------------------------

    def whole_versions(self, collection_id: int) -> list[WholeVersion]:
        """See `Catalog.whole_versions`."""
        with self._lock:
            found = [self._version(v.id) for v in self._versions.values() if v.collection_id == collection_id]
            return [WholeVersion(v, self._origins.get(v.id)) for v in sorted(found, key=lambda v: v.number)]

    def alias_steps(self, collection_id: int) -> list[AliasStep]:
        """See `Catalog.alias_steps`."""
        with self._lock:
            return [AliasStep(*move[1:]) for move in self._moves if move.collection_id == collection_id]

    def history_blocks(
        self, run_key: int, *, ids: Iterable[int] | None = None, bare: bool = False
    ) -> Iterator[HistoryBlock]:
        """See `Catalog.history_blocks`."""
        with self._lock:
            wanted = None if ids is None else set(ids)
            found = sorted(self._histories.of_run(run_key), key=lambda block: block.id)
            chosen = [block for block in found if wanted is None or block.id in wanted]
            return iter([replace(block, columns={}) if bare else block for block in chosen])

    # -- what came ------------------------------------------------------------------------------------------------

    def copies(self, source: str) -> dict[int, Copy]:
        """See `Catalog.copies`."""
        with self._lock:
            return {node: Copy(t.node, t.print) for (store, node), t in self._taken.items() if store == source}

    def mark_copied(self, source: str, prints: dict[int, bytes]) -> None:
        """See `Catalog.mark_copied`."""
        with self._lock:
            for node, mark in prints.items():
                if (source, node) in self._taken:
                    self._taken[source, node] = self._taken[source, node]._replace(print=mark)

    def _note(self, source: str, node: int, target: int, mark: bytes | None, *, merged: bool = False) -> None:
        known = self._taken.get((source, node), _Taken(target, merged, mark))
        self._taken[source, node] = known._replace(print=mark)

    def _here(self, source: str, node: Node | None) -> int | None:
        """Key or id here of what a node of the source became."""
        taken = None if node is None else self._taken.get((source, node.key))
        return None if taken is None else Node(taken.node).row_id

    def adopt_projects(self, projects: Iterable[Project]) -> None:
        """See `Catalog.adopt_projects`."""
        with self._lock:
            for each in projects:
                place = (each.entity, each.name)
                self._projects[place] = min(self._projects.get(place, each.created_at), each.created_at)

    def adopt_run(self, source: str, run: RunRecord, branches: Iterable[Branch] = ()) -> int:
        """See `Catalog.adopt_run`."""
        branches = list(branches)
        with self._lock:
            node = Node.of_run(run.key)
            known = self._here(source, node)
            same = [each.key for each in self._runs.values() if _identity(each) == _identity(run)]
            if known is None and not same and self.run(run.entity, run.project, run.id) is not None:
                raise messages.run_exists(run.entity, run.project, run.id)
            key = known or (same[0] if same else len(self._runs) + 1)
            parents = [self._parent(source, branch, run, key) for branch in branches]
            self._note(source, node.key, Node.of_run(key).key, None)
            self._projects.setdefault((run.entity, run.project), self._clock())
            is_new = key not in self._runs
            if is_new or DELETED not in {run.state, self._runs[key].state}:
                self._runs[key] = _with_key(run, key)
            mine = self._histories.branches.setdefault(key, []) if branches else []
            numbers = {branch.number for branch in mine}
            for branch, parent in zip(branches, parents, strict=True):
                if branch.number not in numbers:
                    mine.append(replace(branch, parent_run=parent))
            mine.sort(key=lambda branch: branch.number)
            return key

    def _parent(self, source: str, branch: Branch, run: RunRecord, key: int) -> int:
        parent = key if branch.parent_run == run.key else self._here(source, Node.of_run(branch.parent_run))
        if parent is None:
            raise messages.no_run(f"that {key} goes on from")
        return parent

    # -- versions -------------------------------------------------------------------------------------------------

    def adopt_version(self, source: str, new: AdoptedVersion) -> Adopted:
        """See `Catalog.adopt_version`."""
        with self._lock:
            version, node = new.version, Node.of_version(new.version.id)
            wanted = new.collection
            collection = self._collection_named(wanted.entity, wanted.project, wanted.name)
            if collection is not None and collection.type != wanted.type:
                raise messages.other_type(wanted.name, collection.type, wanted.type)
            known = self._here(source, node)
            same = None if known or collection is None else self._same(collection.id, version)
            with self._whole():
                self._register(new.objects)
                if known is None and same is None and version.state == COMMITTED:
                    self._check_needs(new.needs, new.trusts)
                    tip = collection.tip if collection else None
                    if tip != new.tip:
                        raise TipMoved(tip)
            collection = collection or self._adopt_collection(wanted)
            here = known or same or self._adopt_new(source, collection, new)
            self._note(source, node.key, Node.of_version(here).key, new.print, merged=same is not None)
            self._add_tags(here, version.tags)
            moves = self._add_steps(source, collection.id, new.steps)
            return Adopted(self._version(here), not (known or same), moves)

    def _adopt_collection(self, wanted: Collection) -> Collection:
        self._projects.setdefault((wanted.entity, wanted.project), self._clock())
        made = replace(wanted, id=len(self._collections) + 1, tip=None, next_number=0, version_count=0)
        self._collections[made.id] = made
        return made

    def _same(self, collection_id: int, version: Version) -> int | None:
        equal = [v for v in self._versions.values() if (v.collection_id, v.root) == (collection_id, version.root)]
        twins = [v.id for v in equal if v.created_at == version.created_at]
        live = [v.id for v in equal if v.state == COMMITTED == version.state]
        return twins[0] if twins else live[-1] if live else None

    def _adopt_new(self, source: str, collection: Collection, new: AdoptedVersion) -> int:
        version = new.version
        number = max(collection.next_number, version.number)
        version_id = len(self._versions) + 1
        is_live = version.state == COMMITTED
        others = [v for v in self._versions.values() if v.collection_id == collection.id]
        before = self._contents[others[-1].id] if others else frozenset()
        # Nobody says what was in a deleted one; whatever was before it goes on.
        self._contents[version_id] = (before - set(new.lost)) | set(new.gained) if is_live else before
        self._versions[version_id] = replace(
            version, id=version_id, number=number, collection_id=collection.id, aliases=(), tags=()
        )
        tip = version.root if is_live else collection.tip
        self._collections[collection.id] = replace(collection, tip=tip, next_number=number + 1, version_count=0)
        origin = self._here(source, None if new.origin is None else Node.of_run(new.origin))
        if origin is not None:
            self._origins[version_id] = origin
            self._write_edge(Node.of_run(origin), Node.of_version(version_id), EdgeKind.LOGGED, version.created_at)
        return version_id

    def adopt_steps(self, source: str, collection_id: int, steps: Iterable[AliasStep]) -> int:
        """See `Catalog.adopt_steps`."""
        with self._lock:
            return self._add_steps(source, collection_id, steps)

    def _add_steps(self, source: str, collection_id: int, steps: Iterable[AliasStep]) -> int:
        mine = [move for move in self._moves if move.collection_id == collection_id]
        known = {move[1:4] for move in mine}
        fresh = []
        for alias, version_id, at, run_key in steps:
            here = self._here(source, None if version_id is None else Node.of_version(version_id))
            run = self._here(source, None if run_key is None else Node.of_run(run_key))
            move = Move(collection_id, alias, here, at, run)
            if (here is None) == (version_id is None) and move[1:4] not in known:
                known.add(move[1:4])
                fresh.append(move)
        others = [move for move in self._moves if move.collection_id != collection_id]
        touched = {move.alias for move in fresh}
        still = [move for move in mine if move.alias not in touched]
        moved = sorted([m for m in mine if m.alias in touched] + fresh, key=lambda move: move.at)
        before = self._aliases(collection_id)
        self._moves[:] = [*others, *still, *moved]
        after = self._aliases(collection_id)
        self._recorded -= {standing[alias] for standing in (before, after) for alias in touched & standing.keys()}
        return len(fresh)

    # -- lineage and sweeps ---------------------------------------------------------------------------------------

    def adopt_edges(self, source: str, edges: Iterable[Edge]) -> int:
        """See `Catalog.adopt_edges`."""
        with self._lock:
            before = len(self._edges)
            for edge in sorted(edges, key=lambda edge: edge.kind != EdgeKind.LOGGED):
                start, end = self._taken.get((source, edge.source)), self._taken.get((source, edge.target))
                if start is not None and end is not None:
                    self._adopt_edge(edge, Node(start.node), Node(end.node))
            return len(self._edges) - before

    def _adopt_edge(self, edge: Edge, start: Node, end: Node) -> None:
        kind = edge.kind
        if kind == EdgeKind.LOGGED and self._origins.get(end.row_id) != start.row_id:
            kind = EdgeKind.REPRODUCED
        uses = (EdgeKind.USED, EdgeKind.FEEDBACK)
        if kind in uses and any((start.key, use, end.key) in self._edges for use in uses):
            return
        if kind == EdgeKind.USED and start.key in self.walk(end.key, Direction.DOWNSTREAM):
            kind = EdgeKind.FEEDBACK
        self._write_edge(start, end, kind, edge.at, edge.use_as)

    def adopt_sweep(
        self, source: str, sweep: SweepRecord, trials: Iterable[Trial], reports: Iterable[TrialReport]
    ) -> bool:
        """See `Catalog.adopt_sweep`."""
        trials = list(trials)
        with self._lock:
            here = self._sweeps.named(sweep.entity, sweep.project, sweep.id)
            if here is not None:
                if here.created_at != sweep.created_at:
                    raise messages.sweep_exists(sweep.entity, sweep.project, sweep.id)
                if _progress(self._sweeps.of(here.key, None, None)) > _progress(trials):
                    return False
                self._sweeps.delete(here.key)
            self._projects.setdefault((sweep.entity, sweep.project), self._clock())
            runs = [self._here(source, None if t.run_key is None else Node.of_run(t.run_key)) for t in trials]
            mine = [replace(trial, run_key=run) for trial, run in zip(trials, runs, strict=True)]
            self._sweeps.adopt(sweep, mine, reports)
            return True

    # -- what the catalog has -------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def run(self, entity: str, project: str, run_id: str) -> RunRecord | None: ...  # noqa: D102
        def walk(self, start: int, direction: Direction) -> dict[int, int]: ...  # noqa: D102
        def _version(self, version_id: int) -> Version: ...
        def _collection_named(self, entity: str, project: str, name: str) -> Collection | None: ...
        def _whole(self) -> AbstractContextManager[None]: ...
        def _check_needs(self, needs: Iterable[bytes], trusts: Iterable[bytes] = ()) -> None: ...
        def _register(self, objects: Iterable[StoredObject]) -> int: ...
        def _add_tags(self, version_id: int, tags: tuple[str, ...]) -> None: ...
        def _aliases(self, collection_id: int, at: datetime | None = None) -> dict[str, int]: ...
        def _write_edge(
            self, source: Node, target: Node, kind: EdgeKind, now: datetime, use_as: str | None = None
        ) -> None: ...


def _identity(run: RunRecord) -> tuple[Any, ...]:
    run_id = run.id.rpartition("~")[0] if run.state == DELETED else run.id
    return run.entity, run.project, run_id, run.created_at


def _with_key(run: RunRecord, key: int) -> RunRecord:
    documents: dict[str, Any] = {
        name: from_document(to_document(getattr(run, name))) for name in ("config", "summary", "metrics")
    }
    run_id = f"{run.id.rpartition('~')[0]}~{key}" if run.state == DELETED else run.id
    return replace(run, key=key, id=run_id, **documents)


def _progress(trials: list[Trial]) -> tuple[int, int]:
    return len(trials), sum(trial.state not in OPEN_TRIALS for trial in trials)
