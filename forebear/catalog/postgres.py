"""The catalog in one schema of a PostgreSQL database, for stores that several machines share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from forebear.catalog.driver import one
from forebear.catalog.run_patterns import without_patterns
from forebear.catalog.sql_catalog import SqlCatalog
from forebear.errors import NotFound, Unsupported

if TYPE_CHECKING:
    from forebear.catalog.postgres_driver import PostgresDriver
    from forebear.records.queries import RunQuery

#: Methods that only read, in several statements that see one snapshot.
_READERS = (
    "versions",
    "versions_by_id",
    "resolve",
    "find_runs",
    "count_runs",
    "history",
    "history_keys",
    "describe",
    "trials",
    "trial_counts",
)


class ServerState(NamedTuple):
    """What a server says of itself.

    Attributes:
        version: Such as ``17.5``.
        schema: Name of the schema that holds the tables.
        writable: Whether this user may write to them now.
    """

    version: str
    schema: str
    writable: bool


class PostgresCatalog(SqlCatalog):
    """A `forebear.catalog.port.Catalog` on a server. Safe for threads, processes, forked children and many machines.

    What was read when the connection broke is read again, once, on a new one. Of what is being written then, either
    nothing is written and a `StorageFailure` says so, or all of it is and nothing is said.
    """

    def __init__(
        self,
        url: str,
        *,
        create: bool = True,
        store_id: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Connect to the catalog, bringing an older form up to date.

        Args:
            url: See `forebear.catalog.postgres_address.address_of`.
            create: Make schema and tables where there are none; the database must be there.
            store_id: Identity for a new catalog; a random one if not given.
            clock: Gives aware UTC times; the system's clock if not given.

        Raises:
            InvalidInput: the URL has not the form that it must have.
            NotFound: the schema has no catalog and ``create`` is false.
            Conflict: the schema holds tables of another program.
            Unsupported: psycopg is not installed, the server is too old, or the tables were written by a newer
                forebear.
            StorageFailure: the server cannot be reached, or does not let the user in.
        """
        driver = _driver(url)
        if not create:
            try:
                if driver.schema_version() == 0:
                    raise NotFound(f"there is no catalog at {driver.shown}", code="store-not-found")
            except BaseException:
                driver.close()
                raise
        self._postgres = driver
        self._by_server = clock is None
        super().__init__(driver, store_id, clock)

    def __repr__(self) -> str:
        return f"<PostgresCatalog {self._postgres.shown}>"

    def server_state(self) -> ServerState:
        """Return what the server says of itself. Cost: one question."""
        row = one(
            self._db,
            "SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'off' "
            "AND has_table_privilege('versions', 'INSERT')",
        )
        assert row is not None
        # Debian's servers add what package they are from.
        return ServerState(str(row[0]).partition(" ")[0], self._postgres.schema, bool(row[1]))

    def _sweep_time(self) -> int:
        # The machines' clocks may differ by more than an agent may be silent.
        if not self._by_server:
            return super()._sweep_time()
        row = one(self._db, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        assert row is not None
        return int(row[0])

    def _in_plain_words(self, query: RunQuery) -> RunQuery:
        # The server's regular expressions are not Python's.
        from forebear.catalog.postgres_sql import sift

        return without_patterns(self._db, query, sift)


def _driver(url: str) -> PostgresDriver:
    try:
        from forebear.catalog.postgres_address import address_of
        from forebear.catalog.postgres_driver import PostgresDriver
    except ImportError as err:
        raise Unsupported(
            "a catalog in PostgreSQL needs psycopg: pip install 'forebear[postgres]'", code="needs-psycopg"
        ) from err
    return PostgresDriver(address_of(url))


def _reading_again(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that only reads, called again where the connection broke in the middle of it."""

    @wraps(method)
    def call(self: PostgresCatalog, *args: Any, **options: Any) -> Any:
        from forebear.catalog.postgres_errors import ConnectionLost

        # An iterator can be gone through once.
        args = tuple(list(arg) if isinstance(arg, Iterator) else arg for arg in args)
        try:
            return method(self, *args, **options)
        except ConnectionLost:
            if self._postgres.in_block():
                raise  # what is written around it was lost with it
            return method(self, *args, **options)

    return call


for _name in _READERS:
    setattr(PostgresCatalog, _name, _reading_again(getattr(SqlCatalog, _name)))
