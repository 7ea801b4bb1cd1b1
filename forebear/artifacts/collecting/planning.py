"""What a collection would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.artifacts.collecting.marking import Marker
from forebear.artifacts.collecting.report import Collected
from forebear.artifacts.collecting.retention import doomed_versions
from forebear.artifacts.collecting.rules import Budget
from forebear.records.collecting import COLLECTING
from forebear.store.leases import this_process

if TYPE_CHECKING:
    from datetime import datetime

    from forebear.store.store import Store


def plan(store: Store) -> Collected:
    """Say which versions policies let go, and what nothing names then, however long it has been garbage.

    Raises:
        CorruptData: a page of a live version cannot be read.

    Cost: as a collection; nothing is written but a lease, which asks the catalog for its time.
    """
    report = Collected(dry_run=True)
    doomed = doomed_versions(store, _time_of(store))
    report.versions = [version.qualified_name for versions in doomed.values() for version in versions]
    marker = Marker(store, Budget(None))
    marker.add_versions(_roots_left(store, {version.id for versions in doomed.values() for version in versions}))
    marker.live.update(store.catalog.named_by_runs())
    recipes = dict(store.catalog.recipes())
    marker.live.update(part for digest in marker.live & recipes.keys() for part in recipes[digest].parts)
    report.garbage.count = sum(digest not in marker.live for digest in recipes)
    for stored in store.catalog.objects():
        dead = [part for part in stored.slices if part.digest not in marker.live]
        report.garbage.add(sum(part.stored for part in dead), len(dead))
        if dead and len(dead) == len(stored.slices):
            report.trashed.add(stored.size)
    for thrown in store.catalog.trash():
        report.trash.add(thrown.size)
    return report


def _roots_left(store: Store, gone: set[int]) -> list[bytes]:
    if not gone:
        return store.catalog.roots()
    versions = (version for each in store.catalog.collections() for version in store.catalog.versions(each.id))
    return [version.root for version in versions if version.id not in gone]


def _time_of(store: Store) -> datetime:
    lease = store.catalog.begin_lease(COLLECTING, this_process(), 60)
    assert lease is not None
    store.catalog.end_lease(lease.id)
    return lease.begun_at
