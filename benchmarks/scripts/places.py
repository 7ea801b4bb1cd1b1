"""Catalogs of benchmarks: ``PLACE`` is a folder, or the URL of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebear.catalog.driver import Driver
    from forebear.catalog.sql_catalog import SqlCatalog


def catalog_at(place: str) -> SqlCatalog:
    """Open the catalog at a place, and make it where there is none."""
    if is_server(place):
        from forebear.catalog.postgres import PostgresCatalog

        return PostgresCatalog(place)
    from forebear.catalog.sqlite import SqliteCatalog

    Path(place).mkdir(parents=True, exist_ok=True)
    return SqliteCatalog(Path(place) / "catalog.db")


def driver_at(place: str) -> Driver:
    """Open the tables of the catalog at a place."""
    if is_server(place):
        from forebear.catalog.postgres_address import address_of
        from forebear.catalog.postgres_driver import PostgresDriver

        driver = PostgresDriver(address_of(place))
        driver.schema_version()
        return driver
    from forebear.catalog.sqlite_driver import SqliteDriver

    return SqliteDriver(Path(place) / "catalog.db")


def is_server(place: str) -> bool:
    """Whether a place is a server."""
    return place.startswith("postgresql://")
