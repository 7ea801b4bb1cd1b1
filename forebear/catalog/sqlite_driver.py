"""SQLite as a `Driver`: one connection a process, write-ahead log, and a lock around it.

The system's SQLite may be older than 3.51.3, whose write-ahead log can corrupt a database; the ``pysqlite3`` wheel
brings a sound one. Where only an old library is there, the rollback journal is used instead.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.catalog.codec import text_at
from forebear.catalog.driver import values_statements
from forebear.catalog.query_check import pattern_of
from forebear.errors import CorruptData, StorageFailure

if TYPE_CHECKING:
    from forebear.catalog.driver import Row

try:
    import pysqlite3 as sqlite3
except ImportError:  # no wheel for this platform
    import sqlite3

#: First release without the write-ahead log defect (https://sqlite.org/wal.html, "The WAL-Reset Bug").
SOUND_WAL = (3, 51, 3)
#: How long a writer waits for another, in milliseconds.
BUSY_MS = 60_000
STREAM_ROWS = 4_096
#: Problems of a database that are listed, of each kind.
_LISTED_PROBLEMS = 20
#: How SQLite says that tables are not those that were made, or hold what is no text.
_OTHER_TABLES = re.compile(r"no such (?:table|column)|table \S+ has no column|[Cc]ould not decode|malformed")
#: From one try to the next where SQLite does not wait by itself.
_TURN_SECONDS = 0.005


def library_version() -> tuple[int, ...]:
    """Version of the SQLite library in use."""
    return tuple(int(part) for part in sqlite3.sqlite_version.split("."))


def wal_is_sound() -> bool:
    """Whether the library in use may be trusted with a write-ahead log."""
    return library_version() >= SOUND_WAL


#: What no catalog has; the name of one says nothing of what it does. Cost: 20 µs.
_STRANGE = (
    "SELECT CASE type WHEN 'table' THEN 'virtual table' ELSE type END, name FROM sqlite_master "
    "WHERE type NOT IN ('table', 'index') OR (type = 'table' AND (rootpage IS NULL OR rootpage = 0)) LIMIT 1"
)


class SqliteDriver:
    """A connection to one SQLite file. Threads take turns; a forked child opens its own connection."""

    #: What is written is lost only with the machine, and all clients are on it.
    outlived = False

    def __init__(self, path: Path, *, journal: str | None = None) -> None:
        """Open or create ``path``; ``journal`` is SQLite's journal mode, chosen by the library's age if not given."""
        self.path = path
        self._journal = journal or ("wal" if wal_is_sound() else "delete")
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._abandoned: list[Any] = []
        self._synchronous = "NORMAL"
        self._connection = self._connect()
        try:
            self._refuse_strange()
        except BaseException:
            self._connection.close()
            raise

    def _refuse_strange(self) -> None:
        """Refuse a database that does things by itself: a catalog has tables and indexes, and nothing else.

        Raises:
            CorruptData: it has a trigger, a view or a virtual table.
        """
        found = self.rows(_STRANGE)
        if found:
            kind, name = found[0]
            raise CorruptData(
                f"{self.path} is no catalog that forebear made: it has a {kind} {name!r}; do not use it before you "
                "know who put that there, and restore it from a backup",
                code="corrupt-catalog",
            )

    def _connect(self) -> Any:
        with _translated(self.path):
            connection = sqlite3.connect(
                _address(self.path), uri=True, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
            )
            try:
                # The name SQLite uses for "wait for others" is per connection, so it is set again in each process.
                connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute(
                    "PRAGMA synchronous = NORMAL" if self._journal == "wal" else "PRAGMA synchronous = FULL"
                )
                connection.execute("PRAGMA cache_size = -16384")
                # Whatever else a file brings along may call nothing that reaches out of it.
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("PRAGMA cell_size_check = ON")
                connection.create_function("regexp", 2, _regexp, deterministic=True)
                connection.create_function("leaf_text", 2, _leaf_text, deterministic=True)
                if _writable(self.path):
                    _set_journal(connection, self._journal)
            except BaseException:
                connection.close()
                raise
            return connection

    def _use(self) -> Any:
        if os.getpid() != self._pid:
            self._after_fork()
        if self._connection is None:
            raise StorageFailure(f"the catalog {self.path} was closed", code="catalog-closed")
        return self._connection

    def _after_fork(self) -> None:
        # The parent's connection must be neither used nor closed here: closing would drop the parent's file locks.
        self._abandoned.append(self._connection)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._synchronous = "NORMAL"
        self._connection = self._connect()

    def _guard(self) -> threading.RLock:
        if os.getpid() != self._pid:
            self._after_fork()
        return self._lock

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """See `Driver.rows`."""
        with self._guard(), _translated(self.path):
            found: list[Row] = self._use().execute(sql, params).fetchall()
            return found

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """See `Driver.stream`.

        A statement left half read would hold its connection on an old snapshot, where it sees no other process's
        writes and cannot write itself, so a stream has a connection of its own.
        """
        with self._guard():
            self._use()
        connection, pid = self._connect(), os.getpid()
        try:
            with _translated(self.path):
                cursor = connection.execute(sql, params)
            while True:
                with _translated(self.path):
                    batch = cursor.fetchmany(STREAM_ROWS)
                if not batch:
                    return
                yield from batch
        finally:
            if os.getpid() == pid:  # in a forked child closing would drop the parent's file locks
                connection.close()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """See `Driver.execute`."""
        with self._guard(), _translated(self.path):
            return int(self._use().execute(sql, params).rowcount)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Driver.many`."""
        with self._guard(), _translated(self.path):
            self._use().executemany(sql, rows)

    def insert(self, head: str, rows: Sequence[Sequence[Any]], tail: str) -> None:
        """See `Driver.insert`. Many rows a statement take half the time of a statement a row."""
        for sql, params in values_statements(head, rows, tail):
            self.execute(sql, params)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """See `Driver.transaction`."""
        with self._guard():
            self._set_synchronous("FULL" if durable else "NORMAL")
            yield from self._block("BEGIN IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See `Driver.reading`."""
        with self._guard():
            if self._use().in_transaction:
                yield  # the block around this one sees one snapshot already
            else:
                yield from self._block("BEGIN")

    def _block(self, begin: str) -> Iterator[None]:
        connection = self._use()
        with _translated(self.path):
            connection.execute(begin)
        try:
            yield
            with _translated(self.path):
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _set_synchronous(self, level: str) -> None:
        # With a rollback journal NORMAL may corrupt after a power cut, so there it always stays FULL.
        if self._journal == "wal" and level != self._synchronous:
            self._use().execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def tables(self) -> Any:
        """Give the database as a `sqlite_utils.Database`, for inspection and for migrations that rebuild tables."""
        # 150 ms, and 90 MiB where NumPy and pandas are installed, which it imports: not for every new store.
        from sqlite_utils import Database

        return Database(self._use())

    def schema_version(self) -> int:
        """See `Driver.schema_version`."""
        return int(self.rows("PRAGMA user_version")[0][0])

    def prepare_schema(self) -> None:
        """See `Driver.prepare_schema`; a file is all that the tables need."""

    def set_schema_version(self, number: int) -> None:
        """See `Driver.set_schema_version`."""
        self.execute(f"PRAGMA user_version = {int(number)}")

    def script(self, sql: str) -> None:
        """See `Driver.script`."""
        with self._guard(), _translated(self.path):
            for statement in sql.split(";"):
                if statement.strip():
                    self._use().execute(statement)

    def integrity(self) -> list[str]:
        """See `Driver.integrity`."""
        found = [str(row[0]) for row in self.rows(f"PRAGMA integrity_check({_LISTED_PROBLEMS})")]
        rows = self.rows("PRAGMA foreign_key_check")
        return [words for words in found if words != "ok"] + [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in rows[:_LISTED_PROBLEMS]
        ]

    def close(self) -> None:
        """See `Driver.close`."""
        with self._guard():
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def _regexp(pattern: bytes, text: bytes | None) -> bool:
    """What ``text REGEXP pattern`` means: whether Python's search finds the pattern anywhere; both as UTF-8."""
    return text is not None and pattern_of(pattern.decode("utf-8", "surrogatepass")).search(text.decode()) is not None


def _leaf_text(document: str, key: bytes) -> bytes | None:
    """The text at a dotted key of a JSON document, of which an index keeps the beginning alone; both as UTF-8."""
    text = text_at(document, key.decode())
    return None if text is None else text.encode()


def _address(path: Path) -> str:
    """Return the path of a file, or a URI that opens it for reading only where nothing can be written beside it.

    A write-ahead log needs a file of shared memory even for reading. Where none can be made and none is left by a
    writer, nobody is writing, and the file is read as it lies (https://sqlite.org/wal.html, "Read-Only Databases").
    """
    if os.access(path.parent, os.W_OK) or not path.exists():
        return str(path)
    quoted = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?mode=ro" + ("" if Path(f"{path}-wal").exists() else "&immutable=1")


def _set_journal(connection: Any, journal: str) -> None:
    """Let the file have this journal mode; processes that open a new file at once take turns.

    Changing it is the one statement for which SQLite does not wait by itself: it reads first and then wants to write,
    and two that do so would wait for each other for ever.
    """
    until = time.monotonic() + BUSY_MS / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != journal:
        try:
            connection.execute(f"PRAGMA journal_mode = {journal}")
        except sqlite3.OperationalError as err:
            if "locked" not in str(err) or time.monotonic() > until:
                raise
            time.sleep(_TURN_SECONDS)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file into forebear's; errors in a statement are bugs and pass."""
    try:
        yield
    except sqlite3.OperationalError as err:
        if _OTHER_TABLES.match(str(err)):
            raise _damaged(path, err) from err
        raise StorageFailure(f"catalog {path}: {_advice(str(err), path)}", code="catalog-unavailable") from err
    except sqlite3.DatabaseError as err:
        if type(err) is not sqlite3.DatabaseError:
            raise
        raise _damaged(path, err) from err
    except UnicodeDecodeError as err:  # the words of an error repeat what stands in the file
        raise _damaged(path, err) from err


def _damaged(path: Path, err: BaseException) -> CorruptData:
    return CorruptData(f"catalog {path} is damaged ({err}); restore it from a backup", code="corrupt-catalog")


def _advice(reason: str, path: Path) -> str:
    if "locked" in reason:
        return f"{reason}: another process held it for more than {BUSY_MS // 1000} s"
    if "readonly" in reason:
        return f"{reason}; the store is read-only: check that you may write to {path.parent}, or choose another store"
    if "unable to open" in reason:
        return f"{reason}; check that {path.parent} exists and that you may write there"
    if "full" in reason:
        return f"{reason}; free some space and repeat"
    if "I/O error" in reason:  # where a file cannot be mapped into memory, a full disk is one of these
        return f"{reason}; free some space where the disk is full, else see whether it is broken, and repeat"
    return reason
