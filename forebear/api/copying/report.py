"""What a copy did, or would do."""

from __future__ import annotations

import msgspec

#: Kinds of trouble: names that mean something else there, bytes that are damaged, what is newer there, and what was
#: deleted in the source.
CONFLICT, DAMAGED, NEWER, DELETED = "conflict", "damaged", "newer", "deleted"


class Trouble(msgspec.Struct, frozen=True):
    """Something that was not copied: its kind, its name, and words about it."""

    kind: str
    name: str
    words: str


class Renumbered(msgspec.Struct, frozen=True):
    """A version that has another number there, because the number was taken or its content was there already."""

    collection: str
    number: int
    number_there: int


class Copied(msgspec.Struct):
    """Counts of one copy.

    Attributes:
        runs: Runs that are new there.
        runs_changed: Runs that were there and were brought up to date.
        runs_same: Runs that are there as they are here.
        versions: Versions that are new there, deleted ones (whose numbers are kept) among them.
        versions_changed: Versions whose description, metadata or tags were brought up to date.
        versions_same: Versions that are there, by an earlier copy or because the same content was.
        moves: Moves of aliases that are new there.
        edges: Edges of lineage that are new there.
        sweeps: Sweeps that are new there or were brought up to date.
        objects: Objects that were sent.
        bytes: Bytes of them.
        dry: Nothing was done; this is what would be.
    """

    projects: int = 0
    runs: int = 0
    runs_changed: int = 0
    runs_same: int = 0
    versions: int = 0
    versions_changed: int = 0
    versions_same: int = 0
    moves: int = 0
    edges: int = 0
    sweeps: int = 0
    objects: int = 0
    bytes: int = 0
    dry: bool = False
    renumbered: list[Renumbered] = []
    troubles: list[Trouble] = []

    def tell(self, kind: str, name: str, words: str) -> None:
        """Note that something was not copied."""
        self.troubles.append(Trouble(kind, name, words))
