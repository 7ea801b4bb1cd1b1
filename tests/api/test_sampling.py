from __future__ import annotations

import math
import time
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.api.sampling import Series, sampled_rows

numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 5))


@st.composite
def histories(draw):
    """A number of rows, and a few keys that some of them have."""
    total = draw(st.integers(1, 300))
    series = []
    for _ in range(draw(st.integers(1, 4))):
        rows = sorted(draw(st.sets(st.integers(0, total - 1), min_size=1)))
        values = draw(st.lists(numbers, min_size=len(rows), max_size=len(rows)))
        series.append(Series(rows, values))
    return total, series


def test_few_rows_are_all_shown():
    assert sampled_rows(5, [Series(range(5), [1.0] * 5)], 5) == [0, 1, 2, 3, 4]
    assert sampled_rows(0, [], 5) == []


def test_a_peak_of_one_step_is_seen():
    values = [0.0] * 100_000
    values[33_333], values[77_777] = 9.0, -9.0
    rows = sampled_rows(100_000, [Series(range(100_000), values)], 500)
    assert len(rows) <= 500
    assert {0, 33_333, 77_777, 99_999} <= set(rows)
    # What an even choice would have shown:
    assert 33_333 not in range(0, 100_000, 200)


@pytest.mark.parametrize("values", [range(600), [1.0] * 600], ids=["rising", "flat"])
def test_where_little_stands_out_the_rest_is_spread(values):
    for samples in (5, 50, 500):
        rows = sampled_rows(600, [Series(range(600), values)], samples)
        assert samples * 0.7 <= len(rows) <= samples
        assert max(after - before for before, after in pairwise(rows)) <= 2 * 600 / samples + 1


def test_every_stretch_keeps_its_own_extremes():
    values = [math.sin(row) * (1 + row % 7) for row in range(10_000)]
    rows = sampled_rows(10_000, [Series(range(10_000), values)], 200)
    buckets = (200 - 2) // 2
    for bucket in range(buckets):
        start, stop = bucket * 10_000 // buckets, (bucket + 1) * 10_000 // buckets
        shown = [values[row] for row in rows if start <= row < stop]
        assert (min(shown), max(shown)) == (min(values[start:stop]), max(values[start:stop]))


def test_several_keys_share_the_rows_that_were_asked_for():
    series = [Series(range(key, 20_000, 3), [float((row * 7919) % 1009) for row in range(key, 20_000, 3)])
              for key in range(3)]  # fmt: skip
    rows = sampled_rows(20_000, series, 300)
    assert 60 <= len(rows) <= 300
    for each in series:
        shown = [value for row, value in zip(*each, strict=True) if row in set(rows)]
        assert (min(shown), max(shown)) == (min(each.values), max(each.values))


def test_what_is_no_number_is_kept_too():
    losses = [1.0] * 1_000
    losses[500] = math.nan
    words = Series(range(0, 1_000, 100), ["early", *["w"] * 9])
    rows = sampled_rows(1_000, [Series(range(1_000), losses), words], 20)
    assert 500 in rows
    assert 0 in rows


def test_infinities_of_both_signs_are_extremes_and_no_accident():
    values = [0.0, math.inf, 1.0, -math.inf, 2.0] * 20
    rows = sampled_rows(100, [Series(range(100), values)], 10)
    assert {values[row] for row in rows} >= {math.inf, -math.inf}


def test_whole_numbers_that_no_float_holds():
    values = [*[1.5] * 50, 10**400, *[2.5] * 49]
    assert len(sampled_rows(100, [Series(range(100), values)], 10)) <= 10


@given(histories(), st.integers(1, 60))
def test_the_extremes_of_all_are_always_there(history, samples):
    total, series = history
    rows = sampled_rows(total, series, samples)
    assert rows == sorted(set(rows))
    assert rows[0] == 0
    assert rows[-1] == total - 1
    assert len(rows) <= max(samples, 2 + 3 * len(series))
    for each in series:
        finite = [value for value in each.values if value == value]
        shown = [value for row, value in zip(*each, strict=True) if row in set(rows)]
        if finite:
            assert min(finite) in shown
            assert max(finite) in shown
        assert any(value != value for value in shown) == (len(finite) < len(each.values))


def test_a_hundred_thousand_points_cost_milliseconds():
    values = array("d", [math.sin(row / 50) for row in range(100_000)])
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        sampled_rows(100_000, [Series(range(100_000), values)], 500)
        best = min(best, time.perf_counter() - start)
    # Measured: 6 ms; a machine that is busy with other tests gets ten times that.
    assert best < 0.06
