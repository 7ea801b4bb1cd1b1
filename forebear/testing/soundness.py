"""Is a store sound? What must hold after every crash, in a form that tests can assert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forebear.artifacts.transfer import manifest_of
from forebear.errors import CorruptData, ForebearError, NotFound
from forebear.names import LATEST, ArtifactRef

if TYPE_CHECKING:
    from forebear.artifacts.manifest import Manifest
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Collection, Version
    from forebear.store.store import Store


def troubles(store: Store) -> list[str]:
    """Return in words what is wrong with a store; nothing for a sound one.

    Everything that the catalog names is read and hashed: each object with all its slices, and each live version with
    all pages and files. Objects that the catalog does not name are no trouble: a crash leaves them for collection.

    Cost: reads all bytes.
    """
    return [
        *_objects(store),
        *(trouble for found in store.catalog.collections() for trouble in _collection(store, found)),
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


def _collection(store: Store, collection: Collection) -> Iterator[str]:
    versions = store.catalog.versions(collection.id)
    numbers = [version.number for version in versions]
    if numbers != sorted(set(numbers), reverse=True):
        yield f"{collection.name} has the numbers {numbers}"
    if numbers and numbers[0] >= collection.next_number:
        yield f"{collection.name} would give the number {collection.next_number} again, it has {numbers[0]}"
    if versions:
        yield from _latest(store.catalog, collection)
    for version in versions:
        yield from _version(store, version)


def _latest(catalog: Catalog, collection: Collection) -> Iterator[str]:
    try:
        catalog.resolve(collection.entity, collection.project, ArtifactRef(name=collection.name, alias=LATEST))
    except NotFound as err:
        yield f"{collection.name} has no latest: {err}"


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
