"""Stores of earlier forms: brought up to date by many at once, by one that is killed or cut off, and never back."""

from __future__ import annotations

import os
import signal
import tarfile
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

import forebear
from forebear.catalog.postgres import PostgresCatalog
from forebear.catalog.postgres_driver import PostgresDriver
from forebear.catalog.schema import FIRST, SCHEMA_VERSION
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.errors import StorageFailure, Unsupported
from forebear.records.queries import Compare, RunQuery
from forebear.store.shared import close_stores
from tests.faults.operations import assert_sound, begin
from tests.faults.results import COMPLETED, DETECTED, FAILED_WHOLE, REPEATED, injected
from tests.faults.tracing import DONE, Child, in_child
from tests.faults.wire import IN, OUT, RESET, Break, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.team import Team

#: Set by ``make faults``.
EVERY = bool(os.environ.get("EVERY_KILL"))
STARTS = 8
CUTS = 10 if EVERY else 2
KEPT = sorted((Path(__file__).parent.parent / "formats").glob("store-*.tar.gz"))
AREA = "migration"

pytestmark = pytest.mark.timeout(120)


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


def together(work: Callable[[], object]) -> None:
    """Do the same in many processes that begin at one moment."""
    children = [Child(lambda: work) for _ in range(STARTS)]
    for child in children:
        child.go()
    for child in children:
        ending = child.wait()
        assert ending.code == DONE, ending.said


# -- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("archive", KEPT, ids=lambda path: path.name.partition(".")[0])
def test_many_start_at_once(archive: Path, memory_path: Path) -> None:
    store = unpacked(archive, memory_path / "store")

    def start() -> None:
        assert forebear.Api(str(store), project="kept").artifact("data:v1").version == "v1"

    with injected(AREA, "SQLite", f"{STARTS} starts at once at {archive.name.partition('.')[0]}") as case:
        together(start)
        ending = in_child(lambda: assert_sound(store))
        assert ending.code == DONE, ending.said
        case.outcome = COMPLETED


def test_a_later_form_is_left_as_it_is(memory_path: Path) -> None:
    store = unpacked(KEPT[-1], memory_path / "store")
    forebear.Api(str(store))
    close_stores()
    driver = SqliteDriver(store / "catalog.db")
    driver.set_schema_version(SCHEMA_VERSION + 1)
    driver.close()
    before = (store / "catalog.db").read_bytes()
    with injected(AREA, "SQLite", "an older forebear opens it") as case:
        for use in (lambda: forebear.Api(str(store)), lambda: begin(store)):
            with pytest.raises(Unsupported, match="upgrade"):
                use()
        assert (store / "catalog.db").read_bytes() == before
        case.outcome = DETECTED


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.fixture
def old(team_servers: Team, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Makes a catalog of the first form with one run in it; gives its URL."""

    def make() -> str:
        url = f"{team_servers.database}?schema=m{uuid.uuid4().hex}"
        with monkeypatch.context() as patch:
            patch.setattr("forebear.catalog.sql_catalog.SCHEMA_VERSION", 1)
            patch.setattr("forebear.catalog.sql_catalog.MIGRATIONS", (FIRST,))
            with closing(PostgresCatalog(url)) as catalog, catalog._db.transaction():
                catalog._db.execute("INSERT INTO projects (entity, name, created_at) VALUES ('team', 'digits', 1)")
                catalog._db.execute(
                    "INSERT INTO runs (project_id, id, name, tags, state, config, origin, created_at) "
                    """VALUES (1, 'r1', 'name', '["x"]', 'finished', '{"lr":0.1}', '{}', 5)"""
                )
        return url

    return make


def schema_version(url: str) -> int:
    """The form that a catalog is of; opening would bring it up to date."""
    database, _, schema = url.partition("?schema=")
    with psycopg.connect(database) as connection:
        row = connection.execute(f"SELECT value FROM {schema}.meta WHERE key = 'schema_version'".encode()).fetchone()
    assert row is not None
    return int(row[0])


def assert_new(url: str) -> None:
    with closing(PostgresCatalog(url, create=False)) as catalog:
        assert catalog.count_runs(RunQuery(where=Compare("config.lr", "eq", 0.1))) == 1
        assert catalog.count_runs(RunQuery(where=Compare("tags", "eq", "x"))) == 1
    assert schema_version(url) == SCHEMA_VERSION


@pytest.mark.server
def test_many_start_at_once_on_a_server(old: Callable[[], str]) -> None:
    url = old()
    with injected(AREA, "PostgreSQL", f"{STARTS} starts at once at store-1") as case:
        together(lambda: PostgresCatalog(url).close())
        assert_new(url)
        case.outcome = COMPLETED


KILLED_BEFORE = [("script", 1), ("script", 2), ("script", 3), ("set_schema_version", 1), ("_commit", 1)]


@pytest.mark.server
@pytest.mark.parametrize(("method", "number"), KILLED_BEFORE if EVERY else KILLED_BEFORE[2::2])
def test_it_is_killed_half_way_on_a_server(old: Callable[[], str], method: str, number: int) -> None:
    url, calls = old(), []
    real = getattr(PostgresDriver, method)

    def call(self: PostgresDriver, *args: object) -> object:
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, *args)

    def start() -> None:
        setattr(PostgresDriver, method, call)
        PostgresCatalog(url)

    with injected(AREA, "PostgreSQL", f"SIGKILL at {method.strip('_')} {number} of a migration") as case:
        assert in_child(start).code == -signal.SIGKILL
        assert schema_version(url) == 1
        assert_new(url)
        case.outcome = REPEATED


@pytest.mark.server
def test_it_is_cut_off_half_way_on_a_server(old: Callable[[], str], team_servers: Team) -> None:
    with wire(team_servers.database) as (line, behind):

        def through(url: str) -> str:
            return url.replace(team_servers.database, behind)

        PostgresCatalog(through(old())).close()
        passed = dict(line.passed)
        for way in (OUT, IN):
            for index in range(CUTS):
                url, cut = old(), Break(RESET, way, passed[way] * index // CUTS)
                with injected(AREA, "PostgreSQL", f"{cut} of a migration") as case:
                    line.arm(cut)
                    try:
                        PostgresCatalog(through(url)).close()
                        case_outcome = COMPLETED
                    except StorageFailure:
                        case_outcome = FAILED_WHOLE
                    assert line.broken
                    line.disarm()
                    assert schema_version(url) in {1, SCHEMA_VERSION}
                    assert_new(url)
                    case.outcome = case_outcome


@pytest.mark.server
def test_a_later_form_on_a_server_is_left_as_it_is(team_servers: Team) -> None:
    url = f"{team_servers.database}?schema=m{uuid.uuid4().hex}"
    with closing(PostgresCatalog(url)) as catalog, catalog._db.transaction():
        catalog._db.set_schema_version(SCHEMA_VERSION + 1)
    with injected(AREA, "PostgreSQL", "an older forebear opens it") as case:
        with pytest.raises(Unsupported, match="upgrade"):
            PostgresCatalog(url)
        assert schema_version(url) == SCHEMA_VERSION + 1
        case.outcome = DETECTED
