"""The Gaussian process: its formulas against those of the textbook, its slopes against differences, and its fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.sweeps.gaussian import Gaussian, _inverted, _Loss

Array = np.ndarray[Any, np.dtype[np.float64]]
#: Three parameters, of which the second has two features.
GROUPS = np.array([0, 1, 1, 2])
THETA = np.array([-0.7, 0.3, 0.1, 0.4, np.log(0.01)])


def points(count: int, *, seed: int = 1) -> tuple[Array, Array]:
    features = np.random.default_rng(seed).random((count, len(GROUPS)))
    values = np.sin(5 * features[:, 0]) + features[:, 1] ** 2
    return features, (values - values.mean()) / values.std()


def matern(left: Array, right: Array, theta: Array = THETA) -> Array:
    lengths, scale = np.exp(theta[:-2])[GROUPS], np.exp(theta[-2])
    distance = np.sqrt((((left[:, None] - right[None]) / lengths) ** 2).sum(2))
    found: Array = scale * (1 + np.sqrt(5) * distance + 5 / 3 * distance**2) * np.exp(-np.sqrt(5) * distance)
    return found


def test_mean_and_variance_are_those_of_the_textbook() -> None:
    features, values = points(12)
    elsewhere = points(7, seed=2)[0]
    model = Gaussian(features, values, GROUPS, THETA)
    known = matern(features, features) + np.exp(THETA[-1]) * np.eye(12)
    cross = matern(elsewhere, features)
    mean, variance = model.predict(elsewhere)
    np.testing.assert_allclose(mean, cross @ np.linalg.solve(known, values), rtol=1e-8)
    np.testing.assert_allclose(model.mean(elsewhere), mean)
    expected = np.exp(THETA[-2]) - np.einsum("ij,ji->i", cross, np.linalg.solve(known, cross.T))
    np.testing.assert_allclose(variance, expected, rtol=1e-7)


def test_slopes_are_what_differences_say() -> None:
    features, values = points(15)
    model = Gaussian(features, values, GROUPS, THETA)
    at, step = np.array([0.3, 0.8, 0.1, 0.55]), 1e-6
    mean, variance, mean_slope, variance_slope = model.slopes(at)
    np.testing.assert_allclose((mean, variance), [found[0] for found in model.predict(at[None])], rtol=1e-9)
    moves = np.concatenate([at + step * np.eye(4), at - step * np.eye(4)])
    means, variances = model.predict(moves)
    np.testing.assert_allclose(mean_slope, (means[:4] - means[4:]) / (2 * step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(variance_slope, (variances[:4] - variances[4:]) / (2 * step), rtol=1e-4, atol=1e-7)


def test_slopes_at_a_known_point_are_finite() -> None:
    features, values = points(5)
    found = Gaussian(features, values, GROUPS, THETA).slopes(features[2])
    assert all(np.isfinite(part).all() for part in found)


def test_the_gradient_of_a_fit_is_what_differences_say() -> None:
    loss, step = _Loss(*points(15), GROUPS), 1e-6
    _, gradient = loss(THETA)
    differences = [
        (loss(THETA + step * unit)[0] - loss(THETA - step * unit)[0]) / (2 * step) for unit in np.eye(len(THETA))
    ]
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-6)


def test_likelihood_is_that_of_the_textbook() -> None:
    """But for what does not depend on the parameters: differences between two of them are compared."""
    features, values = points(15)
    loss = _Loss(features, values, GROUPS)
    other = THETA + np.array([0.2, -0.1, 0.3, 0.2, 0.5])

    def expected(theta: Array) -> float:
        kernel = matern(features, features, theta) + np.exp(theta[-1]) * np.eye(15)
        fit = 0.5 * values @ np.linalg.solve(kernel, values) + 0.5 * np.linalg.slogdet(kernel)[1]
        lengths = 0.5 * ((theta[:-2] - np.log(0.5)) ** 2).sum()
        return float(fit + lengths + 0.5 * theta[-2] ** 2 + 0.5 * ((theta[-1] - np.log(1e-4)) / 3) ** 2)

    assert loss(THETA)[0] - loss(other)[0] == pytest.approx(expected(THETA) - expected(other), rel=1e-8)


def test_a_kernel_that_cannot_be_inverted_is_no_fit() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        _inverted(np.array([[1.0, 2.0], [2.0, 1.0]]))
    loss = _Loss(np.full((3, 4), 0.5), np.zeros(3), GROUPS)
    assert loss(THETA)[0] < 1e10 == loss(np.r_[THETA[:-1], -1000.0])[0]


def test_a_fit_finds_what_matters() -> None:
    """Features of the last parameter change nothing: its length scale becomes the longest."""
    features, values = points(60)
    model = Gaussian.fit(features, values, GROUPS)
    lengths = np.exp(model.theta[:-2])
    assert lengths[2] > 2 * max(lengths[:2])
    elsewhere, _ = points(200, seed=5)
    truth = np.sin(5 * elsewhere[:, 0]) + elsewhere[:, 1] ** 2
    assert np.corrcoef(model.mean(elsewhere), truth)[0, 1] > 0.995


def test_a_fit_tells_noise_from_what_is_there() -> None:
    features, values = points(80)
    noise = np.random.default_rng(3).standard_normal(80)
    quiet, loud = (Gaussian.fit(features, values + share * noise, GROUPS).theta[-1] for share in (0.0, 0.5))
    assert quiet < np.log(1e-3)
    assert np.log(0.1) < loud < np.log(0.5)


@pytest.mark.parametrize("values", [np.zeros(8), np.r_[np.zeros(7), 2.6], np.tile([1.0, -1.0], 4)])
def test_a_fit_bears_values_without_a_shape(values: Array) -> None:
    """And points that are there several times, with values that differ."""
    features = np.repeat(points(4)[0], 2, axis=0)
    mean, variance = Gaussian.fit(features, values, GROUPS).predict(points(5, seed=2)[0])
    assert np.isfinite(mean).all()
    assert (variance > 0).all()


def test_who_believes_expects_the_same_and_is_surer() -> None:
    features, values = points(10)
    model = Gaussian(features, values, GROUPS, THETA)
    more = points(3, seed=2)[0]
    believing = model.believing(more)
    np.testing.assert_allclose(believing.mean(more), model.mean(more), atol=1e-8)
    assert (believing.predict(more)[1] < 0.2 * model.predict(more)[1]).all()
    assert model.believing(more[:0]) is model
