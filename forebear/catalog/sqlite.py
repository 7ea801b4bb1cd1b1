"""The catalog in one SQLite file."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from forebear.catalog import messages
from forebear.catalog.codec import to_micros
from forebear.catalog.driver import one
from forebear.catalog.edge_table import EdgeTable
from forebear.catalog.run_values import fill_values
from forebear.catalog.schema import MIGRATIONS, SCHEMA_VERSION
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.errors import NotFound


class SqliteCatalog(EdgeTable):
    """A `forebear.catalog.port.Catalog` in one file. Safe for threads, processes and forked children."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = True,
        store_id: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Open the catalog, bringing an older form up to date.

        Args:
            create: Make the file where there is none.
            store_id: Identity for a new catalog; a random one if not given.
            clock: Gives aware UTC times; the system's clock if not given.

        Raises:
            NotFound: there is no file and ``create`` is false.
            Unsupported: the file was written by a newer forebear.
            StorageFailure: the file cannot be opened or written.
        """
        if not create and not path.exists():
            raise NotFound(f"there is no catalog at {path}", code="store-not-found")
        driver = SqliteDriver(path)
        try:
            _migrate(driver, store_id)
        except BaseException:
            driver.close()
            raise
        super().__init__(driver, _system_micros if clock is None else lambda: to_micros(clock()))
        row = one(driver, "SELECT value FROM meta WHERE key = 'store_id'")
        assert row is not None
        self._store_id: str = row[0]

    @property
    def store_id(self) -> str:
        """See `Catalog.store_id`."""
        return self._store_id

    def close(self) -> None:
        """See `Catalog.close`."""
        self._db.close()


def _system_micros() -> int:
    return time.time_ns() // 1000


def _migrate(driver: SqliteDriver, store_id: str | None) -> None:
    """Run the migrations that the file has not seen; processes that start at once take turns."""
    if _schema_version(driver) == SCHEMA_VERSION:
        return
    with driver.transaction(durable=True):
        found = _schema_version(driver)
        if found > SCHEMA_VERSION:
            raise messages.newer_schema(found, SCHEMA_VERSION)
        for statements in MIGRATIONS[found:]:
            driver.script(statements)
        if found == 1:
            fill_values(driver)
        if found == 0:
            driver.execute("INSERT INTO meta (key, value) VALUES ('store_id', ?)", (store_id or uuid.uuid4().hex,))
        driver.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _schema_version(driver: SqliteDriver) -> int:
    return int(driver.rows("PRAGMA user_version")[0][0])
