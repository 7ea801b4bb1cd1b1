"""Connections that break, servers that are away, and places where no catalog is: nothing is lost, halved or doubled."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from forebear.catalog.port import MissingBlobs
from forebear.catalog.postgres import PostgresCatalog
from forebear.catalog.postgres_driver import PostgresDriver
from forebear.catalog.schema import SCHEMA_VERSION
from forebear.errors import Conflict, ForebearError, InvalidInput, NotFound, StorageFailure, Unsupported
from forebear.records.content import PACK, StoredObject
from forebear.records.history import HistoryBatch
from forebear.records.queries import RunQuery
from forebear.testing.builders import Author, digest_of, new_run, new_version
from forebear.testing.catalog_history import block
from tests.catalog.cutting import cutter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.catalog.cutting import Cutter
    from tests.servers import Postgres

pytestmark = pytest.mark.server


@pytest.fixture
def catalog(url: str) -> Iterator[PostgresCatalog]:
    with closing(PostgresCatalog(url)) as catalog:
        yield catalog


@pytest.fixture
def between(url: str) -> Iterator[Cutter]:
    """Something between the catalog's client and its server."""
    with cutter(url) as found:
        yield found


def database(url: str) -> str:
    return urlsplit(url)._replace(query="").geturl()


def end_connections(url: str) -> None:
    """Let the server end every other connection of forebear to its database."""
    with psycopg.connect(database(url), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
            "WHERE application_name = 'forebear' AND datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended
    assert ended[0]


#: The message that ends a transaction; the state of a version has its word as well.
COMMIT = b"COMMIT\0"


# -- connections that break -------------------------------------------------------------------------------------------


def test_a_connection_that_broke_while_nobody_used_it_is_replaced(catalog: PostgresCatalog, url: str) -> None:
    author = Author(catalog)
    author.version("a")
    end_connections(url)
    assert author.resolve("data").number == 0
    end_connections(url)
    assert author.version("b").number == 1
    end_connections(url)
    assert [stored.name for stored in catalog.objects()] == []


def test_of_a_transaction_that_is_ended_nothing_is_written(catalog: PostgresCatalog, url: str) -> None:
    author = Author(catalog)
    author.version("a")

    class Needs(list[bytes]):
        """Read in the middle of a commit."""

        def __iter__(self) -> Iterator[bytes]:
            end_connections(url)
            return super().__iter__()

    with pytest.raises(StorageFailure, match="broke") as failure:
        author.version("b", objects=[StoredObject("pack/x", PACK, 0, [])], needs=Needs())
    assert failure.value.code == "catalog-unavailable"
    assert [version.number for version in catalog.versions(author.resolve("data").collection_id)] == [0]
    assert list(catalog.objects()) == []
    assert author.version("b").number == 1


def test_what_is_read_in_several_statements_is_read_again(
    catalog: PostgresCatalog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = Author(catalog).version("a", aliases=("prod",))
    ended = []

    def end_once(self: PostgresDriver, *args: object) -> object:
        if not ended:
            ended.append(True)
            end_connections(url)
        return run(self, *args)

    run = PostgresDriver._run
    monkeypatch.setattr(PostgresDriver, "_run", end_once)
    assert catalog.versions_by_id(iter([version.id])) == {version.id: version}
    assert ended


def test_a_stream_that_breaks_says_so(catalog: PostgresCatalog, url: str) -> None:
    catalog.add_objects(StoredObject(f"pack/{i:05d}", PACK, 0, []) for i in range(10_000))
    reading = catalog.objects()
    next(reading)
    end_connections(url)
    with pytest.raises(StorageFailure, match="broke"):
        list(reading)
    assert sum(1 for _ in catalog.objects()) == 10_000


@pytest.mark.parametrize("late", [True, False], ids=["arrived", "lost"])
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_repeated(between: Cutter, late: bool) -> None:
    with closing(PostgresCatalog(between.url)) as catalog:
        key = catalog.add_run(new_run("r1")).key
        batch = HistoryBatch(key, "j", 0, 5, (block("a", seq=0),))
        between.word, between.late = COMMIT, late
        if late:
            assert catalog.append_history(batch)
        else:
            with pytest.raises(StorageFailure, match="broke"):
                catalog.append_history(batch)
            assert catalog.append_history(batch)
        assert between.cuts == 1
        assert len(catalog.history(key).blocks) == 1
        between.word, between.late = COMMIT, late
        author = Author(catalog)
        if late:
            assert author.commit("a").created
        else:
            with pytest.raises(StorageFailure, match="broke"):
                author.commit("a")
            assert author.commit("a").created
        assert between.cuts == 2
        assert [version.number for version in catalog.versions(author.resolve("data").collection_id)] == [0]


def test_where_the_server_stays_away_the_commit_is_unknown(between: Cutter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.catalog.postgres_driver._PATIENCE_SECONDS", 0.3)
    with closing(PostgresCatalog(between.url)) as catalog:
        between.word, between.late, between.away = COMMIT, True, True
        with pytest.raises(StorageFailure, match="repeat") as failure:
            catalog.add_run(new_run("r1"))
        assert failure.value.code == "commit-unknown"
        between.away = False
        assert catalog.count_runs(RunQuery()) == 1


@pytest.mark.parametrize("hard", [False, True], ids=["in order", "without power"])
def test_a_server_that_is_started_again_is_found_again(server: Postgres, catalog: PostgresCatalog, hard: bool) -> None:
    if server.restart is None:
        pytest.skip("the server at FOREBEAR_TEST_PG_URL is not ours to stop")
    author = Author(catalog)
    author.version("a")
    threads = [threading.Thread(target=catalog.projects) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.restart(hard=hard)
    assert author.version("b").number == 1
    server.restart(hard=hard)
    assert author.resolve("data").number == 1


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_a_writer_that_waits_too_long_says_who_to_look_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.catalog.postgres_driver.LOCK_SECONDS", 0.1)
    with closing(PostgresCatalog(url)) as here, closing(PostgresCatalog(url)) as there:
        author = Author(here)
        author.version("a")
        with here._db.transaction():
            with pytest.raises(StorageFailure, match="another process held it"):
                Author(there).run("r1")
            assert Author(there).resolve("data").number == 0
        assert Author(there).run("r1").id == "r1"


def test_a_writer_that_says_nothing_loses_its_turn(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forebear.catalog.postgres_driver._SILENT_SECONDS", 0.1)
    with closing(PostgresCatalog(url)) as here, closing(PostgresCatalog(url)) as there:
        with pytest.raises(StorageFailure, match="broke"), here._db.transaction():  # noqa: PT012 - its end raises
            here._db.execute("DELETE FROM keys")
            assert Author(there).run("r1").id == "r1"
        assert Author(here).run("r2").id == "r2"


def test_a_failed_statement_lets_nothing_be_written(catalog: PostgresCatalog) -> None:
    with pytest.raises(MissingBlobs):
        catalog.commit_version(new_version("a", needs=[digest_of("z")]))
    assert catalog.collections() == []
    with pytest.raises(StorageFailure, match="nothing was"), catalog._db.transaction():  # noqa: PT012 - its end raises
        catalog._db.execute("INSERT INTO keys (name) VALUES ('a')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            catalog._db.execute("INSERT INTO keys (name) VALUES ('a')")
    assert catalog._db.rows("SELECT name FROM keys") == []


def test_a_closed_catalog_says_so(catalog: PostgresCatalog) -> None:
    catalog.close()
    with pytest.raises(StorageFailure, match="was closed") as failure:
        catalog.projects()
    assert failure.value.code == "catalog-closed"


def test_names_too_long_for_an_index_are_refused(catalog: PostgresCatalog) -> None:
    key = catalog.add_run(new_run("r1")).key
    name = "".join(chr(0x4E00 + (i * 7919) % 20_000) for i in range(3_000))
    with pytest.raises(InvalidInput, match="too long") as refusal:
        catalog.append_history(HistoryBatch(key, "j", 0, 5, (block(name, seq=0),)))
    assert refusal.value.code == "name-too-long"
    assert catalog.journal_position("j") == 0


# -- where there is no catalog ----------------------------------------------------------------------------------------

SECRET = "pa%2Fss-of-nobody"


def refusal(url: str, **options: bool) -> ForebearError:
    """How a catalog is refused, with all that it was caused by; the password is in none of it."""
    with pytest.raises(ForebearError) as found:
        PostgresCatalog(url, **options)
    err: BaseException | None = found.value
    while err is not None:
        assert "ss-of-nobody" not in f"{err} {err!r}"
        err = err.__cause__ or err.__context__
    return found.value


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("forebear:{secret}@{host}/{database}", "check the user and the password"),
        ("nobody:{secret}@{host}/{database}", "check the user"),
        ("forebear:{secret}@127.0.0.1:9/{database}", "check that the server runs"),
        ("forebear:{secret}@no-host.invalid/{database}", "check the name of the host"),
    ],
)
def test_places_that_cannot_be_reached(server: Postgres, place: str, advice: str, caplog) -> None:
    if server.restart is None:
        pytest.skip("whom the server at FOREBEAR_TEST_PG_URL lets in is its own affair")
    parts = urlsplit(server.url)
    with caplog.at_level(logging.DEBUG):
        host = f"{parts.hostname}:{parts.port}"
        found = refusal(f"postgresql://{place}".format(secret=SECRET, host=host, database=parts.path[1:]))
    assert isinstance(found, StorageFailure)
    assert advice in str(found)
    assert "ss-of-nobody" not in caplog.text


def test_a_database_that_is_not_there(server: Postgres) -> None:
    found = refusal(urlsplit(server.url)._replace(path="/nothing").geturl())
    assert "createdb" in str(found)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("mysql://forebear:{secret}@host/db", "mysql"),
        ("postgresql://forebear:{secret}@host/db?schema=Big", "Big"),
        ("postgresql://forebear:{secret}@host/db?schema=pg_own", "pg_own"),
        ("postgresql://forebear:{secret}@host/db?colour=red", "colour"),
        ("postgresql://forebear:{secret}%zz@host/db", "before the database"),
        ("postgresql://forebear:{secret}@[host/db", "no URL"),
        ("postgresql://forebear:{secret}@host/db?schema", "no URL"),
    ],
)
def test_urls_that_name_no_catalog(url: str, word: str) -> None:
    found = refusal(url.format(secret=SECRET))
    assert found.code == "store-url"
    assert word in str(found)


def test_a_catalog_shows_where_it_is_and_no_password(catalog: PostgresCatalog, server: Postgres) -> None:
    password = urlsplit(server.url).password
    if not password:
        pytest.skip("the server at FOREBEAR_TEST_PG_URL asks for no password")
    for shown in (repr(catalog), repr(catalog._db), repr(vars(catalog._db)["_processes"])):
        assert password not in shown
    assert "schema=t" in repr(catalog)


def test_a_catalog_that_must_exist_is_not_made(url: str) -> None:
    found = refusal(url, create=False)
    assert isinstance(found, NotFound)
    PostgresCatalog(url).close()
    PostgresCatalog(url, create=False).close()


def test_a_newer_schema_is_refused_with_advice(url: str) -> None:
    with closing(PostgresCatalog(url)) as catalog, catalog._db.transaction():
        catalog._db.set_schema_version(SCHEMA_VERSION + 1)
    found = refusal(url)
    assert isinstance(found, Unsupported)
    assert "upgrade" in str(found)


@pytest.mark.parametrize("columns", ["key TEXT, value TEXT", "n INTEGER"])
def test_tables_of_another_program_are_left_alone(url: str, columns: str) -> None:
    schema = url.partition("schema=")[2]
    with psycopg.connect(database(url), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.meta ({columns})".encode())
    found = refusal(url)
    assert isinstance(found, Conflict)
    assert "?schema=" in str(found)


def test_a_database_in_another_encoding_is_refused(server: Postgres) -> None:
    parts = urlsplit(server.url)
    name = f"{parts.path[1:]}_latin"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
        try:
            found = refusal(parts._replace(path=f"/{name}").geturl())
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert found.code == "database-encoding"


def test_a_user_without_rights_is_told_so(server: Postgres, url: str) -> None:
    PostgresCatalog(url).close()
    schema = url.partition("schema=")[2]
    guest = f"guest_{schema}"
    parts = urlsplit(url)
    own = parts._replace(netloc=f"{guest}:guest@{parts.hostname}:{parts.port}").geturl()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE USER {guest} PASSWORD 'guest'".encode())
        assert "GRANT" in str(refusal(own))
        # Who may read alone can do that.
        connection.execute(
            f"GRANT USAGE ON SCHEMA {schema} TO {guest}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {guest}".encode()
        )
        with closing(PostgresCatalog(own)) as catalog:
            assert catalog.projects() == []
            with pytest.raises(StorageFailure, match="GRANT"):
                catalog.add_run(new_run("r1"))
        # Who was given an empty schema can make a catalog in it.
        connection.execute(f"CREATE SCHEMA {guest} AUTHORIZATION {guest}".encode())
        with closing(PostgresCatalog(own.replace(f"={schema}", f"={guest}"))) as catalog:
            assert catalog.add_run(new_run("r1")).id == "r1"
        connection.execute(f"DROP OWNED BY {guest} CASCADE; DROP USER {guest}".encode())
