"""Pictures of sweeps: what is in the specification, and that it can be drawn."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import forebear
from forebear.errors import InvalidInput, Unsupported
from forebear.records.sweeps import FAILED, TRIAL_FINISHED, TRIAL_RUNNING, SweepRecord, Trial
from forebear.sweeps.agent import agent
from forebear.sweeps.charts import MAX_LINES, importance_chart, parallel_coordinates, sweep_chart
from forebear.sweeps.declaration import Declaration, declare

if TYPE_CHECKING:
    from forebear.plot.pictures import Picture
    from forebear.store.store import Store

Begin = Callable[..., SweepRecord]
SPACE: dict[str, Any] = {
    "optimizer": {"values": ["sgd", "adam"]},
    "momentum": {"min": 0.0, "max": 1.0, "when": {"optimizer": "sgd"}},
    "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
    "seed": {"value": 7},
}


def declaration(**keys: Any) -> Declaration:
    return declare({"method": "random", "metric": {"name": "loss"}, "parameters": SPACE, **keys})


def trial(number: int, params: dict[str, Any], state: str = TRIAL_FINISHED, **values: float) -> Trial:
    return Trial(1, number, params, state, 1, "a", None, None, None, None, values, None, None)


SGD, ADAM = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.01, "seed": 7}, {"optimizer": "adam", "lr": 0.1, "seed": 7}
TRIALS = [trial(0, SGD, loss=0.5), trial(1, ADAM, loss=0.2), trial(2, ADAM, FAILED), trial(3, SGD, loss=math.inf)]


def data(picture: Picture, layer: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = picture.spec["layer"][layer]["data"]["values"]
    return found


def heads(picture: Picture) -> list[str]:
    return [point["text"] for point in data(picture, -1)]


def routes(points: list[dict[str, Any]]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for point in points:
        found.setdefault(point["trial"], []).append(point["y"])
    return found


def test_each_trial_is_a_line_across_what_varies() -> None:
    picture = parallel_coordinates(declaration(), TRIALS, "Sweep s")
    assert heads(picture) == ["optimizer", "momentum", "lr", "loss"]
    failed, valued = routes(data(picture, 0)), routes(data(picture, 1))
    # Those without an objective end before its axis; the better of the others is drawn last.
    assert {number: len(places) for number, places in failed.items()} == {2: 3, 3: 3}
    assert list(valued) == [0, 1]
    assert valued[0][1] == 0.9
    assert valued[1][1] < 0, "momentum does not apply"
    assert (valued[0][-1], valued[1][-1]) == (0, 1), "the better end is above"
    assert {point["trial"] for point in data(picture, 3)} == {1}
    assert picture.spec["title"]["subtitle"] == ["4 trials; 2 without loss (dashed); best: trial 1, loss 0.2 (orange)"]


def test_more_may_be_better() -> None:
    picture = parallel_coordinates(declaration(metric={"name": "loss", "goal": "maximize"}), TRIALS, "s")
    valued = routes(data(picture, 1))
    assert (valued[0][-1], valued[1][-1]) == (1, 0)
    assert {point["trial"] for point in data(picture, 3)} == {0}
    legend = picture.spec["layer"][1]["encoding"]["color"]["legend"]
    assert legend["labelExpr"].startswith("format(-datum.value")


def test_every_objective_has_an_axis() -> None:
    both = declaration(metric=None, metrics=[{"name": "loss"}, {"name": "acc", "goal": "maximize"}])
    picture = parallel_coordinates(both, [trial(0, SGD, loss=1, acc=0.5), trial(1, ADAM, loss=2, acc=0.9)], "s")
    assert heads(picture)[-2:] == ["loss", "acc"]
    assert [places[-2:] for _, places in sorted(routes(data(picture, 0)).items())] == [[1, 0], [0, 1]]


def test_what_went_wrong_does_not_press_the_others_together() -> None:
    good = [trial(n, ADAM | {"lr": 0.01 * (n + 1)}, loss=1 + n / 40) for n in range(40)]
    picture = parallel_coordinates(declaration(), [*good, trial(40, ADAM, loss=1e9)], "s")
    last = {number: places[-1] for number, places in routes(data(picture, 0)).items()}
    assert last[40] == 0
    assert last[0] == 1
    assert 0.5 < last[39] < 0.9


def test_a_sweep_without_an_objective_has_lines_all_the_same() -> None:
    picture = parallel_coordinates(declaration(metric=None), [trial(0, SGD), trial(1, ADAM)], "s")
    assert heads(picture) == ["optimizer", "momentum", "lr"]
    assert picture.spec["title"]["subtitle"] == ["2 trials"]


def test_nothing_that_ended_is_nothing_to_draw() -> None:
    with pytest.raises(InvalidInput, match="Sweep s: no trial has ended yet") as caught:
        parallel_coordinates(declaration(), [trial(0, SGD, TRIAL_RUNNING)], "Sweep s")
    assert caught.value.code == "too-few-trials"


def test_of_many_trials_some_are_drawn() -> None:
    many = [trial(n, ADAM | {"lr": (n + 1) / 3000}, loss=float(n)) for n in range(3000)]
    picture = parallel_coordinates(declaration(), many, "s")
    drawn = {point["trial"] for point in data(picture, 0)}
    assert len(drawn) == MAX_LINES
    assert set(range(300)) < drawn
    assert "1,000 of them drawn, the best 300 among them" in picture.spec["title"]["subtitle"][0]


def test_hostile_names_are_only_names() -> None:
    space = {"a.b": {"values": ["<script>", "'\"\\", "x" * 99]}, "datum['x']": {"min": 0.0, "max": 1.0}}
    trials = [trial(n, {"a.b": v, "datum['x']": n / 3}, loss=1.0) for n, v in enumerate(space["a.b"]["values"])]  # type: ignore[arg-type]
    svg = parallel_coordinates(declaration(parameters=space), trials, "<b>").to_svg()
    assert "&lt;script&gt;" in svg
    assert "<script" not in svg


def test_pictures_of_a_real_sweep(store: Store, begin: Begin, tmp_path: Path) -> None:
    record = begin(parameters={**SPACE, "idle": {"min": 0.0, "max": 1.0}}, run_cap=12, seed=1)

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": abs(math.log10(run.config["lr"]) + 2)})

    agent(record.id, train)
    picture = sweep_chart(store, record)
    for end, start in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".html", b"<!DOCTYPE html>"), (".json", b"{")):
        picture.save(tmp_path / f"sweep{end}")
        assert (tmp_path / f"sweep{end}").read_bytes().startswith(start)
    assert json.loads((tmp_path / "sweep.json").read_text()) == picture.spec
    page = (tmp_path / "sweep.html").read_text()
    assert 'src="http' not in page, "a page needs no network"
    with Image.open(io.BytesIO((tmp_path / "sweep.png").read_bytes())) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert (213, 94, 0) in {colour for _, colour in colours}, "the best line is orange"

    bars = importance_chart(store, record, "loss").spec["data"]["values"]
    assert bars[0]["name"] == "lr"
    assert sum(bar["share"] for bar in bars) == pytest.approx(1)


def test_the_way_of_an_importance_is_said(store: Store, begin: Begin) -> None:
    record = begin(parameters={"x": {"min": 0.0, "max": 1.0}, "y": {"min": 0.0, "max": 1.0}}, run_cap=10, seed=2)

    def train() -> None:
        with forebear.init() as run:
            run.log({"loss": -run.config["x"]})

    agent(record.id, train)
    bars = {bar["name"]: bar["text"] for bar in importance_chart(store, record).spec["data"]["values"]}
    assert "falls with it (-1.00)" in bars["x"]
    assert "with it" not in bars["y"]
    assert importance_chart(store, record).to_svg().startswith("<svg")


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(Unsupported, match="pip install vl-convert-python"):
        parallel_coordinates(declaration(), TRIALS, "s").to_svg()
