"""How long do many small files take? 20,000 of 4 KiB in 200 folders.

``python -m benchmarks.small_files``; all sizes in bytes, times of whole processes, forebear's writes durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.files import bytes_below, change, file_of, make_tree
from benchmarks.harness import Bench, Command, Quantity, main
from benchmarks.tools import CommandLine, Script, Tool, Work

FILES = 20_000
FILE_BYTES = 4096
KIB = 1024


class Lines:
    """The quantities of one tool."""

    def __init__(self, tool: Tool, copy: Quantity, *, ours: bool) -> None:
        def line(what: str, **target: float) -> Quantity:
            yardstick = copy if what in {"first add", "restore"} else None
            return Quantity(f"{what}, {tool.name}", yardstick=yardstick, **(target if ours else {}))  # type: ignore[arg-type]

        self.tool = tool
        self.add = line("first add", at_most_times=1.4)
        self.unchanged = line("nothing changed", at_most=0.25)
        self.changed = line("one changed", at_most=0.30)
        self.restore = line("restore", at_most_times=1.3)
        self.diff = line("diff", at_most=0.20)
        target = 32.0 if ours else None
        self.growth = Quantity(f"growth by one changed, {tool.name}", "KiB", at_most=target)
        self.growth_in_all = Quantity(f"growth with the cache folder, {tool.name}", "KiB")
        self.peak = Quantity(f"peak memory of first add, {tool.name}", "MiB")

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table; those with the cache folder only where there is one."""
        lines = [self.add, self.unchanged, self.changed, self.restore, self.diff, self.growth]
        lines += [self.growth_in_all] if self.growth_in_all.samples else []
        return [*lines, self.peak]

    def explain(self, reason: str) -> None:
        """Say why the tool is not measured."""
        for line in self.all():
            line.note = reason


def measure(bench: Bench) -> list[Quantity]:
    return compare(bench, [Script(), CommandLine()], ours=("script", "CLI"))


def compare(bench: Bench, tools: Sequence[Tool], ours: Sequence[str]) -> list[Quantity]:
    """Ask the question of several tools in turn; those named in ``ours`` have targets."""
    copy, find = Quantity("cp -r"), Quantity("find")
    lines = [Lines(tool, copy, ours=tool.name in ours) for tool in tools]
    ready = []
    for each in lines:
        reason = each.tool.missing()
        if reason is None:
            ready.append(each)
        else:
            each.explain(reason)
    if bench.scale == 1:
        _warm(bench, [each.tool for each in ready])
    data = bench.fresh("data")
    make_tree(data, bench.sized(FILES, 200), FILE_BYTES)
    for turn in range(bench.rounds):
        for each in ready:
            _round(bench, each, data, copy, turn)
        find.add(bench.run(Command(["find", data, "-type", "f", "-newer", data])).seconds)
    return [copy, find, *(line for each in lines for line in each.all())]


def _warm(bench: Bench, tools: Sequence[Tool]) -> None:
    """Do everything once with a few files, so that byte code is compiled and programs are in memory."""
    data = bench.fresh("data")
    make_tree(data, 10, FILE_BYTES)
    for tool in tools:
        _round(bench, Lines(tool, Quantity(""), ours=False), data, Quantity(""), 0)


def _round(bench: Bench, lines: Lines, data: Path, copy: Quantity, turn: int) -> None:
    work, commands = lines.tool.begin(bench.fresh("store"), data)
    for command in commands:
        bench.run(command)
    copy.add(bench.run(Command(["cp", "-r", data, bench.fresh("copy")])).seconds)
    sample = bench.run(work.put())
    lines.add.add(sample.seconds)
    lines.peak.add(sample.peak / KIB**2)
    lines.unchanged.add(bench.run(work.put()).seconds)
    _change_one(bench, lines, work, turn)
    _timed(bench, lines.diff, work.diff())
    copy.add(bench.run(Command(["cp", "-r", data, bench.fresh("copy")])).seconds)
    _timed(bench, lines.restore, work.get(bench.fresh("out")))


def _change_one(bench: Bench, lines: Lines, work: Work, turn: int) -> None:
    count = sum(1 for path in work.data.rglob("*") if path.is_file())
    change(file_of(work.data, (count // 2 + 101 * turn) % count))
    before, before_in_all = bytes_below(work.store, without="cache"), bytes_below(work.store)
    lines.changed.add(bench.run(work.put()).seconds)
    lines.growth.add((bytes_below(work.store, without="cache") - before) / KIB)
    if (work.store / "cache" / "fingerprints.db").exists():
        lines.growth_in_all.add((bytes_below(work.store) - before_in_all) / KIB)


def _timed(bench: Bench, line: Quantity, command: Command | None) -> None:
    if command is None:
        line.note = "it has no such command"
    else:
        line.add(bench.run(command).seconds)


if __name__ == "__main__":
    main("small_files", __doc__, measure)
