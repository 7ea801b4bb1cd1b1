"""What does a catalog in PostgreSQL cost? Versions, histories, aliases and filters, beside the same in SQLite.

``python -m benchmarks.postgres``; the server is Debian's or that of the wheel, on this machine, and writes to the disk
what it says it has written. A network between the two adds its time to each statement. First what scripts wait for,
with blobs in a folder: a version of new files is logged, rows of metrics are logged until all of them are in the
catalog, an alias is asked for. Then what of that the catalog takes, and then filters.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Sequence
from typing import Any

from benchmarks import run_filters
from benchmarks.files import make_tree
from benchmarks.harness import PYTHON, ROOT, SCRIPTS, Bench, Command, Quantity, main
from tests.servers import postgres

ENTRIES = 200_000
PROCESSES, ROWS_EACH = 8, 10_000
RESOLVED = 300
RUNS = 100_000
TARGET_ROWS = 50_000
#: Samples of what takes in so many files.
MOST_ROUNDS = 3
#: Keys of a row, and bytes of a file.
KEYS, FILE_BYTES = 5, 256


def measure(bench: Bench) -> list[Quantity]:
    with postgres(quick=False) as server:
        return [*_scripts(bench, server.url), *_writing(bench, server.url), *_filters(bench, server.url)]


def _scripts(bench: Bench, url: str) -> list[Quantity]:
    """Ask what scripts wait for."""
    entries, rows = bench.sized(ENTRIES, 100), bench.sized(ROWS_EACH, 10)
    added = Quantity(f"{entries:,} new files taken in, store in a folder")
    added_server = Quantity("the same with PostgreSQL", yardstick=added)
    logged = Quantity(f"log_artifact() of {entries:,} new files, store in a folder")
    logged_server = Quantity("the same with PostgreSQL", yardstick=logged, at_most=3)
    alias = Quantity("Api.artifact() of an alias, store in a folder", "ms")
    alias_server = Quantity("the same with PostgreSQL", "ms", yardstick=alias, at_most=2)
    crowd = Quantity(f"{PROCESSES} processes log {rows:,} rows each and finish, store in a folder")
    target = PROCESSES * ROWS_EACH / TARGET_ROWS
    crowd_server = Quantity("the same with PostgreSQL", yardstick=crowd, at_most=target)
    tree = bench.fresh("tree")
    make_tree(tree, entries, FILE_BYTES)
    for _ in range(min(bench.rounds, MOST_ROUNDS)):
        for lines, store in (
            ((added, logged, alias, crowd), str(bench.fresh("store"))),
            ((added_server, logged_server, alias_server, crowd_server), _store(bench, url)),
        ):
            for line, seconds in zip(lines, _use_store(bench, "log", store, tree), strict=False):
                line.add(seconds)
            for sample in _use_store(bench, "resolve", store, bench.sized(RESOLVED, 5)):
                lines[2].add(sample * 1000)
            words = [PYTHON, str(SCRIPTS / "log_rows.py"), "forebear", store, str(rows), str(KEYS)]
            lines[3].add(_last_of([[*words, "together", "untimed"]] * PROCESSES))
    return [added, added_server, logged, logged_server, alias, alias_server, crowd, crowd_server]


def _store(bench: Bench, url: str) -> str:
    return f"{_place(url)}&blobs={bench.fresh('blobs')}"


def _use_store(bench: Bench, what: str, store: str, *words: object) -> Any:
    return bench.answer(Command([PYTHON, SCRIPTS / "use_store.py", what, store, *map(str, words)]))


def _last_of(commands: Sequence[Sequence[str]]) -> float:
    """Start processes, let them go at one moment, and return the seconds until the last has told what it took."""
    processes = _ready(commands)
    begun = time.perf_counter()
    _go(processes)
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    taken = time.perf_counter() - begun
    for process in processes:
        process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
    return taken


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
    processes = _ready([_words("append", place, f"r{number}", rows) for number in range(PROCESSES)])
    _go(processes)
    return [float(json.loads(process.communicate()[0].splitlines()[-1])) for process in processes]


def _ready(commands: Sequence[Sequence[str]]) -> list[subprocess.Popen[str]]:
    """Start processes that wait for a line when they are ready, and return when all are."""
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for command in commands
    ]
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("a process that brings rows has failed")
    return processes


def _go(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


if __name__ == "__main__":
    main("postgres", __doc__ or "", measure)
