"""The part of the SQL catalog that finds and mends what contradicts itself in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from forebear.catalog.copy_table import CopyTable
from forebear.catalog.driver import rows_in
from forebear.catalog.trash_index import split_parts
from forebear.records.artifacts import COMMITTED
from forebear.records.checks import Dangling
from forebear.records.content import Recipe, StoredObject
from forebear.records.lineage import EdgeKind


class _Check(NamedTuple):
    """A question for rows that refer to what is not there, how to say it, and what mends it."""

    table: str
    find: str
    say: Callable[..., tuple[str, str]]
    mend: str


class CheckTable(CopyTable):
    """What a check asks. See `forebear.catalog.port.Catalog` for what each method promises."""

    def integrity(self) -> list[str]:
        """See `Catalog.integrity`."""
        return self._db.integrity()

    def dangling(self) -> list[Dangling]:
        """See `Catalog.dangling`."""
        with self._db.reading():
            return [*self._dangling_rows(), *self._dangling_recipes()]

    def drop_dangling(self) -> list[Dangling]:
        """See `Catalog.drop_dangling`."""
        with self._db.transaction(durable=True):
            # Slices first: recipes may lose parts with them.
            found = [*self._dangling_rows(), *self._dangling_recipes()]
            for check in _CHECKS:
                if any(row.table == check.table for row in found):
                    self._db.execute(check.mend)
            self._drop_broken_recipes()
        return found

    def _dangling_rows(self) -> Iterator[Dangling]:
        for check in _CHECKS:
            for row in self._db.rows(check.find):
                yield Dangling(check.table, *check.say(*row))

    def _dangling_recipes(self) -> Iterator[Dangling]:
        for digest, parts in self._broken_recipes().items():
            yield Dangling("recipes", digest.hex(), f"of {parts} chunks that it is made of, some are in no object")

    def recipes(self) -> Iterator[tuple[bytes, Recipe]]:
        """See `Catalog.recipes`."""
        for digest, size, parts in self._db.stream("SELECT digest, size, parts FROM recipes"):
            yield bytes(digest), Recipe(size, split_parts(bytes(parts)))

    def forget_recipes(self, digests: Iterable[bytes]) -> None:
        """See `Catalog.forget_recipes`."""
        with self._db.transaction(durable=True):
            self._db.many("DELETE FROM recipes WHERE digest = ?", [(digest,) for digest in digests])

    def replace_objects(self, gone: Iterable[str], objects: Iterable[StoredObject]) -> None:
        """See `Catalog.replace_objects`."""
        with self._db.transaction(durable=True):
            gone, arriving = set(gone), list(objects)
            # What is registered anew may have other slices than before, so those before go first.
            self._forget({stored.name for stored in arriving} | gone)
            self._register(arriving)
            self._drop_broken_recipes()

    def lost_run_files(self) -> list[bytes]:
        """See `Catalog.lost_run_files`."""
        return [bytes(row[0]) for row in self._db.rows(_LOST_FILES)]

    def runs_with_files(self, digests: Iterable[bytes]) -> dict[bytes, list[int]]:
        """See `Catalog.runs_with_files`."""
        found: dict[bytes, list[int]] = {}
        for digest, key in rows_in(self._db, _RUNS_WITH_FILES, sorted(set(digests))):
            found.setdefault(bytes(digest), []).append(key)
        return {digest: sorted(keys) for digest, keys in found.items()}


def _alias(entity: str | None, project: str | None, name: str | None, alias: str, version: int) -> tuple[str, str]:
    where = f"{entity}/{project}/{name}:{alias}" if name is not None else f"?:{alias}"
    return where, f"stands on a version (id {version}) that is not there"


def _slice(digest: bytes, object_id: int) -> tuple[str, str]:
    return bytes(digest).hex(), f"is said to be in an object (id {object_id}) that is not there"


def _edge(source: int, kind: int, target: int) -> tuple[str, str]:
    kinds = {int(each): each.name.lower() for each in EdgeKind}
    return f"{source} {kinds.get(kind, kind)} {target}", "leads from or to a run or version that is not there"


def _number(entity: str, project: str, name: str, given: int, following: int) -> tuple[str, str]:
    return f"{entity}/{project}/{name}", f"has given the number v{given}, and would give v{following} next"


def _span(digest: bytes, collection: int) -> tuple[str, str]:
    return bytes(digest).hex(), f"is said to be in a collection (id {collection}) that is not there"


def _block(block: int, _: int) -> tuple[str, str]:
    return f"block {block}", "holds columns of a stretch of history that is not there"


def _no_node(column: str) -> str:
    return (
        f"({column} / 2 * 2 = {column} AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.id = {column} / 2)) OR "
        f"({column} / 2 * 2 < {column} AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.key = {column} / 2))"
    )


_STANDS = (
    "SELECT 1 FROM versions v WHERE v.id = aliases.version_id AND v.collection_id = aliases.collection_id "
    f"AND v.state = '{COMMITTED}'"
)
_NO_EDGE = f"{_no_node('edges.source')} OR {_no_node('edges.target')}"
_NO_OBJECT = "NOT EXISTS (SELECT 1 FROM objects o WHERE o.id = slices.object_id)"
_NO_COLLECTION = "NOT EXISTS (SELECT 1 FROM collections c WHERE c.id = file_spans.collection_id)"
_NO_BLOCK = "NOT EXISTS (SELECT 1 FROM history_blocks b WHERE b.id = history_columns.block_id)"
_HIGHEST = "SELECT max(v.number) FROM versions v WHERE v.collection_id = collections.id"
_CHECKS = (
    _Check(
        "slices",
        f"SELECT digest, object_id FROM slices WHERE {_NO_OBJECT}",
        _slice,
        f"DELETE FROM slices WHERE {_NO_OBJECT}",
    ),
    _Check(
        "aliases",
        "SELECT p.entity, p.name, c.name, aliases.alias, aliases.version_id FROM aliases "
        "LEFT JOIN collections c ON c.id = aliases.collection_id LEFT JOIN projects p ON p.id = c.project_id "
        f"WHERE NOT EXISTS ({_STANDS})",
        _alias,
        f"DELETE FROM aliases WHERE NOT EXISTS ({_STANDS})",
    ),
    _Check(
        "edges",
        f"SELECT source, kind, target FROM edges WHERE {_NO_EDGE}",
        _edge,
        f"DELETE FROM edges WHERE {_NO_EDGE}",
    ),
    _Check(
        "collections",
        f"SELECT p.entity, p.name, collections.name, ({_HIGHEST}), collections.next_number FROM collections "
        f"JOIN projects p ON p.id = collections.project_id WHERE collections.next_number <= ({_HIGHEST})",
        _number,
        f"UPDATE collections SET next_number = ({_HIGHEST}) + 1 WHERE next_number <= ({_HIGHEST})",
    ),
    _Check(
        "file_spans",
        f"SELECT digest, collection_id FROM file_spans WHERE {_NO_COLLECTION}",
        _span,
        f"DELETE FROM file_spans WHERE {_NO_COLLECTION}",
    ),
    _Check(
        "history_columns",
        f"SELECT block_id, count(*) FROM history_columns WHERE {_NO_BLOCK} GROUP BY block_id",
        _block,
        f"DELETE FROM history_columns WHERE {_NO_BLOCK}",
    ),
)
_LOST_FILES = (
    "SELECT DISTINCT f.digest FROM run_files f WHERE NOT EXISTS (SELECT 1 FROM slices s WHERE s.digest = f.digest) "
    "AND NOT EXISTS (SELECT 1 FROM recipes r WHERE r.digest = f.digest)"
)
_RUNS_WITH_FILES = "SELECT DISTINCT digest, run_key FROM run_files WHERE digest IN ({keys})"
