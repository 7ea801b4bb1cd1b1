"""A space as rows of numbers: there and back, and where a search may look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.sweeps.cube import MAX_POINTS, MAX_STEPS, Cube
from tests.sweeps.searching import CONSTRAINTS, MIXED, declared, is_point


def cube(parameters: dict[str, Any], constraints: list[str] | None = None) -> Cube:
    return Cube(declared(parameters=parameters, constraints=constraints).space)


def lot() -> np.random.Generator:
    return np.random.default_rng(1)


def test_values_have_their_places_and_come_back() -> None:
    declaration = declared(parameters=MIXED, constraints=CONSTRAINTS)
    made = Cube(declaration.space)
    for number in range(50):
        flat = declaration.space.flat(declaration.space.sample(1, number))
        row = made.row(flat)
        assert row is not None
        back = made.flat(row)
        assert back.keys() == flat.keys()
        for name, value in flat.items():
            exact = not isinstance(value, float) or name in ("dropout", "scale")
            assert back[name] == (value if exact else pytest.approx(value, rel=1e-5, abs=1e-5)), name


@pytest.mark.parametrize(
    "flat", [{}, {"x": 2.0, "n": 1, "c": 5}, {"x": 0.5, "n": 3, "c": 5}, {"x": 0.5, "n": 1, "c": 6}, {"x": "?", "n": 1}]
)
def test_what_is_no_point_has_no_place(flat: dict[str, Any]) -> None:
    made = cube({"x": {"min": 0.0, "max": 1.0}, "n": {"values": [1, 2]}, "c": {"value": 5}})
    assert made.row(flat) is None
    assert made.row({"x": 0.5, "n": 1, "c": 5, "more": 3}) is not None


def test_values_without_an_order_are_equally_far_from_each_other() -> None:
    made = cube({"kind": {"values": ["a", "b", "c"]}, "x": {"min": 0.0, "max": 1.0}})
    features = made.features(np.array([[0, 0.5], [1, 0.5], [2, 0.5], [2, 1.5]]))
    apart = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.testing.assert_allclose(apart[[0, 0, 1, 2], [1, 2, 2, 3]], 1.0)
    assert made.groups.tolist() == [0, 0, 0, 1]


def test_listed_numbers_are_as_far_apart_as_their_ranks() -> None:
    made = cube({"batch": {"values": [64, 16, 1024]}})
    places = [float(made.features(made.row({"batch": value})[None])[0, 0]) for value in (16, 64, 1024)]  # type: ignore[index]
    np.testing.assert_allclose(places, [1 / 6, 3 / 6, 5 / 6])


def test_two_values_have_no_order_and_one_has_no_axis() -> None:
    made = cube(
        {"two": {"values": [1, 2]}, "one": {"value": 3}, "same": {"values": ["x"]}, "point": {"min": 2, "max": 2}}
    )
    assert [(axis.name, axis.ordered) for axis in made.axes] == [("two", False)]
    assert made.flat(np.array([1.0])) == {"two": 2, "one": 3, "same": "x", "point": 2}


def test_values_that_have_no_share_are_never_chosen() -> None:
    made = cube({"kind": {"values": ["a", "b", "c"], "probabilities": [0.5, 0.0, 0.5]}})
    assert {made.flat(row)["kind"] for row in made.draws(lot(), 100)} == {"a", "c"}


def test_what_does_not_apply_is_the_same_for_all() -> None:
    made = cube({"kind": {"values": ["a", "b", "c"]}, "m": {"min": 0.0, "max": 1.0, "when": {"kind": "a"}}})
    rows = made.draws(lot(), 200)
    applies = rows[:, 0] == 0
    assert np.isnan(rows[:, 1]).tolist() == (~applies).tolist()
    assert set(made.features(rows)[~applies, 3]) == {0.5}
    assert len(set(made.features(rows)[applies, 3])) == applies.sum()


def test_what_applies_twice_removed_is_followed() -> None:
    made = cube(
        {
            "a": {"values": ["x", "y"]},
            "b": {"values": ["x", "y"], "when": {"a": "x"}},
            "c": {"values": [1, 2, 3], "when": {"b": "x"}},
        }
    )
    assert made.points is not None
    assert [made.flat(row) for row in made.points] == [
        {"a": "x", "b": "x", "c": 1},
        {"a": "x", "b": "x", "c": 2},
        {"a": "x", "b": "x", "c": 3},
        {"a": "x", "b": "y"},
        {"a": "y"},
    ]


def test_few_points_are_listed_and_many_are_not() -> None:
    assert cube({"n": {"min": 1, "max": MAX_POINTS}}).points is not None
    assert cube({"n": {"min": 1, "max": MAX_POINTS + 1}}).points is None
    assert cube({"n": {"min": 1, "max": 3}, "x": {"min": 0.0, "max": 1.0}}).points is None
    held = cube({"n": {"min": 1, "max": 9}, "k": {"min": 1, "max": 9}}, ["n + k == 10"])
    assert held.points is not None
    assert [made["n"] + made["k"] for made in map(held.flat, held.points)] == [10] * 9


@pytest.mark.parametrize("constraints", [None, CONSTRAINTS])
def test_rows_that_are_looked_at_are_points(constraints: list[str] | None) -> None:
    declaration = declared(parameters=MIXED, constraints=constraints)
    made = Cube(declaration.space)
    draws = made.draws(lot(), 200)
    near = made.near(lot(), draws[:3], 200)
    assert len(draws) > 50
    assert len(near) > 50
    for row in np.concatenate([draws, near]):
        assert is_point(declaration, declaration.space.nested(made.flat(row)))


def test_near_rows_are_near() -> None:
    made = cube({f"x{i}": {"min": 0.0, "max": 1.0} for i in range(4)})
    at = np.full((1, 4), 0.5)
    moved = np.abs(made.near(lot(), at, 500) - 0.5)
    assert np.median(moved.max(1)) < 0.1
    assert (moved.max(1) > 0).all()
    assert ((moved > 0).sum(1) == 1).any()


def test_a_spread_has_one_row_in_each_part() -> None:
    made = cube({"x": {"min": 0.0, "max": 1.0}, "n": {"min": 1, "max": 10}})
    rows = made.spread(lot(), 10)
    assert sorted((rows[:, 0] * 10).astype(int)) == list(range(10))
    assert sorted(made.flat(row)["n"] for row in rows) == list(range(1, 11))


def test_an_endless_distribution_is_searched_within_ends() -> None:
    made = cube({"x": {"distribution": "normal", "mu": 0.0, "sigma": 1.0}, "n": {"min": 1, "max": MAX_STEPS + 1}})
    assert [axis.is_free for axis in made.axes] == [True, True]
    ends = [made.flat(np.array([place, place])) for place in (0.0, 1.0)]
    assert -3.2 < ends[0]["x"] < -3
    assert 3 < ends[1]["x"] < 3.2
    assert [end["n"] for end in ends] == [1, MAX_STEPS + 1]
