"""The catalog's reference model: plain dicts and lists, every answer worked out afresh from what was written.

It is what adapters are compared with, so it favours being obviously right over being fast: aliases are read off the
history of their moves, spans of files off the contents of each version, circles off a walk of the whole graph.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import msgspec
from msgspec.structs import replace

from forebear.catalog import messages
from forebear.catalog.codec import from_document, to_document
from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.names import LATEST, ArtifactRef, parse_version_number
from forebear.records.artifacts import COMMITTED, DELETED, AliasMove, Collection, Committed, NewVersion, Version
from forebear.records.content import LOOSE, Location, Recipe, StoredObject
from forebear.records.history import Branch, HistoryBatch, HistoryBlock, HistoryView, KeyInfo, RunFile, Stream
from forebear.records.lineage import WALKED, Direction, Edge, EdgeKind, FileUse, Node, NodeInfo, StaleUse
from forebear.records.runs import DELETED as RUN_DELETED
from forebear.records.runs import RUNNING, NewRun, Project, RunChanges, RunOrigin, RunRecord
from forebear.testing.memory_checks import MemoryChecks
from forebear.testing.memory_collecting import MemoryCollecting
from forebear.testing.memory_copies import MemoryCopies, Move
from forebear.testing.memory_histories import MemoryHistories, found_runs, piece
from forebear.testing.memory_sweeps import MemorySweeps

if TYPE_CHECKING:
    from forebear.records.queries import RunQuery
    from forebear.records.sweeps import (
        NewSweep,
        NewTrial,
        Offer,
        Standing,
        SweepChanges,
        SweepRecord,
        Taken,
        Trial,
        TrialEnding,
        TrialReport,
    )

P = ParamSpec("P")
R = TypeVar("R")


def _alone(method: Callable[Concatenate[MemoryCatalog, P], R]) -> Callable[Concatenate[MemoryCatalog, P], R]:
    """Let one thread at a time into the catalog: that makes every method atomic."""

    @wraps(method)
    def locked(self: MemoryCatalog, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``value`` that shares nothing with it, as it would come back from a database."""
    copied: dict[str, Any] = from_document(to_document(value))
    return copied


class MemoryCatalog(MemoryChecks, MemoryCollecting, MemoryCopies):
    """A `forebear.catalog.port.Catalog` that lives and dies with its process.

    Safe with threads; a forked child gets a copy of its own, so it does not keep the port's promise about processes.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        """Start empty. ``clock`` gives the time of writing as aware UTC; by default that of the machine."""
        MemoryCopies.__init__(self)
        MemoryCollecting.__init__(self)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lock = threading.RLock()
        self._store_id = uuid.uuid4().hex
        self._objects: dict[str, StoredObject] = {}
        self._recipes: dict[bytes, Recipe] = {}
        self._projects: dict[tuple[str, str], datetime] = {}
        self._runs: dict[int, RunRecord] = {}
        self._collections: dict[int, Collection] = {}
        self._versions: dict[int, Version] = {}
        #: version id → digests of all its files, worked out from the tip's on commit.
        self._contents: dict[int, frozenset[bytes]] = {}
        self._origins: dict[int, int] = {}
        self._recorded: set[int] = set()
        self._moves: list[Move] = []
        self._edges: dict[tuple[int, EdgeKind, int], Edge] = {}
        self._histories = MemoryHistories()
        self._sweeps = MemorySweeps(self._clock)

    @property
    def store_id(self) -> str:
        """See `Catalog.store_id`."""
        return self._store_id

    def close(self) -> None:
        """See `Catalog.close`; there is nothing to let go of."""

    # -- the index of blobs -------------------------------------------------------------------------------------

    @_alone
    def known(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `Catalog.known`."""
        return set(digests) & self._held()

    @_alone
    def sizes_held(self, sizes: Iterable[int]) -> set[int]:
        """See `Catalog.sizes_held`."""
        return set(sizes) & {stored.size for stored in self._objects.values() if stored.kind == LOOSE}

    @_alone
    def locate(self, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
        """See `Catalog.locate`."""
        places: dict[bytes, Location | Recipe] = {**self._recipes, **self._locations(self._objects.values())}
        return {digest: places[digest] for digest in set(digests) if digest in places}

    @_alone
    def add_objects(
        self, objects: Iterable[StoredObject], *, lease: str | None = None, keep_lease: bool = False
    ) -> None:
        """See `Catalog.add_objects`."""
        with self._whole():
            self._use_lease(lease, keep=keep_lease)
            self._register(objects)

    @_alone
    def add_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        """See `Catalog.add_recipes`."""
        with self._whole():
            self._bring_back_parts(recipes, self._objects.values())
            self._check_parts(recipes, self._objects.values())
            self._recipes.update(recipes)
            self._touch(recipes)

    def _bring_back_parts(self, recipes: dict[bytes, Recipe], objects: Iterable[StoredObject]) -> None:
        slices = self._locations(objects)
        self._bring_back(part for recipe in recipes.values() for part in recipe.parts if part not in slices)

    def _check_parts(self, recipes: dict[bytes, Recipe], objects: Iterable[StoredObject]) -> None:
        slices = self._locations(objects)
        missing = [part for recipe in recipes.values() for part in recipe.parts if part not in slices]
        if missing:
            raise MissingBlobs(missing)

    @_alone
    def large_objects(self, smallest: int, largest: int, limit: int) -> list[StoredObject]:
        """See `Catalog.large_objects`."""
        loose = [o for o in self._objects.values() if o.kind == LOOSE and smallest <= o.size <= largest]
        return [StoredObject(o.name, LOOSE, o.size, []) for o in loose[::-1][:limit]]

    @_alone
    def objects(self) -> Iterator[StoredObject]:
        """See `Catalog.objects`."""
        ordered = sorted(self._objects.values(), key=lambda stored: stored.name)
        return iter([replace(o, slices=sorted(o.slices, key=lambda s: (s.offset, s.digest))) for o in ordered])

    @_alone
    def forget_objects(self, names: Iterable[str]) -> None:
        """See `Catalog.forget_objects`."""
        for name in names:
            self._objects.pop(name, None)
        self._drop_broken_recipes()

    def _held(self, more: Iterable[StoredObject] = ()) -> set[bytes]:
        arriving = list(more)
        coming = {digest for stored in arriving for digest in stored.recipes}
        return coming | set(self._recipes) | set(self._locations([*self._objects.values(), *arriving]))

    def _locations(self, objects: Iterable[StoredObject]) -> dict[bytes, Location]:
        # The last one counts: a loose object that is the whole blob can be linked; of others the newest does.
        places = [(stored, part) for stored in objects for part in stored.slices]
        places.sort(key=lambda place: place[0].kind == LOOSE and place[1].size == place[0].size)
        return {part.digest: Location(stored.name, *part[1:]) for stored, part in places}

    def _register(self, objects: Iterable[StoredObject]) -> int:
        """Add the objects that are new and return their bytes."""
        arriving = list(objects)
        self._take_out_of_trash(arriving)
        recipes = {digest: recipe for stored in arriving for digest, recipe in stored.recipes.items()}
        self._bring_back_parts(recipes, [*self._objects.values(), *arriving])
        self._check_parts(recipes, [*self._objects.values(), *arriving])
        added = 0
        for stored in arriving:
            known = self._objects.get(stored.name)
            added += stored.size if known is None else 0
            slices = {part.digest: part for part in [*stored.slices, *(known.slices if known else [])]}
            self._objects[stored.name] = replace(stored, slices=list(slices.values()), recipes={})
        self._recipes.update(recipes)
        self._homes.update({digest: stored.name for stored in arriving for digest in stored.recipes})
        self._touch(recipes)
        self._touch(part.digest for stored in arriving for part in stored.slices)
        return added

    # -- collections and versions -------------------------------------------------------------------------------

    @_alone
    def collection(self, entity: str, project: str, name: str) -> Collection | None:
        """See `Catalog.collection`."""
        return self._collection_named(entity, project, name)

    @_alone
    def collections(
        self, entity: str | None = None, project: str | None = None, type: str | None = None
    ) -> list[Collection]:
        """See `Catalog.collections`."""
        found = [
            self._collection(row.id)
            for row in self._collections.values()
            if entity in (None, row.entity) and project in (None, row.project) and type in (None, row.type)
        ]
        return sorted(found, key=lambda c: (c.entity, c.project, c.name))

    @_alone
    def commit_version(self, new: NewVersion) -> Committed:
        """See `Catalog.commit_version`."""
        collection = self._collection_named(new.entity, new.project, new.name)
        with self._whole():
            added, same = self._check_commit(new, collection)
        now = self._clock()
        if collection is None:
            collection = self._make_collection(new, now)
        version_id = same.id if same else self._make_version(new, collection, added, now)
        self._add_tags(version_id, new.tags)
        for alias in (LATEST, *new.aliases):
            self._point(alias, version_id, now, new.run_key)
        if new.run_key is not None:
            self._link_logged(new.run_key, version_id, now, created=same is None)
        return Committed(self._version(version_id), created=same is None)

    def _check_commit(self, new: NewVersion, collection: Collection | None) -> tuple[int, Version | None]:
        """Refuse what may not be committed, or register it.

        Returns:
            The bytes of objects that are new, and the live version that has the same content already.
        """
        if collection is not None and collection.type != new.type:
            raise messages.other_type(new.name, collection.type, new.type)
        self._check_run(new.run_key)
        self._use_lease(new.lease)
        added = self._register(new.objects)
        self._check_needs(new.needs, new.trusts)
        same = next((v for v in self._live(collection.id) if v.root == new.root), None) if collection else None
        tip = collection.tip if collection else None
        if same is None and tip != new.tip:
            raise TipMoved(tip)
        for alias in new.aliases:
            if alias != LATEST:
                self._check_expect(collection, new.name, alias, new.expect)
        return added, same

    def _make_collection(self, new: NewVersion, now: datetime) -> Collection:
        self._projects.setdefault((new.entity, new.project), now)
        made = Collection(
            id=len(self._collections) + 1,
            entity=new.entity,
            project=new.project,
            name=new.name,
            type=new.type,
            description=None,
            created_at=now,
            tip=None,
            next_number=0,
        )
        self._collections[made.id] = made
        return made

    def _make_version(self, new: NewVersion, collection: Collection, added: int, now: datetime) -> int:
        version_id = len(self._versions) + 1
        tip = [v for v in self._versions.values() if v.collection_id == collection.id]
        before = self._contents[tip[-1].id] if tip else frozenset()
        self._contents[version_id] = (before - set(new.lost)) | set(new.gained)
        self._versions[version_id] = Version(
            id=version_id,
            entity=new.entity,
            project=new.project,
            name=new.name,
            type=new.type,
            number=collection.next_number,
            root=new.root,
            size=new.size,
            file_count=new.file_count,
            state=COMMITTED,
            description=new.description or None,
            metadata=_as_json(new.metadata),
            created_at=now,
            collection_id=collection.id,
            added_bytes=added,
        )
        self._collections[collection.id] = replace(
            collection, tip=new.root, next_number=collection.next_number + 1, version_count=0
        )
        return version_id

    def _add_tags(self, version_id: int, tags: tuple[str, ...]) -> None:
        version = self._versions[version_id]
        self._versions[version_id] = replace(version, tags=tuple(sorted({*version.tags, *tags})))
        if tags:
            self._recorded.discard(version_id)

    def _link_logged(self, run_key: int, version_id: int, now: datetime, *, created: bool) -> None:
        if created:
            self._origins[version_id] = run_key
            self._write_edge(Node.of_run(run_key), Node.of_version(version_id), EdgeKind.LOGGED, now)
        elif self._origins.get(version_id) != run_key:
            self._write_edge(Node.of_run(run_key), Node.of_version(version_id), EdgeKind.REPRODUCED, now)

    @_alone
    def resolve(self, entity: str, project: str, ref: ArtifactRef) -> Version:
        """See `Catalog.resolve`."""
        entity, project = ref.entity or entity, ref.project or project
        collection = self._collection_named(entity, project, ref.name)
        if collection is None:
            raise messages.no_collection(entity, project, ref.name, self.collections())
        if ref.digest is not None:
            return self._by_digest(collection, ref.digest)
        if ref.number is not None:
            return self._by_number(collection, ref.number)
        return self._by_alias(collection, ref.alias or LATEST, ref.at)

    def _by_digest(self, collection: Collection, prefix: str) -> Version:
        live = self._live(collection.id)
        fitting = [version for version in live if version.root.hex().startswith(prefix)]
        if not fitting:
            raise messages.no_digest(collection.name, prefix, [v.number for v in live])
        if len(fitting) > 1:
            raise messages.ambiguous_digest(collection.name, prefix, [v.number for v in fitting])
        return self._version(fitting[0].id)

    def _by_number(self, collection: Collection, number: int) -> Version:
        live = {version.number: version for version in self._live(collection.id)}
        if number not in live:
            raise messages.no_number(collection.name, number, list(live), deleted=number < collection.next_number)
        return self._version(live[number].id)

    def _by_alias(self, collection: Collection, alias: str, at: datetime | None) -> Version:
        standing = self._aliases(collection.id, at)
        if alias not in standing and at is not None:
            first = next((m.at for m in self._moves if (m.collection_id, m.alias) == (collection.id, alias)), None)
            raise messages.no_alias_at(collection.name, alias, at.isoformat(), first.isoformat() if first else None)
        if alias not in standing:
            numbers = [v.number for v in self._live(collection.id)]
            raise messages.no_alias(collection.name, alias, list(standing), numbers)
        return self._by_number(collection, self._versions[standing[alias]].number)

    @_alone
    def versions(self, collection_id: int) -> list[Version]:
        """See `Catalog.versions`."""
        return [self._version(version.id) for version in reversed(self._live(collection_id))]

    @_alone
    def versions_by_id(self, ids: Iterable[int]) -> dict[int, Version]:
        """See `Catalog.versions_by_id`."""
        return {version_id: self._version(version_id) for version_id in set(ids) if version_id in self._versions}

    @_alone
    def update_version(
        self,
        version_id: int,
        *,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> Version:
        """See `Catalog.update_version`."""
        version = self._live_version(version_id)
        if description is not None:
            version = replace(version, description=description or None)
        if metadata is not None:
            version = replace(version, metadata=_as_json(metadata))
        if tags is not None:
            version = replace(version, tags=tuple(sorted(set(tags))))
        self._versions[version_id] = version
        self._recorded.discard(version_id)
        return self._version(version_id)

    @_alone
    def delete_version(self, version_id: int, *, delete_aliases: bool = False) -> None:
        """See `Catalog.delete_version`."""
        version = self._live_version(version_id)
        aliases = [a for a, where in self._aliases(version.collection_id).items() if where == version_id]
        kept = [alias for alias in aliases if alias != LATEST]
        if kept and not delete_aliases:
            raise messages.has_aliases(version.label, kept)
        if version_id in self._pins:
            raise messages.is_pinned(version.label)
        self._mark_deleted(version)

    def _mark_deleted(self, version: Version) -> None:
        version_id = version.id
        aliases = [a for a, where in self._aliases(version.collection_id).items() if where == version_id]
        now = self._clock()
        self._versions[version_id] = replace(version, state=DELETED)
        self._deleted_at[version_id] = now
        self._recorded.discard(version_id)
        left = self._live(version.collection_id)
        for alias in aliases:
            heir = left[-1].id if alias == LATEST and left else None
            self._recorded.discard(heir or version_id)
            self._moves.append(Move(version.collection_id, alias, heir, now, None))

    def _collection_named(self, entity: str, project: str, name: str) -> Collection | None:
        for row in self._collections.values():
            if (row.entity, row.project, row.name) == (entity, project, name):
                return self._collection(row.id)
        return None

    def _collection(self, collection_id: int) -> Collection:
        return replace(self._collections[collection_id], version_count=len(self._live(collection_id)))

    def _live(self, collection_id: int) -> list[Version]:
        """The live versions of a collection as they are kept (without aliases), oldest first."""
        return [v for v in self._versions.values() if v.collection_id == collection_id and v.state == COMMITTED]

    def _version(self, version_id: int) -> Version:
        version = self._versions[version_id]
        standing = self._aliases(version.collection_id)
        return replace(version, aliases=tuple(sorted(a for a, where in standing.items() if where == version_id)))

    def _live_version(self, version_id: int) -> Version:
        version = self._versions.get(version_id)
        if version is None or version.state != COMMITTED:
            raise messages.no_version_id(version_id)
        return version

    # -- aliases ------------------------------------------------------------------------------------------------

    @_alone
    def move_alias(
        self, version_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """See `Catalog.move_alias`."""
        version = self._live_version(version_id)
        self._check_expect(self._collections[version.collection_id], version.name, alias, expect)
        self._check_run(run_key)
        return self._shown(self._point(alias, version_id, self._clock(), run_key))

    @_alone
    def remove_alias(
        self, collection_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """See `Catalog.remove_alias`."""
        collection = self._collections.get(collection_id)
        if collection is None:
            raise messages.no_collection_id(collection_id)
        self._check_expect(collection, collection.name, alias, expect)
        self._check_run(run_key)
        standing = self._aliases(collection_id)
        if alias not in standing:
            raise messages.no_alias(
                collection.name, alias, list(standing), [v.number for v in self._live(collection_id)]
            )
        self._recorded.discard(standing[alias])
        move = Move(collection_id, alias, None, self._clock(), run_key)
        self._moves.append(move)
        return self._shown(move)

    @_alone
    def alias_moves(self, collection_id: int, alias: str | None = None) -> list[AliasMove]:
        """See `Catalog.alias_moves`."""
        of_collection = [move for move in self._moves if move.collection_id == collection_id]
        return [self._shown(move) for move in of_collection if alias in (None, move.alias)]

    def _aliases(self, collection_id: int, at: datetime | None = None) -> dict[str, int]:
        """Alias → id of the version it stands on, now or at a time."""
        standing: dict[str, int] = {}
        for move in self._moves:
            if move.collection_id != collection_id or (at is not None and move.at > at):
                continue
            # A move that came from another store may name what was deleted here.
            if move.version_id is None or (at is None and self._versions[move.version_id].state == DELETED):
                standing.pop(move.alias, None)
            else:
                standing[move.alias] = move.version_id
        return standing

    def _point(self, alias: str, version_id: int, now: datetime, run_key: int | None) -> Move:
        """Let an alias stand on a version; where it stands there already, the move that brought it there is given."""
        collection_id = self._versions[version_id].collection_id
        if self._aliases(collection_id).get(alias) != version_id:
            self._moves.append(Move(collection_id, alias, version_id, now, run_key))
            self._recorded.discard(version_id)
        return [m for m in self._moves if (m.collection_id, m.alias) == (collection_id, alias)][-1]

    def _check_expect(self, collection: Collection | None, name: str, alias: str, expect: str | None) -> None:
        if expect is None:
            return
        wanted = parse_version_number(expect)
        if expect and wanted is None:
            raise messages.bad_expectation(expect)
        where = self._aliases(collection.id).get(alias) if collection else None
        found = None if where is None else self._versions[where].number
        if found != wanted:
            raise messages.expectation_failed(name, alias, expect, found)

    def _shown(self, move: Move) -> AliasMove:
        return AliasMove(
            alias=move.alias,
            number=None if move.version_id is None else self._versions[move.version_id].number,
            at=move.at,
            run_id=None if move.run_key is None else self._runs[move.run_key].id,
        )

    # -- records beside the blobs -------------------------------------------------------------------------------

    @_alone
    def unrecorded_versions(self, limit: int) -> list[tuple[Version, str | None]]:
        """See `Catalog.unrecorded_versions`."""
        waiting = [v for v in self._versions.values() if v.id not in self._recorded]
        found: list[tuple[Version, str | None]] = []
        for version in waiting[:limit]:
            origin = self._origins.get(version.id)
            found.append((self._version(version.id), None if origin is None else self._runs[origin].id))
        return found

    @_alone
    def mark_recorded(self, version_ids: Iterable[int]) -> None:
        """See `Catalog.mark_recorded`."""
        self._recorded.update(version_ids)

    # -- projects and runs --------------------------------------------------------------------------------------

    @_alone
    def projects(self, entity: str | None = None) -> list[Project]:
        """See `Catalog.projects`."""
        found: list[Project] = []
        for (owner, name), created_at in sorted(self._projects.items()):
            if entity in (None, owner):
                runs = sum((run.entity, run.project) == (owner, name) for run in self._live_runs())
                found.append(Project(owner, name, created_at, runs, len(self.collections(owner, name))))
        return found

    @_alone
    def add_run(self, run: NewRun) -> RunRecord:
        """See `Catalog.add_run`."""
        if self.run(run.entity, run.project, run.id) is not None:
            raise messages.run_exists(run.entity, run.project, run.id)
        now = self._clock()
        self._projects.setdefault((run.entity, run.project), now)
        record = RunRecord(
            key=len(self._runs) + 1,
            entity=run.entity,
            project=run.project,
            id=run.id,
            name=run.name,
            job_type=run.job_type,
            group=run.group,
            notes=run.notes,
            tags=run.tags,
            state=RUNNING,
            config=_as_json(run.config),
            origin=run.origin,
            created_at=now,
            ended_at=None,
            exit_code=None,
            error=None,
            sweep=run.sweep,
        )
        self._runs[record.key] = record
        return record

    @_alone
    def update_run(self, key: int, changes: RunChanges) -> None:
        """See `Catalog.update_run`."""
        self._check_run(key)
        given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not msgspec.UNSET}
        for field in given.keys() & {"config", "summary", "metrics"}:
            given[field] = _as_json(given[field])
        self._runs[key] = replace(self._runs[key], **given)

    @_alone
    def run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """See `Catalog.run`."""
        asked = (entity, project, run_id)
        return next((run for run in self._live_runs() if (run.entity, run.project, run.id) == asked), None)

    @_alone
    def runs(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[RunRecord]:
        """See `Catalog.runs`."""
        wanted = None if states is None else set(states)
        found = [
            run
            for run in self._live_runs()
            if entity in (None, run.entity)
            and project in (None, run.project)
            and (wanted is None or run.state in wanted)
        ]
        return sorted(found, key=lambda run: run.key, reverse=True)

    @_alone
    def runs_by_key(self, keys: Iterable[int]) -> dict[int, RunRecord]:
        """See `Catalog.runs_by_key`."""
        return {key: self._runs[key] for key in set(keys) if key in self._runs}

    @_alone
    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        """See `Catalog.find_runs`."""
        return piece(found_runs(self._live_runs(), query), query)

    @_alone
    def count_runs(self, query: RunQuery) -> int:
        """See `Catalog.count_runs`."""
        return len(found_runs(self._live_runs(), query))

    @_alone
    def delete_run(self, key: int) -> None:
        """See `Catalog.delete_run`."""
        self._check_run(key)
        run = self._runs[key]
        self._runs[key] = replace(
            run,
            id=f"{run.id}~{key}",
            state=RUN_DELETED,
            notes=None,
            tags=(),
            config={},
            summary={},
            metrics={},
            origin=RunOrigin(),
            error=None,
            stop_requested=True,
        )
        self._histories.drop(key, {run.key for run in self._live_runs()})

    def _live_runs(self) -> list[RunRecord]:
        return [run for run in self._runs.values() if run.state != RUN_DELETED]

    def _check_run(self, key: int | None) -> None:
        if key is not None and (key not in self._runs or self._runs[key].state == RUN_DELETED):
            raise messages.no_run(f"with key {key}")

    # -- history ------------------------------------------------------------------------------------------------

    @_alone
    def append_history(self, batch: HistoryBatch, *, durable: bool = False) -> bool:  # noqa: ARG002
        """See `Catalog.append_history`."""
        self._check_run(batch.run_key)
        if not self._histories.take(batch):
            return False
        named = {file.digest for file in batch.files}
        self._count_on(named)
        for digest in named:
            self._holds.pop((batch.run_key, digest), None)
        documents = {"summary": batch.summary, "config": batch.config, "metrics": batch.metrics}
        given = {name: _as_json(value) for name, value in documents.items() if value is not None}
        run = self._runs[batch.run_key]
        self._runs[run.key] = replace(run, **given, lost_rows=run.lost_rows + batch.lost_rows)
        return True

    @_alone
    def journal_position(self, journal: str) -> int:
        """See `Catalog.journal_position`."""
        return self._histories.position(journal)

    @_alone
    def forget_journals(self, journals: Iterable[str]) -> None:
        """See `Catalog.forget_journals`."""
        for journal in journals:
            self._histories.positions.pop(journal, None)

    @_alone
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
        wanted = None if keys is None else set(keys)
        return self._histories.view(run_key, branch, stream, wanted, min_step, max_step)

    @_alone
    def history_keys(self, run_keys: Iterable[int], *, keys: Iterable[str] | None = None) -> dict[int, list[KeyInfo]]:
        """See `Catalog.history_keys`."""
        wanted = None if keys is None else set(keys)
        return {key: found for key in set(run_keys) if (found := self._histories.keys(key, wanted))}

    @_alone
    def replace_blocks(self, run_key: int, old: Iterable[int], new: Iterable[HistoryBlock]) -> bool:
        """See `Catalog.replace_blocks`."""
        if not self._histories.goes_on(run_key):
            self._check_run(run_key)
        return self._histories.replace(run_key, set(old), new)

    @_alone
    def add_branch(self, run_key: int, branch: Branch, *, kind: EdgeKind) -> int:
        """See `Catalog.add_branch`."""
        self._check_run(run_key)
        self._check_run(branch.parent_run)
        now = self._clock()
        number = self._histories.branch_off(run_key, branch, kind, now)
        self._runs[run_key] = replace(self._runs[run_key], branch=number)
        self._write_edge(Node.of_run(branch.parent_run), Node.of_run(run_key), kind, now)
        return number

    @_alone
    def branches(self, run_key: int) -> list[Branch]:
        """See `Catalog.branches`."""
        return list(self._histories.branches.get(run_key, ()))

    @_alone
    def run_files(self, run_key: int) -> list[RunFile]:
        """See `Catalog.run_files`."""
        return sorted(self._histories.files.get(run_key, {}).values(), key=lambda file: file.path)

    @_alone
    def forget_run_files(self, run_key: int, paths: Iterable[str]) -> None:
        """See `Catalog.forget_run_files`."""
        for path in paths:
            self._histories.files.get(run_key, {}).pop(path, None)

    # -- sweeps -------------------------------------------------------------------------------------------------

    @_alone
    def add_sweep(self, new: NewSweep, trials: Iterable[NewTrial] = ()) -> SweepRecord:
        """See `Catalog.add_sweep`."""
        record = self._sweeps.add(new, trials)
        self._projects.setdefault((new.entity, new.project), self._clock())
        return record

    @_alone
    def sweep(self, entity: str, project: str, sweep_id: str) -> SweepRecord | None:
        """See `Catalog.sweep`."""
        return self._sweeps.named(entity, project, sweep_id)

    @_alone
    def sweeps(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[SweepRecord]:
        """See `Catalog.sweeps`."""
        wanted = None if states is None else set(states)
        return [
            sweep
            for _, sweep in sorted(self._sweeps.sweeps.items(), reverse=True)
            if entity in {None, sweep.entity}
            and project in {None, sweep.project}
            and (wanted is None or sweep.state in wanted)
        ]

    @_alone
    def update_sweep(self, key: int, changes: SweepChanges, *, expect: Iterable[str] | None = None) -> SweepRecord:
        """See `Catalog.update_sweep`."""
        return self._sweeps.update(key, changes, expect)

    @_alone
    def delete_sweep(self, key: int) -> None:
        """See `Catalog.delete_sweep`."""
        self._sweeps.delete(key)

    @_alone
    def add_trials(self, key: int, trials: Iterable[NewTrial]) -> list[Trial]:
        """See `Catalog.add_trials`."""
        return self._sweeps.add_trials(key, trials)

    @_alone
    def take_trial(
        self, key: int, agent: str, offer: Offer, *, silent_seconds: float, gone: Iterable[str] = ()
    ) -> Taken:
        """See `Catalog.take_trial`."""
        return self._sweeps.take(key, agent, offer, silent_seconds, gone)

    @_alone
    def begin_trial(self, key: int, number: int, attempt: int, run_key: int) -> Standing:
        """See `Catalog.begin_trial`."""
        return self._sweeps.begin(key, number, attempt, run_key)

    @_alone
    def report_trial(self, key: int, number: int, attempt: int, reports: Iterable[tuple[int, float]] = ()) -> Standing:
        """See `Catalog.report_trial`."""
        return self._sweeps.report(key, number, attempt, reports)

    @_alone
    def end_trial(self, key: int, number: int, attempt: int, ending: TrialEnding) -> Trial | None:
        """See `Catalog.end_trial`."""
        return self._sweeps.end(key, number, attempt, ending)

    @_alone
    def ask_trials(self, key: int, asked: str, numbers: Iterable[int] | None = None) -> int:
        """See `Catalog.ask_trials`."""
        return self._sweeps.ask(key, asked, numbers)

    @_alone
    def rerun_trials(self, key: int, states: Iterable[str], numbers: Iterable[int] | None = None) -> int:
        """See `Catalog.rerun_trials`."""
        return self._sweeps.rerun(key, states, numbers)

    @_alone
    def trials(
        self, key: int, *, states: Iterable[str] | None = None, numbers: Iterable[int] | None = None
    ) -> list[Trial]:
        """See `Catalog.trials`."""
        return self._sweeps.of(key, states, numbers)

    @_alone
    def trial_counts(self, keys: Iterable[int]) -> dict[int, dict[str, int]]:
        """See `Catalog.trial_counts`."""
        known = [key for key in dict.fromkeys(keys) if key in self._sweeps.sweeps]
        return {key: dict(Counter(trial.state for trial in self._sweeps.of(key, None, None))) for key in known}

    @_alone
    def trial_reports(
        self, key: int, *, numbers: Iterable[int] | None = None, iterations: Iterable[int] | None = None
    ) -> list[TrialReport]:
        """See `Catalog.trial_reports`."""
        return self._sweeps.reported(key, numbers, iterations)

    # -- lineage ------------------------------------------------------------------------------------------------

    @_alone
    def add_use(self, run_key: int, version_id: int, use_as: str | None = None) -> EdgeKind:
        """See `Catalog.add_use`."""
        self._check_run(run_key)
        if version_id not in self._versions:
            raise messages.no_version_id(version_id)
        run, version = Node.of_run(run_key), Node.of_version(version_id)
        for kind in (EdgeKind.USED, EdgeKind.FEEDBACK):
            if (version.key, kind, run.key) in self._edges:
                return kind
        kind = EdgeKind.FEEDBACK if version.key in self.walk(run.key, Direction.DOWNSTREAM) else EdgeKind.USED
        self._write_edge(version, run, kind, self._clock(), use_as)
        return kind

    @_alone
    def edges(self, nodes: Iterable[int], direction: Direction, kinds: Iterable[EdgeKind]) -> Iterator[Edge]:
        """See `Catalog.edges`."""
        asked, wanted = set(nodes), set(kinds)
        near = "source" if direction is Direction.DOWNSTREAM else "target"
        return iter([e for e in self._edges.values() if e.kind in wanted and getattr(e, near) in asked])

    @_alone
    def walk(
        self,
        start: int,
        direction: Direction,
        *,
        depth: int | None = None,
        kinds: Iterable[EdgeKind] = WALKED,
    ) -> dict[int, int]:
        """See `Catalog.walk`."""
        kinds = tuple(kinds)
        distance = {start: 0}
        level = [start]
        while level and (depth is None or distance[level[0]] < depth):
            edges = self.edges(level, direction, kinds)
            ends = {edge.target if direction is Direction.DOWNSTREAM else edge.source for edge in edges}
            reached = sorted(ends - distance.keys())
            distance.update(dict.fromkeys(reached, distance[level[0]] + 1))
            level = reached
        del distance[start]
        return distance

    @_alone
    def all_edges(self, kinds: Iterable[EdgeKind], before: datetime | None = None) -> Iterator[Edge]:
        """See `Catalog.all_edges`."""
        wanted = set(kinds)
        found = [e for e in self._edges.values() if e.kind in wanted and (before is None or e.at < before)]
        return iter(sorted(found, key=lambda e: (e.source, e.target, e.kind)))

    @_alone
    def describe(self, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """See `Catalog.describe`."""
        found: dict[int, NodeInfo] = {}
        for node in map(Node, set(nodes)):
            if node.is_run and node.row_id in self._runs:
                found[node.key] = _about_run(node.key, self._runs[node.row_id])
            elif not node.is_run and node.row_id in self._versions:
                found[node.key] = _about_version(node.key, self._version(node.row_id))
        return found

    @_alone
    def stale_uses(self, collection_id: int | None = None) -> list[StaleUse]:
        """See `Catalog.stale_uses`."""
        found: list[StaleUse] = []
        for edge in self.all_edges([EdgeKind.USED]):
            used = self._versions[Node(edge.source).row_id]
            live = self._live(used.collection_id)
            if collection_id in (None, used.collection_id) and live and live[-1].number > used.number:
                found.append(StaleUse(run=edge.target, used=edge.source, newest=Node.of_version(live[-1].id).key))
        return sorted(found, key=lambda use: (use.run, use.used))

    @_alone
    def file_uses(self, digest: bytes) -> list[FileUse]:
        """See `Catalog.file_uses`."""
        found: list[FileUse] = []
        for collection in self.collections():
            history = [v for v in self._versions.values() if v.collection_id == collection.id]
            found.extend(self._spans(collection.qualified_name, history, digest))
        return found

    def _spans(self, collection: str, history: list[Version], digest: bytes) -> Iterator[FileUse]:
        """Yield the stretches of ``history`` (one collection, oldest first) that hold ``digest``."""
        stretch: list[Version] = []
        for version in history:
            if digest in self._contents[version.id]:
                stretch.append(version)
            elif stretch:
                yield _span(collection, stretch, until=version.number)
                stretch = []
        if stretch:
            yield _span(collection, stretch, until=None)

    def _write_edge(self, source: Node, target: Node, kind: EdgeKind, now: datetime, use_as: str | None = None) -> None:
        edge = Edge(source.key, target.key, kind, now, use_as)
        self._edges.setdefault((edge.source, edge.kind, edge.target), edge)


def _span(collection: str, stretch: list[Version], until: int | None) -> FileUse:
    live = tuple(Node.of_version(version.id).key for version in stretch if version.state == COMMITTED)
    return FileUse(collection=collection, first=stretch[0].number, until=until, versions=live)


def _about_run(key: int, run: RunRecord) -> NodeInfo:
    return NodeInfo(
        key=key,
        kind="run",
        id=run.qualified_name,
        label=run.name,
        type=run.job_type,
        state=run.state,
        created_at=run.created_at,
        sweep=run.sweep,
    )


def _about_version(key: int, version: Version) -> NodeInfo:
    return NodeInfo(
        key=key,
        kind="artifact",
        id=version.qualified_name,
        label=version.label,
        type=version.type,
        state=version.state,
        created_at=version.created_at,
        aliases=version.aliases,
    )
