"""The part of the SQL catalog that holds projects and runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from forebear.catalog import messages
from forebear.catalog.codec import (
    RUN_COLUMNS,
    RUN_TABLES,
    from_micros,
    origin_of,
    run_of,
    to_document,
    to_json,
    to_micros,
)
from forebear.catalog.driver import one, rows_in
from forebear.catalog.run_values import (
    CONFIG,
    DOCUMENTS,
    ORIGIN,
    SUMMARY,
    RunValues,
    changed_leaves,
    document_leaves,
    origin_leaves,
)
from forebear.records.runs import DELETED, RUNNING, NewRun, Project, RunChanges, RunRecord


class RunTable(RunValues):
    """Projects and runs. See `forebear.catalog.port.Catalog` for what each method promises."""

    def projects(self, entity: str | None = None) -> list[Project]:
        """See `Catalog.projects`."""
        where, params = (" WHERE p.entity = ?", [entity]) if entity is not None else ("", [])
        rows = self._db.rows(
            "SELECT p.entity, p.name, p.created_at, "
            f"(SELECT count(*) FROM runs r WHERE r.project_id = p.id AND r.state <> '{DELETED}'), "
            "(SELECT count(*) FROM collections c WHERE c.project_id = p.id) "
            f"FROM projects p{where} ORDER BY p.entity, p.name",
            params,
        )
        return [Project(entity, name, from_micros(at), runs, found) for entity, name, at, runs, found in rows]

    def add_run(self, run: NewRun) -> RunRecord:
        """See `Catalog.add_run`."""
        config = to_document(run.config)
        with self._db.transaction(durable=self._db.outlived):
            project_id = self._project_id(run.entity, run.project)
            fresh = self._db.execute(
                "INSERT INTO runs (project_id, id, name, job_type, run_group, notes, tags, state, config, origin, "
                "created_at, sweep) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (project_id, id) DO NOTHING",
                (
                    project_id,
                    run.id,
                    run.name,
                    run.job_type,
                    run.group,
                    run.notes,
                    to_json(run.tags),
                    RUNNING,
                    config,
                    to_json(run.origin),
                    self._now(),
                    run.sweep,
                ),
            )
            if not fresh:
                raise messages.run_exists(run.entity, run.project, run.id)
            record = self.run(run.entity, run.project, run.id)
            assert record is not None
            self._write_values(record.key, CONFIG, document_leaves(config), {})
            self._write_values(record.key, ORIGIN, origin_leaves(run.origin), {})
            self._write_tags(record.key, run.tags)
            return record

    def update_run(self, key: int, changes: RunChanges) -> None:
        """See `Catalog.update_run`."""
        with self._db.transaction(durable=self._db.outlived and changes.state is not msgspec.UNSET):
            self._check_run(key)
            self._change_run(key, changes)

    def _change_run(self, key: int, changes: RunChanges) -> None:
        """Change a run that is there, inside the current transaction."""
        given = {
            field: getattr(changes, field)
            for field in changes.__struct_fields__
            if getattr(changes, field) is not msgspec.UNSET
        }
        values = {_COLUMN_OF.get(field, field): _ENCODE.get(field, _as_it_is)(value) for field, value in given.items()}
        self._index_changes(key, given, values)
        if values:
            assignments = ", ".join(f"{column} = ?" for column in values)
            self._db.execute(f"UPDATE runs SET {assignments} WHERE key = ?", [*values.values(), key])

    def _index_changes(self, key: int, given: dict[str, Any], values: dict[str, Any]) -> None:
        """Bring the index of values to ``values``, before the row itself is changed."""
        for side in (CONFIG, SUMMARY):
            if DOCUMENTS[side] in given:
                self._index_document(key, side, values[DOCUMENTS[side]])
        if "origin" in given:
            row = one(self._db, "SELECT origin FROM runs WHERE key = ?", (key,))
            assert row is not None
            self._write_values(key, ORIGIN, origin_leaves(given["origin"]), origin_leaves(origin_of(row[0])))
        if "tags" in given:
            self._write_tags(key, given["tags"])

    def _index_document(self, key: int, side: int, document: str) -> None:
        """Bring the index to ``document``, which is about to take the place of the one in the run's row."""
        row = one(self._db, f"SELECT {DOCUMENTS[side]} FROM runs WHERE key = ?", (key,))
        assert row is not None
        if row[0] != document:
            self._write_values(key, side, *changed_leaves(document, row[0]))

    def run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """See `Catalog.run`."""
        row = one(
            self._db,
            f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE p.entity = ? AND p.name = ? AND r.id = ? AND r.state <> ?",
            (entity, project, run_id, DELETED),
        )
        return run_of(row) if row else None

    def runs(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[RunRecord]:
        """See `Catalog.runs`."""
        conditions = ["r.state <> ?"]
        params = [DELETED]
        for column, value in (("p.entity", entity), ("p.name", project)):
            if value is not None:
                conditions.append(f"{column} = ?")
                params.append(value)
        if states is not None:
            wanted = list(states)
            conditions.append(f"r.state IN ({','.join('?' * len(wanted))})")
            params.extend(wanted)
        where = " AND ".join(conditions)
        rows = self._db.rows(f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE {where} ORDER BY r.key DESC", params)
        return [run_of(row) for row in rows]

    def runs_by_key(self, keys: Iterable[int]) -> dict[int, RunRecord]:
        """See `Catalog.runs_by_key`."""
        sql = f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE r.key IN ({{keys}})"
        return {row[0]: run_of(row) for row in rows_in(self._db, sql, keys)}


def _micros_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _as_it_is(value: Any) -> Any:
    return value


#: Fields of `RunChanges` whose column has another name, and how the others are written.
_COLUMN_OF = {"group": "run_group"}
_ENCODE: dict[str, Callable[[Any], Any]] = {
    "tags": to_json,
    "config": to_document,
    "summary": to_document,
    "metrics": to_document,
    "origin": to_json,
    "ended_at": _micros_or_none,
    "stop_requested": int,
}
