"""What the catalogs in SQL have in common: identity, clock, and the migrations that bring an older form up to date."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime

from forebear.catalog import messages
from forebear.catalog.checked import damaged
from forebear.catalog.codec import to_micros
from forebear.catalog.collecting_table import CollectingTable
from forebear.catalog.driver import Driver, one
from forebear.catalog.run_values import fill_values
from forebear.catalog.schema import MIGRATIONS, SCHEMA_VERSION
from forebear.errors import StorageFailure


class SqlCatalog(CollectingTable):
    """A `forebear.catalog.port.Catalog` over a `Driver`."""

    def __init__(self, driver: Driver, store_id: str | None, clock: Callable[[], datetime] | None) -> None:
        """Bring the tables up to date; where that fails the driver is closed.

        Args:
            driver: The database. It is closed with the catalog.
            store_id: Identity for a new catalog; a random one if not given.
            clock: Gives aware UTC times; the system's clock if not given.

        Raises:
            Unsupported: the tables were written by a newer forebear.
        """
        try:
            _migrate(driver, store_id)
            row = one(driver, "SELECT value FROM meta WHERE key = 'store_id'")
            if row is None or not isinstance(row[0], str):
                damaged("the identity of the store", "there is no text of that name")
        except BaseException:
            driver.close()
            raise
        super().__init__(driver, _system_micros if clock is None else lambda: to_micros(clock()))
        self._store_id = row[0]

    @property
    def store_id(self) -> str:
        """See `Catalog.store_id`."""
        return self._store_id

    def close(self) -> None:
        """See `Catalog.close`."""
        self._db.close()


def _system_micros() -> int:
    return time.time_ns() // 1000


def _migrate(driver: Driver, store_id: str | None) -> None:
    """Run the migrations that the database has not seen; processes that start at once take turns."""
    # Looked at before the lock is taken, for those who may only read.
    known = _version(driver)
    if known == SCHEMA_VERSION:
        return
    try:
        _run_migrations(driver, store_id)
    except StorageFailure as err:
        if known == 0:
            raise
        raise messages.schema_stays_old(known, SCHEMA_VERSION, err) from err


def _run_migrations(driver: Driver, store_id: str | None) -> None:
    with driver.transaction(durable=True):
        found = _version(driver)
        if found == 0:
            driver.prepare_schema()
        for statements in MIGRATIONS[found:]:
            driver.script(statements)
        if found == 1:
            fill_values(driver)
        if found == 0:
            driver.execute("INSERT INTO meta (key, value) VALUES ('store_id', ?)", (store_id or uuid.uuid4().hex,))
        if found != SCHEMA_VERSION:
            driver.set_schema_version(SCHEMA_VERSION)


def _version(driver: Driver) -> int:
    found = driver.schema_version()
    if found < 0:
        damaged("the number of its form", str(found))
    if found > SCHEMA_VERSION:
        raise messages.newer_schema(found, SCHEMA_VERSION)
    return found
