"""Every distribution: within its bounds, the same for the same number, and spread as it says."""

from __future__ import annotations

import math
from statistics import mean, median, stdev
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given
from scipy import stats

from forebear.errors import InvalidInput
from forebear.sweeps.beta import beta_cdf, beta_quantile
from forebear.sweeps.chance import draw
from forebear.sweeps.parameter_keys import KINDS, distribution

units = st.floats(0, 1, exclude_min=True, exclude_max=True)
finite = st.floats(-1e6, 1e6)
#: One specification of each distribution, with the same distribution of SciPy where it has bounds or not.
SAMPLES: dict[str, tuple[dict[str, Any], Any]] = {
    "constant": ({"value": 3}, None),
    "categorical": ({"values": ["a", "b", "c"]}, None),
    "categorical_w_probabilities": ({"values": ["a", "b"], "probabilities": [0.25, 0.75]}, None),
    "int_uniform": ({"min": -3, "max": 12}, stats.randint(-3, 13)),
    "uniform": ({"min": -2, "max": 5}, stats.uniform(-2, 7)),
    "q_uniform": ({"min": 0, "max": 10, "q": 0.5}, None),
    "log_uniform": ({"min": -5, "max": 2}, stats.loguniform(math.exp(-5), math.exp(2))),
    "q_log_uniform": ({"min": 0, "max": 5, "q": 2}, None),
    "inv_log_uniform": ({"min": 1, "max": 4}, stats.loguniform(math.exp(-4), math.exp(-1))),
    "log_uniform_values": ({"min": 1e-5, "max": 0.1}, stats.loguniform(1e-5, 0.1)),
    "q_log_uniform_values": ({"min": 8, "max": 512, "q": 8}, None),
    "inv_log_uniform_values": ({"min": 1e-3, "max": 10}, stats.loguniform(1e-3, 10)),
    "normal": ({"mu": 4, "sigma": 2}, stats.norm(4, 2)),
    "q_normal": ({"mu": 0, "sigma": 3, "q": 0.5}, None),
    "log_normal": ({"mu": 1, "sigma": 0.5}, stats.lognorm(0.5, scale=math.e)),
    "q_log_normal": ({"mu": 2, "sigma": 0.5, "q": 1}, None),
    "beta": ({"a": 2, "b": 5}, stats.beta(2, 5)),
    "q_beta": ({"a": 0.5, "b": 0.5, "q": 0.1}, None),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, **changes: Any) -> Any:
    return distribution("p", {"distribution": kind, **SAMPLES[kind][0], **changes})


def drawn(dist: Any, count: int = 2_000) -> list[Any]:
    return [dist.quantile(draw(f"7/{number}", "x")) for number in range(count)]


def test_there_is_a_sample_of_each_kind() -> None:
    assert SAMPLES.keys() == KINDS.keys()


@kinds
def test_what_is_drawn_is_one_of_its_values(kind: str) -> None:
    dist = made(kind)
    values = drawn(dist, 300)
    assert all(dist.contains(value) for value in values)
    assert values == drawn(dist, 300)
    if dist.bounds is not None:
        low, high = dist.bounds
        assert all(low <= value <= high for value in values)
    if dist.choices is not None:
        assert {repr(value) for value in values} <= {repr(value) for value in dist.choices}


@kinds
@given(u=st.floats(1e-6, 1 - 1e-6))
def test_values_lie_where_they_come_from(kind: str, u: float) -> None:
    """What is drawn by a number has a place near that number: a search may go from values to the cube and back."""
    dist = made(kind)
    value = dist.quantile(u)
    back = dist.unit(value)
    assert 0 <= back <= 1
    again = dist.quantile(back)
    if dist.is_number:
        assert math.isclose(again, value, rel_tol=1e-6, abs_tol=1e-9)
    else:
        assert again == value


@kinds
@given(units, units)
def test_larger_numbers_give_no_smaller_values(kind: str, one: float, other: float) -> None:
    dist = made(kind)
    low, high = sorted((one, other))
    if dist.is_number:
        assert dist.quantile(low) <= dist.quantile(high)
    else:
        values = list(dist.choices)
        assert values.index(dist.quantile(low)) <= values.index(dist.quantile(high))


@pytest.mark.parametrize("kind", [kind for kind, (_, scipy) in SAMPLES.items() if scipy is not None])
def test_they_are_spread_as_they_say(kind: str) -> None:
    # A fixed draw, so that chance fails nobody.
    sample = sorted(float(value) for value in drawn(made(kind)))
    expected = SAMPLES[kind][1]
    points = [float(point) for point in expected.ppf([0.1, 0.3, 0.5, 0.7, 0.9])]
    shares = [sum(value <= point for value in sample) / len(sample) for point in points]
    wanted = [float(expected.cdf(point)) for point in points]
    assert shares == pytest.approx(wanted, abs=0.035)


def test_probabilities_are_kept() -> None:
    values = drawn(made("categorical_w_probabilities"), 4_000)
    assert values.count("b") / len(values) == pytest.approx(0.75, abs=0.03)
    never = distribution("p", {"values": ["x", "y"], "probabilities": [1, 0]})
    assert set(drawn(never, 500)) == {"x"}
    assert never.quantile(1 - 2**-53) == "x"


def test_each_integer_is_as_likely() -> None:
    dist = distribution("p", {"min": 1, "max": 4})
    values = drawn(dist, 8_000)
    assert {type(value) for value in values} == {int}
    assert all(values.count(number) / len(values) == pytest.approx(0.25, abs=0.02) for number in (1, 2, 3, 4))


def test_logarithms_are_uniform_and_the_median_is_the_geometric_mean() -> None:
    values = drawn(made("log_uniform_values"), 4_000)
    assert median(values) == pytest.approx(1e-3, rel=0.15)
    logs = [math.log(value) for value in values]
    assert mean(logs) == pytest.approx(math.log(1e-3), abs=0.15)
    assert stdev(logs) == pytest.approx((math.log(0.1) - math.log(1e-5)) / math.sqrt(12), rel=0.05)


@given(low=finite, width=st.floats(0, 1e6), q=st.floats(1e-3, 1e3), u=units)
def test_multiples_stay_within_the_bounds(low: float, width: float, q: float, u: float) -> None:
    assume((width / q) < 2**50)
    keys = {"distribution": "q_uniform", "min": low, "max": low + width, "q": q}
    if math.floor((low + width) / q + 1e-9) < math.ceil(low / q - 1e-9):
        with pytest.raises(InvalidInput, match="no multiple"):
            distribution("p", keys)
        return
    dist = distribution("p", keys)
    value = dist.quantile(u)
    slack = 1e-6 * max(1.0, abs(low), width, q)
    assert low - slack <= value <= low + width + slack
    assert abs(value / q - round(value / q)) < 1e-4
    assert dist.choices is not None
    assert value in (dist.choices[0], dist.choices[-1]) or dist.choices[0] < value < dist.choices[-1]


def test_multiples_are_written_as_people_write_them() -> None:
    dist = distribution("p", {"distribution": "q_uniform", "min": 0.05, "max": 0.75, "q": 0.1})
    assert list(dist.choices or ()) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    whole = distribution("p", {"distribution": "q_log_uniform_values", "min": 3, "max": 20, "q": 4})
    assert list(whole.choices or ()) == [4, 8, 12, 16, 20]
    assert {type(value) for value in whole.choices or ()} == {int}
    assert list((whole.choices or ())[1:3]) == [8, 12]


@given(low=st.floats(1e-300, 1e300), ratio=st.floats(1, 1e6), u=units)
def test_scales_of_any_size_have_their_bounds(low: float, ratio: float, u: float) -> None:
    assume(low * ratio < 1e305)
    dist = distribution("p", {"distribution": "log_uniform_values", "min": low, "max": low * ratio})
    assert low <= dist.quantile(u) <= low * ratio


def test_the_largest_floats_are_bounds_too() -> None:
    dist = distribution("p", {"min": -1.7e308, "max": 1.7e308})
    assert dist.quantile(0.5) == pytest.approx(0, abs=1e300)
    assert dist.unit(-1.7e308) == 0.0
    assert dist.unit(1.7e308) == 1.0


@given(a=st.floats(0.05, 200), b=st.floats(0.05, 200), u=st.floats(0.001, 0.999))
def test_the_beta_distribution_is_that_of_scipy(a: float, b: float, u: float) -> None:
    x = float(stats.beta(a, b).ppf(u))
    assert beta_cdf(a, b, x) == pytest.approx(float(stats.beta(a, b).cdf(x)), abs=1e-9)
    # Near 1 the share may lie between two neighbouring numbers: 1 - 2**-64 is none.
    found = beta_quantile(a, b, u)
    assert beta_cdf(a, b, math.nextafter(found, 0)) - 1e-6 <= u <= beta_cdf(a, b, math.nextafter(found, 2)) + 1e-6


def test_a_share_between_two_numbers_is_one_of_them() -> None:
    assert beta_quantile(1.0, 0.0625, 0.9375) in {math.nextafter(1, 0), 1.0}


def test_the_beta_distribution_ends_at_its_ends() -> None:
    assert (beta_cdf(2, 3, -1), beta_cdf(2, 3, 0), beta_cdf(2, 3, 1), beta_cdf(2, 3, 2)) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"value": None}, "constant"),
        ({"values": [1]}, "categorical"),
        ({"values": [1, 2], "probabilities": [0.5, 0.5]}, "categorical_w_probabilities"),
        ({"min": 1, "max": 2}, "int_uniform"),
        ({"min": 1, "max": 2.0}, "uniform"),
        ({"min": 1, "max": 2, "q": 1}, "q_uniform"),
        ({"mu": 0}, "normal"),
        ({"sigma": 2, "q": 1}, "q_normal"),
        ({"a": 1}, "beta"),
        ({"a": 1, "q": 0.1}, "q_beta"),
    ],
)
def test_keys_alone_say_which_it_is(keys: dict[str, Any], kind: str) -> None:
    assert distribution("p", keys).kind == kind


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "p: {} says no values"),
        ({"min": 3, "max": 2}, "p: min 3 is above max 2"),
        ({"min": 3}, "p: int_uniform needs min and max; max is missing"),
        ({"min": "1e-5", "max": 1}, "p.min: '1e-5' is a text; YAML reads 1e-5 as one: write it 1.0e-5"),
        ({"min": True, "max": 1}, "p.min: True is no number"),
        ({"min": 0.0, "max": math.inf}, "p.max: inf is not finite"),
        ({"min": 0.0, "max": math.nan}, "p.max: nan is not finite"),
        ({"min": 0, "max": 2**64}, "p.max: 18446744073709551616 has more than 64 bits"),
        ({"min": 0, "max": 2, "maxx": 3}, "p.maxx: there is no such key; did you mean 'max'?"),
        ({"values": []}, "p.values: the list is empty"),
        ({"values": "abc"}, "p.values: 'abc' is no list"),
        ({"values": [1, 2, 1]}, "p.values: 1 is there twice"),
        ({"values": [1, 2], "probabilities": [1]}, "p.probabilities: there are 1 for 2 values"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "p.probabilities: they sum to 1.1, not to 1"),
        ({"values": [1, 2], "probabilities": [-0.5, 1.5]}, "p.probabilities: -0.5 is below 0"),
        (
            {"distribution": "unifrom", "min": 0, "max": 1},
            "p.distribution: 'unifrom' is unknown; did you mean",
        ),
        ({"distribution": "int_uniform", "min": 0, "max": 1.5}, "p.max: 1.5 is no whole number"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "p.min: 0 is not above 0, and has no logarithm"),
        ({"distribution": "log_uniform", "min": 0, "max": 1000}, "p.max: log_uniform takes powers of e"),
        ({"distribution": "normal", "sigma": 0}, "p.sigma: 0 is not above 0"),
        ({"distribution": "beta", "a": -1}, "p.a: -1 is not above 0"),
        ({"distribution": "q_uniform", "min": 0.1, "max": 0.2, "q": 1}, "p: no multiple of q=1 is between 0.1 and 0.2"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 1e-30}, "p.q: 1e-30 is too small"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "p.q: 0 is not above 0"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        distribution("p", keys)
    assert words in str(caught.value)


def test_values_of_other_types_are_other_values() -> None:
    dist = distribution("p", {"values": [1, 1.0, True, "1", None, [1], {"a": 1}]})
    assert len(dist.choices or ()) == 7
    assert [dist.contains(value) for value in (1, True, [1], {"a": 1}, [1.0], 2)] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert dist.unit(None) == pytest.approx(4.5 / 7)
    with pytest.raises(ValueError, match="none of"):
        dist.unit(2)


@pytest.mark.parametrize("kind", ["int_uniform", "uniform", "q_uniform", "log_uniform_values"])
def test_what_lies_outside_has_no_place(kind: str) -> None:
    dist = made(kind)
    for value in (1e9, "x", None, True, math.nan):
        assert not dist.contains(value)
        with pytest.raises(ValueError, match=r"no (whole )?(number|multiple)"):
            dist.unit(value)


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    dist = distribution("p", {"min": numpy.int64(1), "max": numpy.int64(4)})
    assert (dist.kind, dist.bounds) == ("int_uniform", (1, 4))
