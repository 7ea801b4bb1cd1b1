"""The part of the SQL catalog that takes in edges and sweeps of other stores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from forebear.catalog import messages
from forebear.catalog.codec import to_document, to_micros
from forebear.catalog.copy_versions import ADD_EDGE, VersionCopies
from forebear.catalog.driver import Row, batches, insert_rows, one
from forebear.records.lineage import Edge, EdgeKind, Node
from forebear.records.sweeps import OPEN_TRIALS, SweepRecord, Trial, TrialReport

#: Edges written in one transaction.
_EDGES_AT_ONCE = 1_000


class CopyTable(VersionCopies):
    """What comes from other stores. See `forebear.catalog.port.Catalog` for what each method promises."""

    # -- lineage --------------------------------------------------------------------------------------------------

    def adopt_edges(self, source: str, edges: Iterable[Edge]) -> int:
        """See `Catalog.adopt_edges`."""
        written = 0
        for batch in batches(edges, _EDGES_AT_ONCE):
            with self._db.transaction(durable=True):
                here = self._became(source, {node for edge in batch for node in (edge.source, edge.target)})
                # What makes the circles first, so that the uses that would close them are seen.
                for edge in sorted(batch, key=lambda edge: edge.kind != EdgeKind.LOGGED):
                    if edge.source in here and edge.target in here:
                        written += self._adopt_edge(edge, here[edge.source], here[edge.target])
        return written

    def _adopt_edge(self, edge: Edge, source: tuple[int, bool], target: tuple[int, bool]) -> int:
        start, end, kind = source[0], target[0], edge.kind
        if kind == EdgeKind.LOGGED and one(self._db, _ORIGIN, (end // 2,)) != (start // 2,):
            kind = EdgeKind.REPRODUCED
        if kind in {EdgeKind.USED, EdgeKind.FEEDBACK}:
            if one(self._db, _USE, (start, end, int(EdgeKind.USED), int(EdgeKind.FEEDBACK))) is not None:
                return 0
            if kind == EdgeKind.USED and source[1] and self._made_by(end, start):
                kind = EdgeKind.FEEDBACK
        return self._db.execute(ADD_EDGE, (start, end, int(kind), to_micros(edge.at), edge.use_as))

    # -- sweeps ---------------------------------------------------------------------------------------------------

    def adopt_sweep(
        self, source: str, sweep: SweepRecord, trials: Iterable[Trial], reports: Iterable[TrialReport]
    ) -> bool:
        """See `Catalog.adopt_sweep`."""
        trials = list(trials)
        with self._db.transaction(durable=True):
            here = self.sweep(sweep.entity, sweep.project, sweep.id)
            if here is not None:
                if here.created_at != sweep.created_at:
                    raise messages.sweep_exists(sweep.entity, sweep.project, sweep.id)
                if _progress(self._trials(here.key, None, None)) > _progress(trials):
                    return False
                for table in ("trial_reports", "trials"):
                    self._db.execute(f"DELETE FROM {table} WHERE sweep_key = ?", (here.key,))
                self._db.execute("DELETE FROM sweeps WHERE key = ?", (here.key,))
            key = self._insert_sweep(sweep)
            runs = self._became(
                source, [Node.of_run(trial.run_key).key for trial in trials if trial.run_key is not None]
            )
            insert_rows(self._db, _ADD_WHOLE_TRIAL, [_trial_values(key, trial, runs) for trial in trials])
            rows = [
                (key, number, at, None if math.isnan(value) else value)
                for number, at, value in ((r.number, r.iteration, r.value) for r in reports)
            ]
            insert_rows(self._db, _ADD_REPORTS, rows)
        return True

    def _insert_sweep(self, sweep: SweepRecord) -> int:
        project_id = self._project_id(sweep.entity, sweep.project)
        self._db.execute(
            "INSERT INTO sweeps (project_id, id, name, config, trial_limit, retry, state, next_number, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                project_id,
                sweep.id,
                sweep.name,
                to_document(sweep.config),
                sweep.limit,
                sweep.retry,
                sweep.state,
                sweep.next_number,
                to_micros(sweep.created_at),
            ),
        )
        row = one(self._db, "SELECT key FROM sweeps WHERE project_id = ? AND id = ?", (project_id, sweep.id))
        assert row is not None
        return int(row[0])


def _progress(trials: Sequence[Trial]) -> tuple[int, int]:
    return len(trials), sum(trial.state not in OPEN_TRIALS for trial in trials)


def _trial_values(key: int, trial: Trial, runs: dict[int, tuple[int, bool]]) -> Row:
    run = None if trial.run_key is None else runs.get(Node.of_run(trial.run_key).key)
    moments = (trial.started_at, trial.heartbeat_at, trial.ended_at)
    return (
        key,
        trial.number,
        to_document(trial.params),
        trial.state,
        trial.attempt,
        trial.agent,
        None if run is None else run[0] // 2,
        *(None if at is None else to_micros(at) for at in moments),
        to_document(trial.values),
        trial.error,
        trial.asked,
    )


_ORIGIN = "SELECT run_key FROM versions WHERE id = ?"
_USE = "SELECT 1 FROM edges WHERE source = ? AND target = ? AND kind IN (?, ?)"
_ADD_WHOLE_TRIAL = (
    "INSERT INTO trials (sweep_key, number, params, state, attempt, agent, run_key, started_at, heartbeat_at, "
    "ended_at, objectives, error, asked)"
)
_ADD_REPORTS = "INSERT INTO trial_reports (sweep_key, number, iteration, value)"
