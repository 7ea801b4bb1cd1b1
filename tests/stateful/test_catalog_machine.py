"""SQLite and the reference model stay of one mind, whatever is done to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from forebear.catalog.sqlite import SqliteCatalog
from forebear.testing.memory_catalog import MemoryCatalog
from forebear.testing.stateful import catalog_machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from forebear.records.artifacts import AliasMove

SHORT = settings(max_examples=60, stateful_step_count=30)
#: The first failure will do, and the same examples every time, so that the search never misses it.
SEARCH = settings(SHORT, phases=[Phase.generate], derandomize=True, database=None)


def test_sqlite_agrees_with_the_model(tmp_path: Path) -> None:
    made = 0

    def make(clock: Callable[[], datetime]) -> SqliteCatalog:
        nonlocal made
        made += 1
        return SqliteCatalog(tmp_path / f"catalog{made}.db", clock=clock)

    run_state_machine_as_test(catalog_machine(make), settings=SHORT)
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


@pytest.mark.parametrize("broken", [Forgetful, Hasty])
def test_the_machine_notices_a_broken_catalog(broken: type[MemoryCatalog]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(catalog_machine(broken), settings=SEARCH)
