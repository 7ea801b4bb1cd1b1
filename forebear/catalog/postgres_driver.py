"""PostgreSQL as a `Driver`, through psycopg 3: a few connections a process, and one lock for all writers.

Writers take turns by an advisory lock of the store's schema, from the first word of a transaction to its end, so that
a transaction means what SQLite's ``BEGIN IMMEDIATE`` means. Readers wait for nobody.

A connection that broke while nobody used it is replaced without a word. One that breaks inside a transaction ends it,
and nothing was written. Where it breaks while the commit is on its way, the table ``writers`` tells whether it
arrived: each process leaves there the number of its last transaction.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import RawCursor
from psycopg.pq import TransactionStatus

from forebear.catalog.driver import values_statements
from forebear.catalog.postgres_copying import packed_rows
from forebear.catalog.postgres_errors import (
    LOCK_SECONDS,
    ConnectionLost,
    in_words_of_forebear,
    is_passing,
    of_connecting,
)
from forebear.catalog.postgres_sql import definitions, target, translated
from forebear.catalog.postgres_values import adapters
from forebear.errors import Conflict, StorageFailure, Unsupported

if TYPE_CHECKING:
    from forebear.catalog.driver import Row
    from forebear.catalog.postgres_address import Address

_T = TypeVar("_T")
Connection = psycopg.Connection[Any]

#: Connections that a process keeps at hand when nobody uses them.
IDLE_KEPT = 4
STREAM_ROWS = 4_096
#: Rows of one insertion from which on they are copied.
COPY_ROWS = 400
#: Seconds of one statement; a writer that says nothing for so long inside a transaction lets the others go on.
_STATEMENT_SECONDS = 600
_SILENT_SECONDS = 45
#: Seconds to wait for a server that starts or ends, and to find out whether a commit arrived.
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.1
#: Writers that were silent for so long have nothing left to ask.
_FORGOTTEN_DAYS = 7
OLDEST_SERVER = 13

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Who reads a stream may take his time between two rows.
_STREAM = f"{_READ}; SET LOCAL idle_in_transaction_session_timeout = 0"
_NOT_DURABLE = "SET LOCAL synchronous_commit = off"
_DURABLE = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
_WRITERS = (
    "CREATE TABLE writers (client TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL) "
    "WITH (fillfactor = 50)"
)
_TYPES = "SELECT attname, atttypid::bigint FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0"

_adapters = adapters()
#: Connections of parent processes. In a child they may be neither used nor closed, nor be collected as garbage.
_of_parents: list[object] = []


class _Process:
    """What one process has: connections at hand, and the block that each of its threads is in."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.client = uuid.uuid4().hex
        self.lock = threading.Lock()
        self.idle: list[Connection] = []
        self.thread = threading.local()
        self.transactions = 0


class PostgresDriver:
    """One schema of one database. Threads have connections of their own; a forked child opens new ones."""

    #: A server that crashes forgets what was not durable, and its clients do not.
    outlived = True

    def __init__(self, address: Address) -> None:
        """Connect to ``address``; the schema need not be there yet.

        Raises:
            StorageFailure: there is no such server or database, or it does not let the user in.
            Unsupported: the server is too old, or the database is not in UTF-8.
        """
        self.shown = address.shown
        self.schema = address.schema
        self._params = address.params
        lock = blake2b(f"forebear:{address.schema}".encode(), digest_size=8).digest()
        self._lock_key = int.from_bytes(lock, "big", signed=True)
        self._types: dict[str, dict[str, int]] = {}
        self._counted = False
        self._closed = False
        self._processes = _Process()
        self._give_back(self._connect())

    def __repr__(self) -> str:
        return f"<PostgresDriver {self.shown}>"

    # -- connections ----------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self._connected()
            except StorageFailure as err:
                if not is_passing(err) or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def _connected(self) -> Connection:
        try:
            connection: Connection = psycopg.connect(
                **self._params,
                client_encoding="utf8",
                autocommit=True,
                cursor_factory=RawCursor,
                context=_adapters,
            )
        except psycopg.Error as err:
            raise of_connecting(err, self.shown) from None
        try:
            with in_words_of_forebear(connection, self.shown):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: Connection) -> None:
        version = connection.info.server_version // 10_000
        encoding = connection.info.parameter_status("server_encoding")
        if version < OLDEST_SERVER:
            raise Unsupported(
                f"{self.shown} is PostgreSQL {version}; forebear needs {OLDEST_SERVER} or newer", code="old-server"
            )
        if encoding != "UTF8":
            raise Unsupported(
                f"the database {self.shown} is in {encoding}; forebear needs one in UTF-8: "
                "createdb -E UTF8 -T template0 NAME",
                code="database-encoding",
            )
        connection.execute(
            f'SET search_path = "{self.schema}"; SET jit = off; SET client_min_messages = warning; '
            f"SET lock_timeout = '{LOCK_SECONDS}s'; SET statement_timeout = '{_STATEMENT_SECONDS}s'; "
            f"SET idle_in_transaction_session_timeout = '{_SILENT_SECONDS}s'; "
            # A host that vanished in a transaction must not hold the lock for the two hours of the default.
            "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3".encode()
        )

    def _process(self) -> _Process:
        if self._processes.pid != os.getpid():
            _of_parents.append(self._processes)
            self._processes = _Process()
        return self._processes

    def _take(self, *, fresh: bool = False) -> Connection:
        """A connection for the caller alone; ``fresh`` where those at hand may all be broken."""
        if self._closed:
            raise StorageFailure(f"the catalog {self.shown} was closed", code="catalog-closed")
        process = self._process()
        with process.lock:
            if not fresh:
                if process.idle:
                    return process.idle.pop()
                old = []
            else:
                old, process.idle = process.idle, []
        for connection in old:
            connection.close()
        return self._connect()

    def _give_back(self, connection: Connection) -> None:
        process = self._process()
        if connection.info.transaction_status == TransactionStatus.IDLE:
            with process.lock:
                if not self._closed and len(process.idle) < IDLE_KEPT:
                    process.idle.append(connection)
                    return
        connection.close()

    def _held(self) -> Connection | None:
        """The connection of the block that this thread is in."""
        return getattr(self._process().thread, "connection", None)

    def in_block(self) -> bool:
        """Whether this thread is inside a transaction or a snapshot."""
        return self._held() is not None

    def _repeated(self, work: Callable[[Connection], _T]) -> _T:
        """Do something that changes nothing on a connection, and once more on a new one where that broke."""
        for fresh in (False, True):
            connection = self._take(fresh=fresh)
            try:
                return work(connection)
            except ConnectionLost:
                if fresh:
                    raise
            finally:
                self._give_back(connection)
        raise AssertionError

    def _begun(self, words: str) -> Connection:
        """A connection on which a block has begun."""
        for fresh in (False, True):
            connection = self._take(fresh=fresh)
            try:
                with in_words_of_forebear(connection, self.shown):
                    connection.execute(words.encode())
                return connection
            except ConnectionLost:
                connection.close()
                if fresh:
                    raise
            except BaseException:
                connection.close()
                raise
        raise AssertionError

    def _end(self, connection: Connection, word: str) -> None:
        """End a block of which nothing is to be kept."""
        try:
            connection.execute(word.encode())
        except psycopg.Error:  # broken, or in the middle of something: the server ends the block with the connection
            connection.close()
        self._give_back(connection)

    # -- statements -----------------------------------------------------------------------------------------------

    def _run(self, connection: Connection, sql: str, params: Sequence[Any]) -> psycopg.Cursor[Any]:
        statement = translated(sql)
        with in_words_of_forebear(connection, self.shown):
            return connection.execute(statement.text.encode(), statement.params(params), binary=True)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """See `Driver.rows`."""
        held = self._held()
        if held is not None:
            return self._run(held, sql, params).fetchall()
        return self._repeated(lambda connection: self._run(connection, sql, params).fetchall())

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """See `Driver.stream`. It has a connection of its own, which sees one snapshot."""
        connection, pid = self._begun(_STREAM), os.getpid()
        try:
            self._run(connection, f"DECLARE piecewise NO SCROLL CURSOR FOR {sql}", params)
            while batch := self._run(connection, f"FETCH {STREAM_ROWS} FROM piecewise", ()).fetchall():
                yield from batch
        finally:
            if os.getpid() == pid:
                self._end(connection, "ROLLBACK")

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """See `Driver.execute`."""
        with self._for_writing() as connection:
            return self._run(connection, sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Driver.many`."""
        statement = translated(sql)
        with self._for_writing() as connection, in_words_of_forebear(connection, self.shown):
            connection.cursor().executemany(statement.text.encode(), [statement.params(row) for row in rows])

    def insert(self, head: str, rows: Sequence[Sequence[Any]], tail: str) -> None:
        """See `Driver.insert`. Many rows are copied: a fifth of the time of statements."""
        with self._for_writing() as connection:
            if len(rows) <= COPY_ROWS or connection.info.transaction_status != TransactionStatus.INTRANS:
                for sql, params in values_statements(head, rows, tail):
                    self._run(connection, sql, params)
                return
            table, columns = target(head)
            if not tail:
                self._copy(connection, table, table, columns, rows)
                return
            given = f"given_{table}"
            made = f"CREATE TEMP TABLE IF NOT EXISTS {given} ON COMMIT DROP AS SELECT {columns} FROM {table}"
            self._run(connection, f"{made} WITH NO DATA", ())
            self._copy(connection, given, table, columns, rows)
            self._run(connection, f"{head} SELECT {columns} FROM {given} {tail}", ())
            self._run(connection, f"TRUNCATE {given}", ())

    def _copy(self, connection: Connection, into: str, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        types = self._column_types(connection, table, [name.strip(' "') for name in columns.split(",")])
        with in_words_of_forebear(connection, self.shown):
            words = f"COPY {into} ({columns}) FROM STDIN (FORMAT BINARY)"
            pieces = packed_rows(rows, types)
            with connection.cursor() as cursor, cursor.copy(words.encode()) as copy:
                if pieces is not None:
                    for piece in pieces:
                        copy.write(piece)
                    return
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)

    def _column_types(self, connection: Connection, table: str, columns: Sequence[str]) -> list[int]:
        known = self._types.get(table, {})
        if not known.keys() >= set(columns):
            known = self._types[table] = dict(self._run(connection, _TYPES, (table,)).fetchall())
        return [known[name] for name in columns]

    @contextmanager
    def _for_writing(self) -> Iterator[Connection]:
        """The connection of the block around, else one for a single statement."""
        held = self._held()
        if held is not None:
            yield held
            return
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    # -- blocks ---------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """See `Driver.transaction`."""
        assert self._held() is None, "a transaction inside a block"
        process = self._process()
        with process.lock:
            process.transactions += 1
            number = process.transactions
        connection = self._begun(self._begin_writing(process, number, durable=durable))
        with self._block(process, connection):
            yield
            if process.pid == os.getpid():
                self._commit(process, connection, number)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See `Driver.reading`."""
        if self._held() is not None:
            yield  # the block around this one sees one snapshot already
            return
        with self._block(self._process(), self._begun(_READ)):
            yield

    @contextmanager
    def _block(self, process: _Process, connection: Connection) -> Iterator[None]:
        """Let all statements of this thread go to ``connection``; what is not committed at the end is undone."""
        process.thread.connection = connection
        try:
            yield
        finally:
            process.thread.connection = None
            if process.pid == os.getpid():  # else a forked child, in which the connection is its parent's
                if connection.info.transaction_status == TransactionStatus.IDLE:
                    self._give_back(connection)
                else:
                    self._end(connection, "ROLLBACK")

    def _begin_writing(self, process: _Process, number: int, *, durable: bool) -> str:
        """All that begins a transaction, in one message."""
        words = ["BEGIN", _DURABLE if durable else _NOT_DURABLE, f"SELECT pg_advisory_xact_lock({self._lock_key})"]
        if self._counted:
            now = time.time_ns() // 1000
            words.append(
                f"INSERT INTO writers (client, number, at) VALUES ('{process.client}', {number}, {now}) "
                "ON CONFLICT (client) DO UPDATE SET number = excluded.number, at = excluded.at"
            )
            if number == 1:
                words.append(f"DELETE FROM writers WHERE at < {now - _FORGOTTEN_DAYS * 86_400_000_000}")
        return "; ".join(words)

    def _commit(self, process: _Process, connection: Connection, number: int) -> None:
        try:
            with in_words_of_forebear(connection, self.shown):
                done = connection.execute(b"COMMIT").statusmessage
        except ConnectionLost:
            if self._counted and self._arrived(process, number):
                return
            raise
        if done != "COMMIT":
            raise StorageFailure(
                f"catalog {self.shown}: nothing was written, because a statement had failed", code="catalog-unavailable"
            )

    def _arrived(self, process: _Process, number: int) -> bool:
        """Whether the commit of a transaction arrived before its connection broke."""
        # Under the lock: the server may still be at work on the transaction, whose connection it believes alive.
        begin = f"BEGIN; SELECT pg_advisory_xact_lock({self._lock_key})"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                connection = self._begun(begin)
                try:
                    found = self._run(connection, "SELECT number FROM writers WHERE client = ?", (process.client,))
                    return found.fetchall() == [(number,)]
                finally:
                    self._end(connection, "ROLLBACK")
            except StorageFailure as err:
                if time.monotonic() > deadline:
                    raise StorageFailure(
                        f"catalog {self.shown}: the connection broke while something was being written, and the server "
                        f"is away for {_PATIENCE_SECONDS:.0f} s; look whether it is there, or repeat: what is there "
                        "already is not written twice",
                        code="commit-unknown",
                    ) from err
                time.sleep(_PAUSE_SECONDS)

    # -- the schema -----------------------------------------------------------------------------------------------

    def schema_version(self) -> int:
        """See `Driver.schema_version`."""
        if self.rows("SELECT to_regclass(?)::text", (f'"{self.schema}".meta',)) == [(None,)]:
            return 0
        # Another program's table of that name may have any columns.
        if self.rows("SELECT to_regclass(?)::text", (f'"{self.schema}".writers',)) != [(None,)]:
            found = self.rows("SELECT value FROM meta WHERE key = 'schema_version'")
            if found:
                self._counted = True
                return int(found[0][0])
        raise Conflict(
            f"schema {self.schema!r} of {self.shown} holds tables of another program; choose another by ?schema=NAME",
            code="schema-taken",
        )

    def prepare_schema(self) -> None:
        """See `Driver.prepare_schema`."""
        if self.rows("SELECT to_regnamespace(?)::text", (f'"{self.schema}"',)) == [(None,)]:
            self.script(f'CREATE SCHEMA "{self.schema}"')
        self.script(_WRITERS)

    def set_schema_version(self, number: int) -> None:
        """See `Driver.set_schema_version`."""
        self.execute(
            "INSERT INTO meta (key, value) VALUES ('schema_version', ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (str(number),),
        )
        self._counted = True

    def script(self, sql: str) -> None:
        """See `Driver.script`."""
        with self._for_writing() as connection, in_words_of_forebear(connection, self.shown):
            connection.execute(definitions(sql).encode())

    def integrity(self) -> list[str]:
        """See `Driver.integrity`: a server checks its pages as it reads them, where its data checksums are on."""
        return []

    def close(self) -> None:
        """See `Driver.close`."""
        self._closed = True
        process = self._process()
        with process.lock:
            idle, process.idle = process.idle, []
        for connection in idle:
            connection.close()
