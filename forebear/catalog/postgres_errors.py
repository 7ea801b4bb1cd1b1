"""PostgreSQL's errors in forebear's words: what to do about them, and never a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from forebear.errors import CorruptData, ForebearError, InvalidInput, StorageFailure

_CODE = "catalog-unavailable"
#: Seconds that a writer waits for another, as milliseconds in SQLite's driver.
LOCK_SECONDS = 60
_PASSING = "starting up|shutting down|recovery mode|not yet accepting connections"
#: What a message of the server or of libpq says → what to do. Looked at in this order.
_ADVICE = (
    (r"password authentication failed|no password supplied|fe_sendauth", "check the user and the password"),
    (r'role ".*" does not exist', "check the user; an administrator makes one with: createuser NAME"),
    (r'database ".*" does not exist', "check its name; make it with: createdb -E UTF8 NAME"),
    (r"pg_hba\.conf|SSL", "the server does not let this user or host in so: ask its administrator"),
    (r"translate host name|resolve|Name or service", "check the name of the host"),
    (r"too many clients|connection slots|too many connections", "raise its max_connections, or share connections"),
    (_PASSING, "the server starts or ends: repeat in a moment"),
    (r"refused|timeout|timed out|No such file|unreachable", "check that the server runs and that this is its address"),
)
_BY_STATE: dict[type[psycopg.Error], str] = {
    errors.LockNotAvailable: f"another process held it for more than {LOCK_SECONDS} s",
    errors.QueryCanceled: "the statement took too long or was stopped by an administrator",
    errors.ReadOnlySqlTransaction: "the server takes no writes: it is a standby, or was made read-only",
    errors.InsufficientPrivilege: "the user may not do that: GRANT ALL ON SCHEMA, and CREATE ON DATABASE for a new one",
    errors.DiskFull: "free some space and repeat",
    errors.OutOfMemory: "the server has no memory left",
    errors.TooManyConnections: "raise its max_connections, or share connections",
    errors.UndefinedTable: "its tables are gone: put them back from a backup",
    errors.InvalidSchemaName: "its schema is gone: put it back from a backup",
}


class ConnectionLost(StorageFailure):
    """The connection broke before anything was written for good; the same call may be repeated."""


def of_connecting(err: psycopg.Error, shown: str) -> StorageFailure:
    """The error to raise where no connection could be made."""
    said = " ".join(str(err).removeprefix("connection failed: ").split())
    advice = next((advice for words, advice in _ADVICE if re.search(words, said, re.IGNORECASE)), "repeat")
    return StorageFailure(f"cannot reach the catalog {shown}: {said}; {advice}", code=_CODE)


def is_passing(err: StorageFailure) -> bool:
    """Whether a server that could not be reached is about to be there."""
    return re.search(_PASSING, str(err)) is not None


@contextmanager
def in_words_of_forebear(connection: psycopg.Connection, shown: str) -> Iterator[None]:
    """Turn errors of the server and the network into forebear's; errors in a statement are bugs and pass."""
    try:
        yield
    except psycopg.Error as err:
        found = _of_statement(err, shown, lost=connection.closed)
        if found is None:
            raise
        raise found from err


def _of_statement(err: psycopg.Error, shown: str, *, lost: bool) -> ForebearError | None:
    said = _said(err)
    if lost or isinstance(err, (errors.AdminShutdown, errors.CrashShutdown, errors.IdleInTransactionSessionTimeout)):
        return ConnectionLost(f"catalog {shown}: the connection broke ({said}); repeat", code=_CODE)
    if isinstance(err, errors.ProgramLimitExceeded):
        return InvalidInput(f"catalog {shown}: a name or path is too long for its index ({said})", code="name-too-long")
    if isinstance(err, (errors.DataCorrupted, errors.IndexCorrupted)):
        return CorruptData(f"catalog {shown} is damaged ({said}); restore it from a backup", code="corrupt-catalog")
    for kind, advice in _BY_STATE.items():
        if isinstance(err, kind):
            return StorageFailure(f"catalog {shown}: {said}; {advice}", code=_CODE)
    if isinstance(err, psycopg.OperationalError):
        return StorageFailure(f"catalog {shown}: {said}", code=_CODE)
    return None


def _said(err: psycopg.Error) -> str:
    """What the error says, without the statement and the parameters that a server may add."""
    first = err.diag.message_primary
    if first:
        return first
    return " ".join(str(err).split()) or type(err).__name__
