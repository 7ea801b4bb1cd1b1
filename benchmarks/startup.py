"""How long does it take until something happens? Importing forebear, and its shortest command.

``python -m benchmarks.startup``; times of whole processes.
"""

from __future__ import annotations

from benchmarks.harness import PYTHON, Bench, Command, Quantity, main
from benchmarks.tools import FOREBEAR

ROUNDS = 4
_INIT = "import forebear; forebear.init"


def measure(bench: Bench) -> list[Quantity]:
    bare = Quantity("python -c pass", "ms")
    steps = {
        bare: Command([PYTHON, "-c", "pass"]),
        Quantity("import forebear", "ms", bare, at_most=150): Command([PYTHON, "-c", "import forebear"]),
        Quantity("import forebear; forebear.init", "ms", bare): Command([PYTHON, "-c", _INIT]),
        Quantity("forebear --version", "ms", bare, at_most=200): Command([FOREBEAR, "--version"]),
        Quantity("forebear --help", "ms", bare): Command([FOREBEAR, "--help"]),
    }
    for command in steps.values():
        bench.run(command)  # compiles what it imports
    for _ in range(bench.rounds * ROUNDS):
        for line, command in steps.items():
            line.add(bench.run(command).seconds * 1000)
    return list(steps)


if __name__ == "__main__":
    main("startup", __doc__, measure)
