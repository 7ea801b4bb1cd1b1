"""The part of the reference model that collects garbage: sets of what is held, noted, and in the trash."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from forebear.catalog import messages
from forebear.catalog.collecting_port import BeingDeleted, LeaseLost
from forebear.catalog.port import MissingBlobs
from forebear.names import LATEST
from forebear.records.artifacts import COMMITTED, DELETED
from forebear.records.collecting import (
    CONDEMNED,
    DELETING,
    HELD_AFTER_A_CRASH_DAYS,
    WAITING,
    WRITING,
    Epoch,
    Holder,
    Lease,
    Policy,
    Sparse,
    ThrownOut,
    Trashed,
)
from forebear.records.content import Recipe, Slice, StoredObject
from forebear.records.runs import CRASHED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from threading import RLock

    from forebear.records.artifacts import Collection, Version
    from forebear.records.content import Location
    from forebear.records.runs import RunRecord
    from forebear.testing.memory_histories import MemoryHistories

_LINE_BYTES = 57
_OF_TRASH = ("_trash", "_trash_slices", "_trash_recipes")


@dataclass
class _Thrown:
    """An object in the trash."""

    stored: StoredObject
    at: datetime
    state: int = WAITING
    ticket: int = 0
    until: datetime | None = None


class MemoryCollecting:
    """Methods of `forebear.testing.memory_catalog.MemoryCatalog`, which has all that they use."""

    _clock: Callable[[], datetime]
    _lock: RLock
    _objects: dict[str, StoredObject]
    _recipes: dict[bytes, Recipe]
    _runs: dict[int, RunRecord]
    _collections: dict[int, Collection]
    _versions: dict[int, Version]
    _recorded: set[int]
    _contents: dict[int, frozenset[bytes]]
    _histories: MemoryHistories

    def __init__(self) -> None:
        """Know of no garbage."""
        self._ticket = 0
        self._epoch = 0
        self._epoch_at: datetime | None = None
        self._leases: dict[str, tuple[int, Lease]] = {}
        self._holds: dict[tuple[int, bytes], datetime] = {}
        self._garbage: dict[bytes, tuple[int, datetime]] = {}
        self._trash: dict[str, _Thrown] = {}
        self._trash_slices: dict[tuple[bytes, str], tuple[Slice, datetime]] = {}
        self._trash_recipes: dict[bytes, tuple[Recipe, str | None, datetime]] = {}
        #: Recipe → object that it lies in, where that is known.
        self._homes: dict[bytes, str] = {}
        self._policies: dict[int, Policy] = {}
        self._pins: set[int] = set()
        self._deleted_at: dict[int, datetime] = {}
        self._collected_at: datetime | None = None

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Let nothing of the block stay in the index where it raises."""
        names = ("_objects", "_recipes", "_homes", "_leases", "_holds", "_garbage", *_OF_TRASH)
        before = {name: getattr(self, name).copy() for name in names}
        try:
            yield
        except BaseException:
            for name, value in before.items():
                setattr(self, name, value)
            raise

    # -- leases ---------------------------------------------------------------------------------------------------

    def begin_lease(self, purpose: str, holder: Holder, seconds: float, *, alone: bool = False) -> Lease | None:
        """See `CollectingPort.begin_lease`."""
        with self._lock:
            now = self._clock()
            if alone and any(each.purpose == purpose and each.until >= now for _, each in self._leases.values()):
                return None
            self._ticket += 1
            doomed = frozenset(name for name, thrown in self._trash.items() if thrown.state != WAITING)
            lease = Lease(uuid.uuid4().hex, purpose, holder, now, now + timedelta(seconds=seconds), doomed)
            self._leases[lease.id] = self._ticket, replace(lease, doomed=frozenset())
            return lease

    def renew_lease(self, lease_id: str, seconds: float) -> bool:
        """See `CollectingPort.renew_lease`."""
        with self._lock:
            if lease_id not in self._leases:
                return False
            ticket, lease = self._leases[lease_id]
            self._leases[lease_id] = ticket, replace(lease, until=self._clock() + timedelta(seconds=seconds))
            return True

    def end_lease(self, lease_id: str) -> None:
        """See `CollectingPort.end_lease`."""
        with self._lock:
            self._leases.pop(lease_id, None)

    def leases(self) -> list[Lease]:
        """See `CollectingPort.leases`."""
        with self._lock:
            return [lease for _, lease in sorted(self._leases.values(), key=lambda each: each[0])]

    def _use_lease(self, lease: str | None, *, keep: bool = False) -> None:
        if lease is not None and lease not in self._leases:
            raise LeaseLost
        if lease is not None and not keep:
            del self._leases[lease]

    def hold(self, run_key: int, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.hold`."""
        wanted = set(digests)
        with self._lock, self._whole():
            self._check_run(run_key)
            self._check_needs(wanted)
            self._holds = {(run_key, digest): self._clock() for digest in wanted} | self._holds

    # -- what somebody counts on ----------------------------------------------------------------------------------

    def _check_needs(self, needs: Iterable[bytes], trusts: Iterable[bytes] = ()) -> None:
        missing = self._count_on(needs)
        missing |= {digest for digest in trusts if digest not in self._held() or digest in self._garbage}
        if missing:
            raise MissingBlobs(sorted(missing))

    def _count_on(self, digests: Iterable[bytes]) -> set[bytes]:
        wanted = set(digests)
        self._bring_back(wanted - self._held())
        held = self._held()
        slices = self._locations(self._objects.values())
        parts = {d: self._recipes[d].parts for d in wanted & held if d in self._recipes and d not in slices}
        self._bring_back({part for each in parts.values() for part in each} - held)
        slices = self._locations(self._objects.values())
        missing = (wanted - held) | {d for d, each in parts.items() if not all(part in slices for part in each)}
        self._touch(wanted - missing)
        return missing

    def _touch(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            for each in (digest, *(self._recipes[digest].parts if digest in self._recipes else ())):
                self._garbage.pop(each, None)

    def _bring_back(self, digests: Iterable[bytes]) -> None:
        """Put into the index what of ``digests`` is in the trash and not being deleted."""
        wanted = set(digests)
        recipes = {d: self._trash_recipes[d] for d in wanted if d in self._trash_recipes}
        wanted |= {part for recipe, _, _ in recipes.values() for part in recipe.parts}
        for digest, name in [key for key in self._trash_slices if key[0] in wanted]:
            if name not in self._objects and (name not in self._trash or self._trash[name].state == DELETING):
                continue
            part, _ = self._trash_slices.pop((digest, name))
            stored = self._objects.get(name) or self._trash.pop(name).stored
            self._objects[name] = replace(stored, slices=[*(s for s in stored.slices if s.digest != digest), part])
        slices = self._locations(self._objects.values())
        for digest, (recipe, home, _) in recipes.items():
            if all(part in slices for part in recipe.parts):
                del self._trash_recipes[digest]
                self._recipes[digest] = recipe
                if home in self._trash and self._trash[home].state != DELETING:
                    self._objects[home] = self._trash.pop(home).stored
                if home in self._objects:
                    self._homes[digest] = home

    def _take_out_of_trash(self, objects: Iterable[StoredObject]) -> None:
        arriving = list(objects)
        busy = sorted({o.name for o in arriving if o.name in self._trash and self._trash[o.name].state == DELETING})
        if busy:
            raise BeingDeleted(busy)
        for stored in arriving:
            if self._trash.pop(stored.name, None) is not None:
                for part in stored.slices:
                    self._trash_slices.pop((part.digest, stored.name), None)

    # -- what is garbage ------------------------------------------------------------------------------------------

    def begin_epoch(self) -> Epoch:
        """See `CollectingPort.begin_epoch`."""
        with self._lock:
            self._epoch += 1
            self._epoch_at = self._clock()
            late = self._epoch_at - timedelta(days=HELD_AFTER_A_CRASH_DAYS)
            self._holds = {
                (run, digest): at
                for (run, digest), at in self._holds.items()
                if self._runs[run].state == RUNNING or (self._runs[run].state == CRASHED and at > late)
            }
            return Epoch(self._epoch, max(self._versions, default=0))

    def roots(self, *, after: int | None = None) -> list[bytes]:
        """See `CollectingPort.roots`."""
        with self._lock:
            versions = self._versions.values()
            return list({v.root for v in versions if (v.state == COMMITTED if after is None else v.id > after)})

    def named_by_runs(self) -> Iterator[bytes]:
        """See `CollectingPort.named_by_runs`."""
        with self._lock:
            files = {file.digest for files in self._histories.files.values() for file in files.values()}
            return iter(files | {digest for _, digest in self._holds})

    def held(self) -> Iterator[bytes]:
        """See `CollectingPort.held`."""
        with self._lock:
            return iter(self._held())

    def firm(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `CollectingPort.firm`."""
        with self._lock:
            return (set(digests) & self._held()) - self._garbage.keys()

    def note_garbage(self, epoch: int, digests: Iterable[bytes]) -> int:
        """See `CollectingPort.note_garbage`."""
        with self._lock:
            new = set(digests) - self._garbage.keys()
            at = self._epoch_at or self._clock()
            self._garbage |= dict.fromkeys(new, (epoch, at))
            return len(new)

    def spare(self, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.spare`."""
        with self._lock:
            self._touch(digests)

    def garbage(self) -> int:
        """See `CollectingPort.garbage`."""
        with self._lock:
            return len(self._garbage)

    def noted_garbage(self) -> Iterator[bytes]:
        """See `CollectingPort.noted_garbage`."""
        with self._lock:
            return iter(set(self._garbage))

    def throw_out(self, epoch: int, grace: timedelta, limit: int) -> ThrownOut:
        """See `CollectingPort.throw_out`."""
        with self._lock:
            size, now = 0, self._clock()
            due = sorted((e, at, d) for d, (e, at) in self._garbage.items() if e < epoch and at <= now - grace)[:limit]
            for _, _, digest in due:
                del self._garbage[digest]
                for name, stored in self._objects.items():
                    for part in [part for part in stored.slices if part.digest == digest]:
                        self._trash_slices.setdefault((digest, name), (part, now))
                        self._objects[name] = replace(stored, slices=[s for s in stored.slices if s != part])
                        size += part.stored
                if digest in self._recipes:
                    home = self._homes.pop(digest, None)
                    self._trash_recipes.setdefault(digest, (self._recipes.pop(digest), home, now))
            return ThrownOut(len(due), size)

    # -- objects --------------------------------------------------------------------------------------------------

    def sparse(self, share: float, limit: int) -> list[Sparse]:
        """See `CollectingPort.sparse`."""
        with self._lock:
            found = []
            for o in self._objects.values():
                live = sum(part.stored for part in o.slices)
                little = bool(o.slices) and live + len(o.slices) * _LINE_BYTES < o.size * share
                if little or not (o.slices or o.name in self._homes.values()):
                    found.append(Sparse(o.name, o.kind, o.size, live))
            return sorted(found, key=lambda each: (each.live > 0, each.live - each.size, each.name))[:limit]

    def slices_at(self, name: str) -> list[Slice]:
        """See `CollectingPort.slices_at`."""
        with self._lock:
            stored = self._objects.get(name)
            return sorted(stored.slices, key=lambda part: (part.offset, part.digest)) if stored else []

    def recipes_at(self, name: str) -> dict[bytes, Recipe]:
        """See `CollectingPort.recipes_at`."""
        with self._lock:
            if name not in self._objects:
                return {}
            slices = {part.digest for part in self._objects[name].slices}
            return {
                digest: recipe
                for digest, recipe in self._recipes.items()
                if self._homes.get(digest) == name or slices & set(recipe.parts)
            }

    def place_recipes(self, name: str, digests: Iterable[bytes]) -> None:
        """See `CollectingPort.place_recipes`."""
        with self._lock:
            for digest in digests:
                if digest in self._recipes and name in self._objects:
                    self._homes.setdefault(digest, name)

    def retire(self, name: str) -> bool:
        """See `CollectingPort.retire`."""
        with self._lock:
            stored = self._objects.get(name)
            others = [each for each in self._objects.values() if each.name != name]
            if stored is None or name in self._homes.values():
                return False
            if any(part.digest not in self._locations(others) for part in stored.slices):
                return False
            now = self._clock()
            for part in stored.slices:
                self._trash_slices.setdefault((part.digest, name), (part, now))
            self._trash[name] = _Thrown(replace(stored, slices=[]), now)
            del self._objects[name]
            return True

    def strays(self, names: Iterable[str]) -> list[str]:
        """See `CollectingPort.strays`."""
        with self._lock:
            return [name for name in dict.fromkeys(names) if name not in self._objects and name not in self._trash]

    def note_strays(self, objects: Iterable[tuple[str, str, int]]) -> int:
        """See `CollectingPort.note_strays`."""
        with self._lock:
            new = 0
            for name, kind, size in objects:
                if name not in self._objects and name not in self._trash:
                    self._trash[name] = _Thrown(StoredObject(name, kind, size, []), self._clock())
                    new += 1
            return new

    # -- trash ----------------------------------------------------------------------------------------------------

    def trash(self) -> list[Trashed]:
        """See `CollectingPort.trash`."""
        with self._lock:
            inside = [name for _, name in self._trash_slices] + [home for _, home, _ in self._trash_recipes.values()]
            return [
                Trashed(name, t.stored.kind, t.stored.size, t.at, t.state, inside.count(name))
                for name, t in sorted(self._trash.items())
            ]

    def rescue(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `CollectingPort.rescue`."""
        wanted = set(digests)
        with self._lock:
            return wanted - self._count_on(wanted)

    def rescue_objects(self, names: Iterable[str]) -> list[str]:
        """See `CollectingPort.rescue_objects`."""
        with self._lock:
            now = self._clock()
            found = {name: self._trash[name] for name in set(names) if name in self._trash}
            busy = {n for n, t in found.items() if t.state == DELETING and t.until is not None and t.until >= now}
            for name, thrown in found.items():
                if name not in busy and thrown.state != WAITING:
                    self._trash[name] = _Thrown(thrown.stored, now)
                if name not in busy and thrown.state == DELETING:
                    self._trash_slices = {k: v for k, v in self._trash_slices.items() if k[1] != name}
                    self._trash_recipes = {d: v for d, v in self._trash_recipes.items() if v[1] != name}
            return sorted(busy)

    def condemn(self, age: timedelta, limit: int) -> int:
        """See `CollectingPort.condemn`."""
        with self._lock:
            self._ticket += 1
            before = self._clock() - age
            due = sorted((t.at, name) for name, t in self._trash.items() if t.state == WAITING and t.at <= before)
            for _, name in due[:limit]:
                self._trash[name].state, self._trash[name].ticket = CONDEMNED, self._ticket
            return len(due[:limit])

    def claim_condemned(self, seconds: float, limit: int) -> list[str]:
        """See `CollectingPort.claim_condemned`."""
        with self._lock:
            now = self._clock()
            self._leases = {key: each for key, each in self._leases.items() if each[1].until >= now}
            oldest = min((t for t, lease in self._leases.values() if lease.purpose == WRITING), default=2**62)
            ready = [
                name
                for name, t in sorted(self._trash.items())
                if (t.state == CONDEMNED and t.ticket < oldest)
                or (t.state == DELETING and t.until is not None and t.until < now)
            ][:limit]
            for name in ready:
                self._trash[name].state, self._trash[name].until = DELETING, now + timedelta(seconds=seconds)
            return ready

    def delete_claimed(self, name: str, delete: Callable[[str], None]) -> bool:
        """See `CollectingPort.delete_claimed`."""
        with self._lock:
            if name not in self._trash or self._trash[name].state != DELETING:
                return False
            delete(name)
            return True

    def forget_trash(self, names: Iterable[str], age: timedelta) -> None:
        """See `CollectingPort.forget_trash`."""
        with self._lock:
            gone = {name for name in names if name not in self._trash or self._trash[name].state == DELETING}
            for name in gone:
                self._trash.pop(name, None)
            begun = [lease.begun_at for _, lease in self._leases.values() if lease.purpose == WRITING]
            oldest = min([self._clock() - age, *begun])

            def stays(name: str | None, at: datetime) -> bool:
                return name in self._trash or (at >= oldest and name not in gone)

            self._trash_slices = {k: v for k, v in self._trash_slices.items() if stays(k[1], v[1])}
            self._trash_recipes = {d: v for d, v in self._trash_recipes.items() if stays(v[1], v[2])}
            self._drop_broken_recipes()

    # -- what keeps versions --------------------------------------------------------------------------------------

    def policies(self) -> dict[int, Policy]:
        """See `CollectingPort.policies`."""
        with self._lock:
            return dict(sorted(self._policies.items()))

    def set_policy(self, collection_id: int, policy: Policy | None) -> None:
        """See `CollectingPort.set_policy`."""
        with self._lock:
            if collection_id not in self._collections:
                raise messages.no_collection_id(collection_id)
            self._policies.pop(collection_id, None)
            if policy is not None:
                self._policies[collection_id] = policy

    def pins(self, collection_id: int) -> set[int]:
        """See `CollectingPort.pins`."""
        with self._lock:
            return {key for key in self._pins if self._versions[key].collection_id == collection_id}

    def pin_version(self, version_id: int, *, pinned: bool) -> None:
        """See `CollectingPort.pin_version`."""
        with self._lock:
            self._live_version(version_id)
            (self._pins.add if pinned else self._pins.discard)(version_id)

    def drop_versions(self, version_ids: Iterable[int], *, keep_aliased: bool) -> list[int]:
        """See `CollectingPort.drop_versions`."""
        gone = []
        with self._lock:
            for version_id in dict.fromkeys(version_ids):
                version = self._versions.get(version_id)
                if version is None or version.state != COMMITTED or version_id in self._pins:
                    continue
                aliases = self._version(version_id).aliases
                if LATEST not in aliases and not (aliases and keep_aliased):
                    self._mark_deleted(version)
                    gone.append(version_id)
        return gone

    def tip_contents(self, collection_id: int) -> set[bytes]:
        """See `CollectingPort.tip_contents`."""
        with self._lock:
            mine = [version.id for version in self._versions.values() if version.collection_id == collection_id]
            return set(self._contents[max(mine)]) if mine else set()

    def deleted_versions(self, collection_id: int | None = None) -> list[tuple[int, datetime | None]]:
        """See `CollectingPort.deleted_versions`."""
        with self._lock:
            gone = [
                (self._deleted_at.get(v.id), v.id)
                for v in self._versions.values()
                if v.state == DELETED and collection_id in (None, v.collection_id)
            ]
            known = sorted(((at, key) for at, key in gone if at is not None), reverse=True)
            return [(key, at) for at, key in known] + sorted([(k, a) for a, k in gone if a is None], reverse=True)

    def restore_version(self, version_id: int, needs: Iterable[bytes]) -> None:
        """See `CollectingPort.restore_version`."""
        with self._lock, self._whole():
            version = self._versions.get(version_id)
            if version is None or version.state == COMMITTED:
                raise messages.no_deleted_version(version_id)
            self._check_needs(needs)
            self._versions[version_id] = replace(version, state=COMMITTED)
            self._deleted_at.pop(version_id, None)
            self._recorded.discard(version_id)

    # -- now and then ---------------------------------------------------------------------------------------------

    def collect_due(self, every: timedelta) -> bool:
        """See `CollectingPort.collect_due`."""
        with self._lock:
            now = self._clock()
            last = self._collected_at
            if last is not None and timedelta(0) <= now - last < every:
                return False
            self._collected_at = now
            return last is not None

    # -- what the catalog has -------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def _held(self, more: Iterable[StoredObject] = ()) -> set[bytes]: ...
        def _locations(self, objects: Iterable[StoredObject]) -> dict[bytes, Location]: ...
        def _drop_broken_recipes(self) -> None: ...
        def _check_run(self, run_key: int | None) -> None: ...
        def _live_version(self, version_id: int) -> Version: ...
        def _version(self, version_id: int) -> Version: ...
        def _mark_deleted(self, version: Version) -> None: ...
