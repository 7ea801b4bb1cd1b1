"""Finding all blobs that something names: pages and files of live versions, files of runs, chunks of what is cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from forebear.artifacts.manifest import parse_page

if TYPE_CHECKING:
    from forebear.artifacts.collecting.rules import Budget
    from forebear.store.store import Store

#: Pages that are read in one go: some 64,000 rows.
_PAGES_AT_ONCE = 256


class Marker:
    """The blobs that are needed. Memory: about 100 bytes for each.

    Cost: every page of every version once, however many versions share it.
    """

    def __init__(self, store: Store, budget: Budget) -> None:
        """Know of nothing that is needed yet."""
        self._store = store
        self._budget = budget
        self._pages: set[bytes] = set()
        self.live: set[bytes] = set()

    def add_all(self) -> None:
        """Mark what live versions and runs name, and what that is made of.

        Raises:
            CorruptData: a page cannot be read, so nobody knows what is below it.
        """
        catalog = self._store.catalog
        self.add_versions(catalog.roots())
        self.live.update(catalog.named_by_runs())
        self.live.update(part for digest, recipe in catalog.recipes() if digest in self.live for part in recipe.parts)

    def add_versions(self, roots: Iterable[bytes]) -> set[bytes]:
        """Mark what versions name; return what was not marked before. Chunks are left to whoever spares the blobs."""
        fresh: set[bytes] = set()
        waiting = [root for root in dict.fromkeys(roots) if root not in self._pages]
        while waiting:
            self._pages.update(waiting)
            below: dict[bytes, None] = {}
            for level, rows in self._read(waiting):
                if level:
                    below.update((row[1], None) for row in rows if row[1] not in self._pages)
                else:
                    fresh.update(row[2] for row in rows if len(row) == 3)
            fresh.update(waiting)
            waiting = list(below)
        fresh -= self.live
        self.live |= fresh
        return fresh

    def _read(self, digests: Iterable[bytes]) -> Iterator[tuple[int, list[tuple]]]:  # type: ignore[type-arg]
        iterator = iter(digests)
        while batch := list(islice(iterator, _PAGES_AT_ONCE)):
            self._budget.check()
            for digest, content in self._store.read_many(batch):
                yield parse_page(digest, bytes(content))
