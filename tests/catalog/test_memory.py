"""The reference model keeps every promise of the port that adapters are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forebear.testing.catalog import CatalogSuite
from forebear.testing.memory_catalog import MemoryCatalog

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.testing.builders import ManualClock


class TestMemory(CatalogSuite):
    @pytest.fixture
    def catalog(self, clock: ManualClock) -> Catalog:
        return MemoryCatalog(clock=clock)


def test_its_clock_is_that_of_the_machine_by_default() -> None:
    made = MemoryCatalog()._clock()
    assert made.tzinfo is not None
    assert MemoryCatalog()._clock() >= made
