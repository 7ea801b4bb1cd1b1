"""How long does one large file take? 2 GiB, by copies and by links.

``python -m benchmarks.large_file``; times of whole processes, forebear's writes durable. Needs 16 GiB of disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.files import make_file
from benchmarks.harness import PYTHON, Bench, Command, Quantity, Sample, main
from benchmarks.tools import CommandLine, LinkWork, Script, Tool

FILE_BYTES = 2 * 1024**3
MIB = 1024**2
#: Touched before a copy, as multiples of the file: the page cache of the copy, and some more.
MEMORY_FILES = 2


class Yardsticks:
    """What the large file is compared with."""

    def __init__(self) -> None:
        self.copy = Quantity("cp")
        self.synced = Quantity("cp + sync")
        self.imported = Quantity("memory of import forebear", "MiB")

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table."""
        return [self.copy, self.synced, self.imported]


class Lines:
    """The quantities of one tool."""

    def __init__(self, tool: Tool, sticks: Yardsticks, *, ours: bool) -> None:
        def line(what: str, unit: str = "s", stick: Quantity | None = None, **target: float) -> Quantity:
            return Quantity(f"{what}, {tool.name}", unit, stick, **(target if ours else {}))  # type: ignore[arg-type]

        above = " above the import" if ours else ""
        self.tool = tool
        self.at_rest = sticks.imported if ours else None
        self.add = line("first add", stick=sticks.synced, at_most_times=1.6)
        self.unchanged = line("nothing changed", at_most=0.25)
        self.restore = line("restore", stick=sticks.copy, at_most_times=1.6)
        self.add_link = line("first add by link", at_most=0.5)
        self.restore_link = line("restore by link", at_most=0.2)
        self.memory = line(f"memory of first add{above}", "MiB", at_most=96)
        self.restore_memory = line(f"memory of restore{above}", "MiB", at_most=96)

    def add_memory(self, line: Quantity, sample: Sample) -> None:
        """Add a sample of memory: of forebear's own, what comes on top of its modules."""
        line.add(sample.peak / MIB - (self.at_rest.median if self.at_rest else 0))

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table."""
        return [
            self.add,
            self.unchanged,
            self.restore,
            self.add_link,
            self.restore_link,
            self.memory,
            self.restore_memory,
        ]


def measure(bench: Bench) -> list[Quantity]:
    return compare(bench, [Script(), CommandLine()], ours=("script", "CLI"))


def compare(bench: Bench, tools: Sequence[Tool], ours: Sequence[str]) -> list[Quantity]:
    """Ask the question of several tools in turn; those named in ``ours`` have targets."""
    sticks = Yardsticks()
    lines = [Lines(tool, sticks, ours=tool.name in ours) for tool in tools]
    data = bench.fresh("data")
    make_file(data / "file.bin", bench.sized(FILE_BYTES, MIB))
    for _ in range(bench.rounds):
        sticks.imported.add(bench.run(Command([PYTHON, "-c", "import forebear"])).peak / MIB)
        for each in lines:
            reason = each.tool.missing()
            if reason is None:
                _round(bench, each, data / "file.bin", sticks)
                continue
            for line in each.all():
                line.note = reason
    return [*sticks.all(), *(line for each in lines for line in each.all() if line.samples or line.note)]


def _round(bench: Bench, lines: Lines, data: Path, sticks: Yardsticks) -> None:
    work, commands = lines.tool.begin(bench.fresh("store"), data)
    for command in commands:
        bench.run(command)
    copied, synced, out = bench.fresh("copy"), bench.fresh("copy"), bench.fresh("out")
    code = 'cp "$1" "$2" && sync "$2"'
    sticks.synced.add(_large(bench, Command(["sh", "-c", code, "sh", data, synced])).seconds)
    sample = _large(bench, work.put())
    lines.add.add(sample.seconds)
    lines.add_memory(lines.memory, sample)
    lines.unchanged.add(bench.run(work.put()).seconds)
    _forget(synced)
    sticks.copy.add(_large(bench, Command(["cp", data, copied])).seconds)
    restore = work.get(out)
    if restore is None:
        lines.restore.note = "it has no such command"
    else:
        sample = _large(bench, restore)
        lines.restore.add(sample.seconds)
        lines.add_memory(lines.restore_memory, sample)
    _forget(copied, out, work.store)
    _round_of_links(bench, lines, data)


def _round_of_links(bench: Bench, lines: Lines, data: Path) -> None:
    """Link a copy of the file into a store of its own, and out of it again."""
    work, commands = lines.tool.begin(bench.fresh("store"), data)
    if not isinstance(work, LinkWork):
        return
    linked, out = bench.fresh("linked"), bench.fresh("out")
    bench.run(Command(["cp", data, linked]))
    for command in commands:
        bench.run(command)
    lines.add_link.add(bench.run(work.put_link(linked)).seconds)
    lines.restore_link.add(bench.run(work.get_link(out)).seconds)
    _forget(linked, out, work.store)


def _large(bench: Bench, command: Command) -> Sample:
    bench.touch_memory(bench.sized(MEMORY_FILES * FILE_BYTES))
    return bench.run(command)


def _forget(*places: Path) -> None:
    """Delete large files at once: unlike a tree of small ones they slow nothing down, and disks are finite."""
    for place in places:
        for path in [place] if place.is_file() else [found for found in place.rglob("*") if found.is_file()]:
            if path.stat().st_size >= MIB:
                path.unlink()
    os.sync()


if __name__ == "__main__":
    main("large_file", __doc__, measure)
