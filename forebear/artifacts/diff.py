"""What differs between two versions: files added, removed, changed and renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from forebear.artifacts.commit import page_loader
from forebear.artifacts.manifest import Manifest, Row
from forebear.records.artifacts import Version
from forebear.records.content import Entry

if TYPE_CHECKING:
    from forebear.store.store import Store


class Change(msgspec.Struct, frozen=True):
    """A path whose content differs."""

    path: str
    old: Entry
    new: Entry


class Rename(msgspec.Struct, frozen=True):
    """Content that lies under another path; both entries have the same digest."""

    old: Entry
    new: Entry


class VersionDiff(msgspec.Struct, frozen=True):
    """The difference from ``old`` to ``new``; every list is sorted by path."""

    old: Version
    new: Version
    added: list[Entry]
    removed: list[Entry]
    changed: list[Change]
    renamed: list[Rename]

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same paths with the same contents."""
        return not (self.added or self.removed or self.changed or self.renamed)

    @property
    def growth(self) -> int:
        """Bytes that ``new`` is larger than ``old``."""
        return self.new.size - self.old.size


def diff_versions(store: Store, old: Version, new: Version) -> VersionDiff:
    """Compare two versions, of one collection or of two.

    Cost: reads the manifest pages that differ, whatever the size of the versions.
    """
    load = page_loader(store)
    gone, come = Manifest(old.root, load).changed_rows(Manifest(new.root, load))
    before = {row[0]: row for row in gone}
    after = {row[0]: row for row in come}
    changed = [
        Change(path, Entry.from_row(before[path]), Entry.from_row(after[path]))
        for path in sorted(before.keys() & after)
    ]
    removed = [row for path, row in before.items() if path not in after]
    added = [row for path, row in after.items() if path not in before]
    renamed = _renamed(removed, added)
    moved_from = {rename.old.path for rename in renamed}
    moved_to = {rename.new.path for rename in renamed}
    return VersionDiff(
        old=old,
        new=new,
        added=[Entry.from_row(row) for row in added if row[0] not in moved_to],
        removed=[Entry.from_row(row) for row in removed if row[0] not in moved_from],
        changed=changed,
        renamed=renamed,
    )


def _renamed(removed: list[Row], added: list[Row]) -> list[Rename]:
    """Pair removed with added rows of the same content; of several candidates the one of the same file name."""
    homes: dict[bytes, list[Row]] = {}
    for row in removed:
        if row[2] is not None:
            homes.setdefault(row[2], []).append(row)
    renames = []
    for row in added:
        candidates = homes.get(row[2] or b"")
        if candidates:
            name = row[0].rpartition("/")[2]
            old = next((home for home in candidates if home[0].rpartition("/")[2] == name), candidates[0])
            candidates.remove(old)
            renames.append(Rename(Entry.from_row(old), Entry.from_row(row)))
    return renames
