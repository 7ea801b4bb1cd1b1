"""Ask a catalog about its runs and print what each answer took: ``ask_runs.py PLACE ROUNDS``.

Prints one line of JSON: question → samples in seconds and size of the answer. The start of the interpreter is in no
sample. While it asks, another process writes to the runs, as a cluster would.
"""

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.scripts.generate_runs import ENTITY, PROJECT
from benchmarks.scripts.places import catalog_at, driver_at, is_server
from forebear.records.history import HistoryBatch
from forebear.records.queries import And, Compare, Condition, Or, Order, RunQuery

PAGE = 50
GOOD = And(
    (
        Compare("summary.acc", "gt", 0.9),
        Compare("config.lr", "lt", 0.01),
        Compare("state", "eq", "finished"),
    )
)
BEST_FIRST = (Order("summary.acc", descending=True),)
#: What the database itself needs to go through all runs without an index: the least that a filter in Python could cost.
FLOOR = "SELECT count(*) FROM runs WHERE json_extract(summary, '$.acc') > 0.9 AND json_extract(config, '$.lr') < 0.01"
FLOOR_ON_SERVER = (
    "SELECT count(*) FROM runs WHERE (summary::jsonb->>'acc')::float8 > 0.9 AND (config::jsonb->>'lr')::float8 < 0.01"
)
#: Batches a second of the process that writes meanwhile.
WRITES = 50


def main(place: str, rounds: int) -> None:
    writer = subprocess.Popen([sys.executable, "-m", "benchmarks.scripts.ask_runs", place, "write"])
    catalog, driver = catalog_at(place), driver_at(place)
    floor = FLOOR_ON_SERVER if is_server(place) else FLOOR
    found: dict[str, dict[str, Any]] = {}
    try:
        for _ in range(rounds):
            for name, query in questions().items():
                begun = time.perf_counter()
                answer = catalog.find_runs(query)
                _note(found, name, begun, len(answer))
            begun = time.perf_counter()
            answer = catalog.count_runs(page(GOOD))
            _note(found, "count", begun, answer)
            begun = time.perf_counter()
            _note(found, "floor", begun, int(driver.rows(floor)[0][0]))
    finally:
        writer.terminate()
        writer.wait()
        driver.close()
        catalog.close()
    print(json.dumps(found))


def page(where: Condition, order: tuple[Order, ...] = RunQuery().order) -> RunQuery:
    return RunQuery(ENTITY, PROJECT, where, order, limit=PAGE)


def questions() -> dict[str, RunQuery]:
    """What is asked, the filter of the target in two orders first."""
    nothing = And((Compare("summary.acc", "gt", 0.5), Compare("config.model", "regex", "^x")))
    return {
        "newest": page(GOOD),
        "best": page(GOOD, BEST_FIRST),
        "rare": page(Compare("config.seed", "eq", 500)),
        "tag": page(Compare("tags", "eq", "baseline")),
        "either": page(Or((Compare("summary.acc", "gt", 0.95), Compare("summary.val.acc", "gt", 0.95)))),
        "unfiltered": page(And(()), BEST_FIRST),
        "nothing": page(nothing),
    }


def write(place: str) -> None:
    """Append to the history of one run for ever."""
    catalog = catalog_at(place)
    for number in range(10**9):
        catalog.append_history(HistoryBatch(1, "bench", number, number + 1, summary={"acc": number / 10**9}))
        time.sleep(1 / WRITES)


def _note(found: dict[str, dict[str, Any]], name: str, begun: float, size: int) -> None:
    entry = found.setdefault(name, {"samples": [], "size": size})
    entry["samples"].append(time.perf_counter() - begun)


if __name__ == "__main__":
    if sys.argv[2] == "write":
        write(sys.argv[1])
    else:
        main(sys.argv[1], int(sys.argv[2]))
