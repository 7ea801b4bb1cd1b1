"""The beta distribution, for which the standard library has no quantiles: 3 MB of SciPy are not needed for that."""

from __future__ import annotations

import math

_TINY = 1e-300
#: Terms of the continued fraction, which converges in some tens unless the parameters are huge.
_TERMS = 2_000
_EPSILON = 1e-15
#: Halvings of the unit interval: as many as a float tells apart near 0; elsewhere some 50 are made.
_HALVINGS = 1_100


def beta_cdf(a: float, b: float, x: float) -> float:
    """Return the probability of a value of at most ``x``: the regularised incomplete beta function.

    By the continued fraction of DLMF 8.17.22 (https://dlmf.nist.gov/8.17#v), on the side where it converges quickly.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction by the method of Lentz: numerators and denominators never become zero."""
    above, below = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    below = 1.0 / (below if abs(below) > _TINY else _TINY)
    value = below
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            below = 1.0 + term * below
            above = 1.0 + term / above
            below = 1.0 / (below if abs(below) > _TINY else _TINY)
            above = above if abs(above) > _TINY else _TINY
            change = above * below
            value *= change
        if abs(change - 1.0) < _EPSILON:
            break
    return value


def beta_quantile(a: float, b: float, u: float) -> float:
    """Return the value below which a share ``u`` of the distribution lies. Cost: about 0.3 ms."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if middle in {low, high}:
            break
        if beta_cdf(a, b, middle) < u:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
