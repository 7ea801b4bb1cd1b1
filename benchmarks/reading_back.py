"""How fast does what was logged come back? Filters over runs and histories, as scripts ask for them through the API.

``python -m benchmarks.reading_back``; times of questions in one process that has the store open. An answer about runs
is a page of 50 whole runs, an answer about a history a table of pandas.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness import PYTHON, ROOT, Bench, Command, Quantity, main

FEW, MANY = 1_000, 100_000
POINTS = 100_000
#: Milliseconds for a filter over so many runs, and for the whole history of one metric.
TARGETS_MS = {FEW: 5, MANY: 100}
HISTORY_MS = 20
RUN_LINES = {
    "page": "two conditions, best first",
    "count": "two conditions, counted",
    "wrapped": "config.lr.value, as W&B has it",
    "either": "one of two conditions",
}
HISTORY_LINES = {
    "whole": "one metric as a table",
    "sampled": "one metric, 500 samples",
    "every key": "five metrics, 500 samples",
    "scan": "one metric, row by row",
    "floor": "one metric from JSON lines",
}


def measure(bench: Bench) -> list[Quantity]:
    lines: list[Quantity] = []
    for runs, target in TARGETS_MS.items():
        told = _ask(bench, "runs", bench.sized(runs, 100))
        lines += [_line(f"{runs:,} runs: {words}", told[name], target) for name, words in RUN_LINES.items()]
    told = _ask(bench, "history", bench.sized(POINTS, 100))
    floor = _line(f"{POINTS:,} rows: {HISTORY_LINES['floor']}", told["floor"], None)
    for name, words in HISTORY_LINES.items():
        if name != "floor":
            target = HISTORY_MS if name == "whole" else None
            lines.append(_line(f"{POINTS:,} rows: {words}", told[name], target, floor))
    return [*lines, floor]


def _line(what: str, entry: dict[str, Any], target: float | None, floor: Quantity | None = None) -> Quantity:
    line = Quantity(what, "ms", floor, target)
    line.samples = [sample * 1000 for sample in entry["samples"]]
    line.note = f"{entry['size']:,} found"
    return line


def _ask(bench: Bench, about: str, size: int) -> dict[str, Any]:
    script = "benchmarks.scripts.read_back"
    command = Command([PYTHON, "-m", script, about, str(bench.fresh(about)), str(size), str(bench.rounds)], cwd=ROOT)
    told: dict[str, Any] = bench.answer(command)
    return told


if __name__ == "__main__":
    main("reading-back", __doc__, measure)
