"""The catalog in PostgreSQL keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from forebear.catalog.postgres import PostgresCatalog
from forebear.testing.builders import Author, ManualClock
from forebear.testing.catalog import CatalogSuite
from forebear.testing.catalog_queries import QuerySuite

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.testing.builders import Tick

pytestmark = pytest.mark.server


class TestPostgres(CatalogSuite):
    @pytest.fixture
    def catalog(self, url: str, clock: ManualClock) -> Iterator[Catalog]:
        with closing(PostgresCatalog(url, clock=clock)) as catalog:
            yield catalog


class TestManyRuns(QuerySuite):
    """The statements that are taken where every condition is fulfilled by many runs."""

    @pytest.fixture(autouse=True)
    def everything_is_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("forebear.catalog.run_search.FEW", 0)

    @pytest.fixture
    def catalog(self, url: str, clock: ManualClock) -> Iterator[Catalog]:
        with closing(PostgresCatalog(url, clock=clock)) as catalog:
            yield catalog

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def tick(self, clock: ManualClock) -> Tick:
        return clock.tick

    @pytest.fixture
    def author(self, catalog: Catalog) -> Author:
        return Author(catalog)
