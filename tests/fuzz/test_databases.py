"""A catalog that somebody made or changed is refused: as a whole when it is opened, a row when it is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, ForebearError, StorageFailure
from tests.fuzz import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What stands in a column of another kind.
STRANGE: list[Any] = [
    "text",
    b"\xff\x00bytes",
    2**62,
    -(2**62),
    -1,
    1.5,
    "[" * 3_000,
    '{"a":' * 3_000,
    "[1, {}]",
    "",
]


@pytest.fixture
def path() -> Iterator[Path]:
    """A catalog with a row in each table that matters, in memory where there is such a place."""
    with targets.file_of(b"", "catalog.db") as file:
        file.unlink()
        targets.fill(file)
        yield file


def columns(path: Path) -> list[tuple[str, str]]:
    """Table and column of everything that has a row."""
    found = []
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table.startswith("sqlite_") or not connection.execute(f"SELECT 1 FROM {table}").fetchone():
                continue
            found += [(table, row[1]) for row in connection.execute(f"PRAGMA table_info({table})").fetchall()]
    return found


def changed(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Put a third of the strange values into each column in turn, and yield while they are there."""
    content = path.read_bytes()
    for number, (table, column) in enumerate(columns(path)):
        for value in STRANGE[number % 3 :: 3]:
            path.write_bytes(content)
            with closing(sqlite3.connect(path)) as connection:
                try:
                    connection.execute(f'UPDATE {table} SET "{column}" = ?', (value,))
                    connection.commit()
                except sqlite3.IntegrityError:
                    continue
            yield table, column, value


def test_a_sound_catalog_is_read_as_it_is(path: Path) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        assert targets.look_at(catalog) == 0


def test_no_value_of_another_kind_breaks_a_reader(path: Path) -> None:
    tried = refused = 0
    for table, column, value in changed(path):
        tried += 1
        try:
            catalog = SqliteCatalog(path, create=False)
        except ForebearError:
            refused += 1
            continue
        with closing(catalog):
            try:
                targets.look_at(catalog)
            except BaseException as err:
                err.add_note(f"{table}.{column} = {value!r:.60}")
                raise
    assert tried > 300
    assert refused >= 1


def test_a_wrong_value_is_told_as_damage_of_the_catalog(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE runs SET config = 'no json', tags = '{}'")
        connection.execute("UPDATE versions SET number = 'one'")
        connection.execute("UPDATE slices SET offset = -5")
        connection.execute("UPDATE edges SET at = 'then'")
        connection.commit()
    with closing(SqliteCatalog(path)) as catalog:
        for call in (
            catalog.runs,
            lambda: catalog.versions(1),
            lambda: catalog.locate([targets.digest_of(b"b")]),
            lambda: list(catalog.all_edges(targets.EdgeKind)),
        ):
            with pytest.raises(CorruptData, match="restore it from a backup") as caught:
                call()
            assert caught.value.code == "corrupt-catalog"


ACTORS = {
    "a trigger": "CREATE TRIGGER evil AFTER UPDATE ON runs BEGIN DELETE FROM versions; END",
    "a trigger of a table of its own": "CREATE TABLE x (a); CREATE TRIGGER evil AFTER INSERT ON x BEGIN SELECT 1; END",
    "a view in the place of a table": "ALTER TABLE aliases RENAME TO a2; CREATE VIEW aliases AS SELECT * FROM a2",
    "an endless view": (
        "DROP TABLE tags; CREATE VIEW tags AS WITH RECURSIVE n(version_id) AS "
        "(SELECT 1 UNION ALL SELECT version_id FROM n) SELECT version_id, 'a' AS tag FROM n"
    ),
    "a virtual table": "CREATE VIRTUAL TABLE v USING fts5(a)",
}


@pytest.mark.parametrize("what", ACTORS)
def test_what_acts_by_itself_is_refused(path: Path, what: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ACTORS[what])
    for create in (True, False):
        with pytest.raises(CorruptData, match="no catalog that forebear made") as caught:
            SqliteCatalog(path, create=create)
        assert caught.value.code == "corrupt-catalog"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM versions").fetchone() == (1,)


def open_and_read(path: Path) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        catalog.runs()
        catalog.versions(1)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE runs",
        "ALTER TABLE versions RENAME COLUMN root TO roots",
        "DELETE FROM meta",
        "UPDATE meta SET value = x'00'",
        "PRAGMA user_version = -7",
        "PRAGMA user_version = 0",
    ],
)
def test_other_tables_are_told_as_damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises((CorruptData, StorageFailure)):
        open_and_read(path)


def test_words_of_errors_that_are_no_text_are_told_as_damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE (', name = CAST(x'72827e' AS TEXT)")
        connection.commit()
    with pytest.raises(CorruptData, match="restore it from a backup"):
        open_and_read(path)


@pytest.mark.parametrize("content", [b"SQLite format 3\x00", b"SQLite format 3\x00" + b"\xff" * 5_000, b"text" * 99])
def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CorruptData) as caught:
        open_and_read(path)
    assert caught.value.code == "corrupt-catalog"
