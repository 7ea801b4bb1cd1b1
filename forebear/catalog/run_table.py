"""The part of the SQL catalog that holds projects and runs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from forebear.catalog import messages
from forebear.catalog.codec import RUN_COLUMNS, RUN_TABLES, from_micros, run_of, to_json, to_micros
from forebear.catalog.driver import one, rows_in
from forebear.catalog.version_table import VersionTable
from forebear.records.runs import RUNNING, NewRun, Project, RunChanges, RunRecord


class RunTable(VersionTable):
    """Projects and runs. See `forebear.catalog.port.Catalog` for what each method promises."""

    def projects(self, entity: str | None = None) -> list[Project]:
        """See `Catalog.projects`."""
        where, params = (" WHERE p.entity = ?", [entity]) if entity is not None else ("", [])
        rows = self._db.rows(
            "SELECT p.entity, p.name, p.created_at, "
            "(SELECT count(*) FROM runs r WHERE r.project_id = p.id), "
            "(SELECT count(*) FROM collections c WHERE c.project_id = p.id) "
            f"FROM projects p{where} ORDER BY p.entity, p.name",
            params,
        )
        return [Project(entity, name, from_micros(at), runs, found) for entity, name, at, runs, found in rows]

    def add_run(self, run: NewRun) -> RunRecord:
        """See `Catalog.add_run`."""
        with self._db.transaction():
            project_id = self._project_id(run.entity, run.project)
            fresh = self._db.execute(
                "INSERT INTO runs (project_id, id, name, job_type, run_group, notes, tags, state, config, origin, "
                "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project_id, id) DO NOTHING",
                (
                    project_id,
                    run.id,
                    run.name,
                    run.job_type,
                    run.group,
                    run.notes,
                    to_json(run.tags),
                    RUNNING,
                    to_json(run.config),
                    to_json(run.origin),
                    self._now(),
                ),
            )
            if not fresh:
                raise messages.run_exists(run.entity, run.project, run.id)
            record = self.run(run.entity, run.project, run.id)
            assert record is not None
            return record

    def update_run(self, key: int, changes: RunChanges) -> None:
        """See `Catalog.update_run`."""
        values = {
            field: getattr(changes, field)
            for field in changes.__struct_fields__
            if getattr(changes, field) is not msgspec.UNSET
        }
        for field in ("tags", "config"):
            if field in values:
                values[field] = to_json(values[field])
        if values.get("ended_at") is not None:
            values["ended_at"] = to_micros(values["ended_at"])
        assignments = ", ".join(f"{field} = ?" for field in values) or "key = key"
        with self._db.transaction():
            if not self._db.execute(f"UPDATE runs SET {assignments} WHERE key = ?", [*values.values(), key]):
                raise messages.no_run(f"with key {key}")

    def run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """See `Catalog.run`."""
        row = one(
            self._db,
            f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE p.entity = ? AND p.name = ? AND r.id = ?",
            (entity, project, run_id),
        )
        return run_of(row) if row else None

    def runs(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[RunRecord]:
        """See `Catalog.runs`."""
        conditions: list[str] = []
        params: list[str] = []
        for column, value in (("p.entity", entity), ("p.name", project)):
            if value is not None:
                conditions.append(f"{column} = ?")
                params.append(value)
        if states is not None:
            wanted = list(states)
            conditions.append(f"r.state IN ({','.join('?' * len(wanted))})")
            params.extend(wanted)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._db.rows(f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES}{where} ORDER BY r.key DESC", params)
        return [run_of(row) for row in rows]

    def runs_by_key(self, keys: Iterable[int]) -> dict[int, RunRecord]:
        """See `Catalog.runs_by_key`."""
        sql = f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE r.key IN ({{keys}})"
        return {row[0]: run_of(row) for row in rows_in(self._db, sql, keys)}
