"""Dictionaries that tell of their changes, and are dictionaries all the same."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from forebear.tracking.nested import GONE, Nested, plain, put

Told = list[tuple[tuple[str, ...], Any]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def made(told: Told) -> Nested:
    return Nested({"a": 1, "b": {"c": 2}}, ("top",), lambda path, value: told.append((path, value)))


def test_every_change_is_told_with_its_path(made: Nested, told: Told) -> None:
    made["x"] = 1
    made.b.c = 3
    made.b["d"] = {"e": 4}
    made.b.d.e = 5
    del made["x"]
    del made.b.c
    made |= {"y": 6}
    assert made.setdefault("y", 7) == 6
    assert made.setdefault("z", 7) == 7
    assert made.pop("z") == 7
    assert made.pop("z", None) is None
    assert made.popitem() == ("y", 6)
    assert told == [
        (("top", "x"), 1),
        (("top", "b", "c"), 3),
        (("top", "b", "d"), {"e": 4}),
        (("top", "b", "d", "e"), 5),
        (("top", "x"), GONE),
        (("top", "b", "c"), GONE),
        (("top", "y"), 6),
        (("top", "z"), 7),
        (("top", "z"), GONE),
        (("top", "y"), GONE),
    ]
    made.clear()
    assert made == {}


def test_it_is_a_dictionary_for_everybody(made: Nested) -> None:
    assert isinstance(made, dict)
    assert json.loads(json.dumps(made)) == made == {"a": 1, "b": {"c": 2}}
    assert dict(**made) == made
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), plain(made)):
        assert other == made
        assert type(other) is type(other["b"]) is dict


def test_what_is_not_there_is_named(made: Nested, told: Told) -> None:
    with pytest.raises(AttributeError, match=r"no 'top\.b\.x'; there are c"):
        _ = made.b.x
    for attempt in (lambda: made["x"], lambda: made.pop("x"), lambda: made.__delitem__("x")):
        with pytest.raises(KeyError):
            attempt()
    assert told == []


def test_values_are_put_into_trees_and_taken_out() -> None:
    tree: dict[str, Any] = {"a": 1}
    put(tree, ("a", "b", "c"), 2)
    put(tree, ("x",), 3)
    put(tree, ("none", "here"), GONE)
    assert tree == {"a": {"b": {"c": 2}}, "x": 3}
    put(tree, ("a", "b", "c"), GONE)
    put(tree, ("x",), GONE)
    assert tree == {"a": {"b": {}}}
