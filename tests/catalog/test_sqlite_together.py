"""Processes that write and read histories of one catalog at once: nobody is refused, nothing is seen by halves."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from forebear.catalog.sqlite import SqliteCatalog
from forebear.records.history import HistoryBatch
from forebear.records.queries import Compare, Order, RunQuery
from forebear.testing.builders import new_run
from forebear.testing.catalog_history import block
from tests.forked import child, wait

BATCHES = 60
WRITERS = 3


def wait_for(children: list[int]) -> None:
    """Let all children come to a good end."""
    assert [wait(pid) for pid in children] == [0] * len(children)


def write(path: Path, key: int) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        for number in range(BATCHES):
            given = block("a", "b", seq=number)
            batch = HistoryBatch(key, f"j{key}", number, number + 1, (given,), summary={"n": number, f"k{number}": 1})
            assert catalog.append_history(batch)
            assert not catalog.append_history(batch)
            if number % 20 == 19:
                old = [held.id for held in catalog.history(key).blocks[-2:]]
                assert catalog.replace_blocks(key, old, [block("a", "b", seq=number - 1, rows=20)])


def read(path: Path, keys: list[int]) -> None:
    with closing(SqliteCatalog(path)) as catalog:
        seen = dict.fromkeys(keys, 0)
        while min(seen.values()) < BATCHES:
            for key in keys:
                view = catalog.history(key, keys=["a"])
                position = view.positions.get(f"j{key}", 0)
                assert sum(held.rows for held in view.blocks) == 10 * position
                assert position >= seen[key]
                seen[key] = position
            query = RunQuery(where=Compare("summary.n", "gte", 0), order=(Order("summary.n"),))
            numbers = [run.summary["n"] for run in catalog.find_runs(query)]
            assert numbers == sorted(numbers)


def test_writers_and_readers_never_wait_in_vain(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(SqliteCatalog(path)) as catalog:
        keys = [catalog.add_run(new_run(f"r{number}")).key for number in range(WRITERS)]
    children = [child(lambda key=key: write(path, key)) for key in keys]  # type: ignore[misc]
    children += [child(lambda: read(path, keys)) for _ in range(2)]
    wait_for(children)
    with closing(SqliteCatalog(path)) as catalog:
        for key in keys:
            assert sum(held.rows for held in catalog.history(key).blocks) == 10 * BATCHES
            assert catalog.runs_by_key([key])[key].summary["n"] == BATCHES - 1
