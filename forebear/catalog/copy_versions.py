"""The part of the SQL catalog that takes in versions of other stores, with their times and aliases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter

from forebear.catalog import messages
from forebear.catalog.codec import VERSION_COLUMNS, VERSION_TABLES, from_micros, to_json, to_micros
from forebear.catalog.copy_runs import RunCopies
from forebear.catalog.driver import Row, insert_rows, one
from forebear.catalog.port import TipMoved
from forebear.catalog.version_table import UNRECORD, UNRECORD_HOLDER
from forebear.records.artifacts import COMMITTED, Version
from forebear.records.copies import Adopted, AdoptedVersion, AliasStep, WholeVersion
from forebear.records.lineage import EdgeKind, Node

#: Adds an edge that is not there yet.
ADD_EDGE = (
    "INSERT INTO edges (source, target, kind, at, use_as) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (source, kind, target) DO NOTHING"
)


class VersionCopies(RunCopies):
    """Versions of other stores. See `forebear.catalog.port.Catalog` for what each method promises."""

    # -- what goes ------------------------------------------------------------------------------------------------

    def whole_versions(self, collection_id: int) -> list[WholeVersion]:
        """See `Catalog.whole_versions`."""
        with self._db.reading():
            rows = self._db.rows(_WHOLE_VERSIONS, (collection_id,))
            versions = self._dressed([row[:-1] for row in rows])
        return [WholeVersion(version, row[-1]) for version, row in zip(versions, rows, strict=True)]

    def alias_steps(self, collection_id: int) -> list[AliasStep]:
        """See `Catalog.alias_steps`."""
        return [
            AliasStep(alias, version, from_micros(at), run) for alias, version, at, run in self._moves(collection_id)
        ]

    def _moves(self, collection_id: int) -> list[Row]:
        return self._db.rows(_MOVES, (collection_id,))

    # -- versions -------------------------------------------------------------------------------------------------

    def adopt_version(self, source: str, new: AdoptedVersion) -> Adopted:
        """See `Catalog.adopt_version`."""
        version = new.version
        node = Node.of_version(version.id).key
        with self._db.transaction(durable=True):
            collection_id, tip, number = self._adopted_collection(new)
            self._register(new.objects)
            known = self._became(source, [node]).get(node)
            here = known and known[0] // 2
            merged = False
            if here is None:
                here, merged = self._same_version(collection_id, version)
            created = here is None
            if here is None:
                if version.state == COMMITTED:
                    self._check_needs(new.needs, new.trusts)
                    if tip != new.tip:
                        raise TipMoved(tip)
                here = self._insert_adopted(source, collection_id, max(number, version.number), new)
            self._note_copy(source, node, here * 2, new.print, merged=merged or bool(known and known[1]))
            self._db.many(_ADD_TAG, [(here, tag) for tag in version.tags])
            if version.tags:
                self._db.execute(UNRECORD, (here,))
            moves = self._adopt_steps(source, collection_id, new.steps)
            adopted = self.versions_by_id([here])[here]
        return Adopted(adopted, created, moves)

    def _adopted_collection(self, new: AdoptedVersion) -> tuple[int, bytes | None, int]:
        wanted = new.collection
        project_id = self._project_id(wanted.entity, wanted.project)
        self._db.execute(
            "INSERT INTO collections (project_id, name, type, description, created_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (project_id, name) DO NOTHING",
            (project_id, wanted.name, wanted.type, wanted.description, to_micros(wanted.created_at)),
        )
        row = one(
            self._db,
            "SELECT id, type, tip, next_number FROM collections WHERE project_id = ? AND name = ?",
            (project_id, wanted.name),
        )
        assert row is not None
        if row[1] != wanted.type:
            raise messages.other_type(wanted.name, row[1], wanted.type)
        return row[0], None if row[2] is None else bytes(row[2]), row[3]

    def _same_version(self, collection_id: int, version: Version) -> tuple[int | None, bool]:
        """Id of the version here that is the same, and whether it came to be here by itself."""
        twin = one(self._db, _TWIN, (collection_id, version.root, to_micros(version.created_at)))
        if twin is not None:
            return twin[0], True
        if version.state != COMMITTED:
            return None, False
        live = one(self._db, _LIVE_ROOT, (collection_id, version.root, COMMITTED))
        return (None, False) if live is None else (live[0], True)

    def _insert_adopted(self, source: str, collection_id: int, number: int, new: AdoptedVersion) -> int:
        version, origin = new.version, self._run_here(source, new.origin)
        self._db.execute(
            "INSERT INTO versions (collection_id, number, root, size, file_count, state, description, metadata, "
            "created_at, run_key, added_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                collection_id,
                number,
                version.root,
                version.size,
                version.file_count,
                version.state,
                version.description,
                to_json(version.metadata),
                to_micros(version.created_at),
                origin,
                version.added_bytes,
            ),
        )
        row = one(self._db, "SELECT id FROM versions WHERE collection_id = ? AND number = ?", (collection_id, number))
        assert row is not None
        self._db.execute("UPDATE collections SET next_number = ? WHERE id = ?", (number + 1, collection_id))
        if version.state == COMMITTED:
            self._db.execute("UPDATE collections SET tip = ? WHERE id = ?", (version.root, collection_id))
            self._move_spans(collection_id, number, new)
        if origin is not None:
            edge = (Node.of_run(origin).key, row[0] * 2, int(EdgeKind.LOGGED), to_micros(version.created_at), None)
            self._db.execute(ADD_EDGE, edge)
        return int(row[0])

    # -- aliases --------------------------------------------------------------------------------------------------

    def adopt_steps(self, source: str, collection_id: int, steps: Iterable[AliasStep]) -> int:
        """See `Catalog.adopt_steps`."""
        with self._db.transaction(durable=True):
            return self._adopt_steps(source, collection_id, steps)

    def _adopt_steps(self, source: str, collection_id: int, steps: Iterable[AliasStep]) -> int:
        present = self._moves(collection_id)
        known = {row[:3] for row in present}
        fresh = [row for row in self._steps_here(source, steps) if row[:3] not in known]
        for alias in dict.fromkeys(row[0] for row in fresh):
            before = [row for row in present if row[0] == alias]
            added = [row for row in fresh if row[0] == alias]
            self._write_steps(collection_id, alias, before, added)
        return len(fresh)

    def _steps_here(self, source: str, steps: Iterable[AliasStep]) -> Iterator[Row]:
        """The steps in keys of this catalog, each once; those to versions that are not here are left out."""
        steps = list(steps)
        nodes = [node for step in steps for node in _nodes_of(step)]
        here = self._became(source, nodes)
        given: dict[Row, None] = {}
        for alias, version_id, at, run_key in steps:
            target = None if version_id is None else here.get(version_id * 2)
            if version_id is not None and target is None:
                continue
            run = None if run_key is None else here.get(run_key * 2 + 1)
            row = (
                alias,
                None if target is None else target[0] // 2,
                to_micros(at),
                None if run is None else run[0] // 2,
            )
            given.setdefault(row)
        yield from given

    def _write_steps(self, collection_id: int, alias: str, before: list[Row], added: list[Row]) -> None:
        """Add moves of one alias, and let it stand where the last one says."""
        rows = sorted([*before, *added], key=itemgetter(2))
        if rows[: len(before)] == before:
            rows = rows[len(before) :]  # all are later than what there was
        else:
            self._db.execute("DELETE FROM alias_moves WHERE collection_id = ? AND alias = ?", (collection_id, alias))
        insert_rows(self._db, _ADD_MOVES, [(collection_id, *row) for row in rows])
        self._db.execute(UNRECORD_HOLDER, (collection_id, alias))
        self._db.execute("DELETE FROM aliases WHERE collection_id = ? AND alias = ?", (collection_id, alias))
        target = rows[-1][1]
        if target is not None and one(self._db, _LIVE_VERSION, (target, COMMITTED)) is not None:
            self._db.execute(
                "INSERT INTO aliases (collection_id, alias, version_id) VALUES (?, ?, ?)",
                (collection_id, alias, target),
            )
            self._db.execute(UNRECORD_HOLDER, (collection_id, alias))


def _nodes_of(step: AliasStep) -> Iterator[int]:
    if step.version_id is not None:
        yield Node.of_version(step.version_id).key
    if step.run_key is not None:
        yield Node.of_run(step.run_key).key


_WHOLE_VERSIONS = (
    f"SELECT {VERSION_COLUMNS}, v.run_key FROM {VERSION_TABLES} WHERE v.collection_id = ? ORDER BY v.number"
)
_MOVES = "SELECT alias, version_id, at, run_key FROM alias_moves WHERE collection_id = ? ORDER BY id"
_TWIN = "SELECT id FROM versions WHERE collection_id = ? AND root = ? AND created_at = ?"
_LIVE_ROOT = "SELECT id FROM versions WHERE collection_id = ? AND root = ? AND state = ? ORDER BY number DESC LIMIT 1"
_LIVE_VERSION = "SELECT 1 FROM versions WHERE id = ? AND state = ?"
_ADD_TAG = "INSERT INTO tags (version_id, tag) VALUES (?, ?) ON CONFLICT (version_id, tag) DO NOTHING"
_ADD_MOVES = "INSERT INTO alias_moves (collection_id, alias, version_id, at, run_key)"
