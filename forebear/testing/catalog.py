"""The conformance suite of the catalog port.

An adapter's test is a fixture and a subclass::

    class TestMine(CatalogSuite):
        @pytest.fixture
        def catalog(self, clock):
            with closing(MyCatalog(clock=clock)) as catalog:
                yield catalog

The fixture ``clock`` stands still until a test moves it, so the catalog under test must take its time from it.

A failed assertion of the suite shows its values if a ``conftest.py`` says
``pytest.register_assert_rewrite("forebear.testing")`` before anything imports the suite.
"""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from forebear.testing.builders import Author, ManualClock, Tick
from forebear.testing.catalog_aliases import AliasSuite
from forebear.testing.catalog_checks import CheckSuite
from forebear.testing.catalog_collecting import CollectingSuite
from forebear.testing.catalog_copies import CopySuite
from forebear.testing.catalog_history import HistorySuite
from forebear.testing.catalog_index import BlobIndexSuite
from forebear.testing.catalog_lineage import EdgeSuite, FileSuite, StaleSuite
from forebear.testing.catalog_queries import QuerySuite
from forebear.testing.catalog_runs import RunSuite
from forebear.testing.catalog_sweeps import SweepSuite
from forebear.testing.catalog_versions import VersionSuite

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog


class CatalogSuite(
    BlobIndexSuite,
    VersionSuite,
    AliasSuite,
    RunSuite,
    QuerySuite,
    HistorySuite,
    SweepSuite,
    EdgeSuite,
    StaleSuite,
    FileSuite,
    CopySuite,
    CheckSuite,
    CollectingSuite,
):
    """Every promise of `forebear.catalog.port.Catalog`, as tests over the fixture ``catalog``."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The clock that the catalog under test is to use."""
        return ManualClock()

    @pytest.fixture
    def catalog(self, clock: ManualClock) -> Iterator[Catalog]:
        """A fresh, empty catalog that takes its time from ``clock``; every subclass gives its own."""
        raise NotImplementedError("give the suite a catalog to test")

    @pytest.fixture
    def tick(self, clock: ManualClock) -> Tick:
        """Moves the catalog's clock and returns the new time."""
        return clock.tick

    @pytest.fixture
    def author(self, catalog: Catalog) -> Author:
        """Somebody who logs into the catalog."""
        return Author(catalog)

    def test_a_store_has_one_identity(self, catalog: Catalog) -> None:
        assert catalog.store_id
        assert catalog.store_id == catalog.store_id

    def test_closing_twice_is_fine(self, catalog: Catalog) -> None:
        catalog.close()
        catalog.close()
