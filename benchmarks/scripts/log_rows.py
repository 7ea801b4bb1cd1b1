"""Log rows as a training loop does, and print what it took: ``log_rows.py TOOL STORE ROWS KEYS [MANNER …]``.

``TOOL`` is one of ``loggers.py``. The line printed has calls and end in seconds, and median, 99th percentile and
maximum of a call in microseconds.

``together`` waits, with a line on each side, until all processes are ready. ``calmly`` rests a millisecond after each
call, as a training step would take longer still. ``untimed`` keeps no times, which would count as memory.
"""

import json
import random
import sys
import time
from array import array

from loggers import begin  # type: ignore[import-not-found]  # beside this script

tool, store, rows, keys = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
manner = set(sys.argv[5:])
begun = time.perf_counter()
log, finish = begin(tool, store)
ready = time.perf_counter()
names = [f"metric_{number}" for number in range(keys)]
draw, clock = random.random, time.perf_counter_ns
timed, calm = "untimed" not in manner, "calmly" in manner
taken = array("q", bytes(8 * rows if timed else 8))
if "together" in manner:
    print("ready", flush=True)
    sys.stdin.readline()
calls = 0
for step in range(rows):
    row = {name: draw() for name in names}
    before = clock()
    log(row)
    took = clock() - before
    calls += took
    if timed:
        taken[step] = took
    if calm:
        time.sleep(0.001)
logged = time.perf_counter()
finish()
ended = time.perf_counter()
ordered = sorted(taken)
told = {
    "start": ready - begun,
    "calls": calls / 1e9,
    "end": ended - logged,
    "median": ordered[len(ordered) // 2] / 1e3,
    "p99": ordered[len(ordered) * 99 // 100] / 1e3,
    "most": ordered[-1] / 1e3,
}
print(json.dumps(told))
