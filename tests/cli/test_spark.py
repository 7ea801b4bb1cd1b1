from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.cli.spark import BARS, GAP, ODD, sparkline, sparklines


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, BARS),
        ([7, 6, 5, 4, 3, 2, 1, 0], 20, BARS[::-1]),
        ([0, 0, 7, 7], 2, "▁█"),
        ([3.5] * 4, 4, "▄▄▄▄"),
        ([0, math.nan, 1], 3, f"▁{ODD}█"),
        ([0, None, 1], 3, f"▁{GAP}█"),
        ([-math.inf, 0, 1, math.inf], 4, "▁▁██"),
        ([math.nan], 5, ODD),
        ([], 5, ""),
        ([1, 2], 0, ""),
        ([-sys.float_info.max, sys.float_info.max], 2, "▁█"),
    ],
)
def test_curves(values, width, drawn):
    assert sparkline(values, width) == drawn


def test_a_value_that_is_no_number_does_not_hide_its_neighbours():
    assert sparkline([0, math.nan, 9, 9], 2) == "▁█"


def test_curves_of_one_height():
    assert sparklines([[0, 7], [0, 3.5, 0], []], 8) == ["▁█", "▁▅▁", ""]


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**300), 10**300))), st.integers(0, 40))
def test_it_never_takes_more_cells_than_it_has(values, width):
    drawn = sparkline(values, width)
    assert len(drawn) == min(width, len(values))
    assert set(drawn) <= {*BARS, ODD, GAP}
