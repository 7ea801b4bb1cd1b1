"""Is a store sound? What must hold after every crash, in a form that tests can assert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forebear.artifacts.transfer import manifest_of
from forebear.errors import CorruptData, ForebearError, NotFound
from forebear.names import LATEST, ArtifactRef
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.store.records import VersionRecord, read_records, record_stem

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Manifest
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Collection, Version
    from forebear.store.store import Store

#: Entity, project, name and number.
Place = tuple[str, str, str, int]
#: More versions than wait for their record in any store.
_ALL = 1_000_000


def troubles(store: Store) -> list[str]:
    """Return in words what is wrong with a store; nothing for a sound one.

    Everything that the catalog names is read and hashed: each object with all its slices, and each live version with
    all pages and files. Numbers have no gaps, runs exist, and the records beside the blobs say what the catalog says.
    Objects that the catalog does not name are no trouble: a crash leaves them for collection.

    Cost: reads all bytes.
    """
    records: dict[Place, VersionRecord] = {}
    return [
        *_objects(store),
        *_read_records(store, records),
        *(trouble for found in store.catalog.collections() for trouble in _collection(store, found, records)),
    ]


def _objects(store: Store) -> Iterator[str]:
    digests: set[bytes] = set()
    for stored in store.catalog.objects():
        size = store.objects.size(stored.name)
        if size != stored.size:
            yield f"object {stored.name} has {size} bytes, the catalog says {stored.size}"
        digests.update(part.digest for part in stored.slices)
    for digest, err in store.damaged(digests).items():
        yield f"blob {digest.hex()[:16]}: {err}"


def _read_records(store: Store, records: dict[Place, VersionRecord]) -> Iterator[str]:
    """Fill ``records``, and say what is wrong with them by themselves."""
    collections = {(c.entity, c.project, c.name) for c in store.catalog.collections()}
    found = read_records(store.objects)
    yield from map(str, found.damaged.values())
    for name, record in found.newest.items():
        if record.place[:3] not in collections:
            yield f"the record {name} is of a collection that the catalog does not know"
        if record.place in records:
            yield f"the record {name} is of another {record.name}:v{record.number}"
        records[record.place] = record


def _collection(store: Store, collection: Collection, records: dict[Place, VersionRecord]) -> Iterator[str]:
    where = (collection.entity, collection.project, collection.name)
    versions = store.catalog.versions(collection.id)
    waiting = [v for v, _ in store.catalog.unrecorded_versions(_ALL) if (v.entity, v.project, v.name) == where]
    live = [version.number for version in versions]
    if live != sorted(set(live), reverse=True):
        yield f"{collection.name} has the numbers {live}"
    # A deleted version shows only in its record, or in its place among those that wait for one.
    given = sorted({*live, *(v.number for v in waiting), *(place[3] for place in records if place[:3] == where)})
    if given != list(range(collection.next_number)):
        yield f"{collection.name} has given the numbers {given}, its next one is {collection.next_number}"
    if versions:
        yield from _latest(store.catalog, collection)
    ids = {version.id for version in waiting}
    for version in versions:
        yield from _version(store, version)
        record = records.get((*where, version.number))
        if record is not None or version.id not in ids:
            yield from _origin(store, version, record, up_to_date=version.id not in ids)


def _latest(catalog: Catalog, collection: Collection) -> Iterator[str]:
    ref = ArtifactRef(name=collection.name, alias=LATEST)
    try:
        found = catalog.resolve(collection.entity, collection.project, ref)
    except NotFound as err:
        yield f"{collection.name} has no latest: {err}"
        return
    # Not always the highest number: content that is logged again, or a person, may take it back.
    moved = catalog.alias_moves(collection.id, LATEST)[-1].number
    if moved != found.number:
        yield f"latest of {collection.name} stands on v{found.number}, its last move was to v{moved}"


def _origin(store: Store, version: Version, record: VersionRecord | None, *, up_to_date: bool) -> Iterator[str]:
    node = Node.of_version(version.id).key
    made = [edge.source for edge in store.catalog.edges([node], Direction.UPSTREAM, [EdgeKind.LOGGED])]
    runs = store.catalog.runs_by_key(Node(key).row_id for key in made)
    if len(made) > 1 or len(runs) != len(made):
        yield f"{version.label} was logged by {len(made)} runs, of which {len(runs)} exist"
    if record is None:
        yield f"{version.label} has no record {record_stem(version)}"
        return
    told = (record.type, record.root, record.size, record.file_count, record.created_at, record.run)
    run = next((found.id for found in runs.values()), None)
    known = (version.type, version.root.hex(), version.size, version.file_count, version.created_at, run)
    if told != known:
        yield f"the record of {version.label} says {told}, the catalog {known}"
    said = (record.state, record.description, record.metadata, record.tags)
    if up_to_date and said != (version.state, version.description, version.metadata, version.tags):
        yield f"the record of {version.label} says {said}, which is out of date"
    if up_to_date and not set(version.aliases) <= set(record.aliases):
        yield f"the record of {version.label} has the aliases {record.aliases}, the catalog {version.aliases}"


def _version(store: Store, version: Version) -> Iterator[str]:
    manifest = manifest_of(store, version)
    try:
        rows = list(manifest.rows())
        _walk(manifest)
    except ForebearError as err:
        yield f"the manifest of {version.label}: {err}"
        return
    held = store.catalog.known(row[2] for row in rows if len(row) == 3)
    lost = [row[0] for row in rows if len(row) == 3 and row[2] not in held]
    if lost:
        yield f"{version.label} names files that nobody holds: {', '.join(lost[:5])}"
    totals = (len(rows), sum(row[1] or 0 for row in rows))
    if totals != (version.file_count, version.size):
        yield f"{version.label} says {(version.file_count, version.size)} files and bytes, its manifest {totals}"
    damaged: dict[bytes, CorruptData] = store.damaged(row[2] for row in rows if len(row) == 3 and row[2] in held)
    for digest, damage in damaged.items():
        yield f"{version.label}: blob {digest.hex()[:16]}: {damage}"


def _walk(manifest: Manifest) -> None:
    for _ in manifest.page_digests():
        pass
