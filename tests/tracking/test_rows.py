"""From what people log to plain rows, without a run."""

from __future__ import annotations

import math
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.errors import InvalidInput
from forebear.tracking.rows import PLAIN, NotARow, plain_row, step_of

if TYPE_CHECKING:
    from forebear.media.base import Media


def kinds(data: Any) -> dict[str, Any]:
    """A row in which media are named by their kind."""
    return plain_row(data, lambda key, media: {"_type": media.kind})


class Scalar:
    """As a tensor of a library that nobody here knows."""

    shape: Any = ()
    dtype = "float32"

    def item(self) -> float:
        return 0.5

    def tolist(self) -> float:
        return 0.5


class Shapeless(Scalar):
    """As a tensor whose shape is not known yet."""

    shape = (None,)

    def tolist(self) -> list[float]:
        return [0.5, 0.25]


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (Fraction(1, 4), 0.25),
        (Scalar(), 0.5),
        (Shapeless(), [0.5, 0.25]),
        (pd.Series([2.0]), 2.0),
        (pl.Series([3]), 3),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (MappingProxyType({}), None),
        ([MappingProxyType({"a": np.int8(1)})], [{"a": 1}]),
        (frozenset({2, 1}), [1, 2]),
        ({"_type": "image-file", "path": "x"}, {"_type": "image-file", "path": "x"}),
        (range(3), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_other_libraries_become_plain(value: Any, meant: Any) -> None:
    if isinstance(value, range):
        with pytest.raises(NotARow, match="is a range"):
            kinds({"a": value})
    elif isinstance(value, MappingProxyType):
        assert kinds({"a": value}) == {}
    else:
        found = kinds({"a": value})["a"]
        assert found == meant
        assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.arange(3), "histogram"),
        (np.zeros((2, 2), dtype=bool), "histogram"),
        (pd.Series([1, 2]), "histogram"),
        (pd.DataFrame({"a": [1]}), "table-file"),
        (pl.DataFrame({"a": [1]}), "table-file"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_many_numbers_become_media(value: Any, kind: str) -> None:
    assert kinds({"a": value}) == {"a": {"_type": kind}}


@pytest.mark.parametrize(
    "value", [[np.zeros(20_000)], {"_type": "x", "inner": object()}, [1j], np.array([1j, 2j]), lambda: 1]
)
def test_what_no_row_can_hold_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(NotARow, match="'deep.a'"):
        kinds({"deep": {"a": value}})


PLAIN_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5))
NESTED = st.recursive(
    PLAIN_VALUES, lambda inner: st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3), max_leaves=10
)


@given(data=st.dictionaries(st.text(min_size=1, max_size=3), NESTED, max_size=4))
def test_rows_hold_plain_values_only_and_all_of_them(data: dict[str, Any]) -> None:
    row = plain_row(data, refuse)
    assert all(type(value) in PLAIN for value in row.values())
    expected: dict[str, Any] = {}

    def leaves(values: dict[str, Any], prefix: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                leaves(value, f"{prefix}{key}.")
            else:
                expected[f"{prefix}{key}"] = value

    leaves(data, "")
    assert row.keys() == expected.keys()
    for key, value in expected.items():
        assert row[key] == value or (math.isnan(row[key]) and math.isnan(value))


def refuse(key: str, media: Media) -> dict[str, Any]:
    raise AssertionError(f"{key} holds no media")


@given(step=st.integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_a_step(step: int) -> None:
    assert step_of(step) == step
    if abs(step) < 2**53:
        assert step_of(float(step)) == step


@pytest.mark.parametrize("step", [math.inf, math.nan, 0.5, "1", None, 2**63, [1]], ids=str)
def test_others_are_none(step: Any) -> None:
    with pytest.raises(InvalidInput):
        step_of(step)
