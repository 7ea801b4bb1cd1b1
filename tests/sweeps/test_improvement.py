"""The expected improvement, and where it is largest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.sweeps.cube import Cube
from forebear.sweeps.gaussian import Gaussian
from forebear.sweeps.improvement import Improvement, _log_gain, best_rows
from tests.sweeps.searching import declared

Array = np.ndarray[Any, np.dtype[np.float64]]
LINE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}


def model(cube: Cube, rows: Array, values: Array) -> Gaussian:
    theta = np.r_[np.full(len(cube.axes), np.log(0.3)), 0.0, np.log(1e-4)]
    return Gaussian(cube.features(rows), values, cube.groups, theta)


def test_the_gain_is_what_is_to_be_expected() -> None:
    """Of a normal value above ``-z``: added up numerically."""
    z = np.array([-6.0, -3.0, -1.0, -0.999, 0.0, 1.5, 20.0])
    steps = np.linspace(-12, 32, 2_000_001)
    density = np.exp(-(steps**2) / 2) / np.sqrt(2 * np.pi)
    expected = [np.trapezoid(np.maximum(one + steps, 0) * density, steps) for one in z]
    np.testing.assert_allclose(_log_gain(z), np.log(expected), rtol=1e-6, atol=1e-6)


def test_far_from_everything_good_the_gain_still_has_an_order() -> None:
    z = -np.logspace(-2, 8, 2000)
    found = _log_gain(z)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("best", [-20.0, -1.0, 0.5])
def test_its_slope_is_what_differences_say(best: float) -> None:
    cube = Cube(declared(parameters={**LINE, "y": {"min": 0.0, "max": 1.0}}).space)
    rows = np.random.default_rng(1).random((12, 2))
    improvement = Improvement(model(cube, rows, np.sin(7 * rows[:, 0]) + rows[:, 1]), best)
    at, step = np.array([0.37, 0.61]), 1e-6
    found, slope = improvement.slope(at)
    assert found == pytest.approx(float(improvement.at(at[None])[0]), rel=1e-9)
    differences = [
        (improvement.at((at + step * unit)[None])[0] - improvement.at((at - step * unit)[None])[0]) / (2 * step)
        for unit in np.eye(2)
    ]
    np.testing.assert_allclose(slope, differences, rtol=1e-3)


def test_the_best_row_is_the_largest_improvement() -> None:
    cube = Cube(declared(parameters=LINE).space)
    rows = np.array([[0.05], [0.3], [0.62], [0.9]])
    improvement = Improvement(model(cube, rows, np.array([1.0, -0.5, -0.2, 0.8])), -0.5)
    found = best_rows(cube, improvement, rows[1:2], np.random.default_rng(1))
    everywhere = improvement.at(np.linspace(0, 1, 20_001)[:, None])
    assert improvement.at(found[:1])[0] >= everywhere.max() - 1e-6
    assert found[0, 0] == pytest.approx(np.linspace(0, 1, 20_001)[everywhere.argmax()], abs=1e-3)
    assert len(found) > 100


def test_no_other_value_of_one_parameter_is_better() -> None:
    """In a space with a million points."""
    parameters = {"kind": {"values": list("abcdefgh")}, **{f"n{i}": {"min": 1, "max": 50} for i in range(3)}}
    cube = Cube(declared(parameters=parameters).space)
    lot = np.random.default_rng(2)
    rows = cube.draws(lot, 80)
    improvement = Improvement(model(cube, rows, np.linalg.norm(cube.features(rows) - 0.3, axis=1) - 1), -0.5)
    found = best_rows(cube, improvement, rows[:1], lot)[0]
    gain = improvement.at(cube.features(found[None]))[0]
    for index, axis in enumerate(cube.axes):
        others = np.repeat(found[None], len(axis.places), axis=0)
        others[:, index] = axis.places
        assert improvement.at(cube.features(others)).max() <= gain + 1e-9


def test_a_climb_ends_where_constraints_hold() -> None:
    parameters = {**LINE, "y": {"min": 0.0, "max": 1.0}}
    cube = Cube(declared(parameters=parameters, constraints=["x + y <= 0.5"]).space)
    rows = cube.draws(np.random.default_rng(1), 40)
    improvement = Improvement(model(cube, rows, 1 - rows.sum(1)), 0.5)
    found = best_rows(cube, improvement, rows[:5], np.random.default_rng(1))
    assert (found.sum(1) <= 0.5).all()
    assert found[0].sum() > 0.45


def test_where_no_point_is_found_there_is_no_row() -> None:
    parameters = {**LINE, "y": {"min": 0.0, "max": 1.0}}
    cube = Cube(declared(parameters=parameters, constraints=["x + y <= 0.03"]).space)
    improvement = Improvement(model(cube, np.array([[0.01, 0.01], [0.01, 0.02]]), np.array([0.0, 1.0])), 0.0)
    assert best_rows(cube, improvement, np.array([[0.5, 0.5]]), np.random.default_rng(1)).shape == (0, 2)
