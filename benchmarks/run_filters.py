"""How fast are filters over runs? Catalogs of 1,000 and of 100,000 runs, while another process writes to them.

``python -m benchmarks.run_filters``; times of questions in one process that has the catalog open. Each answer is a page
of 50 whole records.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness import PYTHON, ROOT, Bench, Command, Quantity, main

FEW, MANY = 1_000, 100_000
#: Milliseconds for a filter over so many runs.
TARGETS_MS = {FEW: 5, MANY: 100}
LINES = {
    "newest": "three conditions, newest first",
    "best": "three conditions, best first",
    "rare": "one setting equals",
    "tag": "a tag",
    "either": "one of two values is high",
    "unfiltered": "no condition, best first",
    "nothing": "a pattern that nothing fits",
    "count": "three conditions, counted",
}


def measure(bench: Bench) -> list[Quantity]:
    lines: list[Quantity] = []
    for runs, target in TARGETS_MS.items():
        folder = bench.fresh("runs")
        sized = bench.sized(runs, 100)
        bench.answer(_script("generate_runs", str(folder), str(sized)))
        lines += tabulate(bench.answer(_script("ask_runs", str(folder), str(bench.rounds))), runs, target)
    return lines


def tabulate(found: dict[str, Any], runs: int, target: float) -> list[Quantity]:
    """Return the lines of the table, from what ``ask_runs.py`` printed."""
    floor = Quantity(f"{runs:,}: JSON scan", "ms")
    lines = {
        name: Quantity(f"{runs:,}: {words}", "ms", floor, target if name in ("newest", "best") else None)
        for name, words in LINES.items()
    } | {"floor": floor}
    for name, line in lines.items():
        line.samples = [sample * 1000 for sample in found[name]["samples"]]
        line.note = f"{found[name]['size']:,} runs"
    return list(lines.values())


def _script(name: str, *words: str) -> Command:
    return Command([PYTHON, "-m", f"benchmarks.scripts.{name}", *words], cwd=ROOT)


if __name__ == "__main__":
    main("run-filters", __doc__, measure)
