"""Which versions a policy lets go."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from forebear.names import LATEST

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.records.collecting import Policy
    from forebear.store.store import Store


def expired(versions: Sequence[Version], pins: Container[int], policy: Policy, now: datetime) -> list[Version]:
    """Return the versions that nothing keeps, the oldest first.

    Args:
        versions: Live versions of a collection, highest number first.
        pins: Ids of those that are pinned.
        policy: What else keeps one.
        now: By the clock that gave the versions their times.
    """
    return [
        version
        for place, version in reversed(list(enumerate(versions)))
        if not _kept(version, place, pins, policy, now)
    ]


def _kept(version: Version, place: int, pins: Container[int], policy: Policy, now: datetime) -> bool:
    if version.id in pins or LATEST in version.aliases or (policy.keep_aliased and version.aliases):
        return True
    if policy.keep_last is not None and place < policy.keep_last:
        return True
    return policy.max_age_days is not None and now - version.created_at <= timedelta(days=policy.max_age_days)


def doomed_versions(store: Store, now: datetime) -> dict[int, list[Version]]:
    """Return the versions that policies let go, by the id of their collection."""
    found = {}
    for collection_id, policy in store.catalog.policies().items():
        gone = expired(store.catalog.versions(collection_id), store.catalog.pins(collection_id), policy, now)
        if gone:
            found[collection_id] = gone
    return found


def apply_policies(store: Store, now: datetime) -> list[str]:
    """Delete the versions that policies let go, but those that somebody named meanwhile; return their names."""
    catalog = store.catalog
    policies = catalog.policies()
    names = []
    for collection_id, versions in doomed_versions(store, now).items():
        policy = policies.get(collection_id)
        if policy is not None:
            gone = set(catalog.drop_versions([v.id for v in versions], keep_aliased=policy.keep_aliased))
            names += [version.qualified_name for version in versions if version.id in gone]
    return names
