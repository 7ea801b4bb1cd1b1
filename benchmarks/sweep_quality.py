"""How near to the least value is the best of 50 trials? Branin, Hartmann6, Levy of 8, a made-up training; 20 seeds.

``python -m benchmarks.sweep_quality``; the median over the seeds, in thousandths of the function's unit. Samplers of
Optuna are asked the same by the interpreter of the command ``optuna`` on the path; of them some need PyTorch or cmaes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main

TRIALS, SEEDS = 50, 20
OURS, CHANCE = "bayes", "random"
#: Samplers of Optuna, and what they are called here.
THEIRS = {"TPESampler": "Optuna's TPE", "CmaEsSampler": "Optuna's CMA-ES", "GPSampler": "Optuna's Gaussian process"}
#: Thousandths that ours may be off; for the others there is none.
MOST_OFF = {"Branin": 1.0, "Hartmann6": 60.0}
PROBLEMS = ("Branin", "Hartmann6", "Levy of 8", "made-up training")


def measure(bench: Bench) -> list[Quantity]:
    return [line for problem in PROBLEMS for line in _problem(bench, problem)]


def _problem(bench: Bench, problem: str) -> list[Quantity]:
    chance = _line(bench, problem, CHANCE, CHANCE)[0]
    lines = [chance]
    for search, name in {OURS: OURS, **THEIRS}.items():
        off, cost = _line(bench, problem, search, name)
        off.yardstick = chance
        if search == OURS:
            off.at_most = MOST_OFF.get(problem)
        lines += [off, cost]
    return lines


def _line(bench: Bench, problem: str, search: str, name: str) -> tuple[Quantity, Quantity]:
    off = Quantity(f"{problem}, {name}: off", "/1000")
    cost = Quantity(f"{problem}, {name}: a proposal", "ms")
    program = None if search in (OURS, CHANCE) else shutil.which("optuna")
    if search in THEIRS and program is None:
        off.note = cost.note = "optuna is not on the path"
        return off, cost
    python = PYTHON if program is None else Path(program).with_name("python")
    words = [problem, str(bench.sized(TRIALS, 12)), str(bench.sized(SEEDS)), search]
    try:
        found = bench.answer(Command([python, SCRIPTS / "search.py", *words]))
    except SystemExit as err:
        # Of what it needs it names the last in its last line.
        off.note = cost.note = str(err).splitlines()[-1][:60]
        return off, cost
    for one in found:
        off.add(1000 * one["off"])
        cost.add(one["ms"])
    return off, cost


if __name__ == "__main__":
    main("sweep_quality", __doc__ or "", measure)
