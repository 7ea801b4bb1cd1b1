"""Records of collections, versions and aliases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from forebear.records.content import StoredObject

#: States of a version.
COMMITTED = "COMMITTED"
DELETED = "DELETED"


class Collection(msgspec.Struct, frozen=True):
    """All versions under one name in one project."""

    id: int
    entity: str
    project: str
    name: str
    type: str
    description: str | None
    created_at: datetime
    #: Root digest of the version that was committed last, deleted or not; ``None`` before the first.
    tip: bytes | None
    #: Number that the next new version gets.
    next_number: int
    #: Live versions, and the bytes of the newest one.
    version_count: int = 0

    @property
    def qualified_name(self) -> str:
        """``entity/project/name``."""
        return f"{self.entity}/{self.project}/{self.name}"


class Version(msgspec.Struct, frozen=True):
    """One immutable state of a collection.

    ``root`` is the digest of the manifest; ``size`` is the sum over files and known references, in bytes.
    """

    id: int
    entity: str
    project: str
    name: str
    type: str
    number: int
    root: bytes
    size: int
    file_count: int
    state: str
    description: str | None
    metadata: dict[str, Any]
    created_at: datetime
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collection_id: int = 0
    #: Bytes that this version added to the store: new blobs and manifest pages as stored.
    added_bytes: int = 0

    @property
    def label(self) -> str:
        """``name:v3``."""
        return f"{self.name}:v{self.number}"

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:v3``."""
        return f"{self.entity}/{self.project}/{self.label}"


class NewVersion(msgspec.Struct, frozen=True):
    """What `Catalog.commit_version` needs to make a version appear whole or not at all.

    Attributes:
        tip: Root digest of the collection's tip that ``gained`` and ``lost`` were computed against.
        gained: Content digests that are in this version's files and not in the tip's.
        lost: Content digests in the tip's files and not in this version's.
        needs: Digests that must be present as blobs once ``objects`` are registered.
        trusts: Digests of pages that were there and of which nobody looked whether what they name is.
        lease: Under which ``objects`` were written, and looked for what is there.
        expect: For aliases: the selector an alias must stand on for its move to happen.
    """

    entity: str
    project: str
    name: str
    type: str
    root: bytes
    size: int
    file_count: int
    description: str | None
    metadata: dict[str, Any]
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    run_key: int | None
    tip: bytes | None
    gained: list[bytes]
    lost: list[bytes]
    objects: list[StoredObject]
    needs: list[bytes]
    expect: str | None = None
    trusts: list[bytes] = []
    lease: str | None = None


class Committed(msgspec.Struct, frozen=True):
    """Answer of a commit: the version, and whether it is new or had the same content before."""

    version: Version
    created: bool


class AliasMove(msgspec.Struct, frozen=True):
    """One move of an alias; ``number`` is ``None`` where the alias was taken away."""

    alias: str
    number: int | None
    at: datetime
    run_id: str | None = None
