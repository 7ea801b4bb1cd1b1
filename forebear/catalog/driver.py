"""What the catalog's statements need of a database: a handful of calls, so that SQLite and PostgreSQL share the rest.

Statements are written with ``?`` for parameters and use only what both databases know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Row = tuple[Any, ...]
#: Keys in one ``IN (…)`` list; more are asked for in several statements.
KEYS_A_STATEMENT = 2_000
#: Rows of one ``INSERT``; more gain nothing and cost memory.
ROWS_A_STATEMENT = 100


class Driver(Protocol):
    """One database. Every call may come from any thread; a transaction belongs to the thread that opened it."""

    @property
    def outlived(self) -> bool:
        """Whether clients may live on when what is not durable is lost: it is on a server, which crashes alone.

        What several clients rely on is durable there: a trial that two were given would be executed by both.
        """
        ...

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return all of its rows."""
        ...

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """Run a query and yield its rows in bounded memory, as of one moment."""
        ...

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run a statement and return the number of rows it changed."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once a row."""
        ...

    def insert(self, head: str, rows: Sequence[Sequence[Any]], tail: str) -> None:
        """Insert rows of one width: ``head`` is the statement up to and without ``VALUES``, ``tail`` what follows."""
        ...

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Hold the write lock until the end of the block; commit, or roll back when it raises."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """See one snapshot of the database until the end of the block."""
        ...

    def schema_version(self) -> int:
        """Return the number of the last migration that was run; 0 where there are no tables yet."""
        ...

    def prepare_schema(self) -> None:
        """Make, inside a transaction, what must be there before the tables."""
        ...

    def set_schema_version(self, number: int) -> None:
        """Keep, inside a transaction, the number of the last migration."""
        ...

    def script(self, sql: str) -> None:
        """Run several statements that make or change tables, inside a transaction."""
        ...

    def integrity(self) -> list[str]:
        """Return what the database finds wrong with itself, as far as it can tell."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


def batches(keys: Iterable[Any], size: int = KEYS_A_STATEMENT) -> Iterator[list[Any]]:
    """Cut ``keys`` into lists of at most ``size``."""
    iterator = iter(keys)
    while batch := list(islice(iterator, size)):
        yield batch


def rows_in(driver: Driver, sql: str, keys: Iterable[Any]) -> Iterator[Row]:
    """Run ``sql``, whose ``{keys}`` stands for a list of parameters, over any number of keys.

    Cost: one statement for each `KEYS_A_STATEMENT` keys.
    """
    for batch in batches(keys):
        yield from driver.rows(sql.format(keys=",".join("?" * len(batch))), batch)


def one(driver: Driver, sql: str, params: Sequence[Any] = ()) -> Row | None:
    """Return the first row of a query, or ``None``."""
    found = driver.rows(sql, params)
    return found[0] if found else None


def insert_rows(driver: Driver, head: str, rows: Sequence[Sequence[Any]], tail: str = "") -> None:
    """Insert rows of one width, many a statement: half the time of a statement a row.

    Args:
        driver: Where to.
        head: The statement up to and without ``VALUES``.
        rows: Values in the order of the statement's columns.
        tail: What follows the values, such as ``ON CONFLICT …``.
    """
    if rows:
        driver.insert(head, rows, tail)


def values_statements(head: str, rows: Sequence[Sequence[Any]], tail: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements, with their parameters, that insert ``rows``."""
    one_row = f"({','.join('?' * len(rows[0]))})"
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        batch = rows[start : start + ROWS_A_STATEMENT]
        yield f"{head} VALUES {','.join([one_row] * len(batch))} {tail}", list(chain.from_iterable(batch))


def execute_for(driver: Driver, sql: str, params: Sequence[Any], keys: Iterable[Any]) -> None:
    """Run a statement that changes rows, whose last parameters are ``{keys}``, over any number of keys.

    Cost: one statement for each `KEYS_A_STATEMENT` keys.
    """
    for batch in batches(keys):
        driver.execute(sql.format(keys=",".join("?" * len(batch))), [*params, *batch])
