"""A catalog of an older form is brought up to date, whole, by the first who opens it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.catalog.schema import FIRST, SCHEMA_VERSION
from forebear.catalog.sqlite import SqliteCatalog
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.records.queries import Compare, RunQuery
from forebear.records.runs import RunChanges

if TYPE_CHECKING:
    from forebear.catalog.driver import Row

_RUN = (
    "INSERT INTO runs (project_id, id, name, tags, state, config, origin, created_at) "
    "VALUES (1, ?, 'name', ?, 'finished', ?, ?, 5)"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A catalog of the first form with two runs in it."""
    path = tmp_path / "catalog.db"
    driver = SqliteDriver(path)
    with driver.transaction():
        driver.script(FIRST)
        driver.execute("INSERT INTO meta (key, value) VALUES ('store_id', 'abc')")
        driver.execute("INSERT INTO projects (id, entity, name, created_at) VALUES (1, 'team', 'digits', 1)")
        driver.execute(_RUN, ("r1", '["x","y"]', '{"lr":0.1,"opt":{"name":"adam"}}', '{"user":"anna"}'))
        driver.execute(_RUN, ("r2", "[]", "{}", "{}"))
        driver.execute("PRAGMA user_version = 1")
    driver.close()
    return path


def tables(path: Path) -> list[Row]:
    driver = SqliteDriver(path)
    columns = driver.rows(
        'SELECT m.type, m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master m '
        "LEFT JOIN pragma_table_info(m.name) c ORDER BY 1, 2, 3"
    )
    driver.close()
    return columns


def test_values_of_old_runs_can_be_asked_for(old: Path) -> None:
    with closing(SqliteCatalog(old)) as catalog:
        assert catalog.store_id == "abc"
        for field, value in [("config.lr", 0.1), ("config.opt.name", "adam"), ("tags", "y"), ("user", "anna")]:
            found = catalog.find_runs(RunQuery(where=Compare(field, "eq", value)))
            assert [run.id for run in found] == ["r1"], field
        run = catalog.find_runs(RunQuery())[1]
        assert (run.summary, run.metrics, run.branch, run.lost_rows, run.stop_requested) == ({}, {}, 0, 0, False)
        catalog.update_run(run.key, RunChanges(config={"lr": 0.2}, tags=("z",)))
        assert catalog.count_runs(RunQuery(where=Compare("config.lr", "eq", 0.2))) == 1
        assert catalog.count_runs(RunQuery(where=Compare("tags", "in", ["x", "y"]))) == 0


def test_an_old_catalog_becomes_what_a_new_one_is(old: Path, tmp_path: Path) -> None:
    SqliteCatalog(old).close()
    SqliteCatalog(tmp_path / "new.db").close()
    assert tables(old) == tables(tmp_path / "new.db")
    driver = SqliteDriver(old)
    assert driver.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert driver.rows("PRAGMA foreign_key_check") == []
    driver.close()


def test_a_migration_that_fails_leaves_the_old_form(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old)

    def fail(_: object) -> None:
        raise RuntimeError("half way")

    with monkeypatch.context() as patch:
        patch.setattr("forebear.catalog.sql_catalog.fill_values", fail)
        with pytest.raises(RuntimeError, match="half way"):
            SqliteCatalog(old)
    assert tables(old) == before
    SqliteCatalog(old).close()
    assert tables(old) != before


def test_processes_that_open_it_at_once_take_turns(old: Path) -> None:
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            # The child must leave without running the tests' own clean-up.
            try:
                with closing(SqliteCatalog(old)) as catalog:
                    found = catalog.count_runs(RunQuery(where=Compare("config.lr", "eq", 0.1)))
                os._exit(0 if found == 1 else 1)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_what_old_records_do_not_say_is_recorded_anew(old: Path) -> None:
    """They were written once, at the commit: what was deleted since, and where aliases stand, is in none."""
    driver = SqliteDriver(old)
    with driver.transaction():
        driver.execute("INSERT INTO collections (id, project_id, name, type, created_at) VALUES (1, 1, 'c', 't', 1)")
        for number, state in enumerate(("COMMITTED", "DELETED", "COMMITTED")):
            driver.execute(
                "INSERT INTO versions (id, collection_id, number, root, size, file_count, state, metadata, created_at, "
                "added_bytes, recorded) VALUES (?, 1, ?, ?, 1, 1, ?, '{}', 1, 1, 1)",
                (number + 1, number, bytes([number]) * 32, state),
            )
        driver.execute("INSERT INTO aliases (collection_id, alias, version_id) VALUES (1, 'prod', 3)")
    driver.close()
    with closing(SqliteCatalog(old)) as catalog:
        waiting = {version.number: version.aliases for version, _ in catalog.unrecorded_versions(9)}
        assert waiting == {1: (), 2: ("prod",)}
