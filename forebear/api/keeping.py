"""What is kept of a store, and what goes: policies, pins, collections of garbage, and versions that come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forebear.api.settling import settle
from forebear.errors import InvalidInput, NotFound
from forebear.names import parse_ref
from forebear.records.collecting import Policy, check_policy

if TYPE_CHECKING:
    from forebear.artifacts.artifact import Artifact
    from forebear.artifacts.collecting.report import Collected
    from forebear.records.artifacts import Collection, Version
    from forebear.store.store import Store

_DAY_SECONDS = 24 * 3600.0


class Keeping:
    """Methods of `forebear.api.api.Api`, which has all that they use."""

    store: Store

    # -- policies -------------------------------------------------------------------------------------------------

    def policy(self, name: str) -> Policy | None:
        """Return what keeps the versions of a collection; ``None`` where nothing takes any away.

        Raises:
            NotFound: there is no such collection.
        """
        return self.store.catalog.policies().get(self._collection_of(name).id)

    def set_policy(
        self,
        name: str,
        *,
        keep_last: int | None = None,
        max_age_days: float | None = None,
        keep_aliased: bool = True,
    ) -> Policy:
        """Say which versions of a collection are kept; the others go when the store is collected next.

        A version goes when nothing keeps it; one that is pinned, and the one that ``latest`` names, never do.

        Args:
            name: The collection.
            keep_last: So many of the newest versions are kept.
            max_age_days: Versions that are no older are kept.
            keep_aliased: Versions that have an alias are kept.

        Raises:
            InvalidInput: neither ``keep_last`` nor ``max_age_days`` is given, or one is too small.
            NotFound: there is no such collection.
        """
        policy = check_policy(Policy(keep_last, max_age_days, keep_aliased))
        self.store.catalog.set_policy(self._collection_of(name).id, policy)
        return policy

    def clear_policy(self, name: str) -> None:
        """Let all versions of a collection be kept. Raises `NotFound`."""
        self.store.catalog.set_policy(self._collection_of(name).id, None)

    def expiring(self, name: str) -> list[Version]:
        """Return the versions that the policy of a collection would take now, the oldest first. Raises `NotFound`."""
        from forebear.artifacts.collecting.retention import expired

        collection, policy = self._collection_of(name), self.policy(name)
        if policy is None:
            return []
        catalog = self.store.catalog
        return expired(catalog.versions(collection.id), catalog.pins(collection.id), policy, datetime.now(UTC))

    def pin(self, name: str) -> None:
        """Let neither a policy nor a person delete a version until `unpin`. Raises `NotFound`."""
        self.store.catalog.pin_version(self.artifact(name).record.id, pinned=True)

    def unpin(self, name: str) -> None:
        """Undo `pin`. Raises `NotFound`."""
        self.store.catalog.pin_version(self.artifact(name).record.id, pinned=False)

    def pinned(self, name: str) -> list[Version]:
        """Return the pinned versions of a collection, highest number first. Raises `NotFound`."""
        collection = self._collection_of(name)
        pins = self.store.catalog.pins(collection.id)
        return [version for version in self.store.catalog.versions(collection.id) if version.id in pins]

    # -- collecting -----------------------------------------------------------------------------------------------

    def collect(
        self,
        *,
        dry_run: bool = False,
        grace_days: float = 1.0,
        trash_days: float = 7.0,
        at_once: bool = False,
    ) -> Collected:
        """Apply the policies, and let go of what no version and no run names. Others may use the store meanwhile.

        Args:
            dry_run: Say only what would go.
            grace_days: A blob is garbage for so long, in two looks at least, before it leaves the index.
            trash_days: A file is in the trash for so long before it is deleted; until then versions come back.
            at_once: Take two looks now and wait for no grace; what goes is in the trash all the same.

        Raises:
            InvalidInput: a number of days is below 0.
            CorruptData: a page of a live version cannot be read; nothing went.
        """
        from forebear.artifacts.collecting.collecting import collect  # 3 ms that reading is spared
        from forebear.artifacts.collecting.rules import AT_ONCE, Rules

        if min(grace_days, trash_days) < 0:
            raise InvalidInput("grace and trash are numbers of days from 0", code="invalid-policy")
        grace, looks = (0.0, AT_ONCE.looks) if at_once else (grace_days * _DAY_SECONDS, 1)
        if not dry_run:
            settle(self.store)  # what journals of dead processes name is named in the catalog then
        rules = Rules(grace_seconds=grace, trash_seconds=trash_days * _DAY_SECONDS, looks=looks)
        return collect(self.store, rules, dry_run=dry_run)

    def deleted(self, name: str) -> list[Version]:
        """Return the deleted versions of a collection, the one that went last first.

        They may come back by `undelete` until their files have left the trash.

        Raises:
            NotFound: there is no such collection.
        """
        gone = [key for key, _ in self.store.catalog.deleted_versions(self._collection_of(name).id)]
        versions = self.store.catalog.versions_by_id(gone)
        return [versions[key] for key in gone]

    def undelete(self, name: str) -> Version:
        """Let a deleted version such as ``data:v3`` be live again; aliases stay where they are.

        Raises:
            InvalidInput: the name says no version number.
            NotFound: there is no such deleted version.
            CorruptData: files of it were deleted for good.
        """
        from forebear.artifacts.collecting.undeleting import undelete

        ref = parse_ref(name)
        if ref.number is None:
            raise InvalidInput(f"undelete needs the number of a version, such as {ref.name}:v3", code="invalid-name")
        version = next((one for one in self.deleted(name) if one.number == ref.number), None)
        if version is None:
            raise NotFound(
                f"{ref.name} has no deleted version v{ref.number}; deleted are: "
                f"{', '.join(f'v{one.number}' for one in self.deleted(name)) or 'none'}",
                code="version-not-deleted",
            )
        undelete(self.store, version)
        return self.store.catalog.versions_by_id([version.id])[version.id]

    # -- how ------------------------------------------------------------------------------------------------------

    def _collection_of(self, name: str) -> Collection:
        cut = min((at for at in (name.find(":"), name.find("@")) if at >= 0), default=len(name))
        return self.collection(name[:cut])

    if TYPE_CHECKING:

        def artifact(self, name: str) -> Artifact: ...  # noqa: D102
        def collection(self, name: str) -> Collection: ...  # noqa: D102
