"""Does the cost of a file grow with their number? 200,000 files of 4 KiB beside 20,000.

``python -m benchmarks.many_files``; microseconds a file, of whole processes. Needs 8 GiB of disk.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.files import make_tree
from benchmarks.harness import Bench, Command, Quantity, main
from benchmarks.tools import Script

FILES = 20_000
TIMES = 10
FILE_BYTES = 4096
MIB = 1024**2


class Lines:
    """The quantities at one number of files."""

    def __init__(self, count: int, fewer: Lines | None) -> None:
        def line(what: str, yardstick: Quantity | None) -> Quantity:
            return Quantity(f"{what}, {count:,}", "µs/file", yardstick, at_most_times=1.3 if yardstick else None)

        self.count = count
        self.copy: Quantity = Quantity(f"cp -r, {count:,}", "µs/file", fewer.copy if fewer else None)
        self.add: Quantity = line("first add", fewer.add if fewer else None)
        self.unchanged: Quantity = line("nothing changed", fewer.unchanged if fewer else None)
        self.restore: Quantity = line("restore", fewer.restore if fewer else None)
        self.peaks = [
            Quantity(f"peak memory of {what}, {count:,}", "MiB", at_most=400 if fewer else None)
            for what in ("first add", "nothing changed", "restore")
        ]

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table."""
        return [self.copy, self.add, self.unchanged, self.restore, *self.peaks]


def measure(bench: Bench) -> list[Quantity]:
    few = Lines(bench.sized(FILES, 100), None)
    many = Lines(few.count * TIMES, few)
    data = {lines: bench.fresh("data") for lines in (few, many)}
    for lines, folder in data.items():
        make_tree(folder, lines.count, FILE_BYTES)
    # The larger a sample, the fewer are needed; three rounds make files enough.
    for _ in range(min(bench.rounds, 3)):
        for lines, folder in data.items():
            _round(bench, lines, folder)
    return [*few.all(), *many.all()]


def _round(bench: Bench, lines: Lines, data: Path) -> None:
    work, commands = Script().begin(bench.fresh("store"), data)
    for command in commands:
        bench.run(command)
    each = 1e6 / lines.count
    lines.copy.add(bench.run(Command(["cp", "-r", data, bench.fresh("copy")])).seconds * each)
    steps = (work.put(), work.put(), work.get(bench.fresh("out")))
    for command, line, peak in zip(steps, (lines.add, lines.unchanged, lines.restore), lines.peaks, strict=True):
        sample = bench.run(command)
        line.add(sample.seconds * each)
        peak.add(sample.peak / MIB)


if __name__ == "__main__":
    main("many_files", __doc__, measure)
