from __future__ import annotations

import importlib.util
import math
from array import array

import pytest

import forebear
from forebear.api import frames
from forebear.errors import InvalidInput


@pytest.fixture
def long(api):
    """A run of 3,000 steps with one peak, a key that comes seldom, and an axis of its own."""
    run = forebear.init(id="long")
    for step in range(3_000):
        run.log({"loss": 100.0 if step == 1_234 else math.sin(step / 100), "epoch": (2_999 - step) / 100})
        if step % 500 == 0:
            run.log({"val": step}, step=step)
    run.finish()
    return api.run("long")


def test_a_short_history_is_whole(api):
    table = api.run("a").history()
    assert list(table.columns) == ["_step", "acc", "loss", "word", "_runtime", "_timestamp"]
    assert list(table["_step"]) == list(range(40))
    assert list(table["acc"]) == [step / 40 for step in range(40)]
    assert str(table["loss"].dtype) == "float64"
    assert list(table["_timestamp"]) == sorted(table["_timestamp"])


def test_without_pandas_it_is_a_list(api, monkeypatch):
    rows = api.run("a").history(keys=["acc"], pandas=False)
    assert rows[:2] == [{"_step": 0, "acc": 0.0}, {"_step": 1, "acc": 1 / 40}]
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pandas" else find(name))
    assert api.run("a").history(keys=["acc"]) == rows


def test_a_long_history_keeps_its_peak(long):
    table = long.history(samples=50, keys=["loss"])
    assert len(table) <= 50
    assert table["loss"].max() == 100.0
    assert set(table["_step"]) >= {0, 1_234, 2_999}


def test_rows_that_have_one_of_the_keys(long):
    table = long.history(keys=["val", "nix"], samples=100)
    assert list(table.columns) == ["_step", "val"]
    assert list(table["_step"]) == list(range(0, 3_000, 500))
    both = long.history(keys=["val", "loss"], samples=10_000)
    assert len(both) == 3_000
    assert both["val"].count() == 6


def test_another_axis(long):
    table = long.history(samples=100, keys=["loss"], x_axis="epoch")
    assert list(table.columns) == ["epoch", "loss"]
    assert list(table["epoch"]) == sorted(table["epoch"])
    assert len(table) <= 100
    every = long.history(samples=100, x_axis="epoch")
    assert list(every.columns)[0] == "epoch"
    assert "_step" in every.columns
    assert len(long.history(x_axis="nix")) == 0
    assert "_timestamp" in long.history(keys=["loss"], x_axis="_timestamp").columns


def test_every_row_in_its_order(api, long):
    rows = list(long.scan_history())
    assert [row["_step"] for row in rows] == list(range(3_000))
    assert set(rows[0]) == {"_step", "_runtime", "_timestamp", "loss", "epoch", "val"}
    assert set(rows[1]) == {"_step", "_runtime", "_timestamp", "loss", "epoch"}
    assert [row["val"] for row in long.scan_history(keys=["val", "loss"])] == list(range(0, 3_000, 500))
    assert [row["_step"] for row in long.scan_history(min_step=10, max_step=13, page_size=2)] == [10, 11, 12]
    assert next(long.scan_history(keys=["loss", "_step"])) == {"loss": 0.0, "_step": 0}
    assert list(long.scan_history(keys="val"))[1] == {"val": 500}
    assert list(long.scan_history(keys=["nix"])) == []
    assert list(api.run("c").scan_history()) == []


def test_a_run_is_read_while_it_is_written(api):
    with forebear.init(id="live") as live:
        run = api.run("live")
        for step in range(5):
            live.log({"x": step})
            assert [row["x"] for row in run.scan_history()] == list(range(step + 1))
        assert list(run.history()["x"]) == list(range(5))
        assert run.lastHistoryStep == 4
        assert run.history_keys == ["x"]


def test_nothing_was_logged(api):
    run = api.run("c")
    assert len(run.history()) == 0
    assert run.history(pandas=False) == []
    assert (run.lastHistoryStep, run.last_history_step, run.history_keys) == (-1, -1, [])


def test_values_that_are_none_or_no_numbers(api):
    with forebear.init(id="odd") as live:
        live.log({"x": math.nan, "word": "a"})
        live.log({"x": math.inf})
        live.log({"x": "text", "word": None})
    rows = api.run("odd").history(pandas=False)
    assert math.isnan(rows[0]["x"])
    assert [row.get("x") for row in rows[1:]] == [math.inf, "text"]
    assert list(api.run("odd").history(samples=2, keys=["x"])["x"])[-1] == "text"


@pytest.mark.parametrize("samples", [0, -1])
def test_samples_are_at_least_one(api, samples):
    with pytest.raises(InvalidInput, match=f"samples={samples}"):
        api.run("a").history(samples=samples)


def test_streams(api):
    assert len(api.run("a").history(stream="system")) >= 0
    with pytest.raises(InvalidInput, match="there is no stream 'x'; there are default and system"):
        api.run("a").history(stream="x")


def test_a_single_metric_comes_without_an_object_a_value(long, monkeypatch):
    seen = []
    monkeypatch.setattr(frames, "_pandas", seen.append)
    long.history(samples=10_000, keys=["loss"])
    assert list(seen[0]) == ["_step", "loss"]
    assert isinstance(seen[0]["loss"], array)


def test_rows_of_several_labelled_processes(api):
    run = forebear.init(id="shared", mode="shared", settings={"x_label": "rank0"})
    run.log({"loss": 1})
    run.log({"loss": 2})
    run.finish()
    found = api.run("shared")
    assert list(found.history()["_writer"]) == ["rank0", "rank0"]
    assert list(found.history(keys=["loss"]).columns) == ["_step", "loss", "_writer"]
    assert list(found.scan_history(keys=["loss"])) == [{"loss": 1}, {"loss": 2}]


def test_a_run_that_was_rewound(api):
    forebear.init(resume_from="a?_step=2").finish()
    run = forebear.init(id="a", resume="must")
    run.log({"loss": 100})
    run.finish()
    found = api.run("a")
    assert list(found.history(keys=["loss"])["_step"]) == [0, 1, 2, 3]
    assert list(found.history(keys=["loss"])["loss"])[-1] == 100
    assert found.last_history_step == 3
