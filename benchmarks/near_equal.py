"""What does a large file cost that resembles the one before? 2 GiB with 1 MiB put in the middle.

``python -m benchmarks.near_equal``, also what bf16 weights take that are stored as slices; ``make bench-peers`` puts
restic and borg beside it. Times of whole processes, forebear's writes durable. Growth is that of
the repository's folder, index included. Needs 12 GiB of disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.files import bytes_below, make_file
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main
from benchmarks.peer_tools import Borg, Restic
from benchmarks.remote_small_files import Bucket
from benchmarks.tools import CommandLine, Script, Tool
from tests.servers import rclone_s3

FILE_BYTES = 2 * 1024**3
WEIGHT_BYTES = 512 * 1024**2
#: Files so short are not tried with their bytes apart.
SHARD_BYTES = 48 * 1024
MIB = 1024**2
#: Touched before a copy, as multiples of the file.
MEMORY_FILES = 2
OURS = ("script", "CLI")


class Lines:
    """The quantities of one tool."""

    def __init__(self, tool: Tool, synced: Quantity, copy: Quantity) -> None:
        def line(what: str, unit: str = "s", stick: Quantity | None = None, **target: float) -> Quantity:
            targets = target if tool.name in OURS else {}
            return Quantity(f"{what}, {tool.name}", unit, stick, **targets)  # type: ignore[arg-type]

        self.tool = tool
        self.first = line("first add", stick=synced, at_most_times=1.6)
        self.add = line("add after the insertion", at_most=1.1)
        self.growth = line("growth by the insertion", "MiB", at_most=3)
        self.restore = line("restore after the insertion", stick=copy, at_most_times=1.8)

    def all(self) -> list[Quantity]:
        """Every line, in the order of the table."""
        return [self.first, self.add, self.growth, self.restore]


def measure(bench: Bench) -> list[Quantity]:
    """Ask about forebear alone."""
    return [
        *compare(bench, [Script(), CommandLine()]),
        *weights(bench),
        weights_in_short_files(bench),
        weights_sent(bench),
    ]


def measure_peers(bench: Bench) -> list[Quantity]:
    """Ask forebear and those that share chunks."""
    return compare(bench, [Script(), CommandLine(), Restic("restic"), Borg("borg")])


def compare(bench: Bench, tools: Sequence[Tool]) -> list[Quantity]:
    """Ask about the insertion, several tools in turn."""
    synced, copy = Quantity("cp + sync"), Quantity("cp")
    lines = [Lines(tool, synced, copy) for tool in tools]
    folder = bench.fresh("made")
    size = bench.sized(FILE_BYTES, 128 * MIB)
    make_file(folder / "first.bin", size)
    _insert(folder / "first.bin", folder / "second.bin", size // 2)
    for _ in range(bench.rounds):
        for each in lines:
            reason = each.tool.missing()
            if reason is None:
                _round(bench, each, folder, synced, copy)
                continue
            for line in each.all():
                line.note = reason
    return [synced, copy, *(line for each in lines for line in each.all())]


def _insert(source: Path, target: Path, at: int) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        for left in (at, None):
            while part := old.read(MIB if left is None else min(MIB, left)):
                new.write(part)
                left = None if left is None else left - len(part)
            if left is not None:
                new.write(os.urandom(MIB))


def _round(bench: Bench, lines: Lines, made: Path, synced: Quantity, copy: Quantity) -> None:
    data = bench.fresh("data") / "file.bin"
    data.parent.mkdir()
    work, commands = lines.tool.begin(bench.fresh("store"), data)
    for command in commands:
        bench.run(command)
    os.link(made / "first.bin", data)
    target = bench.fresh("copy")
    code = 'cp "$1" "$2" && sync "$2"'
    bench.touch_memory(bench.sized(MEMORY_FILES * FILE_BYTES))
    synced.add(bench.run(Command(["sh", "-c", code, "sh", data, target])).seconds)
    target.unlink()
    bench.touch_memory(bench.sized(MEMORY_FILES * FILE_BYTES))
    lines.first.add(bench.run(work.put()).seconds)
    data.unlink()
    os.link(made / "second.bin", data)
    before = bytes_below(work.store)
    lines.add.add(bench.run(work.put()).seconds)
    lines.growth.add((bytes_below(work.store) - before) / MIB)
    bench.touch_memory(bench.sized(MEMORY_FILES * FILE_BYTES))
    copy.add(bench.run(Command(["cp", data, target])).seconds)
    target.unlink()
    out = bench.fresh("out")
    restore = work.get(out)
    assert restore is not None
    bench.touch_memory(bench.sized(MEMORY_FILES * FILE_BYTES))
    lines.restore.add(bench.run(restore).seconds)
    for place in (out, work.store, data.parent):
        shutil.rmtree(place)


def weights(bench: Bench) -> list[Quantity]:
    """Ask what becomes of weights that are stored compressed."""
    size = Quantity("stored part of bf16 weights, compressed", "of 1", at_most=0.74)
    add, restore = Quantity("add of the weights, compressed"), Quantity("restore of the weights")
    data = bench.fresh("weights") / "model.bin"
    data.parent.mkdir()
    _make_weights(data, bench.sized(WEIGHT_BYTES, 64 * MIB))
    for _ in range(bench.rounds):
        store, out = bench.fresh("store"), bench.fresh("out")
        work, commands = Script().begin(store, data)
        for command in commands:
            bench.run(command)
        add.add(bench.run(Command([PYTHON, SCRIPTS / "put.py", store, data, "--compress"])).seconds)
        size.add(bytes_below(store) / data.stat().st_size)
        restore.add(bench.run(work.get(out)).seconds)
        shutil.rmtree(out)
        shutil.rmtree(store)
    return [size, add, restore]


def weights_in_short_files(bench: Bench) -> Quantity:
    """Ask what zstd makes of weights alone. Nobody has to ask for it: of small files a sample tells whether it pays."""
    kib = SHARD_BYTES // 1024
    line = Quantity(f"stored part of bf16 weights in files of {kib} KiB, zstd alone", "of 1", at_most=0.82)
    folder = bench.fresh("shards")
    folder.mkdir()
    for number, piece in enumerate(_weights(bench.sized(WEIGHT_BYTES, 64 * MIB))):
        for start in range(0, len(piece), SHARD_BYTES):
            (folder / f"{number:04}-{start:07}").write_bytes(piece[start : start + SHARD_BYTES])
    work, commands = Script().begin(bench.fresh("store"), folder)
    for command in [*commands, work.put()]:
        bench.run(command)
    line.add(bytes_below(work.store) / bytes_below(folder))
    return line


def weights_sent(bench: Bench) -> Quantity:
    """Ask what a large file of weights takes in a bucket, where it is always cut and nobody asks for anything."""
    line = Quantity("stored part of bf16 weights that are sent, nothing asked for", "of 1", at_most=0.74)
    folder, server = bench.fresh("weights"), bench.fresh("server")
    folder.mkdir()
    _make_weights(folder / "model.bin", bench.sized(WEIGHT_BYTES, 64 * MIB))
    with rclone_s3(server) as endpoint:
        Bucket(bench, endpoint, "weights").send(folder, "sent")
        line.add(bytes_below(server / "data" / "weights") / bytes_below(folder))
    return line


def _make_weights(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.writelines(_weights(size))


def _weights(size: int) -> Iterator[bytes]:
    """Yield normal numbers as bf16, the upper halves of 32-bit numbers, a MiB at a time."""
    import numpy as np

    random = np.random.default_rng(1)
    for start in range(0, size, MIB):
        numbers = random.normal(0, 0.02, min(MIB, size - start) // 2).astype(np.float32)
        yield (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()


if __name__ == "__main__":
    main("near_equal", __doc__ or "", measure)
