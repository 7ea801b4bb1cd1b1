"""SQLite and the reference model stay of one mind, whatever is done to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from forebear.catalog.sqlite import SqliteCatalog
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.testing.stateful import CatalogMachine, catalog_machine
from forebear.testing.stateful_histories import HistoryMachine

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from forebear.records.artifacts import AliasMove
    from forebear.records.history import HistoryBatch

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
