"""The part of the SQL catalog that holds the lineage graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from forebear.catalog import messages
from forebear.catalog.codec import edge_of, from_micros, to_micros
from forebear.catalog.driver import one, rows_in
from forebear.catalog.sweep_table import SweepTable
from forebear.records.artifacts import COMMITTED
from forebear.records.lineage import WALKED, Direction, Edge, EdgeKind, FileUse, Node, NodeInfo, StaleUse


class EdgeTable(SweepTable):
    """Edges and what is asked of them. See `forebear.catalog.port.Catalog` for what each method promises."""

    def add_use(self, run_key: int, version_id: int, use_as: str | None = None) -> EdgeKind:
        """See `Catalog.add_use`."""
        run, version = Node.of_run(run_key).key, Node.of_version(version_id).key
        with self._db.transaction():
            present = one(
                self._db,
                "SELECT kind FROM edges WHERE source = ? AND target = ? AND kind IN (?, ?)",
                (version, run, int(EdgeKind.USED), int(EdgeKind.FEEDBACK)),
            )
            if present:
                return EdgeKind(present[0])
            self._check_nodes(run_key, version_id)
            kind = EdgeKind.FEEDBACK if self._made_by(run, version) else EdgeKind.USED
            self._db.execute(
                "INSERT INTO edges (source, target, kind, at, use_as) VALUES (?, ?, ?, ?, ?)",
                (version, run, int(kind), self._now(), use_as),
            )
        return kind

    def _check_nodes(self, run_key: int, version_id: int) -> None:
        self._check_run(run_key)
        if one(self._db, "SELECT 1 FROM versions WHERE id = ?", (version_id,)) is None:
            raise messages.no_version_id(version_id)

    def _made_by(self, run: int, version: int) -> bool:
        """Whether ``version`` is downstream of ``run``; only a run that has logged something can be above anything."""
        row = one(
            self._db,
            f"{_WALK_DOWN.format(kinds=_kinds(WALKED))} SELECT 1 FROM walk WHERE node = ? LIMIT 1",
            (run, version),
        )
        return row is not None

    def edges(self, nodes: Iterable[int], direction: Direction, kinds: Iterable[EdgeKind]) -> Iterator[Edge]:
        """See `Catalog.edges`."""
        near = "source" if direction is Direction.DOWNSTREAM else "target"
        sql = (
            "SELECT source, target, kind, at, use_as FROM edges "
            f"WHERE {near} IN ({{keys}}) AND kind IN ({_kinds(kinds)})"
        )
        return (edge_of(row) for row in rows_in(self._db, sql, dict.fromkeys(nodes)))

    def walk(
        self,
        start: int,
        direction: Direction,
        *,
        depth: int | None = None,
        kinds: Iterable[EdgeKind] = WALKED,
    ) -> dict[int, int]:
        """See `Catalog.walk`."""
        near, far = ("source", "target") if direction is Direction.DOWNSTREAM else ("target", "source")
        step = f"SELECT {far} FROM edges WHERE {near} IN ({{keys}}) AND kind IN ({_kinds(kinds)})"
        reached = {start: 0}
        level = [start]
        distance = 0
        while level and (depth is None or distance < depth):
            distance += 1
            # Breadth first, one statement for each two thousand nodes of a level; a recursive statement would be
            # a third faster but knows no shortest distance without visiting nodes again.
            found = {row[0] for row in rows_in(self._db, step, level)}
            level = [node for node in found if node not in reached]
            reached.update(dict.fromkeys(level, distance))
        del reached[start]
        return reached

    def all_edges(self, kinds: Iterable[EdgeKind], before: datetime | None = None) -> Iterator[Edge]:
        """See `Catalog.all_edges`."""
        until = "" if before is None else f" AND at < {to_micros(before)}"
        rows = self._db.stream(
            f"SELECT source, target, kind, at, use_as FROM edges WHERE kind IN ({_kinds(kinds)}){until} "
            "ORDER BY source, target"
        )
        return (edge_of(row) for row in rows)

    def describe(self, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """See `Catalog.describe`."""
        with self._db.reading():
            return self._describe(list(nodes))

    def _describe(self, keys: list[int]) -> dict[int, NodeInfo]:
        infos: dict[int, NodeInfo] = {}
        version_ids = [key >> 1 for key in keys if not key & 1]
        aliases: dict[int, list[str]] = {}
        for version_id, alias in rows_in(self._db, _ALIASES_OF, version_ids):
            aliases.setdefault(version_id, []).append(alias)
        for version_id, entity, project, name, number, type_, state, at in rows_in(
            self._db, _VERSION_NODES, version_ids
        ):
            infos[version_id * 2] = NodeInfo(
                key=version_id * 2,
                kind="artifact",
                id=f"{entity}/{project}/{name}:v{number}",
                label=f"{name}:v{number}",
                type=type_,
                state=state,
                created_at=from_micros(at),
                aliases=tuple(sorted(aliases.get(version_id, ()))),
            )
        run_keys = [key >> 1 for key in keys if key & 1]
        for run_key, entity, project, id_, name, job_type, state, at, sweep in rows_in(self._db, _RUN_NODES, run_keys):
            infos[run_key * 2 + 1] = NodeInfo(
                key=run_key * 2 + 1,
                kind="run",
                id=f"{entity}/{project}/{id_}",
                label=name,
                type=job_type,
                state=state,
                created_at=from_micros(at),
                sweep=sweep,
            )
        return infos

    def stale_uses(self, collection_id: int | None = None) -> list[StaleUse]:
        """See `Catalog.stale_uses`."""
        only = "" if collection_id is None else "AND v.collection_id = ?"
        params = () if collection_id is None else (collection_id,)
        rows = self._db.rows(_STALE.format(used=int(EdgeKind.USED), live=COMMITTED, only=only), params)
        return [StaleUse(run=run, used=version_id * 2, newest=newest * 2) for run, version_id, newest in rows]

    def file_uses(self, digest: bytes) -> list[FileUse]:
        """See `Catalog.file_uses`."""
        spans = self._db.rows(_SPANS, (digest,))
        uses = []
        for collection_id, entity, project, name, first, until in spans:
            upper = "" if until is None else f" AND number < {int(until)}"
            rows = self._db.rows(
                f"SELECT id FROM versions WHERE collection_id = ? AND number >= ?{upper} AND state = ? ORDER BY number",
                (collection_id, first, COMMITTED),
            )
            versions = tuple(row[0] * 2 for row in rows)
            uses.append(FileUse(f"{entity}/{project}/{name}", first, until, versions))
        return uses


def _kinds(kinds: Iterable[EdgeKind]) -> str:
    return ",".join(str(int(kind)) for kind in kinds)


_WALK_DOWN = (
    "WITH RECURSIVE walk (node) AS (SELECT ? UNION SELECT e.target FROM walk w "
    "JOIN edges e ON e.source = w.node WHERE e.kind IN ({kinds}))"
)
_ALIASES_OF = "SELECT version_id, alias FROM aliases WHERE version_id IN ({keys})"
_VERSION_NODES = (
    "SELECT v.id, p.entity, p.name, c.name, v.number, c.type, v.state, v.created_at FROM versions v "
    "JOIN collections c ON c.id = v.collection_id JOIN projects p ON p.id = c.project_id WHERE v.id IN ({keys})"
)
_RUN_NODES = (
    "SELECT r.key, p.entity, p.name, r.id, r.name, r.job_type, r.state, r.created_at, r.sweep FROM runs r "
    "JOIN projects p ON p.id = r.project_id WHERE r.key IN ({keys})"
)
_STALE = (
    "SELECT e.target, v.id, n.id FROM edges e JOIN versions v ON e.source = v.id * 2 "
    "JOIN versions n ON n.collection_id = v.collection_id AND n.number = (SELECT max(m.number) FROM versions m "
    "WHERE m.collection_id = v.collection_id AND m.state = '{live}') "
    "WHERE e.kind = {used} AND n.id <> v.id AND n.number > v.number {only} ORDER BY e.target, v.id"
)
_SPANS = (
    "SELECT s.collection_id, p.entity, p.name, c.name, s.first, s.until FROM file_spans s "
    "JOIN collections c ON c.id = s.collection_id JOIN projects p ON p.id = c.project_id "
    "WHERE s.digest = ? ORDER BY p.entity, p.name, c.name, s.first"
)
