"""How far a sweep is, and how long the rest takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forebear.records.sweeps import (
    FAILED,
    PAUSED,
    RUNNING,
    TRIAL_FINISHED,
    TRIAL_RUNNING,
    WAITING,
    SweepRecord,
    Trial,
)
from forebear.sweeps.progress import progress_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sweep(limit: int | None = 10, state: str = RUNNING) -> SweepRecord:
    return SweepRecord(1, "e", "p", "s", None, {}, limit, 0, state, 0, NOW)


def trial(number: int, state: str = TRIAL_FINISHED, began: float | None = 100.0, took: float | None = 10.0) -> Trial:
    """One that began so many seconds ago."""
    at = None if began is None else NOW - timedelta(seconds=began)
    end = None if at is None or took is None else at + timedelta(seconds=took)
    return Trial(1, number, {}, state, 1, "a", None, at, at, end, {}, None, None)


def running(number: int, since: float) -> Trial:
    return trial(number, TRIAL_RUNNING, since, None)


def left(trials: list[Trial], **of: Any) -> float | None:
    found = progress_of(sweep(**of), trials, NOW).left
    return None if found is None else found.total_seconds()


def test_counts() -> None:
    trials = [trial(-1), trial(0), trial(1, FAILED), running(2, 1), trial(3, WAITING, None)]
    found = progress_of(sweep(), trials, NOW)
    assert found.counts == {TRIAL_FINISHED: 2, FAILED: 1, TRIAL_RUNNING: 1, WAITING: 1}
    assert (found.ended, found.limit) == (2, 10)


@pytest.mark.parametrize(
    ("trials", "seconds"),
    [
        ([trial(0), running(1, 0)], 90),
        ([trial(0), running(1, 4)], 86),
        ([trial(0), running(1, 0), running(2, 0), running(3, 0)], 30),
        ([trial(0, took=20), trial(1), running(2, 0)], 120),
        # One that takes longer than usual does not make the rest shorter.
        ([trial(0), running(1, 1_000)], 80),
        # A clock that is behind does not make it longer.
        ([trial(0), running(1, -50)], 90),
        # What somebody added is executed too.
        ([trial(0), running(1, 0), trial(-2, WAITING, None)], 100),
    ],
)
def test_the_time_left(trials: list[Trial], seconds: float) -> None:
    assert left(trials) == seconds


def test_nobody_can_tell() -> None:
    going = [trial(0), running(1, 0)]
    assert left(going, limit=None) is None
    assert left(going, state=PAUSED) is None
    assert left([running(0, 5)]) is None
    assert left([trial(0)]) is None
    assert left([]) is None


def test_what_came_last_tells_most() -> None:
    slow = [trial(number, began=10_000 - number, took=100) for number in range(50)]
    quick = [trial(50 + number, began=1_000 - number, took=1) for number in range(50)]
    assert left([*slow, *quick, running(100, 0)], limit=102) == 2
