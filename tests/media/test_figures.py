"""Figures: those of matplotlib as pictures, those of plotly and bokeh as JSON."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.media.bokeh import Bokeh
from forebear.media.figures import figure_of
from forebear.media.image import Image
from forebear.media.plotly import Plotly
from forebear.media.registry import revive
from tests.media.kept_files import Files

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def drawn() -> Any:
    figure, axes = plt.subplots(figsize=(3, 2), dpi=50)
    axes.plot([1, 2, 3])
    return figure


# -- matplotlib -------------------------------------------------------------------------------------------------------


def test_a_figure_is_a_picture_of_its_size() -> None:
    image = Image(drawn(), caption="loss")
    assert (image.width, image.height, image.format) == (150, 100, "png")
    pixels = np.array(image.image.convert("L"))
    assert pixels.min() < 100 < 250 < pixels.max(), "there are lines on white"
    assert Image(drawn()).content == image.content, "the same figure gives the same bytes"


def test_whatever_belongs_to_a_figure_stands_for_it() -> None:
    figure = drawn()
    axes = figure.axes[0]
    for value in (figure, axes, axes.lines[0], plt, figure.canvas.figure):
        assert figure_of(value) is figure
    outer = plt.figure()
    inner, _ = outer.subfigures(1, 2)
    assert figure_of(inner) is outer
    assert figure_of(inner.subplots()) is outer
    assert figure_of(mpl.lines.Line2D([0], [0])) is None, "it is on no figure"
    for value in (3, "x", np, object()):
        assert figure_of(value) is None


def test_a_grid_of_seaborn_stands_for_its_figure() -> None:
    class FacetGrid:
        figure = drawn()

    FacetGrid.__module__ = "seaborn.axisgrid"
    assert figure_of(FacetGrid()) is FacetGrid.figure


def test_without_matplotlib_nothing_is_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn()
    monkeypatch.delitem(sys.modules, "matplotlib.figure")
    assert figure_of(figure) is None


def test_an_empty_figure_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty; log it before"):
        Image(plt.figure())
    with pytest.raises(InvalidInput, match="empty; log it before"):
        Image(plt)


def test_a_figure_with_nothing_but_text_is_not_empty() -> None:
    figure = plt.figure(figsize=(1, 1))
    figure.text(0.5, 0.5, "x")
    assert Image(figure).width == 100


def test_a_figure_that_cannot_be_drawn_says_why() -> None:
    figure = drawn()
    figure.axes[0].set_title("$\\nonsense{$")
    with pytest.raises(InvalidInput, match="the matplotlib figure cannot be drawn: "):
        Image(figure)


def test_a_figure_stays_as_it_is() -> None:
    figure = drawn()
    canvas, dpi = figure.canvas, figure.dpi
    Image(figure, file_type="jpg")
    assert (figure.canvas, figure.dpi) == (canvas, dpi)


# -- plotly -----------------------------------------------------------------------------------------------------------


def test_a_figure_of_plotly_comes_back() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=np.array([1.0, float("nan"), 2.0])))
    files = Files()
    kept = Plotly(figure, caption="c")
    value = kept.to_json(files)
    assert value["_type"] == "plotly-file"
    assert value["path"].endswith(".plotly.json")
    assert json.loads(files.read(value["path"])) == json.loads(figure.to_json())
    back = revive(value, files.read)
    assert back == kept
    assert isinstance(back, Plotly)
    assert back.figure.data[0].x == (0, 1, 2)
    assert back.spec["data"][0]["type"] == "scatter"
    assert revive(back.to_json(Files()), files.read) == kept


def test_the_json_of_a_figure_is_taken(tmp_path: Path) -> None:
    form = {"data": [{"type": "bar", "y": [1, 2]}], "layout": {}}
    (tmp_path / "a.json").write_text(json.dumps(form))
    assert Plotly(form).spec == Plotly(tmp_path / "a.json").spec == form


def test_what_is_no_figure_of_plotly(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="log a matplotlib figure as forebear.Image"):
        Plotly(drawn())
    with pytest.raises(InvalidInput, match="it has no 'data'"):
        Plotly({"x": 1})
    with pytest.raises(InvalidInput, match="is no JSON"):
        Plotly({"data": object()})
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"a\.json is no plotly figure"):
        Plotly(str(tmp_path / "a.json"))


def test_without_plotly_its_json_can_still_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Plotly({"data": []})
    monkeypatch.setitem(sys.modules, "plotly.io", None)
    assert kept.spec == {"data": []}
    with pytest.raises(Unsupported, match="pip install plotly"):
        _ = kept.figure


# -- bokeh ------------------------------------------------------------------------------------------------------------


class Document:
    """What `Bokeh` asks of a document of bokeh, which the tests do without."""

    def __init__(self) -> None:
        self.roots: list[Any] = []

    def add_root(self, model: Any) -> None:
        assert model.document is None, "a model is in one document"
        self.roots.append(model)
        model.document = self

    def clear(self) -> None:
        for model in self.roots:
            model.document = None
        self.roots = []

    def to_json(self, *, deferred: bool) -> Any:
        assert not deferred
        return {"roots": [model.name for model in self.roots]}


class Model:
    def __init__(self, name: str) -> None:
        self.name = name
        self.document: Document | None = None


@pytest.fixture
def _bokeh(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("bokeh.document")
    module.__dict__["Document"] = Document
    monkeypatch.setitem(sys.modules, "bokeh", types.ModuleType("bokeh"))
    monkeypatch.setitem(sys.modules, "bokeh.document", module)
    monkeypatch.setattr(Document, "__module__", "bokeh.document")
    monkeypatch.setattr(Model, "__module__", "bokeh.plotting")


@pytest.mark.usefixtures("_bokeh")
def test_a_model_of_bokeh_is_kept_as_a_document() -> None:
    files = Files()
    model = Model("line")
    kept = Bokeh(model)
    value = kept.to_json(files)
    assert value["_type"] == "bokeh-file"
    assert value["path"].endswith(".bokeh.json")
    assert kept.spec == {"roots": ["line"]}
    assert model.document is None, "it may still go into one"
    assert revive(value, files.read) == kept
    document = Document()
    document.add_root(model)
    assert Bokeh(document) == Bokeh(model) == kept


def test_a_document_in_a_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"roots": []}')
    assert Bokeh(tmp_path / "a.json").spec == {"roots": []}
    with pytest.raises(InvalidInput, match="document or model of bokeh or a path, not a int"):
        Bokeh(3)
