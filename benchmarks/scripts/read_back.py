"""Ask the API what was logged and print what each answer took: ``read_back.py runs|history STORE SIZE ROUNDS``.

Prints one line of JSON: question → samples in seconds and size of the answer. What is asked about is written first, and
the start of the interpreter and of pandas are in no sample.
"""

import contextlib
import io
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scripts.generate_runs import PROJECT
from benchmarks.scripts.generate_runs import main as generate_runs
from forebear.api.api import Api
from forebear.store.opening import open_store
from forebear.tracking.init import init

PAGE = 50
GOOD = {"config.lr": {"$lt": 0.01}, "summary_metrics.acc": {"$gt": 0.9}}
WRAPPED = {"config.lr.value": {"$lt": 0.001}}
EITHER = {"$or": [{"summary_metrics.acc": {"$gt": 0.99}}, {"summary_metrics.loss": {"$lt": 0.01}}]}
BEST = "-summary_metrics.acc"


def main(about: str, folder: Path, size: int, rounds: int) -> None:
    questions = about_runs(folder, size) if about == "runs" else about_history(folder, size)
    found: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, ask in questions.items():
            begun = time.perf_counter()
            answer = ask()
            entry = found.setdefault(name, {"samples": [], "size": answer})
            entry["samples"].append(time.perf_counter() - begun)
    print(json.dumps(found))


def about_runs(folder: Path, runs: int) -> dict[str, Callable[[], int]]:
    """Write runs; return what is asked about them."""
    open_store(str(folder), create=True).close()
    with contextlib.redirect_stdout(io.StringIO()):
        generate_runs(str(folder), runs)
    api = Api(str(folder), project=PROJECT)
    return {
        "page": lambda: len(api.runs(filters=GOOD, order=BEST, per_page=PAGE)[:PAGE]),
        "count": lambda: len(api.runs(filters=GOOD)),
        "wrapped": lambda: len(api.runs(filters=WRAPPED, per_page=PAGE)[:PAGE]),
        "either": lambda: len(api.runs(filters=EITHER, per_page=PAGE)[:PAGE]),
    }


def about_history(folder: Path, rows: int) -> dict[str, Callable[[], int]]:
    """Write a run of five metrics; return what is asked about it."""
    numbers = random.Random(7)
    run = init(project=PROJECT, id="long", store=folder, settings={"silent": True, "console": "off"})
    for _ in range(rows):
        run.log({f"metric_{number}": numbers.random() for number in range(5)})
    run.finish()
    plain = folder / "plain.jsonl"
    plain.write_text(
        "".join(json.dumps({f"metric_{n}": numbers.random() for n in range(5)}) + "\n" for _ in range(rows))
    )
    found = Api(str(folder), project=PROJECT).run("long")
    found.history(keys=["metric_1"])

    def floor() -> int:
        with plain.open() as lines:
            return len([json.loads(line)["metric_0"] for line in lines])

    return {
        "whole": lambda: len(found.history(samples=rows, keys=["metric_0"])),
        "sampled": lambda: len(found.history(keys=["metric_0"])),
        "every key": lambda: len(found.history()),
        "scan": lambda: sum(1 for _ in found.scan_history(keys=["metric_0"])),
        "floor": floor,
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
