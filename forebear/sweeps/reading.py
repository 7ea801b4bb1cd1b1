"""What a sweep found: its best trial, and of several objectives the trials that none is better than."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebear.errors import InvalidInput
from forebear.records.sweeps import OPEN_TRIALS

if TYPE_CHECKING:
    from forebear.records.sweeps import Trial
    from forebear.sweeps.declaration import Declaration


def best_trial(declaration: Declaration, trials: Iterable[Trial], objective: str | None = None) -> Trial | None:
    """Return the trial that is best, the earlier of equally good ones; ``None`` where none has a finite value.

    Args:
        objective: Which metric, where there are several; by default the first. See `front` for all at once.

    Raises:
        InvalidInput: the sweep has no such objective.
    """
    named = [one for one in declaration.objectives if objective in (None, one.name)]
    if not named:
        raise InvalidInput(
            f"the sweep has no objective {objective!r}; it has "
            f"{', '.join(one.name for one in declaration.objectives) or 'none'}",
            code="no-objective",
        )
    goal = named[0]
    valued = [trial for trial in trials if _has(trial, [goal.name])]
    return min(valued, key=lambda trial: (goal.as_loss(trial.values[goal.name]), _age(trial)), default=None)


def front(declaration: Declaration, trials: Iterable[Trial]) -> list[Trial]:
    """Return the Pareto front: trials that no other is better than in one objective and as good in all.

    By the first objective, the best first; of trials with the same values the earliest alone. With one objective it is
    the best trial. Trials without a finite value of each are left out.

    Cost: of n trials about n log n for two objectives, n times the front's length for more.
    """
    names = [one.name for one in declaration.objectives]
    if not names:
        return []
    valued = [trial for trial in trials if _has(trial, names)]
    losses = {
        trial.number: tuple(one.as_loss(trial.values[one.name]) for one in declaration.objectives) for trial in valued
    }
    # In this order only an earlier one can be better than a later one.
    ordered = sorted(valued, key=lambda trial: (losses[trial.number], _age(trial)))
    found: list[Trial] = []
    for trial in ordered:
        others = found[-1:] if len(names) <= 2 else found
        if not any(_covers(losses[other.number], losses[trial.number]) for other in others):
            found.append(trial)
    return found


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _has(trial: Trial, names: Iterable[str]) -> bool:
    return trial.state not in OPEN_TRIALS and all(math.isfinite(trial.values.get(name, math.nan)) for name in names)


def _age(trial: Trial) -> tuple[bool, int]:
    """Trials that were added before the search first, in the order in which they came."""
    return trial.number >= 0, abs(trial.number)
