"""``fsck``: is a store sound, and what of it can be mended?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.api.checking.examining import Examination
from forebear.api.checking.report import Checkup, Repair
from forebear.blobs.objects import SupportsForgetting
from forebear.errors import InvalidInput
from forebear.records.content import LOOSE, StoredObject
from forebear.store.checking.aside import really
from forebear.store.checking.index import Scanned, scan, with_recipes_of
from forebear.store.checking.shares import Share

if TYPE_CHECKING:
    from forebear.store.checking.blobs import Progress
    from forebear.store.store import Store


def check_store(
    store: Store,
    *,
    read_data: bool | str = False,
    repair: bool = False,
    rebuild_index: bool = False,
    source: Store | None = None,
    progress: Progress | None = None,
) -> Checkup:
    """Hold catalog, objects, manifests and records of a store against each other, and mend what can be mended.

    Others may read and write meanwhile. Damaged objects are put aside, never deleted.

    Args:
        store: What is looked at.
        read_data: Also read and hash every byte; ``"5%"`` of the objects at random, or ``"1/7"``: the first of seven
            parts. Without it, damage inside of an object is found only where something of it has to be read.
        repair: Mend it.
        rebuild_index: Make the index of blobs again from the objects first.
        source: Another store, such as a backup, from which what is lost is taken.
        progress: Called with the objects and bytes that were looked at since its last call.

    Raises:
        InvalidInput: ``source`` is given and nothing is to be repaired, or is the store itself; or ``read_data`` is no
            share.
        StorageFailure: the store cannot be read or, for repairs, written.

    Cost: the size or the index at the end of each object, and each page of the manifests, once. Memory: the index's
    names, and some hundred bytes for each page.
    """
    if source is not None and (not repair or source is store):
        what = "is the store itself" if source is store else "is of use only for a repair"
        raise InvalidInput(f"the copy to take lost content from, {source.url}, {what}", code="invalid-source")
    share = Share(read_data) if isinstance(read_data, str) else None
    tell = progress or (lambda objects, size: None)
    repairs = _rebuild(store, tell) if rebuild_index else []
    seen = Examination(store, deep=bool(read_data), share=share, progress=tell)
    found = seen.run()
    if not repair:
        found.repairs, found.repaired, found.left = repairs, rebuild_index, found.troubles
        return found
    from forebear.api.checking.mending import Mender  # 10 ms, only where something is mended

    found.repaired = True
    found.repairs = repairs
    if found.troubles or seen.recorded.unrecorded or seen.recorded.records.replaced:
        found.repairs = [*repairs, *Mender(seen, source, tell).mend()]
        found.left = Examination(store, progress=lambda objects, size: None).run().troubles
    return found


def _rebuild(store: Store, progress: Progress) -> list[Repair]:
    gone, changed = rebuild_index(store, progress)
    return [Repair("index", store.url, f"{changed:,} objects indexed anew, {gone:,} that are gone forgotten")]


def rebuild_index(store: Store, progress: Progress | None = None, *, follow_all: bool = True) -> tuple[int, int]:
    """Let the index say what the objects say; return how many it forgot, and how many it has anew.

    What lies in an object that is damaged stays as it was indexed: some of it may still be read. Unless all recipes are
    to be followed, which reads what they name of loose objects, those that the index has are believed.
    """
    objects = really(store.objects)
    known = set() if follow_all else {digest for digest, _ in store.catalog.recipes()}
    scanned = scan(objects, progress=progress, known=known)
    trash = {each.name for each in store.catalog.trash()}
    gone: list[str] = []
    fresh = {name: stored for name, stored in scanned.objects.items() if name not in trash}
    for indexed in store.catalog.objects():
        stored = fresh.pop(indexed.name, None)
        if stored is None:
            if indexed.name not in scanned.damaged and objects.size(indexed.name) is None:
                gone.append(indexed.name)
        elif stored.size != indexed.size or not set(stored.slices) <= set(indexed.slices) or _is_wrong(indexed, stored):
            fresh[indexed.name] = _with_chunks(stored, indexed)
    if isinstance(store.objects, SupportsForgetting):
        for name in gone:
            store.objects.forget(name)
    parts = (part for recipe in scanned.recipes.values() for part in recipe.parts)
    held = store.catalog.known(parts)
    store.catalog.replace_objects(gone, with_recipes_of(fresh.values(), held))
    _place_recipes(store, scanned)
    return len(gone), len(fresh)


def _is_wrong(known: StoredObject, stored: StoredObject) -> bool:
    """Whether the index says something of an object that it does not say itself, other than chunks of loose ones."""
    if stored.kind == known.kind == LOOSE:
        return any(part.offset + part.stored > stored.size for part in known.slices)
    return not set(known.slices) <= set(stored.slices)


def _with_chunks(stored: StoredObject, indexed: StoredObject) -> StoredObject:
    """An object as it says itself, with the chunks that the index has of a loose one: recipes are made of them."""
    if stored.kind != LOOSE:
        return stored
    held = {part.digest for part in stored.slices}
    chunks = [part for part in indexed.slices if part.digest not in held and part.offset + part.stored <= stored.size]
    return StoredObject(stored.name, stored.kind, stored.size, [*stored.slices, *chunks], stored.recipes)


def _place_recipes(store: Store, scanned: Scanned) -> None:
    """Add the recipes that the index lacks, and say in which object each of the others lies."""
    known = store.catalog.known(part for recipe in scanned.recipes.values() for part in recipe.parts)
    for stored in scanned.objects.values():
        whole = {digest: recipe for digest, recipe in stored.recipes.items() if known.issuperset(recipe.parts)}
        if whole:
            store.catalog.add_recipes(whole)
            store.catalog.place_recipes(stored.name, whole)
