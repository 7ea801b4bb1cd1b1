"""Sweeps and trials of the catalog's reference model: plain dicts, every answer worked out afresh."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from forebear.catalog import messages
from forebear.catalog.codec import from_document, to_document
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


class MemorySweeps:
    """The methods of `forebear.catalog.port.Catalog` about sweeps; whoever has it lets one thread in at a time."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Hold nothing yet."""
        self._clock = clock
        self._made = 0
        self.sweeps: dict[int, SweepRecord] = {}
        self.trials: dict[tuple[int, int], Trial] = {}
        #: Attempts made before a trial was last asked to be tried again.
        self._earlier: dict[tuple[int, int], int] = {}
        self.reports: dict[tuple[int, int, int], float] = {}

    def add(self, new: NewSweep, trials: Iterable[NewTrial]) -> SweepRecord:
        """See `Catalog.add_sweep`."""
        if self.named(new.entity, new.project, new.id) is not None:
            raise messages.sweep_exists(new.entity, new.project, new.id)
        self._made += 1
        record = SweepRecord(
            key=self._made,
            entity=new.entity,
            project=new.project,
            id=new.id,
            name=new.name,
            config=from_document(to_document(new.config)),
            limit=new.limit,
            retry=new.retry,
            state=PENDING,
            next_number=0,
            created_at=self._clock(),
        )
        self.sweeps[record.key] = record
        try:
            self.add_trials(record.key, trials)
        except BaseException:
            del self.sweeps[record.key]
            raise
        return self.sweeps[record.key]

    def named(self, entity: str, project: str, sweep_id: str) -> SweepRecord | None:
        """See `Catalog.sweep`."""
        wanted = (entity, project, sweep_id)
        return next((s for s in self.sweeps.values() if (s.entity, s.project, s.id) == wanted), None)

    def sweep(self, key: int) -> SweepRecord:
        """The sweep of a key, or `NotFound`."""
        if key not in self.sweeps:
            raise messages.no_sweep(f"with key {key}")
        return self.sweeps[key]

    def update(self, key: int, changes: SweepChanges, expect: Iterable[str] | None) -> SweepRecord:
        """See `Catalog.update_sweep`."""
        record = self.sweep(key)
        expected = None if expect is None else tuple(expect)
        if expected is not None and record.state not in expected:
            raise messages.sweep_state(record.qualified_name, record.state, expected)
        given = {field: getattr(changes, field) for field in changes.__struct_fields__}
        values = {field: value for field, value in given.items() if value is not msgspec.UNSET}
        if "config" in values:
            values["config"] = from_document(to_document(values["config"]))
        self.sweeps[key] = replace(record, **values)
        if changes.state == CANCELLED:
            self.ask(key, STOP, None)
        return self.sweeps[key]

    def delete(self, key: int) -> None:
        """See `Catalog.delete_sweep`."""
        self.sweep(key)
        del self.sweeps[key]
        self.trials = {at: trial for at, trial in self.trials.items() if at[0] != key}
        self.reports = {at: value for at, value in self.reports.items() if at[0] != key}

    def adopt(self, sweep: SweepRecord, trials: Iterable[Trial], reports: Iterable[TrialReport]) -> None:
        """Take a sweep of another catalog, whole."""
        self._made += 1
        self.sweeps[self._made] = replace(sweep, key=self._made, config=from_document(to_document(sweep.config)))
        for trial in trials:
            self.trials[self._made, trial.number] = replace(trial, sweep_key=self._made)
        for each in reports:
            self.reports[self._made, each.number, each.iteration] = each.value

    # -- new trials -----------------------------------------------------------------------------------------------

    def add_trials(self, key: int, trials: Iterable[NewTrial]) -> list[Trial]:
        """See `Catalog.add_trials`."""
        record = self.sweep(key)
        lowest = min([number for sweep, number in self.trials if sweep == key] + [0])
        following = record.next_number
        added = []
        for new in trials:
            if new.number is None:
                lowest -= 1
                number = lowest
            elif new.number != following or (record.limit is not None and following >= record.limit):
                raise messages.other_number(record.qualified_name, new.number, following, record.limit)
            else:
                number = following
                following += 1
            added.append(self._new_trial(key, number, new))
        self.trials |= {(key, trial.number): trial for trial in added}
        if added:
            state = RUNNING if record.state == FINISHED else record.state
            self.sweeps[key] = replace(record, next_number=following, state=state)
        return added

    def _new_trial(self, key: int, number: int, new: NewTrial) -> Trial:
        self._earlier[key, number] = 0
        return Trial(
            sweep_key=key,
            number=number,
            params=from_document(to_document(new.params)),
            state=new.state,
            attempt=0,
            agent=None,
            run_key=new.run_key,
            started_at=None,
            heartbeat_at=None,
            ended_at=None if new.state in OPEN_TRIALS else self._clock(),
            values=dict(new.values),
            error=None,
            asked=None,
        )

    def take(self, key: int, agent: str, offer: Offer, silent_seconds: float, gone: Iterable[str]) -> Taken:
        """See `Catalog.take_trial`."""
        now = self._clock()
        self.sweep(key)
        lost = set(gone)
        for trial in self.of(key, [TRIAL_RUNNING], None):
            assert trial.heartbeat_at is not None
            if trial.agent in lost or trial.heartbeat_at < now - timedelta(seconds=silent_seconds):
                self._end(trial, TrialEnding(CRASHED, error=f"its agent {trial.agent} is gone"))
        heard = min((t.heartbeat_at for t in self.of(key, [TRIAL_RUNNING], None) if t.heartbeat_at), default=None)
        record = self.sweep(key)
        taken = None
        if record.state in OPEN_SWEEPS:
            waiting = self.of(key, [WAITING], None)
            if not waiting and not record.exhausted and (params := offer(record.next_number)) is not None:
                number = record.next_number
                waiting = [self._new_trial(key, number, NewTrial(params))]
                self.sweeps[key] = replace(record, next_number=number + 1)
            if waiting:
                self.sweeps[key] = replace(self.sweeps[key], state=RUNNING)
                taken = self._hand_out(waiting[0], agent, now)
            elif record.exhausted:
                self._settle(key)
        return Taken(taken, self.sweeps[key], heard, now)

    def _hand_out(self, trial: Trial, agent: str, now: datetime) -> Trial:
        at = (trial.sweep_key, trial.number)
        self.reports = {place: value for place, value in self.reports.items() if place[:2] != at}
        self.trials[at] = replace(
            trial,
            state=TRIAL_RUNNING,
            attempt=trial.attempt + 1,
            agent=agent,
            run_key=None,
            started_at=now,
            heartbeat_at=now,
            ended_at=None,
            error=None,
            asked=None,
        )
        return self.trials[at]

    def _settle(self, key: int) -> None:
        """A sweep is finished where nothing is to come."""
        record = self.sweeps[key]
        if record.state == RUNNING and record.exhausted and not self.of(key, OPEN_TRIALS, None):
            self.sweeps[key] = replace(record, state=FINISHED)

    # -- trials that are held -------------------------------------------------------------------------------------

    def held(self, key: int, number: int, attempt: int) -> Trial | None:
        """The trial, if that attempt of it is the one that is executed."""
        trial = self.trials.get((key, number))
        return trial if trial and trial.state == TRIAL_RUNNING and trial.attempt == attempt else None

    def begin(self, key: int, number: int, attempt: int, run_key: int) -> Standing:
        """See `Catalog.begin_trial`."""
        trial = self.held(key, number, attempt)
        if trial is None:
            return Standing(held=False)
        self.trials[key, number] = replace(trial, run_key=run_key)
        return Standing(True, trial.asked)

    def report(self, key: int, number: int, attempt: int, reports: Iterable[tuple[int, float]]) -> Standing:
        """See `Catalog.report_trial`."""
        trial = self.held(key, number, attempt)
        if trial is None:
            return Standing(held=False)
        self.trials[key, number] = replace(trial, heartbeat_at=self._clock())
        self.reports |= {(key, number, iteration): value for iteration, value in reports}
        return Standing(True, trial.asked)

    def end(self, key: int, number: int, attempt: int, ending: TrialEnding) -> Trial | None:
        """See `Catalog.end_trial`."""
        trial = self.held(key, number, attempt)
        if trial is None:
            return None
        ended = self._end(trial, ending)
        if ended.state != WAITING:
            self._settle(key)
        return ended

    def _end(self, trial: Trial, ending: TrialEnding) -> Trial:
        state = ending.state
        if state in {FAILED, CRASHED}:
            tries = trial.attempt - self._earlier[trial.sweep_key, trial.number]
            more = CRASHES_FORGIVEN if state == CRASHED else 0
            if trial.asked is not None:
                state = PRUNED if trial.asked == PRUNE else TRIAL_STOPPED
            elif tries <= self.sweeps[trial.sweep_key].retry + more:
                state = WAITING
        ended = replace(trial, state=state, values=dict(ending.values), error=ending.error, ended_at=self._clock())
        self.trials[trial.sweep_key, trial.number] = ended
        return ended

    def ask(self, key: int, asked: str, numbers: Iterable[int] | None) -> int:
        """See `Catalog.ask_trials`."""
        found = [trial for trial in self.of(key, [TRIAL_RUNNING], numbers) if trial.asked is None]
        self.trials |= {(key, trial.number): replace(trial, asked=asked) for trial in found}
        return len(found)

    def rerun(self, key: int, states: Iterable[str], numbers: Iterable[int] | None) -> int:
        """See `Catalog.rerun_trials`."""
        record = self.sweep(key)
        found = self.of(key, set(states) - set(OPEN_TRIALS), numbers)
        for trial in found:
            self._earlier[key, trial.number] = trial.attempt
            waiting = replace(trial, state=WAITING, ended_at=None, values={}, error=None, asked=None)
            self.trials[key, trial.number] = waiting
        if found and record.state == FINISHED:
            self.sweeps[key] = replace(record, state=RUNNING)
        return len(found)

    def of(self, key: int, states: Iterable[str] | None, numbers: Iterable[int] | None) -> list[Trial]:
        """See `Catalog.trials`."""
        wanted = None if states is None else set(states)
        chosen = None if numbers is None else set(numbers)
        return [
            trial
            for (sweep, number), trial in sorted(self.trials.items())
            if sweep == key and (wanted is None or trial.state in wanted) and (chosen is None or number in chosen)
        ]

    def reported(self, key: int, numbers: Iterable[int] | None, iterations: Iterable[int] | None) -> list[TrialReport]:
        """See `Catalog.trial_reports`."""
        chosen = None if numbers is None else set(numbers)
        wanted = None if iterations is None else set(iterations)
        return [
            TrialReport(number, iteration, value)
            for (sweep, number, iteration), value in sorted(self.reports.items())
            if sweep == key and (chosen is None or number in chosen) and (wanted is None or iteration in wanted)
        ]
