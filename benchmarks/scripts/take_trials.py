"""Takes trials of a sweep and ends them: ``take_trials.py PLACE SWEEP SECONDS PAUSE``.

PLACE is a folder or an address of PostgreSQL; PAUSE is how many seconds a trial takes. Says ``ready`` and begins when a
line comes in; prints how many trials it had, and the longest time that it waited for one.
"""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.scripts.places import catalog_at
from forebear.records.sweeps import TRIAL_FINISHED, TrialEnding
from forebear.sweeps.declaration import read_declaration


def main(place: str, sweep_id: str, seconds: str, pause: str) -> None:
    catalog = catalog_at(place)
    sweep = catalog.sweep("bench", "p", sweep_id)
    assert sweep is not None
    point = read_declaration(sweep.config).point
    agent = f"agent {os.getpid()}"
    taken, longest = 0, 0.0
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.perf_counter() + float(seconds)
    while (began := time.perf_counter()) < end:
        trial = catalog.take_trial(sweep.key, agent, point, silent_seconds=120).trial
        if trial is None:
            break
        longest = max(longest, time.perf_counter() - began)
        if float(pause):
            time.sleep(float(pause))
        assert catalog.end_trial(sweep.key, trial.number, trial.attempt, TrialEnding(TRIAL_FINISHED, {"loss": 0.5}))
        taken += 1
    print(json.dumps({"taken": taken, "longest": longest}))
    catalog.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
