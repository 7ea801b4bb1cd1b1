"""Leases of writers: while one is valid, nothing is deleted that its writer may have seen or written.

A lease is begun with the first content that a writer takes in, and ends in the transaction that names it. It is long,
for nobody is in a hurry: what it delays is the end of the trash. A process of this machine keeps its leases for as long
as it lives, however long it says nothing, because whoever deletes looks whether it does.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from forebear.blobs.reader import sizes_of
from forebear.catalog.collecting_port import BeingDeleted, LeaseLost
from forebear.errors import Conflict, StorageFailure
from forebear.records.collecting import COLLECTING, WRITING, Holder
from forebear.records.runs import RunOrigin
from forebear.store.liveness import process_is_gone, process_start

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog
    from forebear.records.collecting import Lease
    from forebear.records.content import StoredObject

#: How long a lease is valid without another word, in seconds.
LEASE_SECONDS = 24 * 3600.0
#: A lease is renewed when so much of it is over.
_RENEWED_AFTER = LEASE_SECONDS / 8
#: An object that is being deleted is waited for so long, in seconds, and looked for so often.
DELETION_SECONDS, _LOOK_SECONDS = 60.0, 0.02

_T = TypeVar("_T")


def this_process() -> Holder:
    """Return who we are."""
    pid = os.getpid()
    return Holder(socket.gethostname(), pid, process_start(pid))


def holder_is_gone(holder: Holder) -> bool:
    """Whether it is certain that the holder of a lease has ended; of another host nothing is certain."""
    return process_is_gone(RunOrigin(host=holder.host, pid=holder.pid, pid_started=holder.started))


class WriterLease:
    """The lease of one writer. Not safe for threads, as its writer is not."""

    def __init__(self, catalog: Catalog, left: deque[str] | None = None) -> None:
        """Announce nothing yet.

        Args:
            left: Leases whose writers were given up; whoever begins one ends them.
        """
        self._catalog = catalog
        self._left = deque[str]() if left is None else left
        self._lease: Lease | None = None
        self._owner = os.getpid()
        self._renew_at = 0.0

    @property
    def id(self) -> str | None:
        """Id of the lease, ``None`` before something was announced."""
        return None if self._lease is None else self._lease.id

    def announce(self) -> None:
        """Say that content is about to be taken in. Cost: nothing but for the first time, and now and then."""
        if self._lease is None:
            self._begin()
        elif time.monotonic() > self._renew_at:
            # One that is gone is noticed by the commit.
            self._catalog.renew_lease(self._lease.id, LEASE_SECONDS)
            self._renew_at = time.monotonic() + _RENEWED_AFTER

    def _begin(self) -> None:
        while self._left:
            self._catalog.end_lease(self._left.popleft())
        self._lease = self._catalog.begin_lease(WRITING, this_process(), LEASE_SECONDS)
        self._owner = os.getpid()
        self._renew_at = time.monotonic() + _RENEWED_AFTER

    def settle(self, name: str) -> None:
        """See that an object may get this name: one of that name that is about to be deleted stays.

        Raises:
            StorageFailure: it is being deleted, and that has not ended in its time.

        Cost: nothing but where an object of this name was about to be deleted when the lease began.
        """
        if self._lease is not None and name in self._lease.doomed:
            _wait_for(self._catalog, [name])

    def write(
        self,
        objects: Iterable[StoredObject],
        objects_at: ObjectStore,
        write: Callable[[str | None], _T],
        *,
        keep: bool = False,
    ) -> _T:
        """Write what names objects that were written under the lease.

        Args:
            objects: What was written.
            objects_at: Where.
            write: Does it in one transaction, given the id of the lease, which ends with it.
            keep: It does not end with it.

        Raises:
            Conflict: the lease was gone, and an object is gone too.
        """
        written = list(objects)
        while True:
            try:
                result = write(self.id)
            except LeaseLost:
                self._begin()
                for stored in written:
                    self.settle(stored.name)
                _check_there(objects_at, written)
            except BeingDeleted as err:
                _wait_for(self._catalog, err.names)
                _check_there(objects_at, written)
            else:
                if not keep:
                    self._lease = None
                return result

    def end(self) -> None:
        """Let go of what was taken in and not named."""
        lease, self._lease = self._lease, None
        if lease is not None and os.getpid() == self._owner:
            try:
                self._catalog.end_lease(lease.id)
            except StorageFailure:  # it does no harm, and what was done is done
                self._left.append(lease.id)

    def __del__(self) -> None:
        # Anybody may be in the middle of anything now, so the catalog is not spoken to.
        if self._lease is not None and os.getpid() == self._owner:
            self._left.append(self._lease.id)


def _wait_for(catalog: Catalog, names: list[str]) -> None:
    deadline = time.monotonic() + 2 * DELETION_SECONDS
    while catalog.rescue_objects(names):
        if time.monotonic() > deadline:
            raise StorageFailure(
                f"object {names[0]} is being deleted for more than {2 * DELETION_SECONDS:.0f} s; repeat what you did",
                code="storage-failure",
            )
        time.sleep(_LOOK_SECONDS)


def _check_there(objects_at: ObjectStore, written: list[StoredObject]) -> None:
    sizes = sizes_of(objects_at, {stored.name for stored in written})
    gone = [stored.name for stored in written if sizes[stored.name] != stored.size]
    if gone:
        raise Conflict(
            f"{len(gone)} objects that were written for this were deleted, because nothing named them for days "
            f"(first: {gone[0]}); add the files again",
            code="draft-expired",
        )


def tidy_leases(catalog: Catalog) -> None:
    """End the leases of processes that are gone, and renew those of processes of this machine that are not."""
    here = socket.gethostname()
    for lease in catalog.leases():
        if holder_is_gone(lease.holder):
            catalog.end_lease(lease.id)
        elif lease.holder.host == here and lease.purpose != COLLECTING:
            catalog.renew_lease(lease.id, LEASE_SECONDS)


@contextlib.contextmanager
def lone_collector(catalog: Catalog, seconds: float) -> Iterator[Lease | None]:
    """Be the only one who collects, for at most so long; gives the lease, or ``None`` where another one does."""
    lease = catalog.begin_lease(COLLECTING, this_process(), seconds, alone=True)
    try:
        yield lease
    finally:
        if lease is not None:
            catalog.end_lease(lease.id)
