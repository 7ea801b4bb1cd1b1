"""What the manifest of a version asks of the store that it goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from forebear.artifacts.manifest import Load, Manifest, Row, parse_page

if TYPE_CHECKING:
    from forebear.store.store import Store

#: Tells which of some digests the target lacks.
Missing = Callable[[Iterable[bytes]], list[bytes]]

#: Pages that are read together: some 16,000 rows.
_PAGES_AT_ONCE = 64


class Page(NamedTuple):
    """A page of a manifest that the target lacks, with its rows."""

    digest: bytes
    level: int
    rows: list[Row]

    @property
    def files(self) -> list[bytes]:
        """Digests of the files that it names; references have no bytes in a store."""
        return [] if self.level else [row[2] for row in self.rows if len(row) == 3]


def lacking_pages(missing: Missing, load: Load, root: bytes) -> Iterator[list[Page]]:
    """Yield the pages that the target lacks, some at a time. What is below a page that it has, it has too.

    Memory: the digests of one level, and the rows of `_PAGES_AT_ONCE` pages.
    """
    waiting = [root]
    while waiting:
        below: list[bytes] = []
        lacking = missing(waiting)
        for start in range(0, len(lacking), _PAGES_AT_ONCE):
            batch = lacking[start : start + _PAGES_AT_ONCE]
            loaded = load(batch)
            pages = [Page(digest, *parse_page(digest, loaded[digest])) for digest in batch]
            yield pages
            below += [row[1] for page in pages if page.level for row in page.rows]
        waiting = below


def difference(root: bytes, load: Load, tip: bytes | None, load_tip: Load) -> tuple[list[bytes], list[bytes]]:
    """Return the digests of contents that a version has and the tip has not, and the other way round.

    Cost: pages that differ; all pages of the version where there is no tip, or where something was changed or removed.
    """
    here = Manifest(root, load)
    if tip is None:
        return list({row[2] for row in here.rows() if row[2] is not None}), []
    only_here, only_there = here.changed_rows(Manifest(tip, load_tip))
    gained = {row[2] for row in only_here if row[2] is not None}
    lost = {row[2] for row in only_there if row[2] is not None} - gained
    if lost:
        # The same content may go on under another path.
        for row in here.rows():
            lost.discard(row[2])
            if not lost:
                break
    return list(gained), list(lost)


def loader(first: Store, second: Store) -> Load:
    """Return what reads pages from the first store, and from the second those that the first lacks."""

    def load(digests: list[bytes]) -> dict[bytes, bytes]:
        held = first.catalog.known(digests)
        found: dict[bytes, bytes] = {}
        for store, wanted in ((first, held), (second, set(digests) - held)):
            if wanted:
                found |= {digest: bytes(content) for digest, content in store.read_many(wanted)}
        return found

    return load
