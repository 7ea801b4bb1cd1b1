"""Write a catalog with many runs, straight into its tables: ``generate_runs.py PLACE RUNS``.

Each run has eight settings and six final values, as a sweep leaves them: some numbers drawn from a range, some of a few
choices, some the same in all. Random, but the same each time.
"""

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.scripts.places import catalog_at, driver_at, is_server
from forebear.catalog.codec import to_micros
from forebear.catalog.driver import batches, insert_rows
from forebear.catalog.leaves import leaves
from forebear.catalog.run_values import CONFIG, ORIGIN, SUMMARY, key_ids
from forebear.records.runs import CRASHED, FAILED, FINISHED, NewRun

ENTITY, PROJECT = "local", "bench"
BATCH = 2_000


def main(place: str, runs: int) -> None:
    catalog = catalog_at(place)
    catalog.add_run(NewRun(ENTITY, PROJECT, "r0", "run-0"))
    catalog.close()
    driver = driver_at(place)
    begun = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
    with driver.transaction():
        names = {key for *_, documents in _documents(1) for document in documents for key in leaves(document)}
        ids = key_ids(driver, sorted(names))
    for batch in batches(_documents(runs), BATCH):
        with driver.transaction():
            insert_rows(
                driver,
                "INSERT INTO runs (key, project_id, id, name, tags, state, config, summary, origin, created_at)",
                [
                    (key, 1, f"r{key}", f"run-{key}", json.dumps(tags), state, *map(json.dumps, documents), begun + key)
                    for key, tags, state, documents in batch
                ],
            )
            insert_rows(
                driver,
                "INSERT INTO run_tags (run_key, tag)",
                [(key, tag) for key, tags, _, _ in batch for tag in tags],
            )
            insert_rows(
                driver,
                "INSERT INTO run_values (run_key, side, key_id, kind, number, text)",
                [row for key, _, _, documents in batch for row in _values(ids, key, documents)],
            )
    if is_server(place):
        driver.execute("VACUUM (ANALYZE)")  # as the server does by itself within a minute
    driver.close()
    print(json.dumps({"runs": runs}))


def _documents(runs: int) -> Iterator[tuple[int, list[str], str, tuple[dict[str, Any], ...]]]:
    """Yield key, tags, state, and config, summary and origin of each run."""
    numbers = random.Random(7)
    for key in range(2, runs + 2):
        config = {
            "lr": 10 ** numbers.uniform(-4, -1),
            "batch_size": numbers.choice([16, 32, 64, 128]),
            "optimizer": {"name": numbers.choice(["adam", "sgd", "lion"]), "momentum": 0.9},
            "model": f"net-{numbers.randrange(20)}",
            "seed": key,
            "augment": numbers.random() < 0.5,
            "epochs": 90,
        }
        summary = {
            "acc": numbers.random(),
            "loss": numbers.expovariate(1),
            "val": {"acc": numbers.random(), "loss": numbers.expovariate(1)},
            "epoch": 90,
            "_runtime": numbers.uniform(60, 6000),
        }
        state = numbers.choices([FINISHED, FAILED, CRASHED], [8, 1, 1])[0]
        tags = ["baseline"] if numbers.random() < 0.02 else []
        yield key, tags, state, (config, summary, {"user": "anna", "host": f"node-{key % 16}"})


def _values(ids: dict[str, int], run_key: int, documents: tuple[dict[str, Any], ...]) -> Iterator[tuple[Any, ...]]:
    for side, document in zip((CONFIG, SUMMARY, ORIGIN), documents, strict=True):
        for key, leaf in leaves(document).items():
            yield run_key, side, ids[key], *leaf


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
