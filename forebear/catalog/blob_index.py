"""The part of the SQL catalog that knows where blobs are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from forebear.catalog.checked import blob, damaged
from forebear.catalog.collecting_port import BeingDeleted, LeaseLost
from forebear.catalog.driver import Driver, execute_for, insert_rows, one, rows_in
from forebear.catalog.port import MissingBlobs
from forebear.catalog.trash_index import noted, rescue, split_parts, touch
from forebear.records.collecting import DELETING
from forebear.records.content import LOOSE, Location, Recipe, Slice, StoredObject


class BlobIndex:
    """Objects, slices and recipes. See `forebear.catalog.port.Catalog` for what each method promises."""

    def __init__(self, driver: Driver) -> None:
        self._db = driver

    def known(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `Catalog.known`."""
        wanted = set(digests)
        if not self._holds_anything():
            return set()
        found = self._sliced(wanted)
        rest = sorted(wanted - found)
        found.update(bytes(row[0]) for row in rows_in(self._db, _KNOWN_RECIPES, rest))
        return found

    def _holds_anything(self) -> bool:
        return one(self._db, "SELECT 1 FROM slices UNION ALL SELECT 1 FROM recipes LIMIT 1") is not None

    def firm(self, digests: Iterable[bytes]) -> set[bytes]:
        """See `CollectingPort.firm`."""
        held = self.known(digests)
        return held - noted(self._db, sorted(held)) if held else held

    def sizes_held(self, sizes: Iterable[int]) -> set[int]:
        """See `Catalog.sizes_held`."""
        return {row[0] for row in rows_in(self._db, _SIZES, sorted(set(sizes)))}

    def locate(self, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
        """See `Catalog.locate`."""
        wanted = sorted(set(digests))
        found: dict[bytes, Location | Recipe] = {}
        try:
            for digest, name, offset, stored, size, codec in rows_in(self._db, _LOCATE, wanted):
                # At once, for there are many: what is no integer has no bits, and one below zero leaves its sign.
                if offset | stored | size | codec < 0 or type(name) is not str:
                    damaged("the place of a blob", f"{name!r:.80}, {offset}, {stored}, {size}, {codec}")
                found[bytes(digest)] = Location(name, offset, stored, size, codec)
            rest = [digest for digest in wanted if digest not in found]
            for digest, size, parts in rows_in(self._db, _RECIPES, rest):
                found[bytes(digest)] = Recipe(size | 0, split_parts(bytes(memoryview(parts))))
        except TypeError as err:
            damaged("the place of a blob", err)
        return found

    def add_objects(
        self, objects: Iterable[StoredObject], *, lease: str | None = None, keep_lease: bool = False
    ) -> None:
        """See `Catalog.add_objects`."""
        with self._db.transaction(durable=True):
            self._use_lease(lease, keep=keep_lease)
            self._register(list(objects))

    def _use_lease(self, lease: str | None, *, keep: bool = False) -> None:
        """End the lease of what is written in this transaction, unless it is to be kept; it must be there."""
        if lease is None:
            return
        if one(self._db, "SELECT 1 FROM leases WHERE id = ?", (lease,)) is None:
            raise LeaseLost
        if not keep:
            self._db.execute("DELETE FROM leases WHERE id = ?", (lease,))

    def _register(self, objects: Sequence[StoredObject]) -> int:
        """Insert objects inside the current transaction; return the bytes of those that are new."""
        added = 0
        self._take_out_of_trash(objects)
        for stored in objects:
            fresh = self._db.execute(
                "INSERT INTO objects (name, kind, size) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (stored.name, stored.kind, stored.size),
            )
            if fresh:
                added += stored.size
            row = one(self._db, "SELECT id FROM objects WHERE name = ?", (stored.name,))
            assert row is not None
            object_id = row[0]
            rows = [(s[0], object_id, s[1], s[2], s[3], s[4]) for s in sorted(stored.slices)]
            # Also of an object known before: the chunks of a large one may be found later than itself. Of a new one
            # nothing can be there yet, and what need not be looked for is written in half the time.
            alone = fresh and all(row[0] != following[0] for row, following in pairwise(rows))
            insert_rows(self._db, _ADD_SLICES, rows, "" if alone else "ON CONFLICT (digest, object_id) DO NOTHING")
        touch(self._db, (part.digest for stored in objects for part in stored.slices))
        for stored in objects:
            self._register_recipes(stored.recipes, stored.name)
        return added

    def _take_out_of_trash(self, objects: Sequence[StoredObject]) -> None:
        names = {stored.name for stored in objects}
        states: dict[str, int] = dict(
            rows_in(self._db, "SELECT name, state FROM trash WHERE name IN ({keys})", sorted(names))
        )
        busy = sorted(name for name, state in states.items() if state == DELETING)
        if busy:
            raise BeingDeleted(busy)
        for stored in objects:
            if stored.name in states:
                self._db.execute("DELETE FROM trash WHERE name = ?", (stored.name,))
                held = sorted(part.digest for part in stored.slices)
                execute_for(self._db, _NO_TRASH_SLICES, (stored.name,), held)

    def add_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        """See `Catalog.add_recipes`."""
        with self._db.transaction(durable=True):
            self._register_recipes(recipes)

    def _register_recipes(self, recipes: dict[bytes, Recipe], name: str | None = None) -> None:
        """Insert recipes inside the current transaction, which lie in the object ``name``, or nobody knows where."""
        if not recipes:
            return
        parts = {part for recipe in recipes.values() for part in recipe.parts}
        missing = parts - self._sliced(parts)
        if missing:
            rescue(self._db, missing)
            missing -= self._sliced(missing)
        if missing:
            raise MissingBlobs(sorted(missing))
        row = one(self._db, "SELECT id FROM objects WHERE name = ?", (name,)) if name is not None else None
        home = None if row is None else row[0]
        self._db.many(
            "INSERT INTO recipes (digest, size, parts, object_id) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (digest) DO UPDATE SET object_id = coalesce(excluded.object_id, recipes.object_id)",
            [(digest, recipe.size, b"".join(recipe.parts), home) for digest, recipe in recipes.items()],
        )
        touch(self._db, recipes)

    def _count_on(self, digests: Iterable[bytes]) -> set[bytes]:
        """Let blobs stay that something names from this transaction on; return those that are not there.

        One that is in the trash comes back.
        """
        wanted = set(digests)
        missing = wanted - self.known(wanted)
        if missing:
            rescue(self._db, missing)
            missing -= self.known(missing)
        missing |= self._without_parts(wanted - missing)
        touch(self._db, wanted - missing)
        return missing

    def _without_parts(self, digests: set[bytes]) -> set[bytes]:
        """Those of held blobs that are made of parts which are in the trash for good; others' parts come back."""
        if one(self._db, "SELECT 1 FROM trash_slices LIMIT 1") is None:
            return set()
        whole = self._sliced(digests)
        rows = list(rows_in(self._db, _RECIPES, sorted(digests - whole)))
        recipes = {bytes(digest): split_parts(bytes(parts)) for digest, _, parts in rows}
        wanted = {part for parts in recipes.values() for part in parts}
        rescue(self._db, wanted - self._sliced(wanted))
        held = self._sliced(wanted)
        return {digest for digest, parts in recipes.items() if not held.issuperset(parts)}

    def large_objects(self, smallest: int, largest: int, limit: int) -> list[StoredObject]:
        """See `Catalog.large_objects`."""
        rows = self._db.rows(_LARGE, (smallest, largest, limit))
        return [StoredObject(name, LOOSE, size, []) for name, size in rows]

    def objects(self) -> Iterator[StoredObject]:
        """See `Catalog.objects`."""
        current: tuple[str, str, int] | None = None
        slices: list[Slice] = []
        for name, kind, size, *part in self._db.stream(_OBJECTS):
            if current is not None and current[0] != name:
                yield StoredObject(*current, slices)
                slices = []
            current = (name, kind, size)
            if part[0] is not None:
                slices.append(Slice(blob(part[0]), *part[1:]))
        if current is not None:
            yield StoredObject(*current, slices)

    def forget_objects(self, names: Iterable[str]) -> None:
        """See `Catalog.forget_objects`."""
        with self._db.transaction(durable=True):
            self._forget(names)
            self._drop_broken_recipes()

    def _forget(self, names: Iterable[str]) -> None:
        """Drop objects and their slices inside the current transaction; recipes stay as they are."""
        ids = [row[0] for row in rows_in(self._db, "SELECT id FROM objects WHERE name IN ({keys})", names)]
        for object_id in ids:
            self._db.execute("DELETE FROM slices WHERE object_id = ?", (object_id,))
            self._db.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def _drop_broken_recipes(self) -> None:
        """Drop the recipes that lost a part. Cost: one pass over all recipes; objects are forgotten rarely."""
        broken = [(digest,) for digest in self._broken_recipes()]
        self._db.many("DELETE FROM recipes WHERE digest = ?", broken)

    def _broken_recipes(self) -> dict[bytes, int]:
        """The recipes of which a part is in no object, and how many parts each has."""
        recipes = {
            bytes(row[0]): split_parts(bytes(row[1])) for row in self._db.rows("SELECT digest, parts FROM recipes")
        }
        held = self._sliced(part for parts in recipes.values() for part in parts)
        return {digest: len(parts) for digest, parts in recipes.items() if not held.issuperset(parts)}

    def _sliced(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of ``digests`` that lie in some object as a slice."""
        # Sorted keys make neighbouring look-ups touch the same pages of the tree.
        return {bytes(row[0]) for row in rows_in(self._db, _KNOWN_SLICES, sorted(set(digests)))}


_KNOWN_SLICES = "SELECT DISTINCT digest FROM slices WHERE digest IN ({keys})"
_KNOWN_RECIPES = "SELECT digest FROM recipes WHERE digest IN ({keys})"
_SIZES = f"SELECT DISTINCT size FROM objects WHERE kind = '{LOOSE}' AND size IN ({{keys}})"
_LARGE = f"SELECT name, size FROM objects WHERE kind = '{LOOSE}' AND size BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
#: The last of several counts. A whole loose object can be linked and reflinked, so it does; of others the newest does,
#: because it may have been written when an older one was lost.
_LOCATE = (
    'SELECT s.digest, o.name, s."offset", s.stored, s.size, s.codec '
    "FROM slices s JOIN objects o ON o.id = s.object_id WHERE s.digest IN ({keys}) "
    f"ORDER BY o.kind = '{LOOSE}' AND s.size = o.size, s.object_id"
)
_RECIPES = "SELECT digest, size, parts FROM recipes WHERE digest IN ({keys})"
_NO_TRASH_SLICES = "DELETE FROM trash_slices WHERE name = ? AND digest IN ({keys})"
_ADD_SLICES = 'INSERT INTO slices (digest, object_id, "offset", stored, size, codec)'
_OBJECTS = (
    'SELECT o.name, o.kind, o.size, s.digest, s."offset", s.stored, s.size, s.codec '
    'FROM objects o LEFT JOIN slices s ON s.object_id = o.id ORDER BY o.name, s."offset"'
)
