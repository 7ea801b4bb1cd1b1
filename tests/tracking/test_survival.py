"""Whatever ends a process, everything that `log` returned from is there afterwards, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from forebear.records.runs import CRASHED, FINISHED
from forebear.store.opening import open_store
from forebear.tracking.history.reading import read_rows
from forebear.tracking.recovery import recover_journals

if TYPE_CHECKING:
    from pathlib import Path

#: Logs without end, and writes a byte into a pipe after each call that returned.
LOGS = """
import os, sys
import forebear
from forebear.tracking import recorder
store, run_id, pipe, wait = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
recorder.FIRST_WAIT = recorder.LONGEST_WAIT = wait
run = forebear.init(project="digits", entity="ada", id=run_id, store=store, settings={"silent": True})
step = 0
while True:
    row = {"loss": step / 2, "acc": step}
    run.log(row if step % 7 else row | {"text": "x" * (step % 300)})
    os.write(pipe, b".")
    step += 1
"""
#: Logs some rows and ends as it is told.
ENDS = """
import os, signal, sys
import forebear
store, run_id, rows, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
run = forebear.init(project="digits", entity="ada", id=run_id, store=store, settings={"silent": True})
for step in range(rows):
    run.log({"loss": step / 2, "worker": run_id})
if how == "finish":
    run.finish()
elif how == "fork":
    for worker in range(3):
        pid = os.fork()
        if pid == 0:
            run.log({"worker": worker}, step=rows + worker)
            os._exit(0)
        os.waitpid(pid, 0)
elif how == "raise":
    raise RuntimeError("ended")
elif how == "leave":
    os._exit(3)
else:
    os.kill(os.getpid(), getattr(signal, how))
"""


def test_kill_9_at_any_moment_loses_nothing_that_returned(tmp_path: Path) -> None:
    chance = random.Random(20)
    folder = tmp_path / "store"
    for number in range(8):
        reading, writing = os.pipe()
        # Every other run is killed while its recorder is busy, too.
        words = [sys.executable, "-c", LOGS, str(folder), f"run{number}", str(writing), "0.001" if number % 2 else "9"]
        with subprocess.Popen(words, pass_fds=[writing]) as process:
            os.close(writing)
            wanted, returned = chance.randrange(1, 6_000), 0
            while returned < wanted and (got := os.read(reading, 1_000)):
                returned += len(got)
            process.send_signal(signal.SIGKILL)
            process.wait()
            while got := os.read(reading, 65_536):
                returned += len(got)
            os.close(reading)
        assert returned >= wanted
        with closing(open_store(folder)) as store:
            recover_journals(store)
            run = store.catalog.run("ada", "digits", f"run{number}")
            assert run is not None
            assert run.state == CRASHED
            rows = list(read_rows(store, run))
            assert len(rows) in {returned, returned + 1}
            assert [(row["_step"], row["loss"], row["acc"]) for row in rows] == [
                (step, step / 2, step) for step in range(len(rows))
            ]
            assert run.summary["acc"] == len(rows) - 1


@pytest.mark.parametrize("how", ["finish", "end", "raise", "leave", "SIGTERM", "SIGINT", "SIGKILL", "SIGSEGV", "fork"])
def test_every_end_of_a_process_keeps_every_row(tmp_path: Path, how: str) -> None:
    if how == "end":
        how = "SIGCONT"  # which does nothing: the interpreter ends without `finish`
    words = [sys.executable, "-c", ENDS, str(tmp_path / "store"), "r1", "500", how]
    subprocess.run(words, check=False, capture_output=True)
    with closing(open_store(tmp_path / "store")) as store:
        recover_journals(store)
        (run,) = store.catalog.runs(None, "digits")
        rows = list(read_rows(store, run))
        assert [row["_step"] for row in rows] == list(range(503 if how == "fork" else 500))
        assert run.state != FINISHED or how in {"finish", "SIGCONT", "fork"}
        assert store.catalog.history(run.key).positions == {}


def test_processes_on_one_store_lose_nothing(tmp_path: Path) -> None:
    names = [f"run{number}" for number in range(4)]
    processes = [
        subprocess.Popen([sys.executable, "-c", ENDS, str(tmp_path / "store"), name, "3000", "finish"])
        for name in names
    ]
    assert [process.wait() for process in processes] == [0] * len(names)
    with closing(open_store(tmp_path / "store")) as store:
        runs = store.catalog.runs(None, "digits")
        assert sorted(run.id for run in runs) == names
        for run in runs:
            rows = list(read_rows(store, run))
            assert [(row["_step"], row["worker"]) for row in rows] == [(step, run.id) for step in range(3_000)]


#: Logs rows, and says how much memory that took at most, in KiB.
MEASURES = """
import re, sys
import forebear
from forebear.tracking.journal import writer
writer.ROTATE_BYTES = 2_000_000
run = forebear.init(project="digits", entity="ada", store=sys.argv[1], settings={"silent": True})
for step in range(int(sys.argv[2])):
    run.log({"a": step * 0.1, "b": step * 0.3, "c": step * 0.7})
run.finish()
# Not ru_maxrss, which begins with what the process had that started this one.
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def test_memory_does_not_grow_with_the_number_of_calls(tmp_path: Path) -> None:
    peaks = []
    for rows in (60_000, 360_000):
        words = [sys.executable, "-c", MEASURES, str(tmp_path / f"store{rows}"), str(rows)]
        peaks.append(int(subprocess.run(words, check=True, capture_output=True).stdout) / 1_024)
    assert peaks[1] < 80
    assert peaks[1] < peaks[0] + 20
