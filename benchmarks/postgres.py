"""What does a catalog in PostgreSQL cost? Versions, histories, aliases and filters, beside the same in SQLite.

``python -m benchmarks.postgres``; the server is Debian's or that of the wheel, on this machine, and writes to the disk
what it says it has written. A network between the two adds its time to each statement.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import Any

from benchmarks import run_filters
from benchmarks.harness import PYTHON, ROOT, Bench, Command, Quantity, main
from tests.servers import postgres

ENTRIES = 200_000
PROCESSES, ROWS_EACH = 8, 10_000
RESOLVED = 300
RUNS = 100_000
TARGET_ROWS = 50_000


def measure(bench: Bench) -> list[Quantity]:
    with postgres(quick=False) as server:
        return [*_writing(bench, server.url), *_filters(bench, server.url)]


def _writing(bench: Bench, url: str) -> list[Quantity]:
    entries, rows = bench.sized(ENTRIES, 100), bench.sized(ROWS_EACH, 10)
    file = Quantity(f"a version of {entries:,} new files, in SQLite")
    version = Quantity("the same in PostgreSQL", yardstick=file, at_most=3)
    alias_file = Quantity("an alias resolved, in SQLite", "ms")
    alias = Quantity("the same in PostgreSQL", "ms", yardstick=alias_file, at_most=2)
    crowd_file = Quantity(f"{PROCESSES} processes bring {rows:,} rows each, in SQLite")
    crowd = Quantity("the same in PostgreSQL", yardstick=crowd_file, at_most=PROCESSES * ROWS_EACH / TARGET_ROWS)
    for _ in range(bench.rounds):
        for lines, place in (
            ((file, alias_file, crowd_file), str(bench.fresh("catalog"))),
            ((version, alias, crowd), _place(url)),
        ):
            lines[0].add(_use(bench, "commit", place, entries))
            for sample in _use(bench, "resolve", place, bench.sized(RESOLVED, 5)):
                lines[1].add(sample * 1000)
            lines[2].add(max(_together(place, rows)))
    return [file, version, alias_file, alias, crowd_file, crowd]


def _filters(bench: Bench, url: str) -> list[Quantity]:
    place, runs = _place(url), bench.sized(RUNS, 100)
    bench.answer(Command([PYTHON, "-m", "benchmarks.scripts.generate_runs", place, str(runs)], cwd=ROOT))
    found = bench.answer(Command([PYTHON, "-m", "benchmarks.scripts.ask_runs", place, str(bench.rounds)], cwd=ROOT))
    return run_filters.tabulate(found, RUNS, run_filters.TARGETS_MS[RUNS])


def _place(url: str) -> str:
    return f"{url}?schema=bench_{uuid.uuid4().hex}"


def _words(what: str, *words: object) -> list[str]:
    return [PYTHON, "-m", "benchmarks.scripts.use_catalog", what, *map(str, words)]


def _use(bench: Bench, what: str, *words: object) -> Any:
    return bench.answer(Command(_words(what, *words), cwd=ROOT))


def _together(place: str, rows: int) -> list[float]:
    """Let several processes bring rows at one moment; return the seconds of each."""
    processes = [
        subprocess.Popen(
            _words("append", place, f"r{number}", rows),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("a process that brings rows has failed")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [float(json.loads(process.communicate()[0].splitlines()[-1])) for process in processes]


if __name__ == "__main__":
    main("postgres", __doc__ or "", measure)
