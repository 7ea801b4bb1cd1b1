"""Losses as a model learns them: even, and of several objectives one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.sweeps.targets import evened, joined

Array = np.ndarray[Any, np.dtype[np.float64]]


@pytest.mark.parametrize(
    "losses",
    [
        np.random.default_rng(1).lognormal(0, 3, 80),
        -np.random.default_rng(1).lognormal(0, 3, 80),
        np.random.default_rng(1).random(80),
        np.r_[np.zeros(79), 1.0],
        np.r_[-1.0, np.zeros(79)],
        np.array([1e-300, 2e-300, 1.0]),
        np.array([-1e308, 0.0, 1e308, 1.7e308]),
        np.array([1.0, 1.0 + 1e-9]),
    ],
)
def test_losses_keep_their_order_and_get_one_scale(losses: Array) -> None:
    found = evened(losses)
    assert np.isfinite(found).all()
    assert abs(found.mean()) < 1e-6
    assert found.std() == pytest.approx(1, rel=1e-6)
    assert (np.diff(found[np.argsort(losses, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("losses", [np.zeros(5), np.full(5, 1e300), np.full(3, -2.0), np.array([4.0])])
def test_losses_that_are_all_alike_are_nothing(losses: Array) -> None:
    assert evened(losses).tolist() == [0.0] * len(losses)


def test_a_long_tail_is_drawn_in() -> None:
    losses = np.random.default_rng(1).lognormal(0, 1, 200)
    skew = [float((((x - x.mean()) / x.std()) ** 3).mean()) for x in (losses, evened(losses))]
    assert skew[0] > 2
    assert abs(skew[1]) < 0.5


def test_one_objective_stays_as_it_is() -> None:
    losses = np.array([[3.0], [1.0]])
    assert joined(losses, np.random.default_rng(1)).tolist() == [3.0, 1.0]


def test_of_several_objectives_each_draw_wants_another_point_of_the_front() -> None:
    front = np.stack([np.linspace(0, 1, 11), np.linspace(1, 0, 11) ** 2], axis=1)
    worse = front + 0.3
    lot = np.random.default_rng(1)
    wanted = [int(np.argmin(joined(np.concatenate([worse, front]), lot))) for _ in range(60)]
    assert all(place >= 11 for place in wanted)
    assert len(set(wanted)) > 5


def test_an_objective_that_never_changes_decides_nothing() -> None:
    losses = np.stack([np.full(5, 2.0), np.arange(5.0)], axis=1)
    assert np.argsort(joined(losses, np.random.default_rng(1))).tolist() == [0, 1, 2, 3, 4]
