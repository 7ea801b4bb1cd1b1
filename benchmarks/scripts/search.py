"""Searches for the least value of a function: ``search.py PROBLEM COUNT SEEDS SEARCH``, by any interpreter.

SEARCH is ``bayes`` or ``random`` of forebear, or the name of a sampler of Optuna. Prints a list: for each seed how far
from the least value the best of COUNT trials is, and milliseconds of a proposal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:
    from benchmarks.search_functions import Problem

Proposing = Callable[[], dict[str, Any]]
Telling = Callable[[dict[str, Any], float], None]


def ours(problem: Problem, method: str, seed: int) -> tuple[Proposing, Telling]:
    from forebear.records.sweeps import TRIAL_FINISHED, Trial
    from forebear.sweeps.declaration import declare
    from forebear.sweeps.history import History

    metric = {"name": "loss"}
    made = declare({"method": method, "metric": metric, "parameters": problem.parameters, "seed": seed})
    trials: list[Trial] = []

    def propose() -> dict[str, Any]:
        if method == "random":
            return made.space.sample(seed, len(trials))
        from forebear.sweeps.gp_search import propose as proposed

        found = proposed(made, History(made, trials, {}))
        assert found is not None
        return found

    def tell(params: dict[str, Any], loss: float) -> None:
        values = {"loss": loss}
        trials.append(
            Trial(0, len(trials), params, TRIAL_FINISHED, 1, None, None, None, None, None, values, None, None)
        )

    return propose, tell


def theirs(problem: Problem, name: str, seed: int) -> tuple[Proposing, Telling]:
    import warnings

    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options: dict[str, Any] = {"TPESampler": {"multivariate": True, "group": True}}.get(name, {})
    options |= {"deterministic_objective": True} if name == "GPSampler" else {}
    study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=seed, **options))
    asked: list[optuna.Trial] = []

    def propose() -> dict[str, Any]:
        asked.append(study.ask())
        flat: dict[str, Any] = {}
        for key, spec in problem.parameters.items():
            if all(flat[other] == value for other, value in spec.get("when", {}).items()):
                flat[key] = suggested(asked[-1], key, spec)
        return flat

    def suggested(trial: optuna.Trial, name: str, spec: dict[str, Any]) -> Any:
        if "values" in spec:
            return trial.suggest_categorical(name, spec["values"])
        if isinstance(spec["min"], int):
            return trial.suggest_int(name, spec["min"], spec["max"])
        return trial.suggest_float(name, spec["min"], spec["max"], log="log" in spec.get("distribution", ""))

    return propose, lambda params, loss: study.tell(asked[-1], loss) and None


def main(problem_name: str, count: str, seeds: str, search: str) -> None:
    from benchmarks.search_functions import PROBLEMS

    problem = PROBLEMS[problem_name]
    found = []
    for seed in range(int(seeds)):
        propose, tell = (ours if search in ("bayes", "random") else theirs)(problem, search, seed)
        best, spent = float("inf"), 0.0
        for _ in range(int(count)):
            began = perf_counter()
            params = propose()
            spent += perf_counter() - began
            loss = problem.loss(params)
            best = min(best, loss)
            tell(params, loss)
        found.append({"off": best - problem.least, "ms": 1000 * spent / int(count)})
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
