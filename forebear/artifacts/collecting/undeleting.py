"""Bringing deleted versions back, while what they name is in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.artifacts.manifest import parse_page
from forebear.errors import CorruptData

if TYPE_CHECKING:
    from forebear.records.artifacts import Version
    from forebear.store.store import Store


def undelete(store: Store, version: Version) -> None:
    """Let a deleted version be live again, with all that it names; aliases that stood on it stay where they are.

    Raises:
        NotFound: it is live, or there is no such version.
        CorruptData: something that it names was deleted for good; all else is as it was. Content is known by its
            digest, so once the same files were logged again the version may come back.

    Cost: reads all of its pages.
    """
    lease = store.writer_lease()
    lease.announce()
    try:
        pages, files = _named(store, version)
        _rescue(store, version, files)
        store.catalog.restore_version(version.id, [*pages, *files])
    finally:
        lease.end()
    store.write_records()


def _named(store: Store, version: Version) -> tuple[list[bytes], list[bytes]]:
    """Digests of the pages and files that a version names; the pages are back in the index."""
    pages: list[bytes] = []
    files: dict[bytes, None] = {}
    waiting = [version.root]
    while waiting:
        _rescue(store, version, waiting)
        pages += waiting
        below: dict[bytes, None] = {}
        for digest, content in store.read_many(waiting):
            level, rows = parse_page(digest, bytes(content))
            if level:
                below.update((row[1], None) for row in rows)
            else:
                files.update((row[2], None) for row in rows if len(row) == 3)
        waiting = list(below)
    return pages, list(files)


def _rescue(store: Store, version: Version, digests: list[bytes]) -> None:
    lost = set(digests) - store.catalog.rescue(digests)
    if lost:
        raise CorruptData(
            f"{version.qualified_name} cannot come back: {len(lost)} blobs that it names were deleted for good "
            f"(first: {min(lost).hex()[:16]}…); log the same files again, from a copy of the store or a checkout, "
            "under any name, and then undelete it",
            code="version-gone",
            digest=min(lost),
        )
