"""The part of the SQL catalog that holds collections, versions and aliases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from forebear.catalog import messages
from forebear.catalog.blob_index import BlobIndex
from forebear.catalog.checked import converts, damaged
from forebear.catalog.codec import (
    COLLECTION_COLUMNS,
    COLLECTION_TABLES,
    VERSION_COLUMNS,
    VERSION_TABLES,
    collection_of,
    from_micros,
    to_json,
    to_micros,
    version_of,
)
from forebear.catalog.driver import Driver, Row, execute_for, insert_rows, one, rows_in
from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.names import LATEST, ArtifactRef, parse_version_number
from forebear.records.artifacts import COMMITTED, DELETED, AliasMove, Collection, Committed, NewVersion, Version
from forebear.records.lineage import EdgeKind, Node
from forebear.records.runs import DELETED as RUN_DELETED

if TYPE_CHECKING:
    from forebear.records.copies import AdoptedVersion


class VersionTable(BlobIndex):
    """Collections, versions, aliases and tags. See `forebear.catalog.port.Catalog` for what each method promises."""

    def __init__(self, driver: Driver, now: Callable[[], int]) -> None:
        """``now`` gives the catalog's time in microseconds since 1970 UTC."""
        super().__init__(driver)
        self._clock = now
        #: Of the thread: a forked child has nothing of what other threads of its parent were at.
        self._thread = threading.local()

    def _now(self) -> int:
        moment: int | None = getattr(self._thread, "moment", None)
        return self._clock() if moment is None else moment

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Let all that is written in the block have one time."""
        self._thread.moment = self._clock()
        try:
            yield
        finally:
            self._thread.moment = None

    # -- reading --------------------------------------------------------------------------------------------------

    def collection(self, entity: str, project: str, name: str) -> Collection | None:
        """See `Catalog.collection`."""
        row = one(
            self._db,
            f"SELECT {COLLECTION_COLUMNS} FROM {COLLECTION_TABLES} WHERE p.entity = ? AND p.name = ? AND c.name = ?",
            (entity, project, name),
        )
        return collection_of(row) if row else None

    def collections(
        self, entity: str | None = None, project: str | None = None, type: str | None = None
    ) -> list[Collection]:
        """See `Catalog.collections`."""
        where, params = _where({"p.entity": entity, "p.name": project, "c.type": type})
        sql = f"SELECT {COLLECTION_COLUMNS} FROM {COLLECTION_TABLES}{where} ORDER BY p.entity, p.name, c.name"
        return [collection_of(row) for row in self._db.rows(sql, params)]

    def versions(self, collection_id: int) -> list[Version]:
        """See `Catalog.versions`."""
        return self._versions("v.collection_id = ? AND v.state = ? ORDER BY v.number DESC", (collection_id, COMMITTED))

    def versions_by_id(self, ids: Iterable[int]) -> dict[int, Version]:
        """See `Catalog.versions_by_id`."""
        sql = f"SELECT {VERSION_COLUMNS} FROM {VERSION_TABLES} WHERE v.id IN ({{keys}})"
        with self._db.reading():
            return {version.id: version for version in self._dressed(list(rows_in(self._db, sql, ids)))}

    def _versions(self, where: str, params: Sequence[Any]) -> list[Version]:
        with self._db.reading():
            return self._dressed(self._db.rows(f"SELECT {VERSION_COLUMNS} FROM {VERSION_TABLES} WHERE {where}", params))

    def _dressed(self, rows: list[Row]) -> list[Version]:
        """Add aliases and tags to rows of versions, in two statements for all."""
        ids = [row[0] for row in rows]
        aliases = _grouped(rows_in(self._db, "SELECT version_id, alias FROM aliases WHERE version_id IN ({keys})", ids))
        tags = _grouped(rows_in(self._db, "SELECT version_id, tag FROM tags WHERE version_id IN ({keys})", ids))
        return [version_of(row, aliases.get(row[0], ()), tags.get(row[0], ())) for row in rows]

    @converts("a version")
    def resolve(self, entity: str, project: str, ref: ArtifactRef) -> Version:
        """See `Catalog.resolve`."""
        entity, project = ref.entity or entity, ref.project or project
        with self._db.reading():
            row = one(self._db, _COLLECTION_ID, (entity, project, ref.name))
            if row is None:
                raise messages.no_collection(entity, project, ref.name, self.collections())
            return self._versions("v.id = ?", (self._version_id(row[0], ref),))[0]

    def _version_id(self, collection_id: int, ref: ArtifactRef) -> int:
        if ref.number is not None:
            return self._by_number(collection_id, ref.name, ref.number)
        if ref.digest is not None:
            return self._by_digest(collection_id, ref.name, ref.digest)
        assert ref.alias is not None
        if ref.at is not None:
            return self._by_alias_at(collection_id, ref)
        row = one(self._db, _ALIAS, (collection_id, ref.alias))
        if row is None:
            raise messages.no_alias(ref.name, ref.alias, self._aliases(collection_id), self._numbers(collection_id))
        return int(row[0])

    def _by_number(self, collection_id: int, name: str, number: int) -> int:
        row = one(
            self._db, "SELECT id, state FROM versions WHERE collection_id = ? AND number = ?", (collection_id, number)
        )
        if row is None or row[1] != COMMITTED:
            raise messages.no_number(name, number, self._numbers(collection_id), deleted=row is not None)
        return int(row[0])

    def _by_digest(self, collection_id: int, name: str, digest: str) -> int:
        # A root is at least this prefix and at most the prefix filled up with ff.
        low, high = bytes.fromhex(digest.ljust(64, "0")), bytes.fromhex(digest.ljust(64, "f"))
        rows = self._db.rows(
            "SELECT id, number FROM versions WHERE collection_id = ? AND root BETWEEN ? AND ? AND state = ? "
            "ORDER BY number",
            (collection_id, low, high, COMMITTED),
        )
        if not rows:
            raise messages.no_digest(name, digest, self._numbers(collection_id))
        if len(rows) > 1:
            raise messages.ambiguous_digest(name, digest, [row[1] for row in rows])
        return int(rows[0][0])

    def _by_alias_at(self, collection_id: int, ref: ArtifactRef) -> int:
        assert ref.alias is not None
        assert ref.at is not None
        moves = self._db.rows(
            "SELECT version_id, at FROM alias_moves WHERE collection_id = ? AND alias = ? ORDER BY id",
            (collection_id, ref.alias),
        )
        then = [row[0] for row in moves if row[1] <= to_micros(ref.at)]
        if not then or then[-1] is None:
            first = from_micros(moves[0][1]).isoformat() if moves else None
            raise messages.no_alias_at(ref.name, ref.alias, ref.at.isoformat(), first)
        state = one(self._db, "SELECT state, number FROM versions WHERE id = ?", (then[-1],))
        if state is None:
            damaged("a move of an alias", f"version {then[-1]!r} is not there")
        if state[0] != COMMITTED:
            raise messages.no_number(ref.name, state[1], self._numbers(collection_id), deleted=True)
        return int(then[-1])

    def _aliases(self, collection_id: int) -> list[str]:
        return [row[0] for row in self._db.rows("SELECT alias FROM aliases WHERE collection_id = ?", (collection_id,))]

    def _numbers(self, collection_id: int) -> list[int]:
        rows = self._db.rows(
            "SELECT number FROM versions WHERE collection_id = ? AND state = ?", (collection_id, COMMITTED)
        )
        return [row[0] for row in rows]

    # -- committing -----------------------------------------------------------------------------------------------

    def commit_version(self, new: NewVersion) -> Committed:
        """See `Catalog.commit_version`."""
        with self._db.transaction(durable=True), self._one_moment():
            collection_id, tip, number = self._collection_for(new)
            self._check_run(new.run_key)
            self._use_lease(new.lease)
            added = self._register(new.objects)
            self._check_needs(new.needs, new.trusts)
            row = one(self._db, _SAME_ROOT, (collection_id, new.root, COMMITTED))
            created = row is None
            if row is None:
                if tip != new.tip:
                    raise TipMoved(tip)
                version_id = self._insert_version(collection_id, number, new, added)
                self._move_spans(collection_id, number, new)
            else:
                version_id = row[0]
            self._label_committed(collection_id, version_id, new)
            self._add_origin(version_id, new.run_key, created=created)
            # Read inside the transaction, else another writer's move could show in the answer.
            version = self.versions_by_id([version_id])[version_id]
        return Committed(version=version, created=created)

    def _collection_for(self, new: NewVersion) -> tuple[int, bytes | None, int]:
        project_id = self._project_id(new.entity, new.project)
        self._db.execute(
            "INSERT INTO collections (project_id, name, type, created_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (project_id, name) DO NOTHING",
            (project_id, new.name, new.type, self._now()),
        )
        row = one(
            self._db,
            "SELECT id, type, tip, next_number FROM collections WHERE project_id = ? AND name = ?",
            (project_id, new.name),
        )
        assert row is not None
        if row[1] != new.type:
            raise messages.other_type(new.name, row[1], new.type)
        return row[0], None if row[2] is None else bytes(row[2]), row[3]

    def _project_id(self, entity: str, project: str) -> int:
        """Return the project's key inside the current transaction; it is made where missing."""
        self._db.execute(
            "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?) ON CONFLICT (entity, name) DO NOTHING",
            (entity, project, self._now()),
        )
        row = one(self._db, "SELECT id FROM projects WHERE entity = ? AND name = ?", (entity, project))
        assert row is not None
        return int(row[0])

    def _check_needs(self, needs: Iterable[bytes], trusts: Iterable[bytes] = ()) -> None:
        missing = self._count_on(needs)
        trusted = set(trusts)
        missing |= trusted - self.firm(trusted)
        if missing:
            raise MissingBlobs(sorted(missing))

    def _check_run(self, run_key: int | None) -> None:
        if run_key is not None and one(self._db, _LIVE_RUN, (run_key, RUN_DELETED)) is None:
            raise messages.no_run(f"with key {run_key}")

    def _insert_version(self, collection_id: int, number: int, new: NewVersion, added: int) -> int:
        self._db.execute(
            "INSERT INTO versions (collection_id, number, root, size, file_count, state, description, metadata, "
            "created_at, run_key, added_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                collection_id,
                number,
                new.root,
                new.size,
                new.file_count,
                COMMITTED,
                new.description or None,
                to_json(new.metadata),
                self._now(),
                new.run_key,
                added,
            ),
        )
        self._db.execute(
            "UPDATE collections SET tip = ?, next_number = ? WHERE id = ?", (new.root, number + 1, collection_id)
        )
        row = one(self._db, "SELECT id FROM versions WHERE collection_id = ? AND number = ?", (collection_id, number))
        assert row is not None
        return int(row[0])

    def _move_spans(self, collection_id: int, number: int, new: NewVersion | AdoptedVersion) -> None:
        execute_for(self._db, _CLOSE_SPANS, (number, collection_id), sorted(new.lost))
        gained = set(new.gained)
        if new.tip is not None:
            # The same content may have been in the tip under another path; its span simply goes on.
            gained -= {bytes(row[0]) for row in rows_in(self._db, _OPEN_SPANS.format(collection_id), gained)}
        insert_rows(
            self._db,
            "INSERT INTO file_spans (digest, collection_id, first)",
            [(digest, collection_id, number) for digest in sorted(gained)],
        )

    def _label_committed(self, collection_id: int, version_id: int, new: NewVersion) -> None:
        for alias in dict.fromkeys((*new.aliases, LATEST)):
            if alias != LATEST and new.expect is not None:
                self._check_expectation(collection_id, new.name, alias, new.expect)
            self._put_alias(collection_id, alias, version_id, new.run_key)
        self._db.many(
            "INSERT INTO tags (version_id, tag) VALUES (?, ?) ON CONFLICT (version_id, tag) DO NOTHING",
            [(version_id, tag) for tag in new.tags],
        )
        if new.tags:
            self._db.execute(UNRECORD, (version_id,))

    def _add_origin(self, version_id: int, run_key: int | None, *, created: bool) -> None:
        if run_key is None:
            return
        run, version = Node.of_run(run_key).key, Node.of_version(version_id).key
        logged = one(
            self._db, "SELECT source FROM edges WHERE target = ? AND kind = ?", (version, int(EdgeKind.LOGGED))
        )
        if logged and logged[0] == run:
            return
        kind = EdgeKind.LOGGED if created else EdgeKind.REPRODUCED
        self._db.execute(
            "INSERT INTO edges (source, target, kind, at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (source, kind, target) DO NOTHING",
            (run, version, int(kind), self._now()),
        )

    # -- changing -------------------------------------------------------------------------------------------------

    def update_version(
        self,
        version_id: int,
        *,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> Version:
        """See `Catalog.update_version`."""
        with self._db.transaction(durable=True):
            self._live(version_id)
            if description is not None:
                self._db.execute("UPDATE versions SET description = ? WHERE id = ?", (description or None, version_id))
            if metadata is not None:
                self._db.execute("UPDATE versions SET metadata = ? WHERE id = ?", (to_json(metadata), version_id))
            if tags is not None:
                self._db.execute("DELETE FROM tags WHERE version_id = ?", (version_id,))
                self._db.many(
                    "INSERT INTO tags (version_id, tag) VALUES (?, ?)", [(version_id, tag) for tag in sorted(set(tags))]
                )
            self._db.execute(UNRECORD, (version_id,))
            return self.versions_by_id([version_id])[version_id]

    def delete_version(self, version_id: int, *, delete_aliases: bool = False) -> None:
        """See `Catalog.delete_version`."""
        with self._db.transaction(durable=True):
            collection_id, name, number = self._live(version_id)
            others = [alias for alias in self._aliases_of(version_id) if alias != LATEST]
            if others and not delete_aliases:
                raise messages.has_aliases(f"{name}:v{number}", others)
            if one(self._db, "SELECT pinned FROM versions WHERE id = ?", (version_id,)) != (0,):
                raise messages.is_pinned(f"{name}:v{number}")
            self._mark_deleted(collection_id, version_id)

    def _aliases_of(self, version_id: int) -> list[str]:
        return [row[0] for row in self._db.rows("SELECT alias FROM aliases WHERE version_id = ?", (version_id,))]

    def _mark_deleted(self, collection_id: int, version_id: int) -> None:
        """Mark a version deleted inside the current transaction, and take its aliases away."""
        aliases = self._aliases_of(version_id)
        self._db.execute(
            "UPDATE versions SET state = ?, recorded = 0, deleted_at = ? WHERE id = ?",
            (DELETED, self._now(), version_id),
        )
        newest = one(self._db, _NEWEST, (collection_id, COMMITTED))
        for alias in aliases:
            if alias == LATEST and newest:
                self._put_alias(collection_id, LATEST, newest[0], None)
            else:
                self._drop_alias(collection_id, alias, None)

    def _live(self, version_id: int) -> tuple[int, str, int]:
        """Return (collection id, collection name, number) of a live version."""
        row = one(
            self._db,
            "SELECT c.id, c.name, v.number FROM versions v JOIN collections c ON c.id = v.collection_id "
            "WHERE v.id = ? AND v.state = ?",
            (version_id, COMMITTED),
        )
        if row is None:
            raise messages.no_version_id(version_id)
        return row[0], row[1], row[2]

    # -- aliases --------------------------------------------------------------------------------------------------

    def move_alias(
        self, version_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """See `Catalog.move_alias`."""
        with self._db.transaction(durable=True):
            collection_id, name, _ = self._live(version_id)
            if expect is not None:
                self._check_expectation(collection_id, name, alias, expect)
            self._check_run(run_key)
            self._put_alias(collection_id, alias, version_id, run_key)
            return self.alias_moves(collection_id, alias)[-1]

    def remove_alias(
        self, collection_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        """See `Catalog.remove_alias`."""
        with self._db.transaction(durable=True):
            row = one(self._db, "SELECT name FROM collections WHERE id = ?", (collection_id,))
            if row is None:
                raise messages.no_collection_id(collection_id)
            name = row[0]
            if expect is not None:
                self._check_expectation(collection_id, name, alias, expect)
            self._check_run(run_key)
            if one(self._db, _ALIAS, (collection_id, alias)) is None:
                raise messages.no_alias(name, alias, self._aliases(collection_id), self._numbers(collection_id))
            self._drop_alias(collection_id, alias, run_key)
            return self.alias_moves(collection_id, alias)[-1]

    def alias_moves(self, collection_id: int, alias: str | None = None) -> list[AliasMove]:
        """See `Catalog.alias_moves`."""
        where, params = _where({"m.collection_id": collection_id, "m.alias": alias})
        rows = self._db.rows(
            "SELECT m.alias, v.number, m.at, r.id FROM alias_moves m "
            f"LEFT JOIN versions v ON v.id = m.version_id LEFT JOIN runs r ON r.key = m.run_key{where} ORDER BY m.id",
            params,
        )
        return [AliasMove(name, number, from_micros(at), run) for name, number, at, run in rows]

    def _check_expectation(self, collection_id: int, name: str, alias: str, expect: str) -> None:
        wanted = parse_version_number(expect)
        if expect and wanted is None:
            raise messages.bad_expectation(expect)
        row = one(
            self._db,
            "SELECT v.number FROM aliases a JOIN versions v ON v.id = a.version_id "
            "WHERE a.collection_id = ? AND a.alias = ?",
            (collection_id, alias),
        )
        found = row[0] if row else None
        if found != wanted:
            raise messages.expectation_failed(name, alias, expect, found)

    def _put_alias(self, collection_id: int, alias: str, version_id: int, run_key: int | None) -> None:
        """Point an alias at a version; a move that changes nothing leaves no trace in the history."""
        row = one(self._db, _ALIAS, (collection_id, alias))
        if row is None or row[0] != version_id:
            self._db.execute(
                "INSERT INTO aliases (collection_id, alias, version_id) VALUES (?, ?, ?) "
                "ON CONFLICT (collection_id, alias) DO UPDATE SET version_id = excluded.version_id",
                (collection_id, alias, version_id),
            )
            self._db.execute(_ADD_MOVE, (collection_id, alias, version_id, self._now(), run_key))
            # Who loses it needs no new record: where two claim an alias, the later one is believed.
            self._db.execute(UNRECORD, (version_id,))

    def _drop_alias(self, collection_id: int, alias: str, run_key: int | None) -> None:
        self._db.execute(UNRECORD_HOLDER, (collection_id, alias))
        self._db.execute("DELETE FROM aliases WHERE collection_id = ? AND alias = ?", (collection_id, alias))
        self._db.execute(_ADD_MOVE, (collection_id, alias, None, self._now(), run_key))

    # -- records beside the blobs ---------------------------------------------------------------------------------

    @converts("a version")
    def unrecorded_versions(self, limit: int) -> list[tuple[Version, str | None]]:
        """See `Catalog.unrecorded_versions`."""
        rows = self._db.rows(
            "SELECT v.id, r.id FROM versions v LEFT JOIN runs r ON r.key = v.run_key "
            "WHERE v.recorded = 0 ORDER BY v.id LIMIT ?",
            (limit,),
        )
        versions = self.versions_by_id(row[0] for row in rows)
        return [(versions[version_id], run_id) for version_id, run_id in rows]

    def mark_recorded(self, version_ids: Iterable[int]) -> None:
        """See `Catalog.mark_recorded`."""
        with self._db.transaction():
            self._db.many("UPDATE versions SET recorded = 1 WHERE id = ?", [(key,) for key in version_ids])


def _grouped(rows: Iterable[Row]) -> dict[int, tuple[str, ...]]:
    groups: dict[int, list[str]] = {}
    for key, value in rows:
        groups.setdefault(key, []).append(value)
    return {key: tuple(sorted(values)) for key, values in groups.items()}


def _where(conditions: dict[str, Any]) -> tuple[str, list[Any]]:
    """Join the conditions whose value is not ``None`` into a WHERE clause and its parameters."""
    given = {column: value for column, value in conditions.items() if value is not None}
    if not given:
        return "", []
    return " WHERE " + " AND ".join(f"{column} = ?" for column in given), list(given.values())


_COLLECTION_ID = (
    "SELECT c.id FROM collections c JOIN projects p ON p.id = c.project_id "
    "WHERE p.entity = ? AND p.name = ? AND c.name = ?"
)
_LIVE_RUN = "SELECT 1 FROM runs WHERE key = ? AND state <> ?"
_ALIAS = "SELECT version_id FROM aliases WHERE collection_id = ? AND alias = ?"
_SAME_ROOT = "SELECT id FROM versions WHERE collection_id = ? AND root = ? AND state = ? ORDER BY number DESC LIMIT 1"
_OPEN_SPANS = "SELECT digest FROM file_spans WHERE digest IN ({{keys}}) AND collection_id = {} AND until IS NULL"
_CLOSE_SPANS = "UPDATE file_spans SET until = ? WHERE collection_id = ? AND until IS NULL AND digest IN ({keys})"
_NEWEST = "SELECT id FROM versions WHERE collection_id = ? AND state = ? ORDER BY number DESC LIMIT 1"
UNRECORD = "UPDATE versions SET recorded = 0 WHERE id = ?"
UNRECORD_HOLDER = (
    "UPDATE versions SET recorded = 0 WHERE id = (SELECT version_id FROM aliases WHERE collection_id = ? AND alias = ?)"
)
_ADD_MOVE = "INSERT INTO alias_moves (collection_id, alias, version_id, at, run_key) VALUES (?, ?, ?, ?, ?)"
