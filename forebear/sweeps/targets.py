"""Losses as a model learns them: of one scale, without a long tail, and of several objectives one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Exponents of the transformation that are tried; 1 leaves values as they are.
_POWERS = np.linspace(-3, 3, 61)
_LEAST_SPREAD = 1e-12
#: Share of the sum of all objectives beside the worst of them, so that of equally bad points the better one counts.
_SUM_SHARE = 0.05


def evened(losses: Array) -> Array:
    """Return losses with mean 0 and variance 1, bent so that they are as nearly normal as can be (Yeo-Johnson).

    A loss that spans powers of ten looks to a Gaussian process like a cliff; bent, the ground at its foot has a shape.
    """
    scaled = _scaled(losses)
    if scaled is None:
        return np.zeros_like(losses)
    scores = [_likelihood(scaled, power) for power in _POWERS]
    bent = _scaled(_bent(scaled, float(_POWERS[int(np.argmax(scores))])))
    return scaled if bent is None or not np.isfinite(bent).all() else bent


def _scaled(losses: Array) -> Array | None:
    # The largest floats have no difference and no square.
    reach = np.abs(losses).max(initial=0.0)
    held = losses / reach if reach > 1 else losses
    spread = held.std()
    return (held - held.mean()) / spread if spread > _LEAST_SPREAD * max(1.0, np.abs(held).max()) else None


def _bent(values: Array, power: float) -> Array:
    found = np.empty_like(values)
    high = values >= 0
    up, down = values[high], -values[~high]
    found[high] = np.log1p(up) if abs(power) < 1e-9 else ((up + 1) ** power - 1) / power
    other = 2 - power
    found[~high] = -np.log1p(down) if abs(other) < 1e-9 else -((down + 1) ** other - 1) / other
    return found


def _likelihood(values: Array, power: float) -> float:
    """How likely the bent values are of a normal distribution, as a logarithm."""
    with np.errstate(over="ignore", invalid="ignore"):
        variance = _bent(values, power).var()
        if not np.isfinite(variance) or variance <= 0:
            return -np.inf
        slopes = (power - 1) * np.sum(np.sign(values) * np.log1p(np.abs(values)))
        return float(-len(values) / 2 * np.log(variance) + slopes)


def joined(losses: Array, lot: np.random.Generator) -> Array:
    """Return one loss for each row of several: the worst of them, weighted by chance.

    Other weights lead to other points of the Pareto front (ParEGO), and each proposal draws its own.
    """
    if losses.shape[1] == 1:
        return losses[:, 0]
    shares = np.stack([_share(evened(losses[:, index])) for index in range(losses.shape[1])], axis=1)
    weighted = shares * lot.dirichlet(np.ones(losses.shape[1]))
    found: Array = weighted.max(axis=1) + _SUM_SHARE * weighted.sum(axis=1)
    return found


def _share(values: Array) -> Array:
    span = values.max() - values.min()
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)
