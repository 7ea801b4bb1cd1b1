"""The part of the SQL catalog that knows where blobs are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from forebear.catalog.driver import Driver, insert_rows, one, rows_in
from forebear.catalog.port import MissingBlobs
from forebear.records.content import DIGEST_BYTES, LOOSE, Location, Recipe, Slice, StoredObject


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
        return one(self._db, "SELECT 1 FROM slices LIMIT 1") is not None

    def sizes_held(self, sizes: Iterable[int]) -> set[int]:
        """See `Catalog.sizes_held`."""
        return {row[0] for row in rows_in(self._db, _SIZES, sorted(set(sizes)))}

    def locate(self, digests: Iterable[bytes]) -> dict[bytes, Location | Recipe]:
        """See `Catalog.locate`."""
        wanted = sorted(set(digests))
        found: dict[bytes, Location | Recipe] = {}
        for digest, name, kind, offset, stored, size, codec in rows_in(self._db, _LOCATE, wanted):
            # A loose copy can be linked and reflinked, so it wins over a slice of a pack.
            if kind == LOOSE or digest not in found:
                found[bytes(digest)] = Location(name, offset, stored, size, codec)
        rest = [digest for digest in wanted if digest not in found]
        for digest, size, parts in rows_in(self._db, _RECIPES, rest):
            found[bytes(digest)] = Recipe(size, _split(bytes(parts)))
        return found

    def add_objects(self, objects: Iterable[StoredObject]) -> None:
        """See `Catalog.add_objects`."""
        with self._db.transaction(durable=True):
            self._register(list(objects))

    def _register(self, objects: Sequence[StoredObject]) -> int:
        """Insert objects inside the current transaction; return the bytes of those that are new."""
        added = 0
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
            # Also of an object known before: the chunks of a large one may be found later than itself.
            insert_rows(
                self._db,
                _ADD_SLICES,
                [(s[0], object_id, s[1], s[2], s[3], s[4]) for s in sorted(stored.slices)],
                "ON CONFLICT (digest, object_id) DO NOTHING",
            )
        self._register_recipes({key: recipe for stored in objects for key, recipe in stored.recipes.items()})
        return added

    def add_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        """See `Catalog.add_recipes`."""
        with self._db.transaction(durable=True):
            self._register_recipes(recipes)

    def _register_recipes(self, recipes: dict[bytes, Recipe]) -> None:
        if not recipes:
            return
        parts = {part for recipe in recipes.values() for part in recipe.parts}
        missing = parts - self._sliced(parts)
        if missing:
            raise MissingBlobs(sorted(missing))
        self._db.many(
            "INSERT INTO recipes (digest, size, parts) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            [(digest, recipe.size, b"".join(recipe.parts)) for digest, recipe in recipes.items()],
        )

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
                slices.append(Slice(bytes(part[0]), *part[1:]))
        if current is not None:
            yield StoredObject(*current, slices)

    def forget_objects(self, names: Iterable[str]) -> None:
        """See `Catalog.forget_objects`."""
        with self._db.transaction(durable=True):
            ids = [row[0] for row in rows_in(self._db, "SELECT id FROM objects WHERE name IN ({keys})", names)]
            for object_id in ids:
                self._db.execute("DELETE FROM slices WHERE object_id = ?", (object_id,))
                self._db.execute("DELETE FROM objects WHERE id = ?", (object_id,))
            self._drop_broken_recipes()

    def _drop_broken_recipes(self) -> None:
        """Drop the recipes that lost a part. Cost: one pass over all recipes; objects are forgotten rarely."""
        recipes = {bytes(row[0]): _split(bytes(row[1])) for row in self._db.rows("SELECT digest, parts FROM recipes")}
        held = self._sliced(part for parts in recipes.values() for part in parts)
        broken = [digest for digest, parts in recipes.items() if not held.issuperset(parts)]
        self._db.many("DELETE FROM recipes WHERE digest = ?", [(digest,) for digest in broken])

    def _sliced(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of ``digests`` that lie in some object as a slice."""
        # Sorted keys make neighbouring look-ups touch the same pages of the tree.
        return {bytes(row[0]) for row in rows_in(self._db, _KNOWN_SLICES, sorted(set(digests)))}


def _split(parts: bytes) -> tuple[bytes, ...]:
    return tuple(parts[i : i + DIGEST_BYTES] for i in range(0, len(parts), DIGEST_BYTES))


_KNOWN_SLICES = "SELECT DISTINCT digest FROM slices WHERE digest IN ({keys})"
_KNOWN_RECIPES = "SELECT digest FROM recipes WHERE digest IN ({keys})"
_SIZES = f"SELECT DISTINCT size FROM objects WHERE kind = '{LOOSE}' AND size IN ({{keys}})"
_LARGE = f"SELECT name, size FROM objects WHERE kind = '{LOOSE}' AND size BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
_LOCATE = (
    'SELECT s.digest, o.name, o.kind, s."offset", s.stored, s.size, s.codec '
    "FROM slices s JOIN objects o ON o.id = s.object_id WHERE s.digest IN ({keys})"
)
_RECIPES = "SELECT digest, size, parts FROM recipes WHERE digest IN ({keys})"
_ADD_SLICES = 'INSERT INTO slices (digest, object_id, "offset", stored, size, codec)'
_OBJECTS = (
    'SELECT o.name, o.kind, o.size, s.digest, s."offset", s.stored, s.size, s.codec '
    'FROM objects o LEFT JOIN slices s ON s.object_id = o.id ORDER BY o.name, s."offset"'
)
