"""The same as ``stop_early.py`` with a pruner of Optuna, by its own interpreter: ``FAMILY SEED PRUNER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main(family: str, seed: str, pruner: str) -> None:
    import optuna

    from benchmarks.learning_curves import FAMILIES

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    curves = FAMILIES[family](int(seed))
    study = optuna.create_study(pruner=getattr(optuna.pruners, pruner)())
    used, best = 0, float("inf")
    for curve in curves:
        trial = study.ask()
        for step, loss in enumerate(curve, 1):
            used, best = used + 1, min(best, loss)
            trial.report(loss, step)
            if trial.should_prune():
                break
        study.tell(trial, best)
    print(json.dumps({"budget": used / sum(map(len, curves)), "regret": best - min(map(min, curves))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
