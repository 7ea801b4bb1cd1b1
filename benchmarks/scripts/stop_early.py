"""Trains made-up curves as trials of a sweep: ``stop_early.py STORE FAMILY SEED RULE``, where RULE is JSON.

Prints the share of all iterations that was used, how much worse than the best of all curves the best found is, and
milliseconds of a report.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter


def main(store: str, family: str, seed: str, rule: str) -> None:
    os.environ |= {"FOREBEAR_STORE": store, "FOREBEAR_SILENT": "true", "FOREBEAR_CONSOLE": "off"}
    os.environ |= {"FOREBEAR_DISABLE_GIT": "true", "FOREBEAR_DISABLE_STATS": "true"}
    import forebear
    from benchmarks.learning_curves import FAMILIES
    from forebear.store.shared import shared_store
    from forebear.sweeps.agent import agent
    from forebear.sweeps.lifecycle import sweep

    curves = FAMILIES[family](int(seed))
    config = {
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"run": {"min": 0, "max": len(curves) - 1}},
        "early_terminate": json.loads(rule),
    }
    used, best = 0, float("inf")
    reports: list[float] = []
    catalog = shared_store().catalog
    report_trial = catalog.report_trial

    def timed(*args, **options):  # type: ignore[no-untyped-def]
        began = perf_counter()
        answer = report_trial(*args, **options)
        reports.append(perf_counter() - began)
        return answer

    catalog.report_trial = timed  # type: ignore[method-assign]

    def train() -> None:
        nonlocal used, best
        with forebear.init() as run:
            for loss in curves[run.config["run"]]:
                used, best = used + 1, min(best, loss)
                run.log({"loss": loss})

    agent(sweep(config), train)
    wanted = min(map(min, curves))
    reports.sort()
    answer = {
        "budget": used / sum(map(len, curves)),
        "regret": best - wanted,
        "report_ms": reports[len(reports) // 2] * 1000 if reports else 0.0,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
