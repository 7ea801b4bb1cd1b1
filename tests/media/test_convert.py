"""What people log as it is."""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects as go
import polars as pl
import pyarrow as pa
import pytest

from forebear.errors import InvalidInput
from forebear.media.convert import media_of
from forebear.media.histogram import Histogram
from forebear.media.html import Html
from forebear.media.image import Image
from forebear.media.lists import ImageList, MediaList
from forebear.media.plotly import Plotly
from forebear.media.table import Table
from tests.media.tensors import Tensor

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PICTURE = PIL.Image.new("RGB", (3, 2))


@pytest.mark.parametrize(
    "value",
    [
        1,
        1.5,
        True,
        None,
        "text",
        b"bytes",
        {"a": 1},
        [],
        [1, 2],
        [[1], [2]],
        ["a"],
        (1, 2),
        object(),
        sys,
        np,
        np.float32(1),
        np.zeros(1),
        np.zeros(0),
        np.array(["a", "b"]),
        np.array([1j, 2]),
        np.array([object(), 1]),
        [np.zeros(3), np.zeros(3)],
        [Html("a"), 3],
        [PICTURE, "a"],
        pd.Series(["a", "b"]),
        go.Scatter(x=[1], y=[2]),
        Tensor([1.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_media(value: Any) -> None:
    assert media_of(value) is None


def test_media_are_what_they_are() -> None:
    page = Html("a")
    assert media_of(page) is page


def test_pictures_and_figures() -> None:
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.plot([1, 2])
    for value in (PICTURE, figure, axes, plt):
        assert isinstance(media_of(value), Image)
    plt.close(figure)
    assert isinstance(media_of(go.Figure()), Plotly)


def test_classes_of_ones_own_above_those_of_a_library() -> None:
    class Picture(PIL.Image.Image):
        pass

    mine = Picture()
    mine.im, mine._size, mine._mode = PICTURE.im, PICTURE.size, "RGB"
    assert isinstance(media_of(mine), Image)


@pytest.mark.parametrize("dtype", ["float64", "int32", "bool", "float16"])
def test_arrays_become_histograms(dtype: str) -> None:
    values = np.array([[0, 1], [1, 0]], dtype=dtype)
    expected = Histogram(values)
    for value in (values, Tensor(values), pd.Series(values.ravel()), pl.Series(values.ravel().astype("float64"))):
        assert media_of(value) == expected
    assert media_of(Tensor(values.astype("float32"), dtype="bfloat16")) == expected


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": [1, 2], "b": ["x", "y"]}),
    ],
    ids=["pandas", "polars", "arrow"],
)
def test_frames_become_tables(frame: Any) -> None:
    table = media_of(frame)
    assert isinstance(table, Table)
    assert table.columns == ["a", "b"]
    assert table.data == [[1, "x"], [2, "y"]]


def test_lists_of_media_are_one_value() -> None:
    assert isinstance(media_of([PICTURE, Image(PICTURE)]), ImageList)
    found = media_of((Html("a"), go.Figure()))
    assert type(found) is MediaList
    assert [type(item) for item in found] == [Html, Plotly]


def test_a_picture_that_cannot_be_kept_says_so() -> None:
    with pytest.raises(InvalidInput, match="is empty"):
        media_of(PIL.Image.new("L", (0, 5)))
