"""What a trial achieved: its objectives, found in the final values of its run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from forebear.sweeps.declaration import MAXIMIZE, Objective

#: Names of final values that a message lists at most.
_LISTED = 8
#: What JSON has no numbers for, as it is kept.
_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})


class Achieved(NamedTuple):
    """Objectives by name, and words about those that are missing."""

    values: dict[str, float]
    missing: str | None


def achieved(objectives: Iterable[Objective], summary: Mapping[str, Any]) -> Achieved:
    """Return the objectives that a run's final values hold.

    Where `define_metric` keeps several values of a metric (``min``, ``max``, ``best``, …), the one counts that its
    goal is about.
    """
    values: dict[str, float] = {}
    missing = []
    for objective in objectives:
        found = as_number(_kept(objective, looked_up(summary, objective.name)))
        if found is None:
            missing.append(objective.name)
        else:
            values[objective.name] = found
    return Achieved(values, _words(missing, summary) if missing else None)


def _words(missing: list[str], summary: Mapping[str, Any]) -> str:
    names = [name for name in summary if not name.startswith("_")]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    logged = f"logged was {', '.join(names[:_LISTED])}{more}" if names else "nothing was logged"
    return f"metric {', '.join(missing)} was never logged as a number; {logged}"


def looked_up(values: Mapping[str, Any], name: str) -> Any:
    """Return the value of a name, or at a dotted path; ``None`` where there is none."""
    if name in values:
        return values[name]
    found: Any = values
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _kept(objective: Objective, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    wanted = "max" if objective.goal == MAXIMIZE else "min"
    return next((value[key] for key in ("best", wanted, "last", "mean") if key in value), None)


def as_number(value: Any) -> float | None:
    """Return a number that was logged, of any library; ``None`` for everything else."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        return float(value) if value in _WORDS else None
    if hasattr(value, "item"):
        try:
            return as_number(value.item())
        except (TypeError, ValueError, RuntimeError):  # it holds several
            return None
    return None


def reached(objectives: Iterable[Objective], values: Mapping[str, float]) -> bool:
    """Whether every objective that has a target is there; false where none has one."""
    targets = [(objective, objective.target) for objective in objectives if objective.target is not None]
    return bool(targets) and all(
        objective.name in values and objective.as_loss(values[objective.name]) <= objective.as_loss(target)
        for objective, target in targets
    )
