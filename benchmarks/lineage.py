"""How fast are answers about lineage? A graph of 1,000,000 nodes and 3,000,000 edges.

``python -m benchmarks.lineage``; times of questions in one process that has the catalog open.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness import PYTHON, ROOT, Bench, Command, Quantity, main
from benchmarks.scripts import ask_lineage

RUNS = 500_000
MIB = 1024**2
#: Milliseconds for an answer that a person waits for, and seconds for the others.
HOPS_MS, FILE_MS, EVERYTHING_S, EXPORT_S = 50, 100, 3, 2


def measure(bench: Bench) -> list[Quantity]:
    runs = bench.sized(RUNS, 250)
    folder = bench.fresh("lineage")
    bench.answer(_script("generate_lineage", str(folder), str(runs)))
    return tabulate(bench.answer(_script("ask_lineage", str(folder), str(runs), str(bench.rounds))))


def tabulate(found: dict[str, Any]) -> list[Quantity]:
    """Return the lines of the table, from what ``ask_lineage.py`` printed."""
    floor = Quantity("all downstream, bare SQL")
    near = f"{ask_lineage.HOPS} hops"
    lines = {
        "hops up": Quantity(f"upstream, {near}", "ms", at_most=HOPS_MS),
        "hops down": Quantity(f"downstream, {near}", "ms", at_most=HOPS_MS),
        "impact": Quantity("impact of a file", "ms", at_most=FILE_MS),
        "holders": Quantity("versions that hold a file", "ms", at_most=FILE_MS),
        "floor": floor,
        "keys of everything": Quantity("all downstream, which nodes", "s", floor, EVERYTHING_S),
        "records of many": Quantity("a tenth downstream, with records"),
        "records of everything": Quantity("all downstream, with records", "s", floor),
        "impact in full": Quantity("impact of that file, in full"),
    }
    lines |= {name: Quantity(name, at_most=EXPORT_S) for name in found if name.startswith("export ")}
    for name, line in lines.items():
        _fill(line, found[name])
    peaks = [_peak(lines[name], found[name]) for name in ("keys of everything", "records of everything")]
    return [*lines.values(), *peaks]


def _fill(line: Quantity, entry: dict[str, Any]) -> None:
    factor = 1000 if line.unit == "ms" else 1
    line.samples = [sample * factor for sample in entry["samples"]]
    of_files = line.what.startswith(("impact of a", "versions"))
    line.note = entry.get("note") or f"{entry['size']:,} {'versions' if of_files else 'nodes'}"


def _peak(line: Quantity, entry: dict[str, Any]) -> Quantity:
    return Quantity(f"memory, {line.what}", "MiB", samples=[entry["peak"] / MIB])


def _script(name: str, *words: str) -> Command:
    return Command([PYTHON, "-m", f"benchmarks.scripts.{name}", *words], cwd=ROOT)


if __name__ == "__main__":
    main("lineage", __doc__, measure)
