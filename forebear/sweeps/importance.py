"""Which parameters made the difference: shares of what a model of the trials varies by.

A Gaussian process is fitted to the trials, as the search does it. A parameter's importance is how much the model's
value changes, in the mean of squares, when that parameter alone is drawn anew (the total effect of Sobol), interactions
with others included. Unlike a correlation that sees curves and categories, and a search that looked mostly near the
best does not lead it astray.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from forebear.errors import InvalidInput
from forebear.sweeps.cube import Cube
from forebear.sweeps.gaussian import Gaussian
from forebear.sweeps.gp_search import one_thread, placed, seen
from forebear.sweeps.history import History
from forebear.sweeps.targets import evened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from forebear.records.sweeps import Trial
    from forebear.sweeps.declaration import Declaration

    Array = NDArray[np.float64]

#: Trials without which there is nothing to say.
LEAST_TRIALS = 5
_DRAWS = 2048
_SEED = 20


class Weight(NamedTuple):
    """What one parameter did.

    Attributes:
        importance: Its share of all parameters' effects; those of a sweep sum to 1, or are 0 where nothing had any.
        correlation: Of its values with the objective by rank, from -1 to 1; ``None`` where they have no order.
    """

    name: str
    importance: float
    correlation: float | None


class Importance(NamedTuple):
    """What all parameters did to one objective, the most important first.

    Attributes:
        explained: Share of the trials' differences that the model foretold of each from the others; near 0 the
            importances say nothing.
        trials: How many trials it was made from.
    """

    objective: str
    weights: tuple[Weight, ...]
    explained: float
    trials: int


def importance(declaration: Declaration, trials: Iterable[Trial], objective: str | None = None) -> Importance:
    """Return how important each parameter is that has more than one value.

    Args:
        trials: Trials of the sweep; those without a finite value of the objective are left out.
        objective: Which metric, where there are several; by default the first.

    Raises:
        InvalidInput: there is no such objective, or there are fewer than `LEAST_TRIALS` trials with it.

    Cost: that of one proposal of the search and 30 ms more.
    """
    place = _place(declaration, objective)
    name = declaration.objectives[place].name
    having = [trial for trial in trials if math.isfinite(trial.values.get(name, math.nan))]
    cube = Cube(declaration.space)
    found = placed(cube, History(declaration, having, {}).known)
    if len(found.rows) < LEAST_TRIALS:
        raise InvalidInput(
            f"importance needs at least {LEAST_TRIALS} trials with a value of {name}; there are {len(found.rows)}",
            code="too-few-trials",
        )
    if not cube.axes:
        return Importance(name, (), 0.0, len(found.rows))
    raw = found.losses[:, place]
    lot = np.random.default_rng(_SEED)
    with one_thread():
        losses = evened(raw)
        kept = seen(losses, lot)
        rows, values = found.rows[kept], losses[kept]
        model = Gaussian.fit(cube.features(rows), values, cube.groups)
        effects = _effects(cube, model, lot)
        explained = model.foretold()
    whole = effects.sum()
    shares = effects / whole if whole > 1e-9 else np.zeros_like(effects)
    values_of = declaration.objectives[place].as_loss
    upward = np.array([values_of(loss) for loss in raw])
    weights = [
        Weight(axis.name, float(share), _correlation(found.rows[:, index], upward) if axis.ordered else None)
        for index, (axis, share) in enumerate(zip(cube.axes, shares, strict=True))
    ]
    weights.sort(key=lambda weight: -weight.importance)
    return Importance(name, tuple(weights), explained, len(found.rows))


def _place(declaration: Declaration, objective: str | None) -> int:
    names = [one.name for one in declaration.objectives]
    if not names or (objective is not None and objective not in names):
        raise InvalidInput(
            f"the sweep has no objective {objective or ''}; it has {', '.join(names) or 'none'}".replace("  ", " "),
            code="no-objective",
        )
    return 0 if objective is None else names.index(objective)


def _effects(cube: Cube, model: Gaussian, lot: np.random.Generator) -> Array:
    """Mean squared change of the model where one axis is drawn anew, for each; what does not apply changes nothing."""
    rows = cube.draws(lot, _DRAWS)
    effects = np.zeros(len(cube.axes))
    for index in range(len(cube.axes)):
        moved = cube.moved(lot, rows, index)
        if len(moved.before):
            apart = model.mean(cube.features(moved.after)) - model.mean(cube.features(moved.before))
            effects[index] = (apart * apart).sum() / (2 * len(moved.before))
    return effects


def _correlation(places: Array, values: Array) -> float | None:
    """Of ranks, so that a curve that only rises has 1; of equal ones the mean rank."""
    applies = ~np.isnan(places)
    if applies.sum() < LEAST_TRIALS:
        return None
    left, right = _ranks(places[applies]), _ranks(values[applies])
    if left.std() == 0 or right.std() == 0:
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: Array = ((ends - counts + ends - 1) / 2)[inverse]
    return found
