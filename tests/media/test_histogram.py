"""Histograms: the counts that numpy gives, with numpy and without."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.errors import InvalidInput
from forebear.media import histogram as module
from forebear.media.histogram import Histogram
from forebear.media.registry import revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

RNG = np.random.default_rng(3)


def without_numpy(values: list[Any], num_bins: int = 64) -> Histogram:
    """The histogram as a process makes it that never loaded numpy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "loaded", lambda package: False)
        patch.setattr(module, "_count_array", None)
        return Histogram(values, num_bins=num_bins)


# -- counting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize("num_bins", [1, 7, 64, 512])
def test_counts_are_those_of_numpy(dtype: str, num_bins: int) -> None:
    values = (RNG.normal(20, 9, (50, 20)).clip(0, 200)).astype(dtype)
    counts, edges = np.histogram(values.astype("float64"), bins=num_bins)
    found = Histogram(values, num_bins=num_bins)
    assert found.histogram == counts.tolist()
    assert found.bins == edges.tolist()
    assert without_numpy(values.tolist(), num_bins) == found
    assert Histogram(Tensor(values), num_bins=num_bins) == found


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-9, 9), min_size=1), st.integers(1, 20))
def test_both_ways_of_counting_agree(values: list[float], num_bins: int) -> None:
    found = Histogram(values, num_bins=num_bins)
    assert without_numpy(values, num_bins) == found
    assert sum(found.histogram) == len(values)
    edges = found.bins
    for index, count in enumerate(found.histogram):
        last = index == num_bins - 1
        inside = [v for v in values if edges[index] <= v and (v < edges[index + 1] or (last and v == edges[-1]))]
        assert count == len(inside)


@given(st.lists(st.floats(-1e307, 1e307) | st.sampled_from([math.nan, math.inf, -math.inf])))
def test_no_list_of_floats_breaks_it(values: list[float]) -> None:
    found = Histogram(values, num_bins=5)
    assert sum(found.histogram) + found.left_out == len(values)
    assert all(low < high for low, high in zip(found.bins, found.bins[1:], strict=False))
    assert without_numpy(values, 5) == found


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e17, -1e300, 5e-324])
def test_equal_values_are_in_the_middle(value: float) -> None:
    found = Histogram([value] * 3, num_bins=5)
    assert found.histogram == [0, 0, 3, 0, 0]
    assert found.bins[0] < value < found.bins[-1]


def test_what_is_not_finite_is_counted_apart() -> None:
    for values in ([1.0, math.nan, 2.0, math.inf, -math.inf], np.array([1.0, np.nan, 2.0, np.inf, -np.inf])):
        found = Histogram(values, num_bins=2)
        assert (found.histogram, found.bins, found.left_out) == ([1, 1], [1.0, 1.5, 2.0], 3)
        assert found.to_json(Files())["left_out"] == 3
        assert revive(found.to_json(Files()), Files().read) == found
    assert Histogram([math.nan]).left_out == Histogram(np.array([np.nan])).left_out == 1


def test_zeros_have_no_sign() -> None:
    for values in ([0.0, -0.0, -1], [-0.0, 0.0, -1]):
        assert Histogram(values, num_bins=1).to_json(Files())["bins"] == [-1.0, 0.0]
        assert math.copysign(1, Histogram(values).bins[-1]) == 1


def test_nothing_has_a_histogram_too() -> None:
    for empty in ([], np.array([]), iter(())):
        found = Histogram(empty, num_bins=3)
        assert (found.histogram, found.bins[0], found.bins[-1]) == ([0, 0, 0], 0.0, 1.0)


def test_large_arrays_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.append(RNG.normal(size=1000), np.nan)
    whole = Histogram(values)
    monkeypatch.setattr(module, "_PIECE", 7)
    assert Histogram(values) == whole
    assert whole.left_out == 1


def test_other_sequences() -> None:
    expected = Histogram([1, 2, 3, 4], num_bins=2)
    assert Histogram(iter([1, 2, 3, 4]), num_bins=2) == expected
    assert Histogram([[1, 2], [3, 4]], num_bins=2) == expected
    assert Histogram({1, 2, 3, 4}, num_bins=2) == expected
    assert Histogram([np.float32(1), 2, np.int64(3), 4], num_bins=2) == expected
    assert Histogram([Tensor([1.0, 2.0, 3.0]), Tensor([4.0])], num_bins=2) == expected, "gradients of several layers"
    assert without_numpy([[1, 2], (3, np.float64(4))], 2) == expected


@pytest.mark.parametrize("bad", ["text", b"x", {"a": 1}, 5, ["a"], [None], [object()], np.array(["a"]), np.array([1j])])
def test_what_are_no_numbers(bad: Any) -> None:
    with pytest.raises(InvalidInput, match="a histogram needs numbers"):
        Histogram(bad)
    if isinstance(bad, list):
        with pytest.raises(InvalidInput, match="is among them"):
            without_numpy(bad)


@pytest.mark.parametrize("num_bins", [0, 513, -1, 2.5, "64", True, None])
def test_numbers_of_bins(num_bins: Any) -> None:
    with pytest.raises(InvalidInput, match="num_bins is a whole number from 1 to 512"):
        Histogram([1], num_bins=num_bins)


def test_values_too_far_apart_are_refused() -> None:
    for values in ([-1.7e308, 1.7e308], [1.7976931348623157e308]):
        with pytest.raises(InvalidInput, match="too far apart for a histogram"):
            Histogram(values)


# -- counts that are given --------------------------------------------------------------------------------------------


def test_the_counts_of_numpy_are_taken() -> None:
    counts, edges = np.histogram(RNG.normal(size=100), bins=10)
    found = Histogram(np_histogram=(counts, edges))
    assert found.histogram == counts.tolist()
    assert found.bins == edges.tolist()
    value = found.to_json(Files())
    assert value == {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}
    assert revive(value, Files().read) == found
    densities = np.histogram(RNG.normal(size=100), bins=10, density=True)
    assert Histogram(np_histogram=densities).histogram == densities[0].tolist()
    assert Histogram(np_histogram=([1, 2], [0, 1, 10])).bins == [0, 1, 10], "bins need not be equally wide"


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (([1, 2], [0, 1]), "2 counts and 2 edges"),
        (([], [0]), "0 counts and 1 edges"),
        (([1] * 513, range(514)), "the edges of np_histogram are finite numbers"),
        (([1] * 513, list(range(514))), "513 counts"),
        (([1, math.nan], [0, 1, 2]), "the counts of np_histogram are finite numbers"),
        (([1], [0, math.inf]), "the edges of np_histogram are finite"),
        (([1], ["a", "b"]), "the edges"),
        (([1, 1], [0, 2, 1]), "do not rise"),
        ([1], "a pair of counts and edges"),
        (7, "a pair of counts and edges"),
    ],
)
def test_counts_that_are_none(given_: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Histogram(np_histogram=given_)


def test_either_values_or_counts() -> None:
    with pytest.raises(InvalidInput, match="of a sequence or of an np_histogram"):
        Histogram()
    with pytest.raises(InvalidInput, match="of a sequence or of an np_histogram"):
        Histogram([1], np_histogram=([1], [0, 1]))


def test_it_says_what_it_holds() -> None:
    assert repr(Histogram([1, 2, 3])) == "Histogram(3 values in 64 bins)"


def test_a_long_list_is_worth_numpy() -> None:
    code = (
        "import sys\nfrom forebear.media import histogram\n"
        "histogram.Histogram([1.0] * 1000)\nassert 'numpy' not in sys.modules\n"
        "histogram.Histogram([1.0] * (histogram.LONG_LIST + 1))\nassert 'numpy' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
