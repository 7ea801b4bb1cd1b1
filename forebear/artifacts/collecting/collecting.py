"""One collection: policies, a look at what is garbage, and what was garbage long enough goes.

Each step is a transaction of its own, or a file that nobody counts on, so a collection may be ended anywhere, and the
next one goes on. Why no order of steps of it and of writers loses anything: `docs/explanation/how-collection-works.md`.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from forebear.artifacts.collecting.marking import Marker
from forebear.artifacts.collecting.planning import plan
from forebear.artifacts.collecting.report import Collected
from forebear.artifacts.collecting.retention import apply_policies
from forebear.artifacts.collecting.rewriting import Rewriter
from forebear.artifacts.collecting.rules import PATIENT, Budget, OutOfTime, Rules
from forebear.catalog.driver import batches
from forebear.records.content import LOOSE, PACK
from forebear.store.leases import DELETION_SECONDS, lone_collector, tidy_leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forebear.blobs.objects import ObjectStore
    from forebear.records.collecting import Epoch
    from forebear.store.store import Store

#: Another collection may begin after so many seconds, whatever became of this one.
LONGEST_SECONDS = 3600.0
#: Blobs that leave the index in one transaction, in which other writers wait: some 50 ms.
BLOBS_AT_ONCE = 2_000
#: Objects that are deleted together, and that one collection looks at because little of them is needed.
OBJECTS_AT_ONCE, SPARSE_OBJECTS = 32, 1_000
#: Names of objects that the catalog is asked about together: those of one answer of a bucket.
NAMES_AT_ONCE = 1_000
#: Objects that are condemned together.
_CONDEMNED_AT_ONCE = 10_000

BUSY = "another process is collecting"
NO_TIME = "there was no time for more; the next one goes on"


def collect(store: Store, rules: Rules = PATIENT, *, dry_run: bool = False) -> Collected:
    """Collect what nobody needs in a store.

    Args:
        store: Whose. Writers and readers go on meanwhile.
        rules: How patiently.
        dry_run: Say only what would go, now or once it was garbage long enough.

    Raises:
        CorruptData: a page of a live version cannot be read, so that nobody knows what it names; nothing went.

    Cost: reads every page of every live version once, and the list of objects.
    """
    if dry_run:
        return plan(store)
    tidy_leases(store.catalog)
    report = Collected()
    with lone_collector(store.catalog, LONGEST_SECONDS) as lease:
        if lease is None:
            report.unfinished = BUSY
            return report
        collection = _Collection(store, rules, report, lease.begun_at)
        try:
            collection.run()
        except OutOfTime:
            report.unfinished = NO_TIME
    for thrown in store.catalog.trash():
        report.trash.add(thrown.size)
    return report


class _Collection:
    def __init__(self, store: Store, rules: Rules, report: Collected, now: datetime) -> None:
        self._store = store
        self._rules = rules
        self._report = report
        self._now = now
        self._budget = Budget(rules.budget_seconds)

    def run(self) -> None:
        self._report.versions = apply_policies(self._store, self._now)
        for _ in range(self._rules.looks):
            self._look()
        self._empty_objects()
        self._delete()
        # Last, because in a large bucket it may take all the time there is.
        self._find_strays()
        self._delete()

    # -- blobs ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Note what is garbage now, and take out of the index what was noted long enough ago."""
        catalog = self._store.catalog
        epoch = catalog.begin_epoch()
        marker = Marker(self._store, self._budget)
        marker.add_all()
        live = marker.live
        dead = list({digest for digest in catalog.held() if digest not in live})
        for start in range(0, len(dead), BLOBS_AT_ONCE):
            self._budget.check()
            catalog.note_garbage(epoch.number, dead[start : start + BLOBS_AT_ONCE])
        catalog.spare([digest for digest in catalog.noted_garbage() if digest in live])
        # Who committed since the look began may have trusted a page that is noted only now; from here on nobody does.
        catalog.spare(marker.add_versions(catalog.roots(after=epoch.last_version)))
        self._report.garbage.count = catalog.garbage()
        self._throw_out(epoch)

    def _throw_out(self, epoch: Epoch) -> None:
        catalog = self._store.catalog
        grace = timedelta(seconds=self._rules.grace_seconds)
        while True:
            out = catalog.throw_out(epoch.number, grace, BLOBS_AT_ONCE)
            self._report.thrown_out.add(out.size, out.blobs)
            self._report.garbage.count -= out.blobs
            if out.blobs < BLOBS_AT_ONCE:
                return
            self._budget.check()

    # -- objects --------------------------------------------------------------------------------------------------

    def _empty_objects(self) -> None:
        rewriter = Rewriter(self._store, self._rules.least_needed, self._report)
        for sparse in self._store.catalog.sparse(self._rules.least_needed, SPARSE_OBJECTS):
            self._budget.check()
            rewriter.empty(sparse)

    def _find_strays(self) -> None:
        """Put files into the trash that nobody registered: of writers that died, or are still at work."""
        objects = self._store.objects
        strays: list[str] = []
        for batch in batches(_names(objects), NAMES_AT_ONCE):
            self._budget.check()
            strays += self._store.catalog.strays(batch)
        sizes = {name: objects.size(name) for name in strays}
        found = [(name, name.partition("/")[0], size) for name, size in sizes.items() if size is not None]
        if self._store.catalog.note_strays(found):
            for _, _, size in found:
                self._report.trashed.add(size)

    # -- trash ----------------------------------------------------------------------------------------------------

    def _delete(self) -> None:
        catalog, objects = self._store.catalog, self._store.objects
        age = timedelta(seconds=self._rules.trash_seconds)
        sizes = {thrown.name: thrown.size for thrown in catalog.trash()}
        while catalog.condemn(age, _CONDEMNED_AT_ONCE):
            self._budget.check()
        while names := catalog.claim_condemned(DELETION_SECONDS, OBJECTS_AT_ONCE):
            gone = delete_in_time(lambda name: catalog.delete_claimed(name, objects.delete), names)
            catalog.forget_trash(gone, age)
            for name in gone:
                self._report.deleted.add(sizes.get(name, 0))
            self._budget.check()
        catalog.forget_trash([], age)


def delete_in_time(delete: Callable[[str], bool], names: list[str]) -> list[str]:
    """Delete objects as long as nobody else may take them for undeleted; return those that ``delete`` says are gone."""
    begun = time.monotonic()
    gone = []
    for name in names:
        # Somebody may write an object of that name once the time is over, so this one must be over well before.
        if time.monotonic() - begun > DELETION_SECONDS / 2:
            break
        if delete(name):
            gone.append(name)
    return gone


def _names(objects: ObjectStore) -> Iterator[str]:
    for kind in (LOOSE, PACK):
        yield from objects.names(f"{kind}/")
