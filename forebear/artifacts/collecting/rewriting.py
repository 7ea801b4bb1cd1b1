"""Objects of which nothing or little is needed: they go to the trash, what is needed of them is written anew before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from forebear.blobs.objects import calls_at_once
from forebear.blobs.pack import PACK_BYTES, PackWriter, footer_range, index_range, read_index
from forebear.blobs.reader import read_blobs
from forebear.errors import CorruptData, NotFound
from forebear.records.content import CODEC_RAW, CODEC_RECIPE, PACK, Location, Recipe, Slice, StoredObject

if TYPE_CHECKING:
    from forebear.artifacts.collecting.report import Collected
    from forebear.records.collecting import Sparse
    from forebear.store.store import Store


class Rewriter:
    """Empties objects of a store. Not safe for threads."""

    def __init__(self, store: Store, least_needed: float, report: Collected) -> None:
        """Write objects anew of which a smaller share than ``least_needed`` is needed."""
        self._store = store
        self._least = least_needed
        self._report = report

    def empty(self, sparse: Sparse) -> None:
        """Let an object go if nothing of it is needed, or little; what is needed is somewhere else then.

        One that cannot be read is left alone: a check tells more about it.
        """
        catalog = self._store.catalog
        try:
            inside = self._inside(sparse)
            if inside is None:
                return
            if catalog.retire(sparse.name):
                self._report.trashed.add(sparse.size)
            elif self._is_worth_it(sparse, inside):
                moved = self._write_anew(sparse)
                if catalog.retire(sparse.name):
                    self._report.trashed.add(sparse.size)
                    self._report.rewritten.add(sparse.size - moved)
        except CorruptData:
            return

    def _inside(self, sparse: Sparse) -> list[Slice] | None:
        """Look what a pack says is in it, and note which recipes lie there; ``None`` where it is gone."""
        if sparse.kind != PACK:
            return [] if self._store.objects.size(sparse.name) is not None else None
        objects = self._store.objects
        try:
            offset, length = footer_range(sparse.size)
            footer = objects.read(sparse.name, offset, length)
            offset, length = index_range(sparse.name, sparse.size, footer)
            inside = read_index(sparse.name, footer, objects.read(sparse.name, offset, length))
        except NotFound:
            return None
        recipes = [part.digest for part in inside if part.codec == CODEC_RECIPE]
        if recipes:
            self._store.catalog.place_recipes(sparse.name, recipes)
        return inside

    def _is_worth_it(self, sparse: Sparse, inside: list[Slice]) -> bool:
        if sparse.kind != PACK:
            return sparse.live < sparse.size * self._least
        # The index of a pack of tiny blobs is larger than they are, and stays so however often it is written.
        content = sum(part.stored for part in inside if part.codec != CODEC_RECIPE)
        return sparse.live < content * self._least

    def _write_anew(self, sparse: Sparse) -> int:
        """Write what is needed of an object into packs; return their bytes."""
        store = self._store
        recipes = store.catalog.recipes_at(sparse.name)
        where: dict[bytes, Location] = {}
        size = 0
        batches = list(_batches(store.catalog.slices_at(sparse.name)))
        for number, batch in enumerate(batches or [[]]):
            last = number + 1 >= len(batches)
            stored = self._write_pack(sparse.name, batch, recipes if last else {}, where)
            where |= {part.digest: Location(stored.name, *part[1:]) for part in stored.slices}
            size += stored.size
        return size

    def _write_pack(
        self, name: str, slices: list[Slice], recipes: dict[bytes, Recipe], where: dict[bytes, Location]
    ) -> StoredObject:
        store = self._store
        lease = store.writer_lease()
        lease.announce()
        sink = store.objects.sink()
        try:
            pack = PackWriter(sink, lease.settle)
            codecs = {part.digest: part.codec for part in slices}
            shrink = calls_at_once(store.objects) > 1
            for digest, content in read_blobs(store.objects, [(s.digest, Location(name, *s[1:])) for s in slices]):
                pack.add(digest, bytes(content), compress=shrink or codecs[digest] != CODEC_RAW)
            parts = {part for recipe in recipes.values() for part in recipe.parts}
            located = store.catalog.locate(parts - codecs.keys() - where.keys())
            places = where | {digest: at for digest, at in located.items() if isinstance(at, Location)}
            for digest, recipe in recipes.items():
                pack.add_recipe(digest, recipe, places)
            stored = pack.finish()
            lease.write([stored], store.objects, lambda key: store.catalog.add_objects([stored], lease=key))
            return stored
        finally:
            sink.abort()
            lease.end()


def _batches(slices: Iterable[Slice]) -> Iterator[list[Slice]]:
    """Yield slices in order, as many as a pack takes at a time."""
    batch: list[Slice] = []
    size = 0
    for part in slices:
        if batch and size + part.stored > PACK_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.stored
    if batch:
        yield batch
