"""Sweeps on a server: agents on machines whose clocks differ, and many of them at once."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from forebear.catalog.postgres import PostgresCatalog
from forebear.records.sweeps import TRIAL_FINISHED, TrialEnding
from forebear.testing.catalog_sweeps import SILENT, held, new_sweep, offer, take
from tests.forked import child, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.catalog.port import Catalog

pytestmark = pytest.mark.server
AGENTS, TRIALS = 8, 240


def test_signs_of_life_are_dated_by_the_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(PostgresCatalog(url)) as here, closing(PostgresCatalog(url)) as there:
        sweep = here.add_sweep(new_sweep(limit=1))
        trial = held(here, sweep)
        # A machine whose clock is a day ahead looks for trials of silent agents.
        ahead = time.time_ns() + 86_400 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: ahead)
        taken = take(there, sweep, "a2")
        assert taken.trial is None
        assert abs((taken.now - trial.started_at).total_seconds()) < 60  # type: ignore[operator]
        assert here.report_trial(sweep.key, trial.number, trial.attempt).held


def _execute(catalog: Catalog, key: int, agent: str) -> None:
    while True:
        trial = catalog.take_trial(key, agent, offer, silent_seconds=SILENT).trial
        if trial is None:
            return
        assert catalog.end_trial(key, trial.number, trial.attempt, TrialEnding(TRIAL_FINISHED, {"loss": 0.5}))


def test_agents_of_many_processes_share_a_sweep(url: str) -> None:
    with closing(PostgresCatalog(url)) as catalog:
        sweep = catalog.add_sweep(new_sweep(limit=TRIALS))

        def work(agent: str) -> Callable[[], None]:
            return lambda: _execute(catalog, sweep.key, agent)

        assert in_children([work(f"a{number}") for number in range(AGENTS)]) == [0] * AGENTS
        trials = catalog.trials(sweep.key)
        assert [trial.number for trial in trials] == list(range(TRIALS))
        assert {(trial.attempt, trial.state) for trial in trials} == {(1, TRIAL_FINISHED)}
        assert len(Counter(trial.agent for trial in trials)) > 1


def in_children(works: list[Callable[[], None]]) -> list[int]:
    """Do things in forked children and return their exit codes."""
    return [wait(pid) for pid in [child(work) for work in works]]
