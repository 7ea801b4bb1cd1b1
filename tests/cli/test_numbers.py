from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.cli.numbers import change_text, number, value_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.1, "0.1"),
        (1 / 3, "0.33333"),
        (12.0, "12"),
        (123456.789, "123457"),
        (99999.99, "100000"),
        (12345678.0, "1.235e7"),
        (0.00012, "0.00012"),
        (0.000012, "1.2e-5"),
        (-2.5e-10, "-2.5e-10"),
        (1e300, "1e300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "true"),
        (12_345_678, "12345678"),
        ("a\nb", r"a\nb"),
        ([1, 2], "[1,2]"),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
    ],
)
def test_values(value, shown):
    assert value_text(value) == shown


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (0.5, 0.75, "+0.25"),
        (0.081421, 0.07535, "-0.00607"),
        (3, 1, "-2"),
        (1, 1, ""),
        (1, math.nan, ""),
        (math.inf, math.inf, ""),
        (0, math.inf, "+inf"),
    ],
)
def test_changes(old, new, shown):
    assert change_text(old, new) == shown


@given(st.floats(-1e308, 1e308))
def test_a_number_is_short_and_close(value):
    shown = number(value)
    assert len(shown) <= 11
    assert float(shown) == pytest.approx(value, rel=1e-3)
