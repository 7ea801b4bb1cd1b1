"""Records of the collection of garbage: leases, trash, what keeps versions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from forebear.errors import InvalidInput

#: What a lease is for.
WRITING, COLLECTING = "write", "collect"

#: A run that crashed holds for so long what its journal may still name, in days.
HELD_AFTER_A_CRASH_DAYS = 30

#: States of an object in the trash: it waits, it is about to be deleted, it is being deleted.
WAITING, CONDEMNED, DELETING = 0, 1, 2


class Holder(msgspec.Struct, frozen=True):
    """The process that has a lease; ``started`` in clock ticks since boot, ``None`` where the system does not tell."""

    host: str
    pid: int
    started: int | None = None


class Lease(msgspec.Struct, frozen=True):
    """What a process announces before it writes: nothing that it may count on is deleted while this is valid.

    Attributes:
        id: Of the lease.
        purpose: `WRITING` or `COLLECTING`.
        holder: Whose it is.
        begun_at: By the catalog's clock.
        until: When it ends unless it is renewed.
        doomed: Names of objects that were about to be deleted when it began.
    """

    id: str
    purpose: str
    holder: Holder
    begun_at: datetime
    until: datetime
    doomed: frozenset[str] = frozenset()


class Epoch(NamedTuple):
    """One look at what is garbage; ``last_version`` is the id of the newest version when it began."""

    number: int
    last_version: int


class ThrownOut(NamedTuple):
    """What one transaction took out of the index: blobs, and the bytes that they have in objects."""

    blobs: int
    size: int


class Sparse(NamedTuple):
    """An object of which little is needed; ``live`` is the sum of the bytes of slices in the index."""

    name: str
    kind: str
    size: int
    live: int


class Trashed(NamedTuple):
    """An object in the trash, with the time of its coming there and its state; ``blobs`` can be had back."""

    name: str
    kind: str
    size: int
    at: datetime
    state: int
    blobs: int


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which versions of a collection are kept. A version goes when nothing here keeps it, and it is not pinned.

    Attributes:
        keep_last: So many of the newest versions are kept.
        max_age_days: Versions that are no older are kept.
        keep_aliased: Versions that have an alias are kept; ``latest`` is kept always.
    """

    keep_last: int | None = None
    max_age_days: float | None = None
    keep_aliased: bool = True


def check_policy(policy: Policy) -> Policy:
    """Return the policy if it says something and makes sense.

    Raises:
        InvalidInput: a number is below what it can be, or nothing says which versions may go.
    """
    if policy.keep_last is None and policy.max_age_days is None:
        raise InvalidInput(
            "a policy needs keep_last, max_age_days or both; else every version without an alias would go",
            code="invalid-policy",
        )
    if policy.keep_last is not None and policy.keep_last < 1:
        raise InvalidInput(f"keep_last is {policy.keep_last}; at least 1 version is kept", code="invalid-policy")
    if policy.max_age_days is not None and not 0 <= policy.max_age_days < 1_000_000:
        raise InvalidInput(f"max_age_days is {policy.max_age_days}; it is a number from 0", code="invalid-policy")
    return policy
