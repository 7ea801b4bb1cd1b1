"""Ending trials early: pure decisions over what trials reported.

A rule says at which iterations it decides, and then whether a trial goes on, from its own value and those that other
trials had at the same iteration. Iterations are counted from 1: how often the trial logged the metric. All values are
losses: less is better, and what is not a number is worse than everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from forebear.sweeps.keys import below, flag, number, only, refused, table, whole, word

HYPERBAND, ASHA, MEDIAN = "hyperband", "asha", "median"
#: Iteration that no training comes to: the end of rungs that have none.
_BEYOND = 2**62
#: First rung of asha, by measurement (`benchmarks.sweep_early_stopping`): what is decided at once, before curves have
#: bent, loses the best twice as often, and saves a fiftieth of the iterations.
_FIRST_RUNG = 2
#: With less, rungs would be at nearly every iteration.
_LEAST_ETA = 1.1


class EarlyRule(NamedTuple):
    """A rule: its kind and its numbers.

    Attributes:
        kind: `HYPERBAND`, `ASHA` or `MEDIAN`.
        rungs: Iterations at which it decides; of `MEDIAN` the first one alone.
        eta: Of as many trials one goes on (hyperband and asha).
        strict: Judge a trial by its value at the rung, not by its best until then.
        every: Iterations between two decisions (median).
        least: Trials that must have come that far before anything is decided.
    """

    kind: str
    rungs: tuple[int, ...]
    eta: float = 3.0
    strict: bool = False
    every: int = 1
    least: int = 1

    def decides_at(self, iteration: int) -> bool:
        """Whether something is decided at an iteration."""
        if self.kind == MEDIAN:
            return iteration >= self.rungs[0] and (iteration - self.rungs[0]) % self.every == 0
        return iteration in self.rungs

    def judged(self, best: float, last: float) -> float:
        """Return the value by which a trial is judged, given its best so far and its last one."""
        return last if self.strict or math.isnan(best) else best

    def stops(self, iteration: int, mine: float, others: Sequence[float]) -> bool:
        """Whether a trial ends at an iteration.

        Args:
            mine: Its value there, as `judged` says.
            others: Values that other trials had at that iteration.
        """
        if not self.decides_at(iteration):
            return False
        if math.isnan(mine):
            return True
        values = [math.inf if math.isnan(value) else value for value in others]
        if len(values) < self.least:
            return False
        if self.kind == MEDIAN:
            return mine > median(values)
        # Of those that came here, this one among them, a share goes on: at least the best.
        kept = max(1, int((len(values) + 1) / self.eta))
        return sum(value < mine for value in values) >= kept


def read_rule(path: str, given: object) -> EarlyRule:
    """Read the key ``early_terminate`` of a declaration.

    Raises:
        InvalidInput: a key is unknown, is missing, or has a wrong value.
    """
    spec = table(path, given)
    if "type" not in spec:
        raise refused(path, f"type is missing; it is one of {', '.join(_READERS)}")
    kind = word(below(path, "type"), spec["type"], _READERS)
    return _READERS[kind](path, spec)


def _hyperband(path: str, spec: Mapping[str, Any]) -> EarlyRule:
    only(path, spec, ("type", "min_iter", "max_iter", "s", "eta", "strict"))
    eta = _eta(path, spec, 3.0)
    strict = flag(below(path, "strict"), spec.get("strict", False))
    if "min_iter" in spec:
        for key in ("max_iter", "s"):
            if key in spec:
                raise refused(below(path, key), "min_iter says already where the brackets are; give one of both")
        return EarlyRule(HYPERBAND, _rungs(whole(below(path, "min_iter"), spec["min_iter"], 1), eta, None), eta, strict)
    if "max_iter" not in spec:
        raise refused(path, "hyperband needs min_iter, or max_iter and s")
    last = whole(below(path, "max_iter"), spec["max_iter"], 1)
    brackets = whole(below(path, "s"), spec.get("s", 2), 1)
    rungs = sorted({int(last / eta**power) for power in range(1, brackets + 1)} - {0})
    if not rungs:
        raise refused(path, f"max_iter {last} divided by eta {eta:g} leaves no iteration to decide at")
    return EarlyRule(HYPERBAND, tuple(rungs), eta, strict)


def _asha(path: str, spec: Mapping[str, Any]) -> EarlyRule:
    only(path, spec, ("type", "min_iter", "max_iter", "eta", "strict"))
    eta = _eta(path, spec, 4.0)
    last = whole(below(path, "max_iter"), spec["max_iter"], 1) if "max_iter" in spec else None
    first = whole(below(path, "min_iter"), spec.get("min_iter", _FIRST_RUNG), 1)
    if last is not None and first >= last:
        raise refused(path, f"min_iter {first} is not below max_iter {last}")
    strict = flag(below(path, "strict"), spec.get("strict", False))
    return EarlyRule(ASHA, _rungs(first, eta, last), eta, strict)


def _median(path: str, spec: Mapping[str, Any]) -> EarlyRule:
    only(path, spec, ("type", "min_iter", "every", "min_trials"))
    first = whole(below(path, "min_iter"), spec.get("min_iter", 1), 1)
    every = whole(below(path, "every"), spec.get("every", 1), 1)
    return EarlyRule(
        MEDIAN, (first,), every=every, least=whole(below(path, "min_trials"), spec.get("min_trials", 5), 1)
    )


def _eta(path: str, spec: Mapping[str, Any], default: float) -> float:
    eta = number(below(path, "eta"), spec.get("eta", default))
    if eta < _LEAST_ETA:
        raise refused(below(path, "eta"), f"{eta:g} is below {_LEAST_ETA}: of as many trials one goes on")
    return eta


def _rungs(first: int, eta: float, last: int | None) -> tuple[int, ...]:
    """Iterations ``first``, ``first * eta``, … below ``last``."""
    end = _BEYOND if last is None else last
    found: dict[int, None] = {}
    rung = float(first)
    while rung < end:
        found[int(rung)] = None
        rung *= eta
    return tuple(found)


_READERS = {HYPERBAND: _hyperband, ASHA: _asha, MEDIAN: _median}
