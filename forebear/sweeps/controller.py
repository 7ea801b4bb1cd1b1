"""What an agent asks: the next trial of a sweep, and what becomes of one that ended.

There is no process that controls a sweep. Whoever wants a trial works out what it would be, and the catalog gives it
in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from forebear.errors import Conflict
from forebear.records.redaction import redact_output
from forebear.records.sweeps import (
    FINISHED,
    OPEN_SWEEPS,
    SILENT_SECONDS,
    TRIAL_FINISHED,
    TRIAL_RUNNING,
    SweepChanges,
)
from forebear.sweeps.agent_ids import is_gone
from forebear.sweeps.declaration import BAYES, CUSTOM, Declaration, read_declaration
from forebear.sweeps.objectives import achieved, reached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forebear.records.sweeps import Offer, SweepRecord, Taken, Trial, TrialEnding
    from forebear.store.store import Store

#: Modules with a function ``propose(store, sweep, declaration) -> Proposal``, for methods that look at what was tried.
#: Loaded late: what they search with is large.
SEARCHES = {BAYES: "forebear.sweeps.bayes", CUSTOM: "forebear.sweeps.bayes"}


class Proposal(NamedTuple):
    """What a search wants to try next.

    Attributes:
        number: That of the next new trial when it was worked out: it holds for no other.
        params: Nested parameters; ``None`` if there is nothing more to try.
    """

    number: int
    params: dict[str, Any] | None


def next_trial(
    store: Store, sweep: SweepRecord, agent: str, *, gone: Iterable[str] = (), silent_seconds: float = SILENT_SECONDS
) -> Taken:
    """Take the next trial of a sweep for an agent.

    Args:
        gone: Agents that are known to have ended.

    Returns:
        ``trial`` is ``None`` where there is none now: ask ``sweep.state`` of it (paused, stopped, cancelled,
        finished), and ``sweep.exhausted`` whether only others' trials are left.

    Raises:
        NotFound: the sweep was deleted.

    Cost: one transaction, about 0.1 ms on SQLite; where the search looks at what was tried, that too, outside of it.
    """
    declaration = read_declaration(sweep.config)

    def take(offer: Offer) -> Taken:
        return store.catalog.take_trial(sweep.key, agent, offer, silent_seconds=silent_seconds, gone=gone)

    taken = take(_nothing if declaration.is_local or declaration.method in SEARCHES else declaration.point)
    if taken.trial is None and taken.sweep.state in OPEN_SWEEPS and not taken.sweep.exhausted:
        if declaration.method in SEARCHES and not declaration.is_local:
            taken = _searched(store, taken, take)
        elif _has_ended(store, taken, declaration):
            taken = replace(taken, sweep=_finish(store, taken.sweep))
    if taken.trial is None and taken.silent_since is not None and not gone:
        # Nothing new is left: a look at those who hold the rest. One that runs on this machine is known to be gone at
        # once, not only after a long silence.
        lost = gone_agents(store, taken.sweep)
        if lost:
            return next_trial(store, taken.sweep, agent, gone=lost, silent_seconds=silent_seconds)
    return taken


def _nothing(number: int) -> None:
    """Offer no new trial: those alone are taken that wait."""


def proposal(store: Store, sweep: SweepRecord) -> Proposal:
    """Return what the search of a sweep wants to try next, without taking it."""
    declaration = read_declaration(sweep.config)
    if declaration.method in SEARCHES:
        found: Proposal = import_module(SEARCHES[declaration.method]).propose(store, sweep, declaration)
        return found
    return Proposal(sweep.next_number, declaration.point(sweep.next_number))


def _searched(store: Store, taken: Taken, take: Callable[[Offer], Taken]) -> Taken:
    """Propose a trial until nobody else was faster."""
    while True:
        made = proposal(store, taken.sweep)
        if made.params is None and taken.sweep.next_number == made.number:
            return replace(taken, sweep=_finish(store, taken.sweep))
        taken = take(lambda number, made=made: made.params if number == made.number else None)  # type: ignore[misc]
        if taken.trial is not None or taken.sweep.state not in OPEN_SWEEPS or taken.sweep.exhausted:
            return taken


def _has_ended(store: Store, taken: Taken, declaration: Declaration) -> bool:
    """Whether a search without an end has none to offer, such as a grid that became smaller than its limit."""
    return not declaration.is_local and declaration.point(taken.sweep.next_number) is None


def _finish(store: Store, sweep: SweepRecord) -> SweepRecord:
    """Say that a sweep gets no new trials, if nobody said something else meanwhile."""
    try:
        changes = SweepChanges(limit=sweep.next_number, state=FINISHED)
        return store.catalog.update_sweep(sweep.key, changes, expect=OPEN_SWEEPS)
    except Conflict:
        return replace(sweep, state=FINISHED)


def gone_agents(store: Store, sweep: SweepRecord) -> list[str]:
    """Return the agents that hold trials and are known to have ended: processes of this machine that are gone."""
    holders = {trial.agent for trial in store.catalog.trials(sweep.key, states=[TRIAL_RUNNING])}
    return sorted(agent for agent in holders if agent is not None and is_gone(agent))


def end_trial(store: Store, sweep: SweepRecord, trial: Trial, ending: TrialEnding) -> Trial | None:
    """End a trial with the objectives that its run logged, unless ``ending`` has them.

    A sweep that reached its target is finished.

    Returns:
        The trial as it stands then: perhaps it waits for another attempt. ``None`` where it was not held any more.
    """
    objectives = read_declaration(sweep.config).objectives
    if not ending.values and trial.run_key is not None:
        run = store.catalog.runs_by_key([trial.run_key]).get(trial.run_key)
        ending = with_objectives(sweep, ending, run.summary if run is not None else {})
    if ending.error is not None:  # it may be the last line of what a program printed
        ending = replace(ending, error=redact_output(ending.error))
    ended = store.catalog.end_trial(trial.sweep_key, trial.number, trial.attempt, ending)
    if ended is not None and ended.state == TRIAL_FINISHED and reached(objectives, ended.values):
        _finish(store, sweep)
    return ended


def with_objectives(sweep: SweepRecord, ending: TrialEnding, summary: dict[str, Any]) -> TrialEnding:
    """Add to an ending the objectives that the final values of a run hold, and words about those that are missing."""
    found = achieved(read_declaration(sweep.config).objectives, summary)
    error = ending.error or (found.missing if ending.state == TRIAL_FINISHED else None)
    return replace(ending, values=found.values, error=error)
