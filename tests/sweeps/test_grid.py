"""Grids: every point once, whatever conditions, constraints and earlier runs leave."""

from __future__ import annotations

from itertools import islice, product
from time import perf_counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forebear.errors import InvalidInput
from forebear.sweeps.distributions import key_of
from forebear.sweeps.grid import Grid
from forebear.sweeps.parameters import read_space

CONDITIONAL: dict[str, Any] = {
    "opt": {"values": ["sgd", "adam"]},
    "momentum": {"values": [0.0, 0.9], "when": {"opt": "sgd"}},
    "depth": {"min": 1, "max": 3},
}


def points(grid: Grid) -> list[dict[str, Any]]:
    found = []
    while (point := grid.point(len(found))) is not None:
        found.append(point)
    return found


def test_all_combinations_in_the_order_in_which_they_were_declared() -> None:
    grid = Grid(read_space({"a": {"values": [1, 2]}, "b": {"values": ["x", "y", "z"]}}))
    assert [tuple(point.values()) for point in points(grid)] == list(product([1, 2], "xyz"))
    assert grid.size == 6


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_as_many_points_as_combinations_and_none_twice(sizes: list[int]) -> None:
    space = read_space({f"p{index}": {"values": list(range(size))} for index, size in enumerate(sizes)})
    grid = Grid(space)
    found = points(grid)
    assert len({key_of(point) for point in found}) == len(found) == grid.size == space.size


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=3),
    st.sampled_from(["p0 != p1", "p0 + p1 < 4", "p0 * 2 >= p1", "p0 == 0"]),
    st.booleans(),
    st.sets(st.integers(0, 40)),
)
def test_conditions_and_constraints_leave_what_they_allow(
    sizes: list[int], constraint: str, conditional: bool, tried_places: set[int]
) -> None:
    parameters: dict[str, Any] = {f"p{index}": {"values": list(range(size))} for index, size in enumerate(sizes)}
    if conditional:
        parameters["q"] = {"values": ["x", "y"], "when": "p1 > 0"}
    space = read_space(parameters, [constraint])
    wanted = set()
    for values in product(*(range(size) for size in sizes), ["x", "y"]):
        flat = dict(zip([f"p{index}" for index in range(len(sizes))] + ["q"], values, strict=True))
        if not conditional:
            del flat["q"]
        params = space.nested(flat)
        if space.allows(space.flat(params)):
            wanted.add(key_of(params))
    everything = points(Grid(space))
    assert len(everything) == len(wanted)
    assert {key_of(point) for point in everything} == wanted
    # What was tried before is left out, and nothing else.
    tried = [point for place, point in enumerate(everything) if place in tried_places]
    rest = Grid(space, tried=[code for point in tried if (code := Grid(space).code(point)) is not None])
    assert rest.size == len(everything) - len(tried)
    assert points(rest) == [point for point in everything if point not in tried]


@given(st.sets(st.integers(0, 23)))
def test_points_that_were_tried_are_left_out_of_a_product(tried: set[int]) -> None:
    space = read_space({"a": {"min": 1, "max": 4}, "b": {"values": ["x", "y", "z"]}, "c": {"values": [0, 1]}})
    everything = points(Grid(space))
    assert [Grid(space).code(point) for point in everything] == list(range(24))
    rest = Grid(space, tried=tried)
    assert points(rest) == [point for code, point in enumerate(everything) if code not in tried]
    assert rest.size == 24 - len(tried)


def test_an_inactive_parameter_makes_no_points_of_its_own() -> None:
    found = points(Grid(read_space(CONDITIONAL)))
    assert len(found) == 2 * 3 + 3
    assert sum("momentum" in point for point in found) == 6


def test_the_code_of_what_is_no_point_is_none() -> None:
    grid = Grid(read_space(CONDITIONAL, ["depth < 3"]))
    assert grid.code({"opt": "adam", "depth": 2}) is not None
    for params in ({"opt": "adam"}, {"opt": "adam", "depth": 9}, {"opt": "adam", "depth": 3}, {"opt": "x", "depth": 1}):
        assert grid.code(params) is None
    assert grid.code({"opt": "adam", "depth": 2, "momentum": 0.9}) == grid.code({"opt": "adam", "depth": 2})


def test_multiples_are_points() -> None:
    grid = Grid(read_space({"a": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}}))
    assert [point["a"] for point in points(grid)] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [grid.code({"a": value}) for value in (0.0, 0.75, 0.8)] == [0, 3, None]


def test_continuous_parameters_share_a_cap() -> None:
    space = read_space({"a": {"values": [1, 2]}, "x": {"min": 0.0, "max": 1.0}, "y": {"mu": 0, "sigma": 1}})
    grid = Grid(space, run_cap=18)
    found = points(grid)
    assert grid.size == len(found) == 18
    assert sorted({point["x"] for point in found}) == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    one = Grid(read_space({"lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}}), run_cap=4)
    assert [point["lr"] for point in points(one)] == pytest.approx([10**-3.5, 10**-2.5, 10**-1.5, 10**-0.5])


def test_an_endless_grid_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"a grid over x \(uniform\) has infinitely many points \(2 times"):
        Grid(read_space({"a": {"values": [1, 2]}, "x": {"min": 0.0, "max": 1.0}}))


def test_conditions_over_too_many_combinations_are_refused_with_their_number() -> None:
    space = read_space({"a": {"min": 1, "max": 10_000}, "b": {"min": 1, "max": 1_000}}, ["a < b"])
    with pytest.raises(InvalidInput, match="10,000,000"):
        Grid(space)


def test_a_late_point_of_a_large_grid_costs_what_the_first_does() -> None:
    grid = Grid(read_space({f"p{index}": {"min": 1, "max": 50} for index in range(6)}))
    assert grid.size == 50**6

    def cost(start: int) -> float:
        began = perf_counter()
        for number in range(start, start + 300):
            grid.point(number)
        return perf_counter() - began

    first, late = (min(cost(start) for _ in range(5)) for start in (0, 10**9))
    assert late < 3 * first


def test_points_behind_conditions_are_looked_for_as_they_are_asked_for() -> None:
    space = read_space({"a": {"min": 1, "max": 900}, "b": {"min": 1, "max": 900}}, ["a != b"])
    grid = Grid(space)
    assert [grid.point(number) for number in islice(range(10**6), 3)] == [
        {"a": 1, "b": 2},
        {"a": 1, "b": 3},
        {"a": 1, "b": 4},
    ]
    assert len(grid._found) == 3
