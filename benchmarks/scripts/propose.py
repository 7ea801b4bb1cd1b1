"""Proposes trials of a sweep that has many: ``propose.py STORE PROBLEM COUNT TIMES``, after COUNT random ones.

Prints milliseconds of each of TIMES proposals, the reading of the catalog included; the first of a process is left out.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter


def main(place: str, problem_name: str, count: str, times: str) -> None:
    os.environ |= {"FOREBEAR_STORE": place, "FOREBEAR_SILENT": "true"}
    from benchmarks.search_functions import PROBLEMS
    from forebear.records.sweeps import TRIAL_FINISHED, NewTrial, TrialEnding
    from forebear.store.shared import shared_store
    from forebear.sweeps.controller import end_trial, next_trial, proposal
    from forebear.sweeps.declaration import read_declaration
    from forebear.sweeps.lifecycle import begin_sweep

    problem, store = PROBLEMS[problem_name], shared_store()
    config = {"method": "bayes", "metric": {"name": "loss"}, "parameters": problem.parameters, "seed": 1}
    sweep = begin_sweep(store, config, "local", "p")
    space = read_declaration(sweep.config).space
    points = [space.sample(1, number) for number in range(int(count))]
    tried = [NewTrial(p, state=TRIAL_FINISHED, values={"loss": problem.loss(p)}) for p in points]
    store.catalog.add_trials(sweep.key, tried)
    costs = []
    for _ in range(int(times) + 1):
        began = perf_counter()
        proposal(store, sweep)
        costs.append(1000 * (perf_counter() - began))
        trial = next_trial(store, sweep, "a").trial
        assert trial is not None
        ending = TrialEnding(TRIAL_FINISHED, {"loss": problem.loss(trial.params)})
        assert end_trial(store, sweep, trial, ending) is not None
    print(json.dumps(costs[1:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
