"""Run a program and write what it took: ``timed.py DESCRIPTOR PROGRAM ARGUMENTS``.

A process inherits, as its peak of memory, that of the process that started it (Linux counts what was there before
``exec``). So what is measured is started from here, where next to nothing is imported.
"""

import os
import sys
import time

result, program = int(sys.argv[1]), sys.argv[2]
os.set_inheritable(result, False)
begun = time.perf_counter()
child = os.posix_spawnp(program, sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - begun
os.write(result, f"{seconds} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}".encode())
