"""From which size on should a file be an object of its own? Chooses ``SMALL_BYTES`` of ``forebear/blobs/writer.py``.

``python -m benchmarks.pack_bound``; 256 MiB of files of one size, added and restored with each bound.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

from benchmarks.files import make_tree
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main

KIB = 1024
ALL_BYTES = 256 * KIB**2
FILE_KIB = (64, 200, 400, 800)
BOUND_KIB = (128, 256, 512, 1024)


def measure(bench: Bench) -> list[Quantity]:
    lines: list[Quantity] = []
    steps: list[tuple[Path, int, Quantity, Quantity]] = []
    for size in FILE_KIB:
        data = bench.fresh("data")
        make_tree(data, bench.sized(ALL_BYTES, 4 * size * KIB) // (size * KIB), size * KIB)
        copy = Quantity(f"cp -r, files of {size} KiB")
        lines.append(copy)
        packed: dict[bool, str] = {}
        for bound in BOUND_KIB:
            # Bounds on the same side of the size do the same; one of them is measured.
            if packed.setdefault(size < bound, f"bound {bound} KiB") != f"bound {bound} KiB":
                continue
            where = "packed" if size < bound else "loose"
            add = Quantity(f"add, files of {size} KiB, {where}", yardstick=copy)
            get = Quantity(f"restore, files of {size} KiB, {where}", yardstick=copy)
            lines += [add, get]
            steps.append((data, bound, add, get))
    for _, (data, bound, add, get) in product(range(bench.rounds), steps):
        assert add.yardstick is not None
        add.yardstick.add(bench.run(Command(["cp", "-r", data, bench.fresh("copy")])).seconds)
        store = bench.fresh("store")
        bench.run(_bound(bound, "put.py", store, bench.fresh("nothing")))
        add.add(bench.run(_bound(bound, "put.py", store, data)).seconds)
        get.add(bench.run(_bound(bound, "get.py", store, bench.fresh("out"))).seconds)
    return lines


def _bound(bound: int, script: str, store: Path, path: Path) -> Command:
    """Return the command that runs a script with another bound."""
    if script == "put.py":
        path.mkdir(exist_ok=True)
    return Command([PYTHON, SCRIPTS / "with_bound.py", str(bound * KIB), SCRIPTS / script, store, path])


if __name__ == "__main__":
    main("pack_bound", __doc__, measure)
