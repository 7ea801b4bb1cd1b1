"""How far a sweep is: how many trials have ended, and how long the rest will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from forebear.records.sweeps import OPEN_SWEEPS, OPEN_TRIALS, TRIAL_RUNNING

if TYPE_CHECKING:
    from forebear.records.sweeps import SweepRecord, Trial

#: Trials that ended last, by which is judged how long the next ones take.
_RECENT = 50


class Progress(NamedTuple):
    """How far a sweep is.

    Attributes:
        counts: Trials by state, those that people added among them.
        ended: Trials of the search that have ended.
        limit: Trials of the search that there will be at most; ``None`` for no end.
        left: How long the rest takes if trials go on as they did; ``None`` where nobody can tell.
    """

    counts: dict[str, int]
    ended: int
    limit: int | None
    left: timedelta | None


def progress_of(sweep: SweepRecord, trials: Iterable[Trial], now: datetime) -> Progress:
    """Return how far a sweep is; ``trials`` are all that it has."""
    trials = list(trials)
    counts = Counter(trial.state for trial in trials)
    ended = sum(trial.number >= 0 and trial.state not in OPEN_TRIALS for trial in trials)
    return Progress(dict(counts), ended, sweep.limit, _left(sweep, trials, ended, now))


def _left(sweep: SweepRecord, trials: list[Trial], ended: int, now: datetime) -> timedelta | None:
    # Other machines' clocks differ.
    running = [
        max(now - trial.started_at, timedelta())
        for trial in trials
        if trial.state == TRIAL_RUNNING and trial.started_at
    ]
    over = sorted(
        (trial.ended_at, trial.ended_at - trial.started_at) for trial in trials if trial.ended_at and trial.started_at
    )
    if sweep.state not in OPEN_SWEEPS or sweep.limit is None or not running or not over:
        return None
    recent = [took for _, took in over[-_RECENT:]]
    usual = sum(recent, timedelta()) / len(recent)
    added = sum(trial.number < 0 and trial.state in OPEN_TRIALS for trial in trials)
    open_trials = max(sweep.limit - ended + added, len(running))
    done = sum((min(took, usual) for took in running), timedelta())
    return (usual * open_trials - done) / len(running)
