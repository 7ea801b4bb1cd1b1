"""What does logging cost? Calls, the end of a run, its bytes, and reading it back.

``python -m benchmarks.tracking_log``; beside it one write(2) of a JSON line a call, which nothing that survives
``kill -9`` can do without. Every value is drawn at random, so nothing is compressed that would not be elsewhere.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.files import bytes_below
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main
from benchmarks.peer_tools import missing_of, python_of

ROWS, KEYS = 100_000, 5
WIDE_ROWS, WIDE_KEYS = 4_000, 500
LONG_ROWS = 2_000_000
PROCESSES, ROWS_EACH, CALM_ROWS = 8, 20_000, 2_000
MIB = 1024 * 1024


def measure(bench: Bench) -> list[Quantity]:
    rows, wide, long, each = (bench.sized(count, 10) for count in (ROWS, WIDE_ROWS, LONG_ROWS, ROWS_EACH))
    line = Quantity(f"{rows:,} JSON lines of {KEYS} values, a write each")
    line_call = Quantity("one such call", "µs")
    line_wide = Quantity(f"{wide:,} JSON lines of {WIDE_KEYS} values")
    log = Quantity(f"{rows:,} calls of {KEYS} values and finish", yardstick=line, at_most=1.0)
    call = Quantity("a call, median", "µs", yardstick=line_call, at_most=4)
    slow_call = Quantity("a call, 99th percentile", "µs", at_most=20)
    size = Quantity("kept of a value", "B", at_most=20)
    read = Quantity(f"reading {rows:,} values of one metric", "ms", at_most=20)
    brief = Quantity("import, init, one call, finish", at_most=0.20)
    broad = Quantity(f"{wide:,} calls of {WIDE_KEYS} values and finish", yardstick=line_wide, at_most=1.0)
    peak = Quantity(f"peak memory of {long:,} calls", "MiB", at_most=80)
    crowd = Quantity(f"{PROCESSES} processes of {each:,} calls on one store", at_most=PROCESSES * ROWS_EACH / 60_000)
    line_held_up = Quantity(f"the slowest JSON line of {PROCESSES} processes that want {PROCESSES} cores", "ms")
    held_up = Quantity("the slowest call of those", "ms", yardstick=line_held_up)
    calm = Quantity(f"the slowest call of {PROCESSES} processes that compute between calls", "ms", at_most=20)
    _log(bench, "forebear", 10, KEYS)
    for _ in range(bench.rounds):
        told, store = _log(bench, "json", rows, KEYS)
        line.add(told["calls"] + told["end"])
        line_call.add(told["median"])
        told, store = _log(bench, "forebear", rows, KEYS)
        log.add(told["calls"] + told["end"])
        call.add(told["median"])
        slow_call.add(told["p99"])
        size.add(bytes_below(store) / rows / KEYS)
        read.add(bench.answer(Command([PYTHON, SCRIPTS / "read_metric.py", store, str(rows)])) * 1000)
        told, _ = _log(bench, "json", wide, WIDE_KEYS)
        line_wide.add(told["calls"] + told["end"])
        told, _ = _log(bench, "forebear", wide, WIDE_KEYS)
        broad.add(told["calls"] + told["end"])
        told, _ = _log(bench, "forebear", 1, KEYS)
        brief.add(told["start"] + told["calls"] + told["end"])
        line_held_up.add(_slowest(_together(bench, "json", each)))
        told_together = _together(bench, "forebear", each)
        crowd.add(max(one["calls"] + one["end"] for one in told_together))
        held_up.add(_slowest(told_together))
        calm.add(_slowest(_together(bench, "forebear", bench.sized(CALM_ROWS, 10), "calmly")))
    peak.add(bench.run(_command(bench.fresh("long"), "forebear", long, KEYS, "untimed")).peak / MIB)
    single = [line, line_call, log, call, slow_call, size, read, brief, line_wide, broad, peak]
    return [*single, crowd, line_held_up, held_up, calm]


class Logging:
    """The lines of one tool beside others."""

    def __init__(self, tool: str, name: str, line: Quantity | None, *, rows: int = ROWS) -> None:
        """Measure ``tool``, which people call ``name``, by so many rows: a slow one takes minutes for all of them."""
        self.tool, self.rows = tool, rows
        ours = tool == "forebear"
        self.row = Quantity(f"{name}: row with its finish", "µs", line, 10 if ours else None)
        self.call = Quantity(f"{name}: call, median", "µs", at_most=4 if ours else None)
        self.slow_call = Quantity(f"{name}: call, 99th percentile", "µs", at_most=20 if ours else None)
        self.size = Quantity(f"{name}: kept of a value", "B", at_most=20 if ours else None)
        self.peak = Quantity(f"{name}: peak memory", "MiB", at_most=80 if ours else None)
        self.brief = Quantity(f"{name}: one row in all", at_most=0.20 if ours else None)
        self.all = [self.row, self.call, self.slow_call, self.size, self.peak, self.brief]

    @property
    def python(self) -> str | Path:
        """The interpreter that has the tool."""
        return PYTHON if self.tool in {"forebear", "json"} else python_of(self.tool)

    def measure(self, bench: Bench) -> None:
        """Add a sample to each line."""
        rows = bench.sized(self.rows, 10)
        told, store = _log(bench, self.tool, rows, KEYS, self.python)
        self.row.add((told["calls"] + told["end"]) / rows * 1e6)
        self.call.add(told["median"])
        self.slow_call.add(told["p99"])
        self.size.add(bytes_below(store) / rows / KEYS)
        again = _command(bench.fresh(self.tool), self.tool, rows, KEYS, "untimed", python=self.python)
        self.peak.add(bench.run(again).peak / MIB)
        told, _ = _log(bench, self.tool, 1, KEYS, self.python)
        self.brief.add(told["start"] + told["calls"] + told["end"])


def compare(bench: Bench) -> list[Quantity]:
    """Ask other tools too, in turn; those that are not installed are left out.

    *Row with its finish* is the time of all calls and of finish by the number of rows, *one row in all* that of import,
    init, one call and finish.
    """
    line = Logging("json", "JSON lines", None)
    peers = [Logging("trackio", "Trackio", line.row), Logging("wandb", "wandb offline", line.row, rows=ROWS // 5)]
    peers.append(Logging("mlflow", "MLflow, SQLite", line.row, rows=ROWS // 100))
    ready = [line, Logging("forebear", "forebear", line.row)]
    for peer in peers:
        reason = missing_of(peer.tool)
        peer.row.note = reason or f"{peer.rows:,} calls"
        if reason is None:
            ready.append(peer)
    for each in ready:
        _log(bench, each.tool, 10, KEYS, each.python)  # byte code and caches are made once
    for _ in range(bench.rounds):
        for each in ready:
            each.measure(bench)
    shown = [*ready, *(peer for peer in peers if peer not in ready)]
    return [quantity for each in shown for quantity in (each.all if each in ready else each.all[:1])]


def _command(store: Path, tool: str, rows: int, keys: int, *manner: str, python: str | Path = PYTHON) -> Command:
    return Command([python, SCRIPTS / "log_rows.py", tool, store, str(rows), str(keys), *manner])


def _log(bench: Bench, tool: str, rows: int, keys: int, python: str | Path = PYTHON) -> tuple[dict[str, Any], Path]:
    store = bench.fresh(tool)
    return bench.answer(_command(store, tool, rows, keys, python=python)), store


def _together(bench: Bench, tool: str, rows: int, *manner: str) -> list[dict[str, Any]]:
    """Let several processes log at the same time on one store; return what each tells."""
    argv = [str(word) for word in _command(bench.fresh("crowd"), tool, rows, KEYS, "together", *manner).argv]
    processes = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("a process that logs has failed")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]


def _slowest(told: list[dict[str, Any]]) -> float:
    """Return the slowest call of all processes, in milliseconds."""
    return max(float(one["most"]) for one in told) / 1000


if __name__ == "__main__":
    main("tracking_log", __doc__ or "", measure)
