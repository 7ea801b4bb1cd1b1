"""The part of the SQL catalog that takes in runs of other stores, and knows what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from forebear.catalog import messages
from forebear.catalog.checked import blob
from forebear.catalog.codec import to_document, to_json, to_micros
from forebear.catalog.driver import batches, one
from forebear.catalog.edge_table import EdgeTable
from forebear.catalog.run_values import CONFIG, ORIGIN, SUMMARY, document_leaves, origin_leaves
from forebear.records.copies import Copy
from forebear.records.lineage import Node
from forebear.records.runs import DELETED, Project, RunRecord

if TYPE_CHECKING:
    from forebear.records.history import Branch


class RunCopies(EdgeTable):
    """Runs of other stores. See `forebear.catalog.port.Catalog` for what each method promises."""

    # -- what came ------------------------------------------------------------------------------------------------

    def copies(self, source: str) -> dict[int, Copy]:
        """See `Catalog.copies`."""
        rows = self._db.rows("SELECT node, target, print FROM copies WHERE source = ?", (source,))
        return {node: Copy(target, None if mark is None else blob(mark)) for node, target, mark in rows}

    def mark_copied(self, source: str, prints: dict[int, bytes]) -> None:
        """See `Catalog.mark_copied`."""
        with self._db.transaction(durable=True):
            self._db.many(
                "UPDATE copies SET print = ? WHERE source = ? AND node = ?",
                [(mark, source, node) for node, mark in prints.items()],
            )

    def _note_copy(self, source: str, node: int, target: int, mark: bytes | None, *, merged: bool = False) -> None:
        self._db.execute(_NOTE_COPY, (source, node, target, int(merged), mark))

    def _became(self, source: str, nodes: Iterable[int]) -> dict[int, tuple[int, bool]]:
        """What nodes of the source are here, as far as they are: the node, and whether it was here by itself."""
        found: dict[int, tuple[int, bool]] = {}
        for batch in batches(sorted(set(nodes))):
            keys = ",".join("?" * len(batch))
            sql = f"SELECT node, target, merged FROM copies WHERE source = ? AND node IN ({keys})"
            found |= {node: (target, bool(merged)) for node, target, merged in self._db.rows(sql, [source, *batch])}
        return found

    def _run_here(self, source: str, run_key: int | None) -> int | None:
        """Key here of a run of the source; ``None`` where it is not here."""
        if run_key is None:
            return None
        node = Node.of_run(run_key).key
        found = self._became(source, [node]).get(node)
        return None if found is None else Node(found[0]).row_id

    # -- projects and runs ----------------------------------------------------------------------------------------

    def adopt_projects(self, projects: Iterable[Project]) -> None:
        """See `Catalog.adopt_projects`."""
        rows = [(each.entity, each.name, to_micros(each.created_at)) for each in projects]
        with self._db.transaction(durable=True):
            self._db.many(_ADOPT_PROJECT, rows)

    def adopt_run(self, source: str, run: RunRecord, branches: Iterable[Branch] = ()) -> int:
        """See `Catalog.adopt_run`."""
        node = Node.of_run(run.key).key
        with self._db.transaction():
            key = self._run_here(source, run.key)
            if key is None:
                key = self._same_run(run)
            if key is None:
                key = self._insert_run(run)
            elif not self._is_deleted(key):
                self._overwrite_run(key, run)
            self._note_copy(source, node, Node.of_run(key).key, None)
            self._adopt_branches(source, key, branches)
        return key

    def _is_deleted(self, key: int) -> bool:
        return one(self._db, "SELECT state FROM runs WHERE key = ?", (key,)) == (DELETED,)

    def _same_run(self, run: RunRecord) -> int | None:
        """Key of the run here that is the same though nobody copied it: it has its id, or had, and began with it."""
        rows = self._db.rows(_AT_ONCE, (run.entity, run.project, to_micros(run.created_at)))
        twins = [key for key, run_id, state in rows if _id_of(run_id, state) == _id_of(run.id, run.state)]
        if not twins and self.run(run.entity, run.project, run.id) is not None:
            raise messages.run_exists(run.entity, run.project, run.id)
        return twins[0] if twins else None

    def _insert_run(self, run: RunRecord) -> int:
        project_id = self._project_id(run.entity, run.project)
        values = {"project_id": project_id, "id": run.id, **_run_values(run)}
        if run.state == DELETED:
            # Its id is made of the key that it has, and that is another one here; until it is known, one nobody has.
            values["id"] = f"~{run.id}"
        columns = ", ".join(values)
        self._db.execute(f"INSERT INTO runs ({columns}) VALUES ({','.join('?' * len(values))})", list(values.values()))
        row = one(self._db, "SELECT key FROM runs WHERE project_id = ? AND id = ?", (project_id, values["id"]))
        assert row is not None
        key = int(row[0])
        if run.state == DELETED:
            self._db.execute("UPDATE runs SET id = ? WHERE key = ?", (f"{_id_of(run.id, DELETED)}~{key}", key))
        self._write_values(key, CONFIG, document_leaves(values["config"]), {})
        self._write_values(key, SUMMARY, document_leaves(values["summary"]), {})
        self._write_values(key, ORIGIN, origin_leaves(run.origin), {})
        self._write_tags(key, run.tags)
        return key

    def _overwrite_run(self, key: int, run: RunRecord) -> None:
        if run.state == DELETED:
            return  # what was deleted there is not deleted here for that
        values = _run_values(run)
        self._index_changes(
            key, {"config": run.config, "summary": run.summary, "origin": run.origin, "tags": run.tags}, values
        )
        self._db.execute(
            f"UPDATE runs SET {', '.join(f'{column} = ?' for column in values)} WHERE key = ?", [*values.values(), key]
        )

    def _adopt_branches(self, source: str, key: int, branches: Iterable[Branch]) -> None:
        for branch in branches:
            parent = self._run_here(source, branch.parent_run)
            if parent is None:
                raise messages.no_run(f"that {key} goes on from")
            self._db.execute(
                "INSERT INTO branches (run_key, number, parent_run, parent_branch, fork_step, at) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_key, number) DO NOTHING",
                (key, branch.number, parent, branch.parent_branch, branch.fork_step, to_micros(branch.at)),
            )


def _id_of(run_id: str, state: str) -> str:
    """The id that a run has, or had before it was deleted."""
    return run_id.rpartition("~")[0] if state == DELETED else run_id


def _run_values(run: RunRecord) -> dict[str, Any]:
    """All columns of a run but its key, id and project."""
    return {
        "name": run.name,
        "job_type": run.job_type,
        "run_group": run.group,
        "notes": run.notes,
        "tags": to_json(run.tags),
        "state": run.state,
        "config": to_document(run.config),
        "origin": to_json(run.origin),
        "created_at": to_micros(run.created_at),
        "ended_at": None if run.ended_at is None else to_micros(run.ended_at),
        "exit_code": run.exit_code,
        "error": run.error,
        "summary": to_document(run.summary),
        "metrics": to_document(run.metrics),
        "sweep": run.sweep,
        "branch": run.branch,
        "lost_rows": run.lost_rows,
        "stop_requested": int(run.stop_requested),
    }


_AT_ONCE = (
    "SELECT r.key, r.id, r.state FROM runs r JOIN projects p ON p.id = r.project_id "
    "WHERE p.entity = ? AND p.name = ? AND r.created_at = ? ORDER BY r.key"
)
_NOTE_COPY = (
    "INSERT INTO copies (source, node, target, merged, print) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (source, node) DO UPDATE SET print = excluded.print"
)
_ADOPT_PROJECT = (
    "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?) ON CONFLICT (entity, name) DO UPDATE SET "
    "created_at = excluded.created_at WHERE excluded.created_at < projects.created_at"
)
