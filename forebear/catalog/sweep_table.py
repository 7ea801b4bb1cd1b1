"""The part of the SQL catalog that holds sweeps and their trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from forebear.catalog import messages
from forebear.catalog.codec import from_document, from_micros, to_document
from forebear.catalog.driver import Row, batches, insert_rows, one, rows_in
from forebear.catalog.history_table import HistoryTable
from forebear.records.sweeps import (
    CANCELLED,
    CRASHED,
    CRASHES_FORGIVEN,
    FAILED,
    FINISHED,
    OPEN_SWEEPS,
    OPEN_TRIALS,
    PENDING,
    PRUNE,
    PRUNED,
    RUNNING,
    STOP,
    TRIAL_RUNNING,
    TRIAL_STOPPED,
    WAITING,
    NewSweep,
    NewTrial,
    Offer,
    Standing,
    SweepChanges,
    SweepRecord,
    Taken,
    Trial,
    TrialEnding,
    TrialReport,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_SWEEP_COLUMNS = (
    "s.key, p.entity, p.name, s.id, s.name, s.config, s.trial_limit, s.retry, s.state, s.next_number, s.created_at"
)
_SWEEP_TABLES = "sweeps s JOIN projects p ON p.id = s.project_id"
_TRIAL_COLUMNS = (
    "t.sweep_key, t.number, t.params, t.state, t.attempt, t.agent, t.run_key, t.started_at, t.heartbeat_at, "
    "t.ended_at, t.objectives, t.error, t.asked"
)
#: A sweep with what an agent must know of its trials: the oldest sign of life, and the first trial that waits. The
#: states are part of the text, so that the indexes of those trials alone are found.
_TO_TAKE = (
    f"SELECT {_SWEEP_COLUMNS}, "
    f"(SELECT min(t.heartbeat_at) FROM trials t WHERE t.sweep_key = s.key AND t.state = '{TRIAL_RUNNING}'), "
    f"(SELECT min(t.number) FROM trials t WHERE t.sweep_key = s.key AND t.state = '{WAITING}') "
    f"FROM {_SWEEP_TABLES} WHERE s.key = ?"
)
_FINISH = (
    f"UPDATE sweeps SET state = '{FINISHED}' WHERE key = ? AND state = '{RUNNING}' AND trial_limit <= next_number "
    f"AND NOT EXISTS (SELECT 1 FROM trials t WHERE t.sweep_key = sweeps.key AND t.state = '{WAITING}') "
    f"AND NOT EXISTS (SELECT 1 FROM trials t WHERE t.sweep_key = sweeps.key AND t.state = '{TRIAL_RUNNING}')"
)
_HELD = f"sweep_key = ? AND number = ? AND attempt = ? AND state = '{TRIAL_RUNNING}'"
_ADD_TRIAL = "INSERT INTO trials (sweep_key, number, params, state, run_key, ended_at, objectives)"
_ADD_REPORT = "INSERT INTO trial_reports (sweep_key, number, iteration, value)"
_LATER_REPORT = "ON CONFLICT (sweep_key, number, iteration) DO UPDATE SET value = excluded.value"


class SweepTable(HistoryTable):
    """Sweeps and trials. See `forebear.catalog.port.Catalog` for what each method promises."""

    def _lasting(self) -> AbstractContextManager[None]:
        """Begin a transaction after which nobody is given again what somebody was given, whatever crashes."""
        return self._db.transaction(durable=self._db.outlived)

    # -- sweeps ---------------------------------------------------------------------------------------------------

    def add_sweep(self, new: NewSweep, trials: Iterable[NewTrial] = ()) -> SweepRecord:
        """See `Catalog.add_sweep`."""
        with self._lasting():
            fresh = self._db.execute(
                "INSERT INTO sweeps (project_id, id, name, config, trial_limit, retry, state, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project_id, id) DO NOTHING",
                (
                    self._project_id(new.entity, new.project),
                    new.id,
                    new.name,
                    to_document(new.config),
                    new.limit,
                    new.retry,
                    PENDING,
                    self._sweep_time(),
                ),
            )
            if not fresh:
                raise messages.sweep_exists(new.entity, new.project, new.id)
            record = self.sweep(new.entity, new.project, new.id)
            assert record is not None
            self._insert_trials(record, trials)
            return self._sweep(record.key)

    def _sweep_time(self) -> int:
        """The time by which agents are alive or silent: one clock for all that use the catalog."""
        return self._now()

    def sweep(self, entity: str, project: str, sweep_id: str) -> SweepRecord | None:
        """See `Catalog.sweep`."""
        found = self._sweeps("p.entity = ? AND p.name = ? AND s.id = ?", (entity, project, sweep_id))
        return found[0] if found else None

    def sweeps(
        self, entity: str | None = None, project: str | None = None, states: Iterable[str] | None = None
    ) -> list[SweepRecord]:
        """See `Catalog.sweeps`."""
        conditions: list[str] = ["1 = 1"]
        params: list[Any] = []
        for column, value in (("p.entity", entity), ("p.name", project)):
            if value is not None:
                conditions.append(f"{column} = ?")
                params.append(value)
        if states is not None:
            wanted = list(states)
            conditions.append(f"s.state IN ({','.join('?' * len(wanted))})")
            params.extend(wanted)
        return self._sweeps(" AND ".join(conditions), params)

    def _sweeps(self, where: str, params: Sequence[Any]) -> list[SweepRecord]:
        sql = f"SELECT {_SWEEP_COLUMNS} FROM {_SWEEP_TABLES} WHERE {where} ORDER BY s.key DESC"
        return [_sweep_of(row) for row in self._db.rows(sql, params)]

    def _sweep(self, key: int) -> SweepRecord:
        found = self._sweeps("s.key = ?", (key,))
        if not found:
            raise messages.no_sweep(f"with key {key}")
        return found[0]

    def update_sweep(self, key: int, changes: SweepChanges, *, expect: Iterable[str] | None = None) -> SweepRecord:
        """See `Catalog.update_sweep`."""
        with self._lasting():
            record = self._sweep(key)
            expected = None if expect is None else tuple(expect)
            if expected is not None and record.state not in expected:
                raise messages.sweep_state(record.qualified_name, record.state, expected)
            given = {field: getattr(changes, field) for field in changes.__struct_fields__}
            values = {
                _COLUMN_OF.get(field, field): _ENCODE.get(field, _as_it_is)(value)
                for field, value in given.items()
                if value is not msgspec.UNSET
            }
            if values:
                assignments = ", ".join(f"{column} = ?" for column in values)
                self._db.execute(f"UPDATE sweeps SET {assignments} WHERE key = ?", [*values.values(), key])
            if changes.state == CANCELLED:
                self._ask(key, STOP, None)
            return self._sweep(key)

    def delete_sweep(self, key: int) -> None:
        """See `Catalog.delete_sweep`."""
        with self._lasting():
            self._sweep(key)
            for table in ("trial_reports", "trials"):
                self._db.execute(f"DELETE FROM {table} WHERE sweep_key = ?", (key,))
            self._db.execute("DELETE FROM sweeps WHERE key = ?", (key,))

    # -- new trials -----------------------------------------------------------------------------------------------

    def add_trials(self, key: int, trials: Iterable[NewTrial]) -> list[Trial]:
        """See `Catalog.add_trials`."""
        with self._lasting():
            numbers = self._insert_trials(self._sweep(key), trials)
            added = self._trials(key, None, numbers)
        by_number = {trial.number: trial for trial in added}
        return [by_number[number] for number in numbers]

    def _insert_trials(self, record: SweepRecord, trials: Iterable[NewTrial]) -> list[int]:
        """Add trials inside the current transaction, and return their numbers."""
        row = one(self._db, "SELECT min(number) FROM trials WHERE sweep_key = ?", (record.key,))
        assert row is not None
        lowest, following = min(row[0] or 0, 0), record.next_number
        rows = []
        for trial in trials:
            if trial.number is None:
                lowest -= 1
            elif trial.number != following or (record.limit is not None and following >= record.limit):
                raise messages.other_number(record.qualified_name, trial.number, following, record.limit)
            else:
                following += 1
            ended = None if trial.state in OPEN_TRIALS else self._sweep_time()
            number = lowest if trial.number is None else trial.number
            rows.append(
                (record.key, number, to_document(trial.params), trial.state, trial.run_key, ended,
                 to_document(trial.values))
            )  # fmt: skip
        if rows:
            insert_rows(self._db, _ADD_TRIAL, rows)
            state = RUNNING if record.state == FINISHED else record.state
            self._db.execute(
                "UPDATE sweeps SET next_number = ?, state = ? WHERE key = ?", (following, state, record.key)
            )
        return [row[1] for row in rows]

    def take_trial(
        self, key: int, agent: str, offer: Offer, *, silent_seconds: float, gone: Iterable[str] = ()
    ) -> Taken:
        """See `Catalog.take_trial`."""
        lost = list(gone)
        with self._lasting():
            now = self._sweep_time()
            sweep, heard, waiting = self._to_take(key)
            silent = now - int(silent_seconds * 1e6)
            if lost or (heard is not None and heard < silent):
                self._take_back(sweep, silent, lost)
                sweep, heard, waiting = self._to_take(key)
            number = None
            if sweep.state in OPEN_SWEEPS:
                number = self._offered(sweep, offer) if waiting is None else waiting
                if number is None and sweep.exhausted:
                    self._db.execute(_FINISH, (key,))
                    sweep = self._sweep(key)
            trial = None
            if number is not None:
                trial = self._hand_out(sweep, number, agent, now, again=waiting is not None)
                following = sweep.next_number + (waiting is None)
                if waiting is None or sweep.state != RUNNING:
                    self._db.execute(
                        f"UPDATE sweeps SET next_number = ?, state = '{RUNNING}' WHERE key = ?", (following, key)
                    )
                sweep = replace(sweep, next_number=following, state=RUNNING)
        return Taken(trial, sweep, None if heard is None else from_micros(heard), from_micros(now))

    def _to_take(self, key: int) -> tuple[SweepRecord, int | None, int | None]:
        row = one(self._db, _TO_TAKE, (key,))
        if row is None:
            raise messages.no_sweep(f"with key {key}")
        return _sweep_of(row[:-2]), row[-2], row[-1]

    def _offered(self, sweep: SweepRecord, offer: Offer) -> int | None:
        """Insert the next new trial, if there is one, and return its number."""
        params = None if sweep.exhausted else offer(sweep.next_number)
        if params is None:
            return None
        insert_rows(
            self._db,
            _ADD_TRIAL,
            [(sweep.key, sweep.next_number, to_document(params), WAITING, None, None, "{}")],
        )
        return sweep.next_number

    def _hand_out(self, sweep: SweepRecord, number: int, agent: str, now: int, *, again: bool) -> Trial:
        if again:
            self._db.execute("DELETE FROM trial_reports WHERE sweep_key = ? AND number = ?", (sweep.key, number))
        self._db.execute(
            f"UPDATE trials SET state = '{TRIAL_RUNNING}', attempt = attempt + 1, agent = ?, run_key = NULL, "
            "started_at = ?, heartbeat_at = ?, ended_at = NULL, error = NULL, asked = NULL "
            "WHERE sweep_key = ? AND number = ?",
            (agent, now, now, sweep.key, number),
        )
        return self._trials(sweep.key, None, [number])[0]

    def _take_back(self, sweep: SweepRecord, silent: int, gone: list[str]) -> None:
        """End what agents hold that were silent for longer than since ``silent``, or that are gone."""
        held = f"SELECT {_TRIAL_COLUMNS}, t.earlier FROM trials t WHERE t.sweep_key = ? AND t.state = '{TRIAL_RUNNING}'"
        rows = self._db.rows(f"{held} AND t.heartbeat_at < ?", (sweep.key, silent))
        if gone:
            rows += self._db.rows(f"{held} AND t.agent IN ({','.join('?' * len(gone))})", [sweep.key, *gone])
        for row in {row[1]: row for row in rows}.values():
            trial = _trial_of(row[:-1])
            error = f"its agent {trial.agent} is gone"
            self._end(trial, row[-1], sweep.retry, TrialEnding(CRASHED, error=error))

    # -- trials that are held -------------------------------------------------------------------------------------

    def begin_trial(self, key: int, number: int, attempt: int, run_key: int) -> Standing:
        """See `Catalog.begin_trial`."""
        with self._lasting():
            self._db.execute(f"UPDATE trials SET run_key = ? WHERE {_HELD}", (run_key, key, number, attempt))
            return self._standing(key, number, attempt)

    def report_trial(self, key: int, number: int, attempt: int, reports: Iterable[tuple[int, float]] = ()) -> Standing:
        """See `Catalog.report_trial`."""
        # Of an iteration that comes twice in one statement PostgreSQL would not know which to take.
        rows = {at: (key, number, at, None if math.isnan(value) else value) for at, value in reports}
        with self._db.transaction():
            standing = self._standing(key, number, attempt)
            if standing.held:
                self._db.execute(
                    "UPDATE trials SET heartbeat_at = ? WHERE sweep_key = ? AND number = ?",
                    (self._sweep_time(), key, number),
                )
                insert_rows(self._db, _ADD_REPORT, list(rows.values()), _LATER_REPORT)
            return standing

    def _standing(self, key: int, number: int, attempt: int) -> Standing:
        row = one(self._db, f"SELECT asked FROM trials WHERE {_HELD}", (key, number, attempt))
        return Standing(held=False) if row is None else Standing(True, row[0])

    def end_trial(self, key: int, number: int, attempt: int, ending: TrialEnding) -> Trial | None:
        """See `Catalog.end_trial`."""
        with self._lasting():
            row = one(
                self._db,
                f"SELECT {_TRIAL_COLUMNS}, t.earlier, s.retry FROM trials t JOIN sweeps s ON s.key = t.sweep_key "
                f"WHERE t.sweep_key = ? AND t.number = ? AND t.attempt = ? AND t.state = '{TRIAL_RUNNING}'",
                (key, number, attempt),
            )
            if row is None:
                return None
            ended = self._end(_trial_of(row[:-2]), row[-2], row[-1], ending)
            if ended.state != WAITING:
                self._db.execute(_FINISH, (key,))
            return ended

    def _end(self, trial: Trial, earlier: int, retry: int, ending: TrialEnding) -> Trial:
        """Write the end of a trial that is held."""
        now = self._sweep_time()
        values = to_document(ending.values)
        ended = replace(
            trial,
            state=state_after(trial, earlier, retry, ending),
            values=from_document(values),
            error=ending.error,
            ended_at=from_micros(now),
        )
        self._db.execute(
            "UPDATE trials SET state = ?, objectives = ?, error = ?, ended_at = ? WHERE sweep_key = ? AND number = ?",
            (ended.state, values, ended.error, now, trial.sweep_key, trial.number),
        )
        return ended

    def ask_trials(self, key: int, asked: str, numbers: Iterable[int] | None = None) -> int:
        """See `Catalog.ask_trials`."""
        wanted = None if numbers is None else set(numbers)
        with self._lasting():
            return self._ask(key, asked, wanted)

    def _ask(self, key: int, asked: str, numbers: Iterable[int] | None) -> int:
        return self._change_trials(
            f"UPDATE trials SET asked = ? WHERE sweep_key = ? AND state = '{TRIAL_RUNNING}' AND asked IS NULL",
            [asked, key],
            numbers,
        )

    def rerun_trials(self, key: int, states: Iterable[str], numbers: Iterable[int] | None = None) -> int:
        """See `Catalog.rerun_trials`."""
        wanted = [state for state in dict.fromkeys(states) if state not in OPEN_TRIALS]
        with self._lasting():
            self._sweep(key)
            changed = self._change_trials(
                f"UPDATE trials SET state = '{WAITING}', earlier = attempt, ended_at = NULL, objectives = '{{}}', "
                f"error = NULL, asked = NULL WHERE sweep_key = ? AND state IN ({','.join('?' * len(wanted))})",
                [key, *wanted],
                None if numbers is None else set(numbers),
            )
            if changed:
                self._db.execute(
                    f"UPDATE sweeps SET state = '{RUNNING}' WHERE key = ? AND state = '{FINISHED}'", (key,)
                )
            return changed

    def _change_trials(self, sql: str, params: list[Any], numbers: Iterable[int] | None) -> int:
        """Run an update on all trials that it holds for, or on those of some numbers."""
        if numbers is None:
            return self._db.execute(sql, params)
        return sum(self._db.execute(f"{sql} AND number = ?", [*params, number]) for number in numbers)

    # -- reading --------------------------------------------------------------------------------------------------

    def trials(
        self, key: int, *, states: Iterable[str] | None = None, numbers: Iterable[int] | None = None
    ) -> list[Trial]:
        """See `Catalog.trials`."""
        with self._db.reading():
            return self._trials(key, states, numbers)

    def _trials(self, key: int, states: Iterable[str] | None, numbers: Iterable[int] | None) -> list[Trial]:
        where, params = "t.sweep_key = ?", list[Any]((key,))
        if states is not None:
            wanted = list(dict.fromkeys(states))
            where, params = f"{where} AND t.state IN ({','.join('?' * len(wanted))})", [*params, *wanted]
        sql = f"SELECT {_TRIAL_COLUMNS} FROM trials t WHERE {where}"
        if numbers is None:
            return [_trial_of(row) for row in self._db.rows(f"{sql} ORDER BY t.number", params)]
        found: list[Row] = []
        for batch in batches(dict.fromkeys(numbers)):
            found += self._db.rows(f"{sql} AND t.number IN ({','.join('?' * len(batch))})", [*params, *batch])
        return [_trial_of(row) for row in sorted(found, key=itemgetter(1))]

    def trial_counts(self, keys: Iterable[int]) -> dict[int, dict[str, int]]:
        """See `Catalog.trial_counts`."""
        wanted = dict.fromkeys(keys)
        counts: dict[int, dict[str, int]] = {}
        sql = "SELECT sweep_key, state, count(*) FROM trials WHERE sweep_key IN ({keys}) GROUP BY sweep_key, state"
        with self._db.reading():
            known = [row[0] for row in rows_in(self._db, "SELECT key FROM sweeps WHERE key IN ({keys})", wanted)]
            for key, state, count in rows_in(self._db, sql, known):
                counts.setdefault(key, {})[state] = count
        return {key: counts.get(key, {}) for key in known}

    def trial_reports(
        self, key: int, *, numbers: Iterable[int] | None = None, iterations: Iterable[int] | None = None
    ) -> list[TrialReport]:
        """See `Catalog.trial_reports`."""
        conditions = ["sweep_key = ?"]
        params: list[Any] = [key]
        for column, wanted in (("number", numbers), ("iteration", iterations)):
            if wanted is not None:
                chosen = list(dict.fromkeys(wanted))
                conditions.append(f"{column} IN ({','.join('?' * len(chosen))})")
                params.extend(chosen)
        where = " AND ".join(conditions)
        rows = self._db.rows(
            f"SELECT number, iteration, value FROM trial_reports WHERE {where} ORDER BY number, iteration", params
        )
        return [TrialReport(number, at, math.nan if value is None else value) for number, at, value in rows]


_COLUMN_OF = {"limit": "trial_limit"}
_ENCODE: dict[str, Callable[[Any], Any]] = {"config": to_document}


def _as_it_is(value: Any) -> Any:
    return value


def state_after(trial: Trial, earlier: int, retry: int, ending: TrialEnding) -> str:
    """State of a trial that ended: as is said, or waiting for another attempt.

    Args:
        earlier: Attempts that were made before somebody asked for it to be tried again.
    """
    if ending.state not in {FAILED, CRASHED}:
        return ending.state
    if trial.asked is not None:
        return PRUNED if trial.asked == PRUNE else TRIAL_STOPPED
    allowed = 1 + retry + (CRASHES_FORGIVEN if ending.state == CRASHED else 0)
    return WAITING if trial.attempt - earlier < allowed else ending.state


def _sweep_of(row: Row) -> SweepRecord:
    key, entity, project, id_, name, config, limit, retry, state, next_number, created = row
    return SweepRecord(
        key=key,
        entity=entity,
        project=project,
        id=id_,
        name=name,
        config=from_document(config),
        limit=limit,
        retry=retry,
        state=state,
        next_number=next_number,
        created_at=from_micros(created),
    )


def _trial_of(row: Row) -> Trial:
    key, number, params, state, attempt, agent, run_key, started, heard, ended, values, error, asked = row
    return Trial(
        sweep_key=key,
        number=number,
        params=from_document(params),
        state=state,
        attempt=attempt,
        agent=agent,
        run_key=run_key,
        started_at=_moment(started),
        heartbeat_at=_moment(heard),
        ended_at=_moment(ended),
        values=from_document(values),
        error=error,
        asked=asked,
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
