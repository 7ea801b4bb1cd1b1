"""Read one metric of the newest run back, and print the seconds it took: ``read_metric.py STORE ROWS``."""

import json
import sys
import time

from forebear.store.opening import open_store
from forebear.tracking.history.reading import read_columns

store = open_store(sys.argv[1])
run = store.catalog.runs()[0]
read_columns(store, run, keys=["metric_1"])
times = []
for _ in range(5):
    begun = time.perf_counter()
    found = read_columns(store, run, keys=["metric_0"])
    times.append(time.perf_counter() - begun)
if len(found["metric_0"]) != int(sys.argv[2]):
    sys.exit(f"{len(found['metric_0'])} values of {sys.argv[2]}")
print(json.dumps(min(times)))
