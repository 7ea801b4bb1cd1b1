"""Does a version of 1,000,000 files work on this machine? Log it, change ten, compare, and download a part of it.

``python -m benchmarks.million_files``; files of 256 bytes, beside a version of 10,000. Times are of whole processes; a
download is asked for by a prefix of the paths, so its cost a file is that of a small version, whatever else there is.
Needs 8 GiB of disk and 2,000,000 inodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.files import change, file_of, make_tree
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main
from benchmarks.tools import Script

FILES = 1_000_000
FEW_FILES = 10_000
FILE_BYTES = 256
CHANGES = 10
#: Prefixes of paths, and how many of `FILES` begin so.
PARTS = (("d00", 10_000), ("d0", 100_000))
PEAK_MIB = 1024
MIB = 1024**2
#: A sample is of a million files, so that few are enough.
MOST_ROUNDS = 2


class Step(NamedTuple):
    """What one kind of process took."""

    time: Quantity
    peak: Quantity

    def run(self, bench: Bench, command: Command, files: int | None = None) -> None:
        """Take a sample, per file where there are files."""
        sample = bench.run(command)
        self.time.add(sample.seconds * (1e6 / files if files else 1))
        self.peak.add(sample.peak / MIB)


class Lines:
    """The lines of the table."""

    def __init__(self, count: int, few: int) -> None:
        def step(what: str, unit: str = "µs/file", stick: Quantity | None = None, at_most: float | None = None) -> Step:
            times = 1.3 if stick else None
            time = Quantity(what, unit, stick, at_most=at_most, at_most_times=times)
            return Step(time, Quantity(f"peak memory of {what}", "MiB", at_most=PEAK_MIB))

        self.add_few = step(f"first add, {few:,}")
        self.get_few = step(f"download of all, {few:,}")
        self.add = step(f"first add, {count:,}", stick=self.add_few.time)
        self.again = step(f"{CHANGES} changed, {count:,}", "s")
        self.diff = step(f"diff of the two, {count:,}", "s", at_most=1)
        self.parts = [
            step(f"download of {min(number, count):,} of {count:,}", stick=self.get_few.time) for _, number in PARTS
        ]

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table."""
        steps = [self.add_few, self.get_few, self.add, self.again, self.diff, *self.parts]
        return [*(step.time for step in steps), *(step.peak for step in steps[2:])]


def measure(bench: Bench) -> list[Quantity]:
    """Ask about versions of both sizes in turn."""
    count, few = bench.sized(FILES, 1_000), bench.sized(FEW_FILES, 100)
    lines = Lines(count, few)
    small, large = bench.fresh("few"), bench.fresh("many")
    make_tree(small, few, FILE_BYTES)
    make_tree(large, count, FILE_BYTES)
    for _ in range(min(bench.rounds, MOST_ROUNDS)):
        _round(bench, lines, small, few, large, count)
    return lines.all()


def _round(bench: Bench, lines: Lines, small: Path, few: int, large: Path, count: int) -> None:
    work, commands = Script().begin(bench.fresh("store"), small)
    for command in commands:
        bench.run(command)
    lines.add_few.run(bench, work.put(), few)
    lines.get_few.run(bench, work.get(bench.fresh("out")), few)
    work, commands = Script().begin(bench.fresh("store"), large)
    for command in commands:
        bench.run(command)
    lines.add.run(bench, work.put(), count)
    for number in range(CHANGES):
        change(file_of(large, number * (count // CHANGES)))
    lines.again.run(bench, work.put())
    lines.diff.run(bench, work.diff())
    for (prefix, number), step in zip(PARTS, lines.parts, strict=True):
        words = [PYTHON, SCRIPTS / "get_prefix.py", work.store, bench.fresh("out"), prefix]
        step.run(bench, Command(words), min(number, count))


if __name__ == "__main__":
    main("million_files", __doc__, measure)
