"""Many processes that take trials of one sweep from one file: each gets its own, and nobody is refused."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from forebear.catalog.sqlite import SqliteCatalog
from forebear.records.sweeps import TRIAL_FINISHED, TrialEnding
from forebear.testing.catalog_sweeps import SILENT, held, new_sweep, offer
from tests.catalog.test_sqlite_together import child, wait_for

if TYPE_CHECKING:
    from pathlib import Path

AGENTS, TRIALS = 32, 1_500


def execute(path: Path, key: int, agent: str) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        while True:
            trial = catalog.take_trial(key, agent, offer, silent_seconds=SILENT).trial
            if trial is None:
                return
            assert trial.params == offer(trial.number)
            assert catalog.report_trial(key, trial.number, trial.attempt, [(1, 0.5)]).held
            assert catalog.end_trial(key, trial.number, trial.attempt, TrialEnding(TRIAL_FINISHED, {"loss": 0.5}))


def test_agents_share_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(SqliteCatalog(path)) as catalog:
        sweep = catalog.add_sweep(new_sweep(limit=TRIALS))
    wait_for([child(partial(execute, path, sweep.key, f"a{number}")) for number in range(AGENTS)])
    with closing(SqliteCatalog(path)) as catalog:
        trials = catalog.trials(sweep.key)
        assert [trial.number for trial in trials] == list(range(TRIALS))
        assert {(trial.attempt, trial.state) for trial in trials} == {(1, TRIAL_FINISHED)}
        assert len(Counter(trial.agent for trial in trials)) > 1
        assert len(catalog.trial_reports(sweep.key)) == TRIALS


def test_a_late_trial_costs_what_the_first_did(tmp_path: Path) -> None:
    def cost(trials: int) -> float:
        began = perf_counter()
        for _ in range(trials):
            trial = held(catalog, sweep)
            catalog.end_trial(sweep.key, trial.number, 1, TrialEnding(TRIAL_FINISHED, {"loss": 0.5}))
        return (perf_counter() - began) / trials

    with closing(SqliteCatalog(tmp_path / "catalog.db")) as catalog:
        sweep = catalog.add_sweep(new_sweep())
        cost(100)
        first = min(cost(100) for _ in range(5))
        for _ in range(8):
            cost(1_000)
        assert min(cost(100) for _ in range(5)) < 2 * first
