"""The catalog in one SQLite file keeps every promise of the port, between processes too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.catalog import sqlite_driver
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import NotFound
from forebear.records.content import PACK, StoredObject
from forebear.testing.builders import Author, ManualClock
from forebear.testing.catalog import CatalogSuite
from forebear.testing.catalog_queries import QuerySuite
from tests.catalog.test_sqlite_together import child, wait_for

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.testing.builders import Tick


class TestSqlite(CatalogSuite):
    @pytest.fixture
    def catalog(self, tmp_path: Path, clock: ManualClock) -> Iterator[Catalog]:
        with closing(SqliteCatalog(tmp_path / "catalog.db", clock=clock)) as catalog:
            yield catalog


class TestManyRuns(QuerySuite):
    """The statements that are taken where every condition is fulfilled by many runs."""

    @pytest.fixture(autouse=True)
    def everything_is_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("forebear.catalog.run_search.FEW", 0)

    @pytest.fixture
    def catalog(self, tmp_path: Path, clock: ManualClock) -> Iterator[Catalog]:
        with closing(SqliteCatalog(tmp_path / "catalog.db", clock=clock)) as catalog:
            yield catalog

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def tick(self, clock: ManualClock) -> Tick:
        return clock.tick

    @pytest.fixture
    def author(self, catalog: Catalog) -> Author:
        return Author(catalog)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


def test_what_one_connection_writes_the_other_sees(path: Path) -> None:
    with closing(SqliteCatalog(path)) as here, closing(SqliteCatalog(path)) as there:
        assert here.store_id == there.store_id
        Author(here).version("a", aliases=("prod",))
        assert Author(there).resolve("data:prod").number == 0
        there.delete_version(Author(there).resolve("data").id, delete_aliases=True)
        with pytest.raises(NotFound):
            Author(here).resolve("data")


def test_what_was_written_is_there_when_opened_again(path: Path) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        identity, version = catalog.store_id, Author(catalog).version("a", metadata={"n": 1})
    with closing(SqliteCatalog(path)) as catalog:
        assert catalog.store_id == identity
        assert Author(catalog).resolve("data") == version


def test_all_of_a_commit_happens_at_one_moment(path: Path) -> None:
    """Else the alias would not yet have named the version at the time the version came to be."""
    clock = ManualClock()
    with closing(SqliteCatalog(path, clock=clock.tick)) as catalog:
        version = Author(catalog).version("a", aliases=("prod",))
        moves = catalog.alias_moves(version.collection_id)
    assert {move.at for move in moves} == {version.created_at}


def test_an_iterator_left_half_read_blocks_and_hides_nothing(path: Path) -> None:
    with closing(SqliteCatalog(path)) as here, closing(SqliteCatalog(path)) as there:
        # More than one fetch, so that the statement stays open.
        here.add_objects(StoredObject(f"pack/{i:05d}", PACK, 0, []) for i in range(10_000))
        reading = here.objects()
        next(reading)
        Author(there).version("a")
        assert Author(here).resolve("data").number == 0
        here.add_objects([StoredObject("pack/zzz", PACK, 0, [])])
        assert sum(stored.name != "pack/zzz" for stored in reading) == 9_999


def test_a_forked_child_writes_through_a_connection_of_its_own(path: Path) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        author = Author(catalog)
        author.version("a")
        child = os.fork()
        if child == 0:
            # The child must leave without running the tests' own clean-up.
            try:
                author.version("b")
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert author.resolve("data").number == 1
        assert author.run("r1").id == "r1"


def test_a_catalog_that_must_exist_is_not_made(path: Path) -> None:
    with pytest.raises(NotFound, match=r"catalog\.db"):
        SqliteCatalog(path, create=False)
    assert not path.exists()


def test_an_old_library_is_not_trusted_with_a_write_ahead_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works with a rollback journal instead, for several processes too, and on what a new one has written."""
    with closing(SqliteCatalog(path)) as catalog:
        Author(catalog).version("before")
    monkeypatch.setattr(sqlite_driver, "SOUND_WAL", (99,))

    def log(who: int) -> None:
        with closing(SqliteCatalog(path)) as catalog:
            for number in range(5):
                Author(catalog).run(f"r{who}-{number}")

    children = [child(lambda who=who: log(who)) for who in range(4)]
    wait_for(children)
    with closing(SqliteCatalog(path)) as catalog:
        assert Author(catalog).resolve("data").number == 0
        assert {run.id for run in catalog.runs()} == {f"r{who}-{number}" for who in range(4) for number in range(5)}
    with closing(sqlite_driver.sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchall() == [("delete",)]


def test_a_new_file_that_somebody_else_writes_to_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # SQLite waits for others by itself, but not where the journal mode changes.
    other = sqlite_driver.sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    other.execute("CREATE TABLE waiting (a)")
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr(sqlite_driver.time, "sleep", wait)
    with closing(sqlite_driver.SqliteDriver(tmp_path / "catalog.db", journal="wal")) as driver:
        assert driver.rows("PRAGMA journal_mode") == [("wal",)]
    other.close()
    assert len(waits) == 1
