"""The part of the catalog port that collects garbage. `docs/explanation/how-collection-works.md` says how it is used.

The contract is that of `forebear.catalog.port`; times here come from the clock of the catalog, of the server where
it is on one. A *held* blob is one in the index, as a slice or as a recipe. What takes many blobs at once
(`note_garbage`, `spare`, `note_strays`, `forget_trash`) does so in several transactions: no writer waits for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from forebear.records.collecting import Epoch, Holder, Lease, Policy, Sparse, ThrownOut, Trashed
    from forebear.records.content import Recipe, Slice


class LeaseLost(Exception):
    """The lease of a commit ended before it: what was written under it may be gone. Internal; look, and retry."""


class BeingDeleted(Exception):
    """Objects cannot be registered now, for their files are being deleted. Internal; wait, write, and retry."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{len(names)} objects are being deleted")
        self.names = names


class CollectingPort(Protocol):
    """Leases, garbage, trash and what keeps versions."""

    # -- leases ---------------------------------------------------------------------------------------------------

    def begin_lease(self, purpose: str, holder: Holder, seconds: float, *, alone: bool = False) -> Lease | None:
        """Begin a lease, and tell which objects are about to be deleted.

        Returns:
            ``None``, with ``alone``, where another lease of that purpose is valid.
        """
        ...

    def renew_lease(self, lease_id: str, seconds: float) -> bool:
        """Let a lease be valid for so long from now, also where it has run out; false where it is gone."""
        ...

    def end_lease(self, lease_id: str) -> None:
        """End a lease; one that is gone is passed over."""
        ...

    def leases(self) -> list[Lease]:
        """Return the leases that are there, also those that ran out but were not cleared away, oldest first."""
        ...

    def hold(self, run_key: int, digests: Iterable[bytes]) -> None:
        """Keep blobs that a run will name later, until it does or has ended; after a crash for 30 days more.

        Raises:
            NotFound: there is no such run.
            MissingBlobs: some are neither held nor in the trash; nothing was written.
        """
        ...

    # -- what is garbage ------------------------------------------------------------------------------------------

    def begin_epoch(self) -> Epoch:
        """Count one look at what is garbage, and let go of what runs held that have ended."""
        ...

    def roots(self, *, after: int | None = None) -> list[bytes]:
        """Return the roots of the live versions; with ``after``, of all versions of higher id, deleted or not."""
        ...

    def named_by_runs(self) -> Iterator[bytes]:
        """Yield the digests of files of runs, and of what runs hold."""
        ...

    def held(self) -> Iterator[bytes]:
        """Yield the digest of every held blob, some twice."""
        ...

    def firm(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` that are held and not noted as garbage: a page of them vouches for its files."""
        ...

    def note_garbage(self, epoch: int, digests: Iterable[bytes]) -> int:
        """Note blobs as garbage since now; return how many were not noted before."""
        ...

    def spare(self, digests: Iterable[bytes]) -> None:
        """Let blobs, and what recipes make them of, be no garbage."""
        ...

    def garbage(self) -> int:
        """Return how many blobs are noted as garbage."""
        ...

    def noted_garbage(self) -> Iterator[bytes]:
        """Yield the digests of blobs that are noted as garbage."""
        ...

    def throw_out(self, epoch: int, grace: timedelta, limit: int) -> ThrownOut:
        """Take blobs out of the index that are noted since an epoch before ``epoch``, and for as long as ``grace``.

        At most ``limit``, oldest first, in one transaction. They go to the trash; their objects stay where they are.
        """
        ...

    # -- objects --------------------------------------------------------------------------------------------------

    def sparse(self, share: float, limit: int) -> list[Sparse]:
        """Return objects of which less than ``share`` of their bytes is needed: those without slices and recipes first.

        One without slices that is the only home of recipes is not among them.
        """
        ...

    def slices_at(self, name: str) -> list[Slice]:
        """Return what the index knows to lie in an object, by offset."""
        ...

    def recipes_at(self, name: str) -> dict[bytes, Recipe]:
        """Return the recipes that lie in an object, and those made of its slices."""
        ...

    def place_recipes(self, name: str, digests: Iterable[bytes]) -> None:
        """Say that an object is where these recipes lie, of those whose place is not known."""
        ...

    def retire(self, name: str) -> bool:
        """Move an object to the trash if all that it holds lies elsewhere too; tell whether it went."""
        ...

    def strays(self, names: Iterable[str]) -> list[str]:
        """Return those of ``names`` that are no object, neither in the index nor in the trash."""
        ...

    def note_strays(self, objects: Iterable[tuple[str, str, int]]) -> int:
        """Put objects (name, kind, bytes) into the trash that nobody knows; return how many are new there."""
        ...

    # -- trash ----------------------------------------------------------------------------------------------------

    def trash(self) -> list[Trashed]:
        """Return what is in the trash, by name."""
        ...

    def rescue(self, digests: Iterable[bytes]) -> set[bytes]:
        """Put blobs back into the index that are in the trash; return those of ``digests`` that are held then."""
        ...

    def rescue_objects(self, names: Iterable[str]) -> list[str]:
        """Let objects that are about to be deleted stay for now; return those that are being deleted already.

        One whose deletion did not end in its time is no such one.
        """
        ...

    def condemn(self, age: timedelta, limit: int) -> int:
        """Say that objects which are in the trash for so long are to be deleted; return how many."""
        ...

    def claim_condemned(self, seconds: float, limit: int) -> list[str]:
        """Return objects that the caller is to delete within ``seconds``, if no lease is older than their sentence.

        Leases that ran out are cleared away first.
        """
        ...

    def delete_claimed(self, name: str, delete: Callable[[str], None]) -> bool:
        """Delete an object that was claimed, if nobody took it for undeleted since; tell whether it was deleted.

        A catalog in a file holds its write lock meanwhile, so ``delete`` must be quick, and nobody can write an object
        of that name before it is over, however long this process was stopped. One on a server holds nothing: there the
        time of the claim is all that keeps others away.
        """
        ...

    def forget_trash(self, names: Iterable[str], age: timedelta) -> None:
        """Say that these objects are deleted, and forget single blobs that left the index longer ago than that."""
        ...

    # -- what keeps versions --------------------------------------------------------------------------------------

    def policies(self) -> dict[int, Policy]:
        """Return the policies, by the id of their collection."""
        ...

    def set_policy(self, collection_id: int, policy: Policy | None) -> None:
        """Set or take away the policy of a collection. Raises `NotFound`."""
        ...

    def pins(self, collection_id: int) -> set[int]:
        """Return the ids of the pinned versions of a collection."""
        ...

    def pin_version(self, version_id: int, *, pinned: bool) -> None:
        """Pin a version, so that no policy takes it, or let go of it. Raises `NotFound`."""
        ...

    def drop_versions(self, version_ids: Iterable[int], *, keep_aliased: bool) -> list[int]:
        """Mark versions deleted as `delete_version` does, but those that meanwhile are pinned or named by an alias.

        Without ``keep_aliased`` aliases but ``latest`` are taken away. Returns the ids of those that went.
        """
        ...

    def deleted_versions(self, collection_id: int | None = None) -> list[tuple[int, datetime | None]]:
        """Return the ids of deleted versions and when they went, the last first; ``None`` for those of long ago."""
        ...

    def restore_version(self, version_id: int, needs: Iterable[bytes]) -> None:
        """Let a deleted version be live again (durable), with all blobs that it needs; it gets no alias back.

        Raises:
            NotFound: there is no such deleted version.
            MissingBlobs: some of ``needs`` are neither held nor in the trash; nothing was written.
        """
        ...

    def tip_contents(self, collection_id: int) -> set[bytes]:
        """Return the digests of contents that the collection's newest version had, deleted or not."""
        ...

    # -- now and then ---------------------------------------------------------------------------------------------

    def collect_due(self, every: timedelta) -> bool:
        """Whether nobody collected for so long; who is told so counts as having collected, so that one is told.

        Who asks first begins the time, for there is nothing to collect in a new store.
        """
        ...
