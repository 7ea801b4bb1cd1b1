"""How much of a search is saved by ending trials early, and what is lost? 60 trainings of 81 iterations.

``python -m benchmarks.sweep_early_stopping``; every training is a trial of a real sweep, executed one after the other.
Optuna's pruners are asked the same where its command is on the path. ``lost`` is how much worse the best value found is
than the best of all trainings; below the noise of the curves (0.01) nothing is lost.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.harness import PYTHON, ROOT, SCRIPTS, Bench, Command, Quantity, main
from benchmarks.learning_curves import FAMILIES, NOISE

#: Sets of curves of each family, for the rule that is judged (its figures differ much from set to set) and for others.
SETS, OTHER_SETS = 60, 10
RULES: dict[str, dict[str, Any]] = {
    "asha": {"type": "asha"},
    "hyperband, min_iter 3": {"type": "hyperband", "min_iter": 3},
    "median, min_iter 10": {"type": "median", "min_iter": 10},
}
JUDGED = "asha"
ASHA = "Optuna's ASHA"
PRUNERS = {ASHA: "SuccessiveHalvingPruner", "Optuna's hyperband": "HyperbandPruner"}
#: Share of all iterations that Optuna's ASHA used where this was first asked.
MOST_USED = 12.0
#: Milliseconds that a report may cost.
MOST_MS = 0.3


def measure(bench: Bench) -> list[Quantity]:
    report = Quantity("a report of a value, in SQLite", "ms", at_most=MOST_MS)
    return [*(line for family in FAMILIES for line in _family(bench, family, report)), report]


def _family(bench: Bench, family: str, report: Quantity) -> list[Quantity]:
    sets, other_sets = bench.sized(SETS, 1), bench.sized(OTHER_SETS, 1)
    theirs: list[Quantity] = []
    for name, pruner in PRUNERS.items():
        theirs += _lines(family, name, _optuna(bench, family, pruner, sets if name == ASHA else other_sets))
    ours: list[Quantity] = []
    for name, rule in RULES.items():
        answers = [_ours(bench, family, rule, seed) for seed in range(sets if name == JUDGED else other_sets)]
        used, lost = _lines(family, name, answers)
        used.yardstick = theirs[0]
        if name == JUDGED:
            used.at_most = MOST_USED
            lost.at_most = NOISE
            report.samples += [answer["report_ms"] for answer in answers]
        ours += [used, lost]
    return ours + theirs


def _lines(family: str, name: str, answers: list[dict[str, float]] | None) -> tuple[Quantity, Quantity]:
    used = Quantity(f"{family} curves, {name}: iterations used", "%")
    lost = Quantity(f"{family} curves, {name}: lost", "")
    for line in (used, lost):
        line.note = "optuna is not on the path" if answers is None else ""
    for answer in answers or ():
        used.add(100 * answer["budget"])
        lost.add(answer["regret"])
    return used, lost


def _ours(bench: Bench, family: str, rule: dict[str, Any], seed: int) -> dict[str, float]:
    words = ["-m", "benchmarks.scripts.stop_early", bench.fresh("store"), family, str(seed), json.dumps(rule)]
    found: dict[str, float] = bench.answer(Command([PYTHON, *words], cwd=ROOT))
    return found


def _optuna(bench: Bench, family: str, pruner: str, sets: int) -> list[dict[str, float]] | None:
    program = shutil.which("optuna")
    if program is None:
        return None
    python = Path(program).with_name("python")
    script = SCRIPTS / "stop_early_optuna.py"
    return [bench.answer(Command([python, script, family, str(seed), pruner])) for seed in range(sets)]


if __name__ == "__main__":
    main("sweep_early_stopping", __doc__ or "", measure)
