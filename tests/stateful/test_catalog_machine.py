"""SQLite and the reference model stay of one mind, whatever is done to both."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from forebear.catalog.sqlite import SqliteCatalog
from forebear.records.sweeps import WAITING
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.testing.stateful import CatalogMachine, catalog_machine
from forebear.testing.stateful_histories import HistoryMachine
from forebear.testing.stateful_sweeps import sweep_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from forebear.records.artifacts import AliasMove
    from forebear.records.history import HistoryBatch
    from forebear.records.sweeps import Offer, Taken, Trial, TrialEnding

SHORT = settings(max_examples=60, stateful_step_count=30)
#: The first failure will do, and the same examples every time, so that the search never misses it.
SEARCH = settings(SHORT, phases=[Phase.generate], derandomize=True, database=None)


def test_sqlite_agrees_with_the_model(tmp_path: Path) -> None:
    made = 0

    def make(clock: Callable[[], datetime]) -> SqliteCatalog:
        nonlocal made
        made += 1
        return SqliteCatalog(tmp_path / f"catalog{made}.db", clock=clock)

    run_state_machine_as_test(catalog_machine(make, HistoryMachine), settings=SHORT)
    assert made >= SHORT.max_examples


def test_sqlite_agrees_with_the_model_about_sweeps(tmp_path: Path) -> None:
    made = count()

    def make(clock: Callable[[], datetime]) -> SqliteCatalog:
        return SqliteCatalog(tmp_path / f"catalog{next(made)}.db", clock=clock)

    run_state_machine_as_test(sweep_machine(make), settings=SHORT)
    assert next(made) >= SHORT.max_examples


class Forgetful(MemoryCatalog):
    """Leaves ``latest`` where it is when its version is deleted."""

    def delete_version(self, version_id: int, *, delete_aliases: bool = False) -> None:
        moves = list(self._moves)
        super().delete_version(version_id, delete_aliases=delete_aliases)
        self._moves = moves


class Hasty(MemoryCatalog):
    """Moves an alias without looking where it stands."""

    def move_alias(
        self, version_id: int, alias: str, *, expect: str | None = None, run_key: int | None = None
    ) -> AliasMove:
        return super().move_alias(version_id, alias, run_key=run_key)


class Repeating(MemoryCatalog):
    """Takes a batch again that it has taken."""

    def append_history(self, batch: HistoryBatch, *, durable: bool = False) -> bool:
        if batch.start < self.journal_position(batch.journal):
            batch = replace(batch, start=self.journal_position(batch.journal))
        return super().append_history(batch, durable=durable)


class Careless(MemoryCatalog):
    """Deletes the history of a run though others go on from it."""

    def delete_run(self, key: int) -> None:
        super().delete_run(key)
        self._histories.branches.pop(key, None)


@pytest.mark.parametrize(
    ("broken", "machine"),
    [
        (Forgetful, CatalogMachine),
        (Hasty, CatalogMachine),
        (Repeating, HistoryMachine),
        (Careless, HistoryMachine),
    ],
)
def test_the_machine_notices_a_broken_catalog(broken: type[MemoryCatalog], machine: type[CatalogMachine]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(catalog_machine(broken, machine), settings=SEARCH)


class Doubling(MemoryCatalog):
    """Gives a trial to whoever asks, even while another executes it."""

    def take_trial(
        self, key: int, agent: str, offer: Offer, *, silent_seconds: float, gone: Iterable[str] = ()
    ) -> Taken:
        return super().take_trial(key, agent, offer, silent_seconds=0.5, gone=gone)


class Hopeless(MemoryCatalog):
    """Never tries a trial again that failed."""

    def end_trial(self, key: int, number: int, attempt: int, ending: TrialEnding) -> Trial | None:
        ended = super().end_trial(key, number, attempt, ending)
        if ended is not None and ended.state == WAITING:
            self._sweeps.trials[key, number] = replace(ended, state=ending.state)
        return ended


@pytest.mark.parametrize("broken", [Doubling, Hopeless])
def test_the_machine_notices_a_catalog_that_loses_or_doubles_trials(broken: type[MemoryCatalog]) -> None:
    # It ends with the first that is found. Which that is changes with the modules that were loaded before, because
    # hypothesis takes constants from them.
    with pytest.raises(AssertionError):
        run_state_machine_as_test(sweep_machine(broken), settings=settings(SEARCH, max_examples=3_000))
