"""Axes of pictures: where values stand, and which are written."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forebear.sweeps.axes import Names, Scale, axis_of, shown
from forebear.sweeps.parameters import read_space


def axis(spec: dict[str, Any], values: list[Any] | None = None) -> Scale | Names | None:
    return axis_of(read_space({"p": spec}).parameters[0], values or [])


def texts(found: Scale | Names | None) -> list[str]:
    assert found is not None
    return [tick.text for tick in found.ticks]


def places(found: Scale | Names | None, *values: Any) -> list[float | None]:
    assert found is not None
    return [None if (place := found.place(value)) is None else round(place, 4) for value in values]


def test_a_range_is_written_in_round_numbers() -> None:
    found = axis({"min": 0.0, "max": 0.6})
    assert texts(found) == ["0", "0.2", "0.4", "0.6"]
    assert places(found, 0, 0.3, 0.6, 0.9, -1) == [0, 0.5, 1, 1, 0]
    assert places(found, "a", None, math.nan, True) == [None] * 4
    assert texts(axis({"min": -5, "max": 93})) == ["0", "20", "40", "60", "80"]
    assert texts(axis({"min": 1.5, "max": 2.25})) == ["1.6", "1.8", "2", "2.2"]


def test_ratios_stand_evenly() -> None:
    found = axis({"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0})
    assert texts(found) == ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]
    assert places(found, 1e-5, 0.01, 1, 0) == [0, 0.6, 1, None]
    # A narrow range holds too few powers of ten.
    assert texts(axis({"distribution": "log_uniform_values", "min": 0.02, "max": 0.3})) == [
        "0.02", "0.039", "0.077", "0.15", "0.3",
    ]  # fmt: skip
    many = axis({"distribution": "log_uniform_values", "min": 1e-12, "max": 1.0})
    assert len(texts(many)) <= 6


def test_names_have_the_same_room_each() -> None:
    found = axis({"values": ["sgd", "adam"]})
    assert isinstance(found, Names)
    assert texts(found) == ["sgd", "adam"]
    assert places(found, "sgd", "adam", "lion") == [0.25, 0.75, None]
    # Lines through one name are spread, so that they do not hide each other; never into the next name's room.
    assert (found.place("sgd", 0.0), found.place("sgd", 1.0)) == (0.125, 0.375)
    # 1 and 1.0 and True are three values.
    assert texts(axis({"values": [1, 1.0, True]})) == ["1", "1", "True"]


def test_few_numbers_are_names_by_size() -> None:
    assert texts(axis({"values": [64, 16, 32]})) == ["16", "32", "64"]
    assert texts(axis({"min": 1, "max": 4})) == ["1", "2", "3", "4"]
    assert isinstance(axis({"min": 1, "max": 100}), Scale)
    assert texts(axis({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.5})) == ["0", "0.5", "1"]


def test_one_value_is_no_axis() -> None:
    assert axis({"value": 3}) is None
    assert axis({"values": ["a"]}) is None
    assert axis({"min": 2, "max": 2}) is None


@pytest.mark.parametrize(
    "spec", [{"mu": 0.0, "sigma": 1.0}, {"distribution": "log_normal"}, {"distribution": "normal"}]
)
def test_without_bounds_it_goes_as_far_as_trials_went(spec: dict[str, Any]) -> None:
    found = axis(spec, [0.5, 2.5, 1.5])
    assert places(found, 0.5, 2.5) == [0, 1]
    assert places(axis(spec, []), 0.0) in ([0.5], [None])


def test_a_goal_may_be_below() -> None:
    found = Scale.of("loss", [0.25, 1.0, math.inf, math.nan], upward=False)
    assert places(found, 0.25, 1.0) == [1, 0]
    # Far apart, they are told apart by ratios.
    assert texts(Scale.of("loss", [0.001, 1.0])) == ["0.001", "0.01", "0.1", "1"]
    assert places(Scale.of("loss", [5.0, 5.0]), 5.0) == [0.5]
    assert places(Scale.of("loss", [-1e308, 1e308]), -1e308, 0.0, 1e308) == [0, 0.5, 1]


def test_values_are_shown_shortly() -> None:
    assert [shown(value) for value in (0.123456, 1e-7, 12345.678, 3, True, None, [1, 2])] == [
        "0.123", "1e-07", "1.23e+04", "3", "True", "None", "[1, 2]",
    ]  # fmt: skip
    assert shown("x" * 50) == "x" * 17 + "…"
