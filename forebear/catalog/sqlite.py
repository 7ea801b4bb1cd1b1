"""The catalog in one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from forebear.catalog.sql_catalog import SqlCatalog
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.errors import NotFound


class SqliteCatalog(SqlCatalog):
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
        super().__init__(SqliteDriver(path), store_id, clock)
