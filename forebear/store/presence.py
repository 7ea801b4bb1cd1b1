"""Which blobs a store really holds: the catalog knows them, and the objects that they lie in are there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from forebear.blobs.reader import sizes_of
from forebear.records.content import Location, Recipe

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.port import Catalog


class Presence:
    """Tells which blobs a draft need not write, because the store has them; looks once at each object that is there."""

    def __init__(self, catalog: Catalog, objects: ObjectStore) -> None:
        self._catalog = catalog
        self._objects = objects
        self._sizes: dict[str, int | None] = {}

    def held(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` that the catalog knows and whose objects are there.

        Cost: one short question to the catalog where it knows none, which is what a first add asks; else also `gone`.
        """
        known = self._catalog.known(digests)
        return known - self.gone(known) if known else known

    def gone(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` that the catalog locates in objects that are gone or cut short.

        What a collection takes out of the index meanwhile is not among them; a commit brings that back.

        Cost: a question to the catalog, or two where it names recipes; the sizes of objects not looked at before.
        """
        located = self._located(digests)
        recipes = {digest: where.parts for digest, where in located.items() if isinstance(where, Recipe)}
        lost = self._lost(located)
        if recipes:
            parts = self._lost(self._located({part for found in recipes.values() for part in found}))
            lost |= {digest for digest, found in recipes.items() if not parts.isdisjoint(found)}
        return lost

    def hides(self, digest: bytes) -> bool:
        """Whether the catalog locates a blob in a slice that is gone, so that a recipe of it would not be looked at."""
        return bool(self._lost(self._located([digest])))

    def places(self, digests: Iterable[bytes]) -> dict[bytes, Location]:
        """Return where those of ``digests`` lie that are slices of objects which are there."""
        located = self._located(digests)
        lost = self._lost(located)
        return {
            digest: where for digest, where in located.items() if isinstance(where, Location) and digest not in lost
        }

    def _located(self, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
        located = self._catalog.locate(digests)
        names = {where.object for where in located.values() if isinstance(where, Location)}
        self._sizes |= sizes_of(self._objects, names - self._sizes.keys())
        return located

    def _lost(self, located: dict[bytes, Location | Recipe]) -> set[bytes]:
        lost = {
            digest: where.object
            for digest, where in located.items()
            if isinstance(where, Location) and where.offset + where.stored > (self._sizes[where.object] or 0)
        }
        for name in set(lost.values()):
            del self._sizes[name]  # somebody may bring it back
        return set(lost)
