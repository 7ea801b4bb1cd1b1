"""Records of what goes from one store to another: as it was there, with its numbers and times.

Keys and nodes in them are the source's. A catalog that takes them in knows which of its own they became.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from forebear.records.artifacts import Collection, Version
from forebear.records.content import StoredObject


class Copy(NamedTuple):
    """What became of a run or version of another store.

    Attributes:
        node: Of the run or version here, as in `forebear.records.lineage.Node`.
        print: Says what it was when it was copied last; ``None`` until all of it was.
    """

    node: int
    print: bytes | None


class AliasStep(NamedTuple):
    """A move of an alias by keys: ``version_id`` is ``None`` where it was taken away."""

    alias: str
    version_id: int | None
    at: datetime
    run_key: int | None


class WholeVersion(NamedTuple):
    """A version, deleted or not, and the key of the run that it came from."""

    version: Version
    origin: int | None


class AdoptedVersion(msgspec.Struct, frozen=True):
    """What `Catalog.adopt_version` needs to make a version of another store appear whole or not at all.

    Attributes:
        collection: Its collection, as it is in the source.
        version: The version, as it is in the source. Of one that was deleted only its place is kept.
        origin: Key of the run it came from, in the source.
        steps: Moves of aliases that are to appear with it.
        tip: Root digest of the collection's tip here that ``gained`` and ``lost`` were computed against.
        gained: As in `forebear.records.artifacts.NewVersion`, like all that follow.
        print: See `Copy`.
    """

    collection: Collection
    version: Version
    origin: int | None
    steps: tuple[AliasStep, ...] = ()
    tip: bytes | None = None
    gained: list[bytes] = []
    lost: list[bytes] = []
    objects: list[StoredObject] = []
    needs: list[bytes] = []
    trusts: list[bytes] = []
    print: bytes | None = None


class Adopted(NamedTuple):
    """Answer of an adoption: the version here, whether it is new here, and how many moves of aliases are."""

    version: Version
    created: bool
    moves: int
