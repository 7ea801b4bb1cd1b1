"""A state machine that does to sweeps what agents and people do, to a catalog and to the reference model at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from forebear.records.sweeps import (
    PRUNE,
    STOP,
    SWEEP_STATES,
    TRIAL_FINISHED,
    TRIAL_STATES,
    WAITING,
    NewTrial,
    SweepChanges,
    SweepRecord,
    TrialEnding,
)
from forebear.testing.builders import ENTITY, PROJECT, ManualClock, new_run
from forebear.testing.catalog_sweeps import SILENT, new_sweep, offer
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.testing.stateful import MakeCatalog, outcome

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog

SWEEP_IDS = ("s0", "s1")
AGENTS = ("a0", "a1", "a2")
ENDED_STATES = tuple(state for state in TRIAL_STATES if state not in {WAITING, "running"})

sweep_ids = st.sampled_from([*SWEEP_IDS[:1] * 3, *SWEEP_IDS])
agents = st.sampled_from(AGENTS)
reports = st.dictionaries(st.integers(1, 3), st.floats(-1, 1))
states = st.sets(st.sampled_from(TRIAL_STATES))
numbers = st.integers(-2, 4)
attempts = st.integers(1, 3)
chosen_numbers = st.one_of(st.none(), st.sets(numbers))
limits = st.sampled_from([None, 0, 1, 3])


class SweepSide:
    """One of the two catalogs, spoken to by the ids of sweeps."""

    def __init__(self, catalog: Catalog) -> None:
        """Drive ``catalog``, which is empty."""
        self.catalog = catalog
        self.run = catalog.add_run(new_run())

    def sweep(self, sweep_id: str) -> SweepRecord | None:
        """The sweep of an id."""
        return self.catalog.sweep(ENTITY, PROJECT, sweep_id)

    def key(self, sweep_id: str) -> int:
        """The key of a sweep, or one that none has."""
        found = self.sweep(sweep_id)
        return found.key if found else 10**6

    def state(self) -> Iterator[object]:
        """All sweeps with their trials and reports."""
        for sweep in self.catalog.sweeps():
            yield replace(sweep, key=0)
            yield [replace(trial, sweep_key=0) for trial in self.catalog.trials(sweep.key)]
            yield self.catalog.trial_reports(sweep.key), self.catalog.trial_counts([sweep.key]).get(sweep.key)


def bare(found: Any) -> Any:
    """What a method returned, without the keys that are an adapter's own."""
    if isinstance(found, list):
        return [bare(item) for item in found]
    for field in ("sweep", "trial"):
        if hasattr(found, field):
            found = replace(found, **{field: bare(getattr(found, field))})
    if isinstance(found, SweepRecord):
        return replace(found, key=0)
    return replace(found, sweep_key=0) if hasattr(found, "sweep_key") else found


class SweepMachine(RuleBasedStateMachine):
    """Does the same to both sides, and finds their answers equal."""

    #: Given by `sweep_machine`.
    make_catalog: MakeCatalog

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.real = SweepSide(self.make_catalog(self.clock))
        self.model = SweepSide(MemoryCatalog(self.clock))
        self.both(lambda side: side.catalog.add_sweep(new_sweep(SWEEP_IDS[0], limit=3)))

    def teardown(self) -> None:
        """Let go of the catalog."""
        self.real.catalog.close()

    def both(self, operation: Callable[[SweepSide], object]) -> None:
        """Do something to both sides."""
        real, model = (bare(outcome(partial(operation, side))) for side in (self.real, self.model))
        assert real == model

    @rule(seconds=st.sampled_from([1.0, SILENT / 2, SILENT + 1]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.tick(seconds)

    @rule(sweep_id=sweep_ids, limit=limits, retry=st.integers(0, 1), prior=st.integers(0, 1))
    def add_sweep(self, sweep_id: str, limit: int | None, retry: int, prior: int) -> None:
        """Declare a sweep."""
        trials = [NewTrial({"x": -1}, state=TRIAL_FINISHED, values={"loss": 1.0})] * prior
        self.both(lambda side: side.catalog.add_sweep(new_sweep(sweep_id, limit=limit, retry=retry), trials))

    @rule(sweep_id=sweep_ids, state=st.sampled_from(SWEEP_STATES), limit=limits, expect=st.sampled_from(SWEEP_STATES))
    def change(self, sweep_id: str, state: str, limit: int | None, expect: str) -> None:
        """Halt a sweep, or let it go on."""
        changes = SweepChanges(state=state, limit=limit)
        wanted = None if expect == "pending" else (expect, state)
        self.both(lambda side: side.catalog.update_sweep(side.key(sweep_id), changes, expect=wanted))

    @rule(sweep_id=sweep_ids, sure=st.integers(0, 3))
    def delete(self, sweep_id: str, sure: int) -> None:
        """Remove a sweep, now and then."""
        if sure == 0:
            self.both(lambda side: side.catalog.delete_sweep(side.key(sweep_id)))

    @rule(sweep_id=sweep_ids, number=st.one_of(st.none(), numbers))
    def add_trial(self, sweep_id: str, number: int | None) -> None:
        """Add a trial by hand."""
        self.both(lambda side: side.catalog.add_trials(side.key(sweep_id), [NewTrial({"x": 0}, number)]))

    @rule(sweep_id=sweep_ids, agent=agents, gone=st.lists(agents, max_size=1), most=st.sampled_from([1, 3, 99]))
    def take(self, sweep_id: str, agent: str, gone: list[str], most: int) -> None:
        """Ask for a trial."""
        self.both(
            lambda side: side.catalog.take_trial(
                side.key(sweep_id),
                agent,
                lambda number: offer(number) if number < most else None,
                silent_seconds=SILENT,
                gone=gone,
            )
        )

    @rule(
        sweep_id=sweep_ids, number=numbers, attempt=attempts, pairs=st.dictionaries(st.integers(1, 3), st.floats(-1, 1))
    )
    def report(self, sweep_id: str, number: int, attempt: int, pairs: dict[int, float]) -> None:
        """Report values, or give a sign of life."""
        self.both(lambda side: side.catalog.report_trial(side.key(sweep_id), number, attempt, pairs.items()))

    @rule(sweep_id=sweep_ids, number=numbers, attempt=attempts)
    def begin(self, sweep_id: str, number: int, attempt: int) -> None:
        """Say which run executes a trial."""
        self.both(lambda side: side.catalog.begin_trial(side.key(sweep_id), number, attempt, side.run.key))

    @rule(sweep_id=sweep_ids, number=numbers, attempt=attempts, state=st.sampled_from(ENDED_STATES))
    def end(self, sweep_id: str, number: int, attempt: int, state: str) -> None:
        """End a trial."""
        ending = TrialEnding(state, {"loss": 0.5}, "words" if state == "failed" else None)
        self.both(lambda side: side.catalog.end_trial(side.key(sweep_id), number, attempt, ending))

    @rule(sweep_id=sweep_ids, asked=st.sampled_from([STOP, PRUNE]), chosen=chosen_numbers)
    def ask(self, sweep_id: str, asked: str, chosen: set[int] | None) -> None:
        """Ask trials to end."""
        self.both(lambda side: side.catalog.ask_trials(side.key(sweep_id), asked, chosen))

    @rule(sweep_id=sweep_ids, wanted=states, chosen=chosen_numbers)
    def rerun(self, sweep_id: str, wanted: set[str], chosen: set[int] | None) -> None:
        """Let trials be run again."""
        self.both(lambda side: side.catalog.rerun_trials(side.key(sweep_id), wanted, chosen))

    @invariant()
    def sides_agree(self) -> None:
        """Both hold the same sweeps, trials and reports."""
        assert list(self.real.state()) == list(self.model.state())

    @invariant()
    def numbers_have_no_gap(self) -> None:
        """Every number below the next one is a trial, once."""
        for sweep in self.real.catalog.sweeps():
            found = [trial.number for trial in self.real.catalog.trials(sweep.key) if trial.number >= 0]
            assert found == list(range(sweep.next_number))


def sweep_machine(make_catalog: MakeCatalog) -> type[SweepMachine]:
    """Return a state machine for the catalogs that ``make_catalog`` makes, one for each example."""
    return type("Machine", (SweepMachine,), {"make_catalog": staticmethod(make_catalog)})
