"""What a check found, and what was mended."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

#: Kinds of trouble, besides those of objects (`forebear.store.checking.objects`). Blobs that no object holds; manifests
#: that cannot be read; versions whose manifest says something else than the catalog; the catalog's own disorder; rows
#: that refer to what is not there; recipes that do not make up their blob; records beside the blobs.
MISSING_BLOB, BAD_MANIFEST, WRONG_TOTALS = "missing-blob", "bad-manifest", "wrong-totals"
CATALOG, DANGLING, BAD_RECIPE = "corrupt-catalog", "dangling-row", "bad-recipe"
MISSING_RECORD, DAMAGED_RECORD, FOREIGN_RECORD = "missing-record", "damaged-record", "unknown-version"


class Trouble(msgspec.Struct, frozen=True):
    """Something that is not as it should be, and what is hit by it.

    Attributes:
        kind: A stable word.
        name: Of the object, version, row or record.
        words: What is wrong.
        versions: Names of versions that are hit, ``entity/project/name:v3``.
        aliases: Names under which people get these, ``entity/project/name:prod``.
        runs: Runs that have files in it, or that made or used these versions, ``entity/project/id``.
        files: Files that cannot be read, ``path of name:v3``; at most `LISTED`.
        more_files: How many more there are.
    """

    kind: str
    name: str
    words: str
    versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more_files: int = 0


#: Files that one trouble lists.
LISTED = 100


class Repair(msgspec.Struct, frozen=True):
    """Something that was done: a stable word, what it was done to, and how it stands now."""

    kind: str
    name: str
    words: str


class Checkup(msgspec.Struct):
    """What a check of a store found.

    Attributes:
        url: Of the store, without a password.
        objects: Objects that the index knows.
        bytes: Bytes of them.
        versions: Live versions whose manifests were followed.
        pages: Different pages of manifests that were read.
        records: Records beside the blobs that count.
        read_objects: Objects of which every byte was read.
        read_bytes: Bytes of them.
        unknown_objects: Objects that no index knows: left by writers that died, or about to be named by living ones.
        unknown_bytes: Bytes of them.
        trash_objects: Objects that were thrown out and are deleted after a while.
        trash_bytes: Bytes of them.
        outdated_records: Records that were not written again when something changed.
        troubles: What is wrong; with repair, what was wrong before.
        repaired: Whether mending was asked for.
        repairs: What was done.
        left: What is still wrong after that.
    """

    url: str
    objects: int = 0
    bytes: int = 0
    versions: int = 0
    pages: int = 0
    records: int = 0
    read_objects: int = 0
    read_bytes: int = 0
    unknown_objects: int = 0
    unknown_bytes: int = 0
    trash_objects: int = 0
    trash_bytes: int = 0
    outdated_records: int = 0
    troubles: list[Trouble] = []
    repaired: bool = False
    repairs: list[Repair] = []
    left: list[Trouble] = []

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, or nothing is any more."""
        return not (self.left if self.repaired else self.troubles)

    @property
    def versions_hit(self) -> list[str]:
        """Names of all versions that are hit by what is (still) wrong."""
        return _all(trouble.versions for trouble in (self.left if self.repaired else self.troubles))


def _all(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))
