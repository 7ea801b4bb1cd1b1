"""Processes, threads and children on one PostgreSQL catalog: everybody gets through, nothing is lost or doubled."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from forebear.catalog.port import TipMoved
from forebear.catalog.postgres import PostgresCatalog
from forebear.catalog.postgres_driver import COPY_ROWS, IDLE_KEPT, PostgresDriver
from forebear.catalog.schema import FIRST, SCHEMA_VERSION
from forebear.errors import NotFound
from forebear.records.content import PACK, StoredObject
from forebear.records.history import HistoryBatch
from forebear.records.queries import Compare, RunQuery
from forebear.testing.builders import ENTITY, PROJECT, Author, loose, new_run, new_version, pack, root_of
from forebear.testing.catalog_history import block
from forebear.testing.stateful import catalog_machine
from forebear.testing.stateful_histories import HistoryMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.servers import Postgres

pytestmark = pytest.mark.server

PROCESSES = 8
THREADS = 8
EACH = 6


@pytest.fixture
def catalog(url: str) -> Iterator[PostgresCatalog]:
    with closing(PostgresCatalog(url)) as catalog:
        yield catalog


def together(work: Callable[[int], None], processes: int = PROCESSES) -> None:
    """Do the work in several processes that start at one moment."""
    gate, start = os.pipe()
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            # The child must leave without running the tests' own clean-up.
            try:
                os.close(start)
                os.read(gate, 1)
                work(number)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    os.close(gate)
    os.close(start)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * processes


def test_it_agrees_with_the_model(url: str) -> None:
    made = 0

    def make(clock: Callable[[], datetime]) -> PostgresCatalog:
        nonlocal made
        made += 1
        return PostgresCatalog(f"{url}_{made}", clock=clock)

    short = settings(max_examples=12, stateful_step_count=20)
    run_state_machine_as_test(catalog_machine(make, HistoryMachine), settings=short)
    assert made >= short.max_examples


# -- first starts -----------------------------------------------------------------------------------------------------


def test_processes_that_start_at_once_make_one_catalog(url: str) -> None:
    def start(number: int) -> None:
        with closing(PostgresCatalog(url)) as catalog:
            catalog.add_run(new_run(f"r{number}", notes=catalog.store_id))

    together(start)
    with closing(PostgresCatalog(url, create=False)) as catalog:
        runs = catalog.runs()
        assert sorted(run.id for run in runs) == [f"r{number}" for number in range(PROCESSES)]
        assert {run.notes for run in runs} == {catalog.store_id}


def test_a_first_start_that_ends_half_way_leaves_nothing(
    url: str, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: int) -> None:
        # Killed when nearly everything is there.
        monkeypatch.setattr(PostgresDriver, "set_schema_version", lambda *_: os.kill(os.getpid(), 9))
        PostgresCatalog(url)

    child = os.fork()
    if child == 0:
        start(0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    with pytest.raises(NotFound):
        PostgresCatalog(url, create=False)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT to_regnamespace(%s)", (url.partition("schema=")[2],)).fetchone() == (None,)
    PostgresCatalog(url).close()


def test_an_old_catalog_is_brought_up_to_date(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("forebear.catalog.sql_catalog.SCHEMA_VERSION", 1)
        patch.setattr("forebear.catalog.sql_catalog.MIGRATIONS", (FIRST,))
        with closing(PostgresCatalog(url)) as old:
            identity = old.store_id
            with old._db.transaction():
                old._db.execute("INSERT INTO projects (entity, name, created_at) VALUES ('team', 'digits', 1)")
                old._db.execute(
                    "INSERT INTO runs (project_id, id, name, tags, state, config, origin, created_at) "
                    """VALUES (1, 'r1', 'name', '["x"]', 'finished', '{"lr":0.1}', '{"user":"anna"}', 5)"""
                )
    together(lambda _: PostgresCatalog(url).close(), 3)
    with closing(PostgresCatalog(url)) as catalog:
        assert catalog.store_id == identity
        assert catalog._db.schema_version() == SCHEMA_VERSION
        assert catalog.count_runs(RunQuery(where=Compare("config.lr", "eq", 0.1))) == 1
        assert catalog.count_runs(RunQuery(where=Compare("tags", "eq", "x"))) == 1


# -- at once ----------------------------------------------------------------------------------------------------------


def test_processes_that_commit_at_once_lose_no_version_and_share_no_number(catalog: PostgresCatalog) -> None:
    def commit(number: int) -> None:
        for round in range(EACH):
            text = f"{number}.{round}"
            while True:
                collection = catalog.collection(ENTITY, PROJECT, "data")
                try:
                    new = new_version([text], tip=collection.tip if collection else None, objects=[loose(text)])
                    assert catalog.commit_version(new).created
                    break
                except TipMoved:
                    continue

    together(commit)
    collection = catalog.collection(ENTITY, PROJECT, "data")
    assert collection
    versions = catalog.versions(collection.id)
    assert [version.number for version in versions] == list(reversed(range(PROCESSES * EACH)))
    assert {version.root for version in versions} == {
        root_of([f"{number}.{round}"]) for number in range(PROCESSES) for round in range(EACH)
    }
    assert Author(catalog).resolve("data:latest").number == PROCESSES * EACH - 1


def test_processes_that_bring_the_same_batch_bring_it_once(catalog: PostgresCatalog) -> None:
    key = catalog.add_run(new_run("r1")).key

    def append(_: int) -> None:
        for number in range(EACH):
            batch = HistoryBatch(key, "j", number, number + 1, (block("a", seq=number),), summary={"n": number})
            while catalog.journal_position("j") <= number:
                catalog.append_history(batch)

    together(append)
    assert [held.first_seq for held in catalog.history(key).blocks] == list(range(EACH))
    assert catalog.runs_by_key([key])[key].summary == {"n": EACH - 1}


def test_readers_see_no_halves(catalog: PostgresCatalog) -> None:
    key = catalog.add_run(new_run("r1")).key
    batches = 40

    def work(number: int) -> None:
        if number == 0:
            for seq in range(batches):
                assert catalog.append_history(HistoryBatch(key, "j", seq, seq + 1, (block("a", seq=seq),)))
                if seq % 10 == 9:
                    old = [held.id for held in catalog.history(key).blocks[-2:]]
                    assert catalog.replace_blocks(key, old, [block("a", seq=seq - 1, rows=20)])
            return
        position = 0
        while position < batches:
            view = catalog.history(key, keys=["a"])
            assert view.positions.get("j", 0) >= position
            position = view.positions.get("j", 0)
            assert sum(held.rows for held in view.blocks) == 10 * position

    together(work, 3)


def test_threads_do_not_wait_for_each_others_reading(catalog: PostgresCatalog) -> None:
    author = Author(catalog)
    with catalog._db.reading():
        assert catalog.runs() == []
        thread = threading.Thread(target=author.run)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        assert catalog.runs() == []
    assert len(catalog.runs()) == 1


def test_a_forked_child_leaves_its_parents_connections_alone(catalog: PostgresCatalog) -> None:
    author = Author(catalog)
    author.version("a")
    reading = iter(catalog.objects())
    catalog.add_objects(StoredObject(f"pack/{i:05d}", PACK, 0, []) for i in range(5_000))
    next(reading)
    with catalog._db.transaction():
        author.catalog._db.execute("INSERT INTO keys (name) VALUES ('a')")
        together(lambda _: reading.close() or catalog.close(), 1)  # type: ignore[attr-defined]
        together(lambda _: list(catalog.runs()), 1)  # type: ignore[arg-type,return-value]
    assert sum(1 for _ in reading) == 4_999
    together(lambda number: author.version("b"), 1)  # type: ignore[arg-type,return-value]
    assert author.resolve("data").number == 1
    assert catalog._db.rows("SELECT name FROM keys") == [("a",)]


def test_an_iterator_left_half_read_blocks_and_hides_nothing(url: str) -> None:
    with closing(PostgresCatalog(url)) as here, closing(PostgresCatalog(url)) as there:
        # More than one fetch, so that the statement stays open.
        here.add_objects(StoredObject(f"pack/{i:05d}", PACK, 0, []) for i in range(10_000))
        reading = here.objects()
        next(reading)
        Author(there).version("a")
        assert Author(here).resolve("data").number == 0
        here.add_objects([StoredObject("pack/zzz", PACK, 0, [])])
        assert sum(1 for _ in reading) == 9_999


# -- connections ------------------------------------------------------------------------------------------------------


def backend(catalog: PostgresCatalog) -> int:
    """Return which process of the server answers."""
    ((found,),) = catalog._db.rows("SELECT pg_backend_pid()")
    return int(found)


def alive(server: Postgres, backends: set[int], most: int) -> set[int]:
    """Return which of these the server still has, once they are so few; those told to end take a moment."""
    deadline = time.monotonic() + 20
    with psycopg.connect(server.url, autocommit=True) as connection:
        while True:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s)", (list(backends),))
            found = {pid for (pid,) in rows}
            if len(found) <= most or time.monotonic() > deadline:
                return found


def test_a_thread_uses_one_connection_again_and_again(catalog: PostgresCatalog) -> None:
    author, used = Author(catalog), {backend(catalog)}
    for number in range(3):
        author.version(str(number))
        author.run(f"r{number}")
        assert len(list(catalog.objects())) == 0
        used.add(backend(catalog))
        with catalog._db.reading():
            used.add(backend(catalog))
        with catalog._db.transaction():
            used.add(backend(catalog))
    assert len(used) == 1


def test_threads_have_a_connection_each_and_few_are_kept(catalog: PostgresCatalog, server: Postgres) -> None:
    everybody = threading.Barrier(THREADS)

    def work(_: int) -> int:
        with catalog._db.reading():
            assert catalog.runs() == []
            everybody.wait(20)
            return backend(catalog)

    with ThreadPoolExecutor(THREADS) as pool:
        first = set(pool.map(work, range(THREADS)))
        assert len(first) == THREADS
        kept = alive(server, first, IDLE_KEPT)
        assert len(kept) == IDLE_KEPT
        second = set(pool.map(work, range(THREADS)))
    assert len(second) == THREADS
    assert kept < second, "what was kept is used before anything new"
    assert len(alive(server, first | second, IDLE_KEPT)) == IDLE_KEPT
    catalog.close()
    assert alive(server, first | second, 0) == set()


# -- its own ----------------------------------------------------------------------------------------------------------


def test_many_rows_are_copied_and_those_known_passed_over(catalog: PostgresCatalog) -> None:
    texts = [f"text {number}" for number in range(3 * COPY_ROWS)]
    catalog.add_objects([pack("a", *texts[: 2 * COPY_ROWS])])
    catalog.add_objects([pack("a", *texts), pack("b", *texts, *texts[:5])])
    found = list(catalog.objects())
    assert [len(stored.slices) for stored in found] == [len(texts), len(texts)]
    author = Author(catalog)
    author.version(*texts)
    names = {f"key {number}": number for number in range(3 * COPY_ROWS)}
    run = author.run("r1", config=names)
    assert catalog.runs_by_key([run.key])[run.key].config == names
    assert catalog.count_runs(RunQuery(where=Compare("config.key 7", "eq", 7))) == 1


def test_texts_keep_their_characters_and_their_order(catalog: PostgresCatalog) -> None:
    texts = [
        "",
        "\0",
        "\0\0",
        "\0\1",
        "\1",
        "\1\0",
        "\1\1",
        "\1\2",
        "\2",
        "A",
        "Z",
        "a",
        "a\0b",
        "a\1",
        "a b",
        "é",
        "€",
        "😀",
    ]
    for number, text in enumerate(texts):
        catalog.add_run(new_run(f"r{number}", name=text, tags=(text,), config={"x": text}))
    assert {run.name for run in catalog.runs()} == set(texts)
    rows = catalog._db.rows("SELECT name FROM runs ORDER BY name")
    assert [row[0] for row in rows] == sorted(texts, key=str.encode)
    for text in texts:
        for field in ("name", "tags", "config.x"):
            assert [run.name for run in catalog.find_runs(RunQuery(where=Compare(field, "eq", text)))] == [text]


def test_two_catalogs_in_one_database_know_nothing_of_each_other(url: str) -> None:
    with (
        closing(PostgresCatalog(url)) as here,
        closing(PostgresCatalog(f"{url}_b", store_id="abc")) as there,
    ):
        assert there.store_id == "abc" != here.store_id
        Author(here).version("a")
        assert there.collections() == []
        with here._db.transaction():
            Author(there).version("b")


def test_writers_long_gone_are_forgotten(url: str) -> None:
    with closing(PostgresCatalog(url)) as catalog, catalog._db.transaction():
        catalog._db.execute("INSERT INTO writers (client, number, at) VALUES ('gone', 1, 1)")
    with closing(PostgresCatalog(url)) as catalog:
        Author(catalog).run("r1")
        clients = {row[0] for row in catalog._db.rows("SELECT client FROM writers")}
    assert "gone" not in clients
    assert clients
