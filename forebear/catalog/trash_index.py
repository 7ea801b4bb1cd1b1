"""Blobs that are on their way out of the index, and how they come back: statements inside a transaction of others.

A blob that no version names is noted in ``garbage``; after a while its slices go from ``slices`` to ``trash_slices``,
and an object without slices goes from ``objects`` to ``trash``, where its bytes stay. Whoever names a blob meanwhile
gets it back in the same transaction, so a commit finds all that it counts on, or is told what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forebear.catalog.driver import Driver, execute_for, insert_rows, one, rows_in
from forebear.records.collecting import DELETING
from forebear.records.content import DIGEST_BYTES


def split_parts(packed: bytes) -> tuple[bytes, ...]:
    """The digests of the parts of a recipe, from the column that holds them."""
    return tuple(packed[i : i + DIGEST_BYTES] for i in range(0, len(packed), DIGEST_BYTES))


def touch(db: Driver, digests: Iterable[bytes]) -> None:
    """Let blobs that somebody counts on be no garbage, nor the parts that they are made of.

    Cost: one look where nothing is noted as garbage.
    """
    if one(db, "SELECT 1 FROM garbage LIMIT 1") is None:
        return
    keys = set(digests)
    for (parts,) in rows_in(db, "SELECT parts FROM recipes WHERE digest IN ({keys})", sorted(keys)):
        keys.update(split_parts(bytes(parts)))
    execute_for(db, "DELETE FROM garbage WHERE digest IN ({keys})", (), sorted(keys))


def noted(db: Driver, digests: Iterable[bytes]) -> set[bytes]:
    """Those of ``digests`` that are noted as garbage."""
    if one(db, "SELECT 1 FROM garbage LIMIT 1") is None:
        return set()
    return {bytes(row[0]) for row in rows_in(db, "SELECT digest FROM garbage WHERE digest IN ({keys})", digests)}


def rescue(db: Driver, digests: Iterable[bytes]) -> None:
    """Put blobs that are in the trash back into the index, as far as their bytes are not being deleted.

    Cost: two looks where the trash has no blobs.
    """
    keys = set(digests)
    if not keys:
        return
    recipes = []
    if one(db, "SELECT 1 FROM trash_recipes LIMIT 1") is not None:
        recipes = list(rows_in(db, _TRASH_RECIPES, sorted(keys)))
        for _, _, parts, _ in recipes:
            keys.update(split_parts(bytes(parts)))
    if one(db, "SELECT 1 FROM trash_slices LIMIT 1") is not None:
        _rescue_slices(db, sorted(keys))
    _rescue_recipes(db, recipes)


def _rescue_slices(db: Driver, keys: Sequence[bytes]) -> None:
    rows = list(rows_in(db, _TRASH_SLICES, keys))
    if not rows:
        return
    ids = {name: revive(db, name) for name in sorted({row[1] for row in rows})}
    back = [(bytes(row[0]), ids[row[1]], *row[2:]) for row in rows]
    insert_rows(db, _ADD_SLICES, back, "ON CONFLICT (digest, object_id) DO NOTHING")
    db.many("DELETE FROM trash_slices WHERE digest = ? AND name = ?", [(bytes(row[0]), row[1]) for row in rows])


def revive(db: Driver, name: str) -> int:
    """Let an object of the trash be one of the store again; return its id, also where it was one all along."""
    row = one(db, "SELECT id FROM objects WHERE name = ?", (name,))
    if row is None:
        db.execute("INSERT INTO objects (name, kind, size) SELECT name, kind, size FROM trash WHERE name = ?", (name,))
        row = one(db, "SELECT id FROM objects WHERE name = ?", (name,))
        assert row is not None
    db.execute("DELETE FROM trash WHERE name = ?", (name,))
    return int(row[0])


def _rescue_recipes(db: Driver, recipes: Sequence[Sequence[object]]) -> None:
    for digest, size, parts, name in recipes:
        assert isinstance(parts, bytes)
        wanted = set(split_parts(parts))
        held = {bytes(row[0]) for row in rows_in(db, _HELD, sorted(wanted))}
        if not wanted <= held:
            continue
        object_id = None
        if name is not None:
            row = one(db, _REVIVABLE, (name, name, DELETING))
            object_id = revive(db, str(name)) if row is not None else None
        db.execute(
            "INSERT INTO recipes (digest, size, parts, object_id) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            (digest, size, parts, object_id),
        )
        db.execute("DELETE FROM trash_recipes WHERE digest = ?", (digest,))


_TRASH_RECIPES = "SELECT digest, size, parts, name FROM trash_recipes WHERE digest IN ({keys})"
_TRASH_SLICES = (
    'SELECT s.digest, s.name, s."offset", s.stored, s.size, s.codec FROM trash_slices s '
    "LEFT JOIN trash t ON t.name = s.name LEFT JOIN objects o ON o.name = s.name "
    f"WHERE (o.id IS NOT NULL OR (t.state IS NOT NULL AND t.state <> {DELETING})) AND s.digest IN ({{keys}})"
)
_HELD = "SELECT DISTINCT digest FROM slices WHERE digest IN ({keys})"
_REVIVABLE = "SELECT 1 FROM objects WHERE name = ? UNION ALL SELECT 1 FROM trash WHERE name = ? AND state <> ? LIMIT 1"
_ADD_SLICES = 'INSERT INTO slices (digest, object_id, "offset", stored, size, codec)'
