"""Write a catalog with a large graph, straight into its tables: ``generate_lineage.py FOLDER RUNS``.

Each run logs one version and uses five, mostly of the last two thousand; so nearly everything is downstream of the
first version. A fifth of the versions are of one collection, and hold one file all the time. Random, but the same
each time.
"""

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forebear.catalog.codec import to_micros
from forebear.catalog.sqlite import SqliteCatalog
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.records.lineage import EdgeKind
from forebear.records.runs import NewRun

USES = 5
#: How far back a run looks for its inputs, and how often it looks anywhere.
WINDOW = 2_000
FAR = 0.01
COLLECTION_VERSIONS = 400
#: The collection whose versions all hold the same file, and the share of all versions that are its own.
WIDE = 1
WIDE_SHARE = 5
#: The file that a few of the newest versions hold.
NARROW_VERSIONS = 20
DIGEST_WIDE, DIGEST_NARROW = b"w" * 32, b"n" * 32


def main(folder: Path, runs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqliteCatalog(folder / "catalog.db")
    first = catalog.add_run(NewRun(entity="local", project="bench", id="r1", name="run-1", job_type="train"))
    catalog.close()
    driver = SqliteDriver(folder / "catalog.db")
    begun = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
    numbers = random.Random(7)
    with driver.transaction():
        columns = "project_id, tags, state, config, origin"
        row = driver.rows(f"SELECT {columns} FROM runs WHERE key = ?", (first.key,))[0]
        driver.many(
            f"INSERT INTO runs (key, id, name, job_type, created_at, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((key, f"r{key}", f"run-{key}", "train", begun + key, *row) for key in range(2, runs + 1)),
        )
        places = _places(runs)
        driver.many(
            "INSERT INTO collections (id, project_id, name, type, created_at) VALUES (?, ?, ?, ?, ?)",
            ((key, row[0], f"data-{key}", "dataset", begun) for key in range(1, max(places)[0] + 1)),
        )
        driver.many(
            "INSERT INTO versions (id, collection_id, number, root, size, file_count, state, metadata, created_at, "
            "run_key, added_bytes, recorded) VALUES (?, ?, ?, ?, ?, ?, 'COMMITTED', '{}', ?, ?, ?, 1)",
            (
                (key, collection, number, numbers.randbytes(32), 4096, 1, begun + key, key, 4096)
                for key, (collection, number) in enumerate(places, 1)
            ),
        )
        driver.many("INSERT INTO edges (source, target, kind, at) VALUES (?, ?, ?, ?)", _edges(runs, begun, numbers))
        driver.many(
            "INSERT INTO file_spans (digest, collection_id, first, until) VALUES (?, ?, ?, ?)", _spans(places, numbers)
        )
    edges = driver.rows("SELECT count(*) FROM edges")[0][0]
    driver.close()
    print(json.dumps({"nodes": 2 * runs, "edges": edges}))


def _places(versions: int) -> list[tuple[int, int]]:
    """Return collection and number of each version."""
    places = []
    wide = 0
    for key in range(versions):
        if key % WIDE_SHARE == 0:
            places.append((WIDE, wide))
            wide += 1
        else:
            rest = key - wide
            places.append((WIDE + 1 + rest // COLLECTION_VERSIONS, rest % COLLECTION_VERSIONS))
    return places


def _edges(runs: int, begun: int, numbers: random.Random) -> Iterator[tuple[int, int, int, int]]:
    """Yield the edges: run ``key`` logs version ``key`` and uses earlier ones; node keys as in `Node`."""
    for key in range(1, runs + 1):
        run = key * 2 + 1
        inputs: set[int] = set()
        while len(inputs) < min(USES, key - 1):
            oldest = 1 if numbers.random() < FAR else max(key - WINDOW, 1)
            inputs.add(numbers.randrange(oldest, key))
        for version in inputs:
            yield version * 2, run, int(EdgeKind.USED), begun + key
        yield run, key * 2, int(EdgeKind.LOGGED), begun + key


def _spans(places: list[tuple[int, int]], numbers: random.Random) -> Iterator[tuple[Any, ...]]:
    yield DIGEST_WIDE, WIDE, 0, None
    for collection, number in places[-NARROW_VERSIONS:]:
        yield DIGEST_NARROW, collection, number, number + 1
    for collection, number in places:
        yield numbers.randbytes(32), collection, number, None


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
