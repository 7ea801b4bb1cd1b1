"""Records of sweeps and their trials."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

# -- states of sweeps -------------------------------------------------------------------------------------------------

PENDING = "pending"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"
CANCELLED = "cancelled"
FINISHED = "finished"
SWEEP_STATES = (PENDING, RUNNING, PAUSED, STOPPED, CANCELLED, FINISHED)
#: States in which a sweep gives trials.
OPEN_SWEEPS = (PENDING, RUNNING)

# -- states of trials -------------------------------------------------------------------------------------------------

WAITING = "waiting"
"""To be given to an agent: scheduled by hand, or again after a failure."""
TRIAL_RUNNING = "running"
TRIAL_FINISHED = "finished"
FAILED = "failed"
"""What it executed ended badly, as often as it may be tried."""
CRASHED = "crashed"
"""Its agent fell silent, as often as it may be tried."""
TRIAL_STOPPED = "stopped"
"""Ended because somebody asked it to."""
PRUNED = "pruned"
"""Ended early, because others were better."""
TRIAL_STATES = (WAITING, TRIAL_RUNNING, TRIAL_FINISHED, FAILED, CRASHED, TRIAL_STOPPED, PRUNED)
#: States in which a trial is still to come to an end.
OPEN_TRIALS = (WAITING, TRIAL_RUNNING)

# -- what a running trial may be asked --------------------------------------------------------------------------------

STOP = "stop"
PRUNE = "prune"

#: Seconds between two signs of life of an agent, and after how many seconds without one its trials are given again.
HEARTBEAT_SECONDS = 10.0
SILENT_SECONDS = 120.0
#: How often more than a failed one a trial is tried whose agent died: that is seldom the trial's own fault.
CRASHES_FORGIVEN = 4

Params = dict[str, Any]
#: Given the number of the next trial returns its parameters, or ``None`` if it has none for that number. Called inside
#: a transaction of the catalog: it must be quick, and may not call the catalog.
Offer = Callable[[int], Params | None]


class NewSweep(msgspec.Struct, frozen=True):
    """A sweep that is to be declared.

    Attributes:
        config: The declaration, whole, as `forebear.sweeps.declaration` writes it.
        limit: Trials that there are to be at most: ``run_cap``, or the points of a grid; ``None`` for no end.
        retry: How often a trial that failed is tried again.
    """

    entity: str
    project: str
    id: str
    name: str | None
    config: dict[str, Any]
    limit: int | None = None
    retry: int = 0


class SweepRecord(msgspec.Struct, frozen=True):
    """A sweep as the catalog knows it. ``key`` identifies it within the store.

    Attributes:
        next_number: Number that the next new trial gets.
    """

    key: int
    entity: str
    project: str
    id: str
    name: str | None
    config: dict[str, Any]
    limit: int | None
    retry: int
    state: str
    next_number: int
    created_at: datetime

    @property
    def qualified_name(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def exhausted(self) -> bool:
        """Whether there is no new trial to come."""
        return self.limit is not None and self.next_number >= self.limit


class SweepChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fields of a sweep to change; a field left `msgspec.UNSET` stays as it is."""

    name: str | None | msgspec.UnsetType = msgspec.UNSET
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    limit: int | None | msgspec.UnsetType = msgspec.UNSET
    retry: int | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET


class Trial(msgspec.Struct, frozen=True):
    """One trial of a sweep.

    Attributes:
        number: Identity in the sweep: from 0 what was searched, in that order; from -1 down what somebody added.
        params: Chosen parameters; those of a group are nested, those that do not apply are left out.
        attempt: How often it was given to an agent. Who holds another attempt than this holds the trial no more.
        agent: Whom it was given to last.
        run_key: Run that executes or executed it.
        heartbeat_at: Last sign of life of its agent.
        values: Objectives by name; not-a-number and infinities as they were logged.
        error: Words of what went wrong.
        asked: `STOP` or `PRUNE` where it is to end.
    """

    sweep_key: int
    number: int
    params: Params
    state: str
    attempt: int
    agent: str | None
    run_key: int | None
    started_at: datetime | None
    heartbeat_at: datetime | None
    ended_at: datetime | None
    values: dict[str, float]
    error: str | None
    asked: str | None


class NewTrial(msgspec.Struct, frozen=True):
    """A trial that somebody adds: to be executed (`WAITING`), or one that is over.

    Attributes:
        number: That of the next new trial, whose parameters these are; ``None`` for one beside the search.
    """

    params: Params
    number: int | None = None
    state: str = WAITING
    run_key: int | None = None
    values: dict[str, float] = {}


class Taken(msgspec.Struct, frozen=True):
    """What an agent that asked for a trial got.

    Attributes:
        trial: ``None`` where there is none now: ``sweep.state`` and ``sweep.exhausted`` say why.
        sweep: The sweep as it stands.
        silent_since: Oldest last sign of life among the agents that hold trials; ``None`` where none is held.
        now: The catalog's time.
    """

    trial: Trial | None
    sweep: SweepRecord
    silent_since: datetime | None
    now: datetime


class Standing(msgspec.Struct, frozen=True):
    """How a trial stands for who executes it.

    Attributes:
        held: False where the trial was given to another, has ended, or its sweep was deleted.
        asked: `STOP` or `PRUNE` where it is to end.
    """

    held: bool
    asked: str | None = None


class TrialEnding(msgspec.Struct, frozen=True):
    """How a trial ended: a state of `TRIAL_STATES`, its objectives, and what went wrong."""

    state: str
    values: dict[str, float] = {}
    error: str | None = None


class TrialReport(msgspec.Struct, frozen=True):
    """A value that a trial had at one iteration (counted from 1)."""

    number: int
    iteration: int
    value: float
