"""Spaces: nested and conditional parameters, constraints, and draws that anybody can repeat."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forebear.errors import InvalidInput
from forebear.sweeps.parameters import Space, read_space

NESTED: dict[str, Any] = {
    "optimizer": {
        "parameters": {
            "name": {"values": ["sgd", "adam"]},
            "momentum": {"min": 0.0, "max": 1.0, "when": {"optimizer.name": "sgd"}},
            "nesterov": {"values": [True, False], "when": "optimizer.momentum > 0.5"},
        }
    },
    "layers": {"min": 1, "max": 3},
    "third": {"when": {"layers": [3]}, "parameters": {"width": {"values": [8, 16]}}},
}


def names(space: Space) -> list[str]:
    return [parameter.name for parameter in space.parameters]


@given(st.integers(0, 2**40), st.integers(0, 10**6))
def test_what_does_not_apply_is_left_out(seed: int, number: int) -> None:
    space = read_space(NESTED)
    params = space.sample(seed, number)
    optimizer = params["optimizer"]
    assert ("momentum" in optimizer) == (optimizer["name"] == "sgd")
    assert ("nesterov" in optimizer) == (optimizer.get("momentum", 0) > 0.5)
    assert ("third" in params) == (params["layers"] == 3)
    assert space.nested(space.flat(params)) == params


def test_both_sides_of_conditions_come() -> None:
    space = read_space(NESTED)
    drawn = [space.sample(1, number) for number in range(200)]
    assert {"third" in params for params in drawn} == {True, False}
    assert {"nesterov" in params["optimizer"] for params in drawn} == {True, False}


def test_parameters_stand_behind_what_they_depend_on() -> None:
    space = read_space({"b": {"value": 1, "when": "a > 0"}, "c": {"value": 2}, "a": {"min": 0, "max": 1}})
    assert names(space) == ["c", "a", "b"]
    assert space.is_active(space.by_name["b"], {"a": 1})
    assert not space.is_active(space.by_name["b"], {})


def test_keys_with_dots_stay_as_they_are() -> None:
    space = read_space({"db.user": {"values": ["me"]}, "db": {"parameters": {"port": {"value": 1}}}})
    assert space.sample(0, 0) == {"db.user": "me", "db": {"port": 1}}
    assert space.flat({"db.user": "me", "db": {"port": 1, "more": 2}}) == {"db.user": "me", "db.port": 1}


def test_a_draw_depends_on_seed_number_and_name_alone() -> None:
    """So agents in any order, processes and machines find the same, and a new parameter changes none of the others."""
    one = read_space({"x": {"min": 0.0, "max": 1.0}})
    more = read_space({"a": {"min": 0.0, "max": 1.0}, "x": {"min": 0.0, "max": 1.0}})
    backwards = {number: one.sample(5, number) for number in reversed(range(50))}
    assert all(more.sample(5, number)["x"] == backwards[number]["x"] for number in range(50))
    assert one.sample(6, 0) != one.sample(5, 0)
    code = (
        "from forebear.sweeps.parameters import read_space;"
        "print(read_space({'x': {'min': 0.0, 'max': 1.0}}).sample(5, 17)['x'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == backwards[17]["x"]


@given(st.integers(0, 2**40), st.integers(0, 1000))
def test_constraints_hold_of_every_draw(seed: int, number: int) -> None:
    space = read_space(
        {"batch": {"values": [16, 32, 64]}, "hidden": {"min": 8, "max": 128}}, ["batch * 2 <= hidden", "hidden != 64"]
    )
    params = space.sample(seed, number)
    assert params["batch"] * 2 <= params["hidden"] != 64


def test_a_constraint_about_what_does_not_apply_holds() -> None:
    space = read_space({"a": {"values": [0, 1]}, "b": {"values": [1, 2], "when": {"a": 1}}}, "b > 1")
    drawn = [space.sample(3, number) for number in range(60)]
    assert {tuple(params.items()) for params in drawn} == {(("a", 0),), (("a", 1), ("b", 2))}


def test_constraints_that_never_hold_are_told() -> None:
    space = read_space({"a": {"min": 0.0, "max": 1.0}}, ["a > 2"])
    with pytest.raises(InvalidInput, match="none of 10,000 draws fulfils 'a > 2'") as caught:
        space.sample(0, 0)
    assert caught.value.code == "empty-space"


def test_the_size_is_that_of_all_combinations() -> None:
    assert read_space({"a": {"values": [1, 2]}, "b": {"min": 1, "max": 10}}).size == 20
    assert read_space({"a": {"values": [1, 2]}, "b": {"min": 1.0, "max": 10.0}}).size is None


@pytest.mark.parametrize(
    ("parameters", "constraints", "words"),
    [
        ({}, None, "parameters: there are none"),
        ([], None, "parameters: [] is no table"),
        ({"a": 1}, None, "parameters.a: 1 is no table; for one value write {value: 1}"),
        ({1: {"value": 1}}, None, "parameters: the key 1 is no text"),
        ({"g": {"parameters": {"a": {"vale": 1}}}}, None, "parameters.g.parameters.a: {'vale': 1} says no values"),
        ({"g": {"parameters": {"a": {"value": 1}}, "min": 1}}, None, "parameters.g.min: there is no such key"),
        ({"g": {"parameters": {"a": {"value": 1}}}, "g.a": {"value": 2}}, None, "two of them are called g.a"),
        ({"a": {"value": 1, "when": {"b": 1}}}, None, "parameters.a.when.b: there is no parameter 'b'; there are a"),
        ({"a": {"value": 1, "when": "b > 1"}}, None, "parameters.a.when: there is no parameter 'b'; there are a"),
        ({"a": {"value": 1, "when": 3}}, None, "parameters.a.when: 3 is neither an expression nor a table"),
        ({"a": {"value": 1, "when": {}}}, None, "parameters.a.when: {} is neither"),
        ({"a": {"value": 1, "when": {"b": []}}, "b": {"value": 1}}, None, "parameters.a.when.b: the list is empty"),
        ({"a": {"value": 1, "when": {"b": "sgdd"}}, "b": {"values": ["sgd"]}}, None, "b is never 'sgdd'"),
        ({"a": {"value": 1, "when": {"b": 7}}, "b": {"min": 1, "max": 3}}, None, "b is never 7"),
        ({"a": {"value": 1, "when": {"a": 1}}}, None, "the conditions of a go round in a circle"),
        ({"a": {"value": 1}}, ["a >"], "constraints[0]: 'a >' cannot be read"),
        ({"a": {"value": 1}}, ["a > 0", "z > 1"], "constraints[1]: there is no parameter 'z'; there are a"),
        ({"a": {"value": 1}}, [], "constraints: the list is empty"),
    ],
)
def test_what_is_wrong_is_named(parameters: Any, constraints: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_space(parameters, constraints)
    assert words in str(caught.value)


def test_groups_cannot_be_nested_without_end() -> None:
    inner: dict[str, Any] = {"a": {"value": 1}}
    for _ in range(40):
        inner = {"g": {"parameters": inner}}
    with pytest.raises(InvalidInput, match="nested more than 32 deep"):
        read_space(inner)


def test_numbers_of_conditions_count_by_their_value() -> None:
    space = read_space({"a": {"min": 1.0, "max": 1.0}, "b": {"value": 2, "when": {"a": 1}}})
    assert space.sample(0, 0) == {"a": 1.0, "b": 2}
