"""Every chart is data and a specification that draws."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from forebear import plot
from forebear.errors import InvalidInput, NotFound, Unsupported
from forebear.media.classes import Classes
from forebear.media.registry import revive
from forebear.media.table import Table
from forebear.media.table_files import log_table
from forebear.plot.custom_chart import MIME, CustomChart
from forebear.plot.matrices import binned
from forebear.plot.style import PALETTE
from tests.media.kept_files import Files

LOSSES = Table(
    columns=["epoch", "val.loss", "split"],
    data=[[epoch, 1 / (epoch + shift), split] for split, shift in (("train", 1), ("val", 2)) for epoch in range(30)],
)
CHARTS = {
    "line": plot.line(LOSSES, "epoch", "val.loss", title="Loss"),
    "strokes": plot.line(LOSSES, "epoch", "val.loss", stroke="split", title="Loss"),
    "scatter": plot.scatter(LOSSES, "epoch", "val.loss", title="Points"),
    "bar": plot.bar(LOSSES, "split", "val.loss", title="Bars"),
    "histogram": plot.histogram(LOSSES, "val.loss", title="Histogram"),
    "line_series": plot.line_series([0, 1, 2], [[1, 2, 3], [3, 2, 1]], keys=["up", "down"], title="Lines", xname="t"),
    "roc_curve": plot.roc_curve([0, 1, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]),
    "pr_curve": plot.pr_curve([0, 1, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]),
    "confusion_matrix": plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"]),
    "plot_table": plot.plot_table(
        {
            "title": "${string:title:Mine}",
            "mark": "point",
            "encoding": {
                "x": {"field": "${field:x}", "type": "quantitative"},
                "y": {"field": "${field:y}", "type": "quantitative", "title": "${field:y}"},
            },
        },
        LOSSES,
        {"x": "epoch", "y": "val.loss"},
    ),
}


def marks_in(svg: str, role: str) -> int:
    return svg.count(f'aria-roledescription="{role}"')


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn(name: str) -> None:
    chart = CHARTS[name]
    image = Image.open(io.BytesIO(chart.to_png()))
    colours = image.convert("RGB").getcolors(1 << 20)
    assert min(image.size) > 150
    assert colours is not None
    # Lines, bars and cells are in colours that no axis has.
    assert any(max(colour) - min(colour) > 60 for _, colour in colours)  # type: ignore[arg-type, type-var]
    svg = chart.to_svg()
    assert svg.startswith("<svg")
    assert chart.spec().get("title", {}) is not None
    assert "NaN" not in svg


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_comes_back(name: str) -> None:
    chart, files = CHARTS[name], Files()
    value = json.loads(json.dumps(chart.to_json(files)))
    assert value["_type"] == "custom-chart"
    assert json.loads(files[value["path"]]) == json.loads(json.dumps(chart.spec()))
    back = revive(value, files.read)
    assert isinstance(back, CustomChart)
    assert back == chart
    assert back.spec() == chart.spec()


def test_titles_axes_and_names_are_drawn() -> None:
    svg = CHARTS["strokes"].to_svg()
    for text in ("Loss", "epoch", "val.loss", "split", "train", "val"):
        assert f">{text}</text>" in svg
    svg = CHARTS["line_series"].to_svg()
    for text in ("Lines", "t", "up", "down"):
        assert f">{text}</text>" in svg
    svg = CHARTS["roc_curve"].to_svg()
    for text in ("ROC Curve", "False positive rate", "True positive rate", "1 (AUC 0.750)"):
        assert f">{text}</text>" in svg
    for text in ("Confusion Matrix Curve", "actual", "predicted", "a", "b"):
        assert f">{text}</text>" in CHARTS["confusion_matrix"].to_svg()
    assert ">Mine</text>" in CHARTS["plot_table"].to_svg()
    assert ">val.loss</text>" in CHARTS["plot_table"].to_svg()


def test_marks_are_as_many_as_the_data() -> None:
    assert marks_in(CHARTS["scatter"].to_svg(), "point") == 60
    assert marks_in(CHARTS["plot_table"].to_svg(), "point") == 60
    assert marks_in(CHARTS["bar"].to_svg(), "bar") == 2
    assert CHARTS["strokes"].to_svg().count('aria-roledescription="line mark"') == 2


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        ([dt.date(2026, 1, day) for day in (1, 2, 3)], "temporal"),
        ([dt.datetime(2026, 1, day, 12, tzinfo=dt.UTC) for day in (1, 2, 3)], "temporal"),
        (["low", "mid", "high"], "nominal"),
        ([True, False, True], "nominal"),
        ([1, None, 3], "quantitative"),
    ],
)
def test_what_can_be_along_the_bottom(x: list[Any], kind: str) -> None:
    table = Table(columns=["x", "y"], data=[[a, b] for a, b in zip(x, [1.5, math.nan, math.inf], strict=True)])
    for chart in (plot.line(table, "x", "y"), plot.scatter(table, "x", "y")):
        assert chart.spec()["encoding"]["x"]["type"] == kind
        assert "NaN" not in json.dumps(chart.spec())
        assert chart.to_svg().startswith("<svg")


def test_numbers_in_columns_of_any_type_are_drawn_as_numbers() -> None:
    table = Table(columns=["x", "y"], data=[[1, 2], [2, None]], allow_mixed_types=True)
    assert plot.line(table, "x", "y").spec()["encoding"]["x"]["type"] == "quantitative"
    mixed = Table(columns=["x", "y"], data=[[1, 2], ["a", 3]], allow_mixed_types=True)
    assert plot.line(mixed, "x", "y").spec()["encoding"]["x"]["type"] == "nominal"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: plot.line(t, "n", "nothing"), r"no column 'nothing'; it has \['n', 's', 'c'\]"),
        (lambda t: plot.line(t, "n", "s"), "y of the chart needs numbers, but column 's' holds string"),
        (lambda t: plot.line(t, "n", "n", stroke="c"), "column 'c' holds classes; a chart draws numbers, text"),
        (lambda t: plot.histogram(t, "s"), "value of the chart needs numbers"),
        (lambda t: plot.bar(t, "s", "s"), "value of the chart needs numbers"),
        (lambda t: plot.line([[1, 2]], 0, 1), "a chart draws a forebear.Table, not a list"),
        (lambda t: plot.plot_table("forebear/pie", t, {}), "no chart 'forebear/pie'; there are forebear/line, "),
        (lambda t: plot.plot_table("me/line", t, {}), "no chart 'me/line'"),
        (
            lambda t: plot.plot_table("wandb/line/v0", t, {"x": "n"}),
            "fields x, y, stroke .may be left out.; got x",
        ),
        (
            lambda t: plot.plot_table("wandb/scatter/v0", t, {"x": "n", "y": "n", "z": "n"}),
            "the fields x, y; got",
        ),
    ],
)
def test_charts_that_cannot_be_drawn(make: Any, message: str) -> None:
    table = Table(columns=["n", "s", "c"], data=[[1, "a", Classes([])], [2, "b", None]])
    with pytest.raises((InvalidInput, NotFound), match=message):
        make(table)


def test_charts_of_nothing() -> None:
    empty = Table(columns=["x", "y"])
    for chart in (
        plot.line(empty, "x", "y"),
        plot.scatter(empty, "x", "y"),
        plot.bar(empty, "x", "y"),
        plot.histogram(empty, "y"),
        plot.line_series([], []),
    ):
        assert chart.to_svg().startswith("<svg")


# -- much data ------------------------------------------------------------------------------------------------------


def test_long_lines_keep_their_extremes_and_say_so() -> None:
    rows = [[step, 0.5, name] for name in ("a", "b") for step in range(30_000)]
    rows[12_345][1], rows[54_321][1] = 99.0, -99.0
    spec = plot.line(Table(columns=["step", "v", "name"], data=rows), "step", "v", "name").spec()
    values = spec["data"]["values"]
    assert len(values) <= 10_000
    assert {row["y"] for row in values} == {0.5, 99.0, -99.0}
    assert {row["group"] for row in values} == {"a", "b"}
    [note] = spec["title"]["subtitle"]
    assert note == f"{len(values):,} of 60,000 points, among them the lowest and highest of every stretch"


def test_more_lines_than_a_chart_has_points_for() -> None:
    rows = [[step, step, f"line {number}"] for number in range(3_000) for step in (1, 0)]
    spec = plot.line(Table(columns=["x", "y", "n"], data=rows), "x", "y", "n").spec()
    assert len(spec["data"]["values"]) == 5_000
    assert [row["x"] for row in spec["data"]["values"][:2]] == [0, 1]
    notes = " ".join(spec["title"]["subtitle"])
    assert "2,500 of 3,000 lines" in notes
    assert "names the first 40 of 2,500 lines" in notes


def test_short_lines_leave_room_for_long_ones() -> None:
    rows = [[step, step % 7, "long"] for step in range(9_900)] + [[0, 0, f"short {n}"] for n in range(50)]
    spec = plot.line(Table(columns=["x", "y", "n"], data=rows), "x", "y", "n").spec()
    assert len(spec["data"]["values"]) == 9_950


def test_many_names_have_colours_and_dashes_of_their_own() -> None:
    ys = [[number, number] for number in range(2 * len(PALETTE))]
    encoding = plot.line_series([0, 1], ys).spec()["encoding"]
    looks = zip(encoding["color"]["scale"]["range"], map(str, encoding["strokeDash"]["scale"]["range"]), strict=True)
    assert len(set(looks)) == len(ys)
    assert "strokeDash" not in CHARTS["strokes"].spec()["encoding"]


def test_many_points_and_bars_and_rows_say_so() -> None:
    table = Table(columns=["n", "s"], data=[[n, f"label {n}"] for n in range(12_000)])
    scatter = plot.scatter(table, "n", "n").spec()
    assert len(scatter["data"]["values"]) == 10_000
    assert scatter["title"]["subtitle"] == ["10,000 of 12,000 points, drawn at random"]
    bar = plot.bar(table, "s", "n").spec()
    assert [row["value"] for row in bar["data"]["values"]] == list(range(11_500, 12_000))
    assert bar["title"]["subtitle"] == ["500 of 12,000 bars, the largest"]
    own = plot.plot_table({"title": "Mine", "mark": "point", "encoding": {}}, table, {"x": "n"}).spec()
    assert len(own["datasets"]["table"]) == 10_000
    assert own["title"] == {"text": "Mine", "subtitle": ["10,000 of 12,000 rows, drawn at random"]}


def test_a_histogram_counts_every_row() -> None:
    values = [*range(100), math.nan, math.inf, None]
    chart = plot.histogram(Table(columns=["v"], data=[[value] for value in values]), "v")
    bins = chart.spec()["data"]["values"]
    assert sum(row["count"] for row in bins) == 100
    assert chart.spec()["title"]["subtitle"] == ["left out, being missing, NaN or infinite: 3 of 103"]
    assert marks_in(chart.to_svg(), "bar") == len(bins)


@pytest.mark.parametrize(
    ("numbers", "whole", "expected"),
    [
        ([], False, []),
        ([0, 1, 1, 2], True, [(0, 1, 1), (1, 2, 2), (2, 3, 1)]),
        ([0.0, 0.5, 1.0], False, 21),
        ([5.0, 5.0], False, [(4.5, 5.5, 2)]),
        ([7, 7], True, [(7.0, 8.0, 2)]),
        ([-1e308, 1e308], False, 21),
        ([1e-300, 2e-300], False, 21),
        ([1e17, 1e17 + 16], False, None),
        (list(range(0, 3_000, 7)), True, 30),
    ],
)
def test_bins_are_round_and_hold_everything(numbers: list[float], whole: bool, expected: Any) -> None:
    bins = binned(numbers, whole)
    assert sum(row["count"] for row in bins) == len(numbers)
    assert len(bins) <= 32
    if isinstance(expected, list):
        assert [(row["from"], row["to"], row["count"]) for row in bins] == expected
    elif expected is not None:
        assert len(bins) == expected
    if numbers:
        assert bins[0]["from"] <= min(numbers)
        assert bins[-1]["to"] >= max(numbers)


def test_bars_of_one_label_are_added_up() -> None:
    table = Table(columns=["who", "n"], data=[["b", 1], ["a", -2.5], ["b", 2], [None, 5], ["a", None]])
    values = plot.bar(table, "who", "n").spec()["data"]["values"]
    assert values == [{"label": "b", "value": 3}, {"label": "a", "value": -2.5}, {"label": "none", "value": 5}]


# -- lines from lists -----------------------------------------------------------------------------------------------


def test_line_series() -> None:
    import numpy as np

    shared = plot.line_series(np.arange(2), np.array([[1, 2], [3, 4]]))
    assert shared.table.columns == ["step", "lineKey", "lineVal"]
    assert shared.table.data == [[0, "line_0", 1], [1, "line_0", 2], [0, "line_1", 3], [1, "line_1", 4]]
    own = plot.line_series([[0], [1, 2]], [[5], [6, 7]], keys=["a", "b"])
    assert own.table.data == [[0, "a", 5], [1, "b", 6], [2, "b", 7]]


@pytest.mark.parametrize(
    ("xs", "ys", "keys", "message"),
    [
        ([0, 1], [[1]], None, r"line 0 \(line_0\) has 2 xs and 1 ys"),
        ([[0]], [[1], [2]], None, "xs has 1 items for 2 lines"),
        ([0], [[1]], ["a", "b"], "keys has 2 items for 1 lines"),
        ([0], [1], None, r"ys\[0\] is 1; give a list"),
        ("text", [[1]], None, "xs is 'text'"),
        ([0], None, None, "ys is None"),
    ],
)
def test_lines_that_are_none(xs: Any, ys: Any, keys: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        plot.line_series(xs, ys, keys)


# -- specifications of one's own ------------------------------------------------------------------------------------


def test_a_specification_from_a_file(tmp_path: Path) -> None:
    body = {
        "data": {"name": "wandb"},
        "title": {"text": "${string:title}", "subtitle": "mine"},
        "layer": [{"mark": "bar", "encoding": {"y": {"field": "${field:v}", "type": "quantitative"}}}],
    }
    (tmp_path / "own.json").write_text(json.dumps(body))
    chart = plot.plot_table(str(tmp_path / "own.json"), LOSSES, {"v": "val.loss"}, {"title": "T"})
    spec = chart.spec()
    assert chart.id == "own"
    assert spec["layer"][0]["encoding"]["y"]["field"] == r"val\.loss"
    assert spec["title"]["text"] == "T"
    assert len(spec["datasets"]["wandb"]) == 60
    assert marks_in(chart.to_svg(), "bar") == 60


def test_specifications_that_are_none(tmp_path: Path) -> None:
    for content, message in (("{", "holds no Vega-Lite specification"), ("[]", "which is a JSON object")):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InvalidInput, match=message):
            plot.plot_table(str(tmp_path / "bad.json"), LOSSES, {})
    with pytest.raises(NotFound, match="cannot be read: No such file"):
        plot.plot_table(str(tmp_path / "gone.json"), LOSSES, {})
    for place in ("${field:z}", "${string:title}"):
        chart = plot.plot_table({"mark": place}, LOSSES, {"x": "epoch"})
        with pytest.raises(InvalidInput, match=r"has a place \$\{.*\}, but the \w+s given are"):
            chart.spec()


def test_names_of_wandb_presets_mean_the_same() -> None:
    chart = plot.plot_table("wandb/line/v0", LOSSES, {"x": "epoch", "y": "val.loss"}, {"title": "Loss"})
    assert chart.spec() == CHARTS["line"].spec()
    shown = plot.visualize("wandb/confusion_matrix/v1", CHARTS["confusion_matrix"].table)
    assert shown.spec()["data"] == CHARTS["confusion_matrix"].spec()["data"]


# -- logging, notebooks, files --------------------------------------------------------------------------------------


def test_a_chart_is_described_with_its_table_kept_elsewhere() -> None:
    chart, files = CHARTS["line"], Files()
    table = log_table(chart.table, chart.table_key("loss"), files, artifact="run-r-loss_table")
    value = chart.described(files, table.value)
    assert value["table"] == table.value
    assert revive(value, files.read) == chart
    assert chart.table_key("loss") == "loss_table"
    apart = plot.line(LOSSES, "epoch", "val.loss", split_table=True)
    assert apart.table_key("loss") == "Custom Chart Tables/loss_table"


def test_notebooks_draw_the_specification() -> None:
    bundle = CHARTS["line"]._repr_mimebundle_()
    assert bundle[MIME] == CHARTS["line"].spec()
    assert bundle["text/plain"] == "CustomChart('forebear/line', 60 rows, x='epoch', y='val.loss')"


def test_charts_are_saved_by_the_end_of_the_name(tmp_path: Path) -> None:
    for end, start in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".html", b"<!DOCTYPE html>"), (".json", b"{")):
        CHARTS["line"].save(tmp_path / f"chart{end}")
        assert (tmp_path / f"chart{end}").read_bytes().startswith(start)
    with pytest.raises(InvalidInput, match=r"saved as .svg, .png, .html or .json, not as 'chart.pdf'"):
        CHARTS["line"].save(tmp_path / "chart.pdf")


def test_pictures_need_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(Unsupported, match="pip install vl-convert-python brings it, and spec"):
        CHARTS["line"].to_png()


def test_importing_and_drawing_load_nothing_heavy() -> None:
    code = (
        "import sys, forebear.plot as plot\n"
        "assert not [m for m in sys.modules if m.startswith('forebear.plot.')]\n"
        "chart = plot.roc_curve([0, 1], [[1, 0], [0, 1]])\n"
        "chart.spec()\n"
        "heavy = {'numpy', 'pandas', 'PIL', 'vl_convert', 'sklearn', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(plot.__all__) == set(dir(plot))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'pie'"):
        plot.pie  # noqa: B018
