"""Where the next point promises most: the logarithm of the expected improvement, and where it is largest.

The logarithm, because far from everything good the expectation is too small for a float, and its slope with it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from forebear.sweeps.cube import Cube
    from forebear.sweeps.gaussian import Gaussian

    Array = NDArray[np.float64]

#: Rows drawn anywhere, and near the best ones.
_DRAWS, _NEAR = 1024, 384
#: Likewise where each is looked at one by one, because of conditions or constraints.
_SLOW_DRAWS, _SLOW_NEAR = 512, 256
#: Rows from which the largest value is climbed to.
_CLIMBS = 6
_STEPS = 50
#: Turns of changing what has no slope, then following the slope of the rest.
_TURNS = 3
#: Below this many deviations a series is used instead of a difference that cancels out.
_FAR = -50.0
_LOG_ROOT = 0.5 * math.log(2 * math.pi)


class Improvement:
    """Logarithm of the expected improvement on ``best`` (less is better) by a model."""

    def __init__(self, model: Gaussian, best: float) -> None:
        self._model, self._best = model, best

    def at(self, features: Array) -> Array:
        """Return it at points."""
        mean, variance = self._model.predict(features)
        deviation = np.sqrt(variance)
        return np.log(deviation) + _log_gain((self._best - mean) / deviation)

    def slope(self, feature: Array) -> tuple[float, Array]:
        """Return it at one point, and how it changes with the features."""
        # Late: 40 ms.
        from scipy.special import log_ndtr

        mean, variance, mean_slope, variance_slope = self._model.slopes(feature)
        deviation = math.sqrt(variance)
        z = (self._best - mean) / deviation
        gain = float(_log_gain(np.array([z]))[0])
        below = math.exp(min(float(log_ndtr(z)) - gain, 700.0))
        at = math.exp(min(-z * z / 2 - _LOG_ROOT - gain, 700.0))
        slope = (-below * mean_slope + at * variance_slope / (2 * deviation)) / deviation
        return math.log(deviation) + gain, slope


def _log_gain(z: Array) -> Array:
    """The logarithm of φ(z) + z Φ(z)."""
    from scipy.special import erfcx, log_ndtr

    found = np.empty_like(z)
    near = z > -1
    high, low = z[near], z[~near]
    found[near] = np.log(np.exp(-high * high / 2 - _LOG_ROOT) + high * np.exp(log_ndtr(high)))
    mills = math.sqrt(math.pi / 2) * erfcx(-low / math.sqrt(2))
    rest = np.where(low > _FAR, 1 + low * mills, 1 / (low * low))
    found[~near] = -low * low / 2 - _LOG_ROOT + np.log(np.maximum(rest, 1e-300))
    return found


def best_rows(cube: Cube, improvement: Improvement, good: Array, lot: np.random.Generator) -> Array:
    """Return rows where the improvement is large, the most promising first.

    Args:
        good: Rows near which something better may be.
    """
    draws, near = (_DRAWS, _NEAR) if cube.space.is_product else (_SLOW_DRAWS, _SLOW_NEAR)
    rows = np.concatenate([cube.draws(lot, draws), cube.near(lot, good, near)])
    if not len(rows):
        return rows
    gains = improvement.at(cube.features(rows))
    order = np.argsort(-gains, kind="stable")
    climbed = [_climbed(cube, improvement, rows[start]) for start in _starts(gains, order, lot)]
    climbed.sort(key=lambda found: -found[0])
    return np.concatenate([np.array([row for _, row in climbed]), rows[order]])


def _starts(gains: Array, order: NDArray[np.intp], lot: np.random.Generator) -> list[int]:
    """The best row, and others by chance: the better, the likelier."""
    chances = np.exp(gains - gains[order[0]])
    chances[order[0]] = 0
    others = min(_CLIMBS - 1, int((chances > 0).sum()))
    if not others:
        return [int(order[0])]
    drawn = lot.choice(len(gains), others, replace=False, p=chances / chances.sum())
    return [int(order[0]), *map(int, drawn)]


def _climbed(cube: Cube, improvement: Improvement, row: Array) -> tuple[float, Array]:
    """Climb from a row to where nothing near it is better; what that is, and where."""
    gain = float(improvement.at(cube.features(row[None]))[0])
    has_steps = len(cube.free) < len(cube.axes)
    for _ in range(_TURNS):
        before = gain
        gain, row = _along_the_slope(cube, improvement, gain, row)
        if not has_steps:
            break
        gain, row = _changed(cube, improvement, gain, row)
        if gain <= before + 1e-6:
            break
    return gain, row


def _along_the_slope(cube: Cube, improvement: Improvement, gain: float, row: Array) -> tuple[float, Array]:
    # Late: 40 ms.
    from scipy.optimize import minimize

    free = cube.free[~np.isnan(row[cube.free])]
    if not len(free):
        return gain, row
    feature, columns = cube.features(row[None])[0], cube.columns[free]

    def loss(values: Array) -> tuple[float, Array]:
        feature[columns] = values
        found, slope = improvement.slope(feature)
        return -found, -slope[columns]

    bounds = [(cube.axes[index].low, cube.axes[index].high) for index in free]
    end = minimize(loss, row[free], jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    # Constraints may not hold there: then half the way, or a quarter.
    for share in (1.0,) if cube.space.is_product else (1.0, 0.5, 0.25, 0.1):
        moved = row.copy()
        moved[free] += share * (end.x - row[free])
        settled = cube.settled(moved[None])
        if len(settled):
            found = float(improvement.at(cube.features(settled))[0])
            return (found, settled[0]) if found > gain else (gain, row)
    return gain, row


def _changed(cube: Cube, improvement: Improvement, gain: float, row: Array) -> tuple[float, Array]:
    """Give each parameter that has steps its best value, one after the other."""
    for index, axis in enumerate(cube.axes):
        if axis.is_free or np.isnan(row[index]):
            continue
        # What a value brings into play that did not apply before is tried in its middle.
        others = np.where(np.isnan(row), cube.at(np.full((1, len(row)), 0.5))[0], row)
        others = np.repeat(others[None], len(axis.places), axis=0)
        others[:, index] = axis.places
        others = cube.settled(others)
        if not len(others):
            continue
        gains = improvement.at(cube.features(others))
        place = int(np.argmax(gains))
        if gains[place] > gain:
            gain, row = float(gains[place]), others[place]
    return gain, row
