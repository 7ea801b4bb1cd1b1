"""``recover``: a catalog made again from the objects and the records beside them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from forebear.api.checking.checking import rebuild_index
from forebear.api.copying.contents import difference
from forebear.api.copying.report import Renumbered
from forebear.artifacts.commit import page_loader
from forebear.artifacts.manifest import Manifest
from forebear.blobs.digest import digest_of
from forebear.catalog.port import TipMoved
from forebear.errors import CorruptData
from forebear.names import LATEST
from forebear.records.artifacts import COMMITTED, DELETED, Collection, Version
from forebear.records.copies import AdoptedVersion, AliasStep
from forebear.records.runs import DELETED as RUN_DELETED
from forebear.records.runs import FINISHED, Project, RunOrigin, RunRecord
from forebear.store.checking.aside import really
from forebear.store.records import VersionRecord, read_records, record_stem, write_records
from forebear.store.recovering import recovering

if TYPE_CHECKING:
    import os

    from forebear.records.copies import Adopted
    from forebear.store.checking.blobs import Progress
    from forebear.store.store import Store

#: Where the catalog has what it takes from records: they are numbered as those of another store would be.
SOURCE = "records"
_NOTES = "Known only as the origin of versions whose records survived the loss of the catalog."
_Scope = tuple[str, str, str]


class Recovered(msgspec.Struct):
    """What became of a store whose catalog was lost.

    Attributes:
        url: Of the store, without a password.
        new_catalog: Whether there was none that could be used.
        kept: Where a catalog that could not be read was put.
        records: Versions that have a record.
        objects: Objects that the index has anew.
        versions: Versions that the catalog has now and had not, deleted ones among them.
        versions_same: Versions that it had.
        deleted: Numbers among them that only stay taken.
        aliases: Aliases that were put back.
        runs: Runs that are known again, by their ids alone.
        renumbered: Versions that have another number now, because theirs was given a second time.
        damaged: Records that cannot be read, and versions whose manifest cannot, with what is wrong.
    """

    url: str
    new_catalog: bool = False
    kept: str | None = None
    records: int = 0
    objects: int = 0
    versions: int = 0
    versions_same: int = 0
    deleted: int = 0
    aliases: int = 0
    runs: int = 0
    renumbered: list[Renumbered] = []
    damaged: dict[str, str] = {}


def recover_store(url: str | os.PathLike[str], *, progress: Progress | None = None) -> Recovered:
    """Make the catalog of a store again, or add to it what only the records beside the blobs know.

    What records hold comes back: names, types, numbers, digests, descriptions, metadata, tags, aliases as they last
    stood, and the ids of the runs that logged the versions. What a catalog knows that is there already stays.
    Doing it again changes nothing.

    Raises:
        NotFound: there is no store.
        StorageFailure: something cannot be read or written; a catalog in a folder is as it was then.

    Cost: one read a record, two a pack, and the manifests; ranges of large files that are kept in chunks.
    """
    with recovering(url) as opened:
        store = opened.store
        done = Recovered(store.url, opened.is_new, opened.kept)
        _, done.objects = rebuild_index(store, progress, follow_all=opened.is_new)
        records = read_records(really(store.objects))
        done.records = len(records.newest)
        done.damaged = {name: str(err) for name, err in records.damaged.items()}
        names = _Names(store, done)
        names.restore(records.newest.values())
        while write_records(store.catalog, store.objects):
            pass
    return done


class _Names:
    """Gives versions their names again."""

    def __init__(self, store: Store, done: Recovered) -> None:
        self._store = store
        self._catalog = store.catalog
        self._done = done
        self._load = page_loader(store)

    def restore(self, records: Iterable[VersionRecord]) -> None:
        """Give all versions of which there are records back to the catalog."""
        ordered = sorted(records, key=lambda record: (*record.place, record.age))
        self._add_projects(ordered)
        for scope, group in groupby(ordered, key=lambda record: record.place[:3]):
            self._restore_collection(scope, _without_doubles(list(group)))

    def _add_projects(self, records: list[VersionRecord]) -> None:
        began: dict[tuple[str, str], datetime] = {}
        for record in records:
            scope = record.place[:2]
            began[scope] = min(began.get(scope, record.created_at), record.created_at)
        self._catalog.adopt_projects(Project(entity, name, at) for (entity, name), at in began.items())

    def _restore_collection(self, scope: _Scope, records: list[VersionRecord]) -> None:
        here = self._catalog.collection(*scope)
        known = self._catalog.whole_versions(here.id) if here is not None else []
        present = {(whole.version.number, whole.version.root.hex()) for whole in known}
        # Of a version that got another number, too.
        born = {(whole.version.created_at, whole.version.root.hex()) for whole in known}
        lacking = [
            record
            for record in records
            if (record.number, record.root) not in present and (record.created_at, record.root) not in born
        ]
        self._done.versions_same += len(records) - len(lacking)
        if not lacking:
            return
        began = min(record.created_at for record in records)
        newest = max(records, key=lambda record: (record.age, record.number))
        collection = here or Collection(0, *scope, newest.type, None, began, None, 0)
        runs = self._restore_runs(lacking)
        for record in lacking:
            self._restore_version(collection, record, runs.get(record.run or ""))
        self._restore_latest(scope)

    # -- runs -----------------------------------------------------------------------------------------------------

    def _restore_runs(self, records: list[VersionRecord]) -> dict[str, int]:
        """Let the runs be known that the records name; return their keys as `SOURCE` has them, by id."""
        keys: dict[str, int] = {}
        for record in sorted(records, key=lambda record: record.created_at):
            if record.run is None or record.run in keys:
                continue
            known = self._catalog.run(record.entity, record.project, record.run)
            key = keys[record.run] = _number_of(f"run {record.entity}/{record.project}/{record.run}")
            self._catalog.adopt_run(SOURCE, replace(known or _stub(record, record.run), key=key))
            self._done.runs += known is None
        return keys

    # -- versions -------------------------------------------------------------------------------------------------

    def _restore_version(self, collection: Collection, record: VersionRecord, origin: int | None) -> None:
        version = _version_of(record)
        steps = tuple(AliasStep(alias, version.id, _said_at(record), None) for alias in record.aliases)
        new = AdoptedVersion(collection, version, origin, steps if version.state == COMMITTED else ())
        adopted = self._adopt(new)
        self._done.versions += adopted.created
        self._done.deleted += adopted.created and version.state == DELETED
        self._done.aliases += adopted.moves
        if adopted.version.number != version.number:
            name = "/".join(record.place[:3])
            self._done.renumbered.append(Renumbered(name, version.number, adopted.version.number))

    def _adopt(self, new: AdoptedVersion) -> Adopted:
        wanted = new.collection
        while True:
            here = self._catalog.collection(wanted.entity, wanted.project, wanted.name)
            tip = here.tip if here is not None else None
            gained, lost = self._change(new.version, tip)
            try:
                return self._catalog.adopt_version(SOURCE, replace(new, tip=tip, gained=gained, lost=lost))
            except TipMoved:  # somebody is logging
                continue

    def _change(self, version: Version, tip: bytes | None) -> tuple[list[bytes], list[bytes]]:
        """What the version has that the tip has not, and the other way round, as far as the manifests can be read."""
        if version.state != COMMITTED:
            return [], []
        try:
            return difference(version.root, self._load, tip, self._load)
        except CorruptData:
            pass
        try:
            return list({row[2] for row in Manifest(version.root, self._load).rows() if row[2] is not None}), []
        except CorruptData as err:
            self._done.damaged[version.qualified_name] = f"its manifest cannot be read: {err}"
            return [], []

    def _restore_latest(self, scope: _Scope) -> None:
        """Let ``latest`` stand on the newest version where no record says where it stood."""
        collection = self._catalog.collection(*scope)
        live = self._catalog.versions(collection.id) if collection is not None else []
        if live and not any(LATEST in version.aliases for version in live):
            self._catalog.move_alias(live[0].id, LATEST)
            self._done.aliases += 1


def _without_doubles(records: list[VersionRecord]) -> list[VersionRecord]:
    """Take those for deleted whose content a later version has: only then could it become a version again."""
    last = {record.root: record.number for record in records if record.state == COMMITTED}
    return [
        replace(record, state=DELETED) if last.get(record.root, record.number) != record.number else record
        for record in records
    ]


def _version_of(record: VersionRecord) -> Version:
    return Version(
        id=_number_of(record_stem(record)),
        entity=record.entity,
        project=record.project,
        name=record.name,
        type=record.type,
        number=record.number,
        root=bytes.fromhex(record.root),
        size=record.size,
        file_count=record.file_count,
        state=record.state,
        description=record.description,
        metadata=record.metadata,
        created_at=record.created_at,
        tags=record.tags,
    )


def _said_at(record: VersionRecord) -> datetime:
    return record.written_at or record.created_at


def _stub(record: VersionRecord, run_id: str) -> RunRecord:
    return RunRecord(
        key=0,
        entity=record.entity,
        project=record.project,
        id=run_id,
        name=run_id,
        job_type=None,
        group=None,
        notes=_NOTES,
        tags=(),
        state=RUN_DELETED if "~" in run_id else FINISHED,
        config={},
        origin=RunOrigin(),
        created_at=record.created_at,
        ended_at=record.created_at,
        exit_code=None,
        error=None,
    )


def _number_of(text: str) -> int:
    """A number for a run or version that only a name is known of: the same each time, and as a node below 2⁶³."""
    return int.from_bytes(digest_of(text.encode())[:7], "big")
