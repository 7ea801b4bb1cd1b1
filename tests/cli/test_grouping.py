from __future__ import annotations

import math
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.cli.grouping import Aggregate, aggregate, grouped

RUNS = [
    {"model": "a", "acc": 0.5, "loss": 1},
    {"model": "b", "acc": 0.75, "loss": None},
    {"model": "a", "acc": 1.0, "loss": 3},
    {"model": "b", "acc": math.nan, "loss": "x"},
]


def test_groups_with_their_aggregates():
    a, b = grouped(RUNS, [itemgetter("model")], [itemgetter("acc"), itemgetter("loss")])
    assert a == (("a",), 2, (Aggregate(2, 0.75, 0.5, 1.0), Aggregate(2, 2.0, 1.0, 3.0)))
    assert b == (("b",), 2, (Aggregate(1, 0.75, 0.75, 0.75), None))


def test_values_that_look_alike_are_not_the_same():
    runs = [{"x": value} for value in (1, True, "1", [1], "[1]", None, {}, [1], 1.0)]
    found = grouped(runs, [itemgetter("x")], [])
    assert [group.values[0] for group in found] == [1, True, "1", [1], "[1]", None, {}]
    assert [group.runs for group in found] == [2, 1, 1, 2, 1, 1, 1]


def test_no_group_of_nothing():
    assert grouped([], [itemgetter("x")], []) == []
    assert [group.runs for group in grouped(RUNS, [], [])] == [4]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_the_mean_lies_between(values):
    number, mean, least, most = aggregate([*values, None, "x", True, 10**400])
    assert number == len(values)
    assert least == min(values)
    assert most == max(values)
    assert least <= mean <= most or mean == pytest.approx(least) or mean == pytest.approx(most)
