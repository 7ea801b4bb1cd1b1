"""Holding the records beside the blobs against the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from forebear.api.checking.report import DAMAGED_RECORD, FOREIGN_RECORD, MISSING_RECORD, Trouble
from forebear.records.artifacts import COMMITTED, DELETED, Version
from forebear.store.records import Records, VersionRecord, read_records, record_stem

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog

#: More than wait for their record in any store.
_ALL = 1_000_000
#: Entity, project and name of a collection; root and birth of a version of it.
_Birth = tuple[tuple[str, str, str], str, datetime]


class Unrecorded(NamedTuple):
    """A version without a record that says of it what the catalog says, and the id of the run that made it."""

    version: Version
    run: str | None


class Recorded(NamedTuple):
    """What is found of records.

    Attributes:
        records: All of them.
        unrecorded: Versions that need a new one, besides those that the catalog knows to be waiting.
        outdated: How many of these have one that says something else.
        troubles: What is wrong.
    """

    records: Records
    unrecorded: list[Unrecorded]
    outdated: int
    troubles: list[Trouble]


def look_at_records(catalog: Catalog, objects: ObjectStore) -> Recorded:
    """Read all records and compare them with all versions. Cost: one read a record, some at a time."""
    records = read_records(objects)
    waiting = _waiting(catalog)
    stems: set[str] = set()
    births: set[_Birth] = set()
    unrecorded: list[Unrecorded] = []
    for each, aliases in _versions(catalog):
        version, stem = each.version, record_stem(each.version)
        stems.add(stem)
        births.add(((version.entity, version.project, version.name), version.root.hex(), version.created_at))
        record = records.newest.get(stem)
        if version.id not in waiting and (record is None or not record.says(version, each.run, aliases)):
            unrecorded.append(each)
    lacking = [each.version for each in unrecorded if record_stem(each.version) not in records.newest]
    troubles = [
        *_missing(catalog, objects, records, [version for version in lacking if version.state == COMMITTED]),
        *(_foreign(record) for stem, record in records.newest.items() if stem not in stems and _counts(record, births)),
        *(Trouble(DAMAGED_RECORD, name, str(err)) for name, err in records.damaged.items()),
    ]
    return Recorded(records, unrecorded, len(unrecorded) - len(lacking), troubles)


def _versions(catalog: Catalog) -> Iterator[tuple[Unrecorded, set[str]]]:
    """All versions with the runs that made them, and all aliases of their collection."""
    for collection in catalog.collections():
        versions = catalog.whole_versions(collection.id)
        aliases = {alias for version, _ in versions for alias in version.aliases}
        origins = catalog.runs_by_key({whole.origin for whole in versions if whole.origin is not None})
        for version, origin in versions:
            run = None if origin is None or origin not in origins else origins[origin].id
            yield Unrecorded(version, run), aliases


def _waiting(catalog: Catalog) -> set[int]:
    return {version.id for version, _ in catalog.unrecorded_versions(_ALL)}


def _missing(catalog: Catalog, objects: ObjectStore, records: Records, lacking: list[Version]) -> Iterator[Trouble]:
    """Versions without a record, but those that were logged after all records had been read, or after who waits."""
    suspects = [version for version in lacking if not _is_damaged(records, record_stem(version))]
    # In this order: a version that no longer waits now had its record before, so it is among those that are read next.
    waiting = _waiting(catalog) if suspects else set()
    there = read_records(objects).newest if suspects else {}
    for version in suspects:
        if version.id not in waiting and record_stem(version) not in there:
            yield Trouble(MISSING_RECORD, version.qualified_name, "has no record beside the blobs")


def _is_damaged(records: Records, stem: str) -> bool:
    return any(name.startswith(stem) for name in records.damaged)


def _counts(record: VersionRecord, births: set[_Birth]) -> bool:
    """Whether a record tells of a version that is missed; one that got another number is not."""
    return record.state != DELETED and (record.place[:3], record.root, record.created_at) not in births


def _foreign(record: VersionRecord) -> Trouble:
    name = f"{'/'.join(record.place[:3])}:v{record.number}"
    return Trouble(FOREIGN_RECORD, name, "has a record beside the blobs, and the catalog does not know it")
