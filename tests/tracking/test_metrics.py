"""Definitions of metrics: what they may say, and which one holds for a key."""

from __future__ import annotations

from typing import Any

import pytest

import forebear
from forebear.errors import InvalidInput
from forebear.tracking.metrics import Metric, Metrics, new_metric


def defined(*names: str) -> Metrics:
    metrics = Metrics()
    for name in names:
        metrics.define(new_metric(name, step_metric="x"))
    return metrics


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("train/loss", "train/loss"),
        ("train/acc", "train/*"),
        ("val/acc", "*"),
        ("x", None),
        ("_runtime", None),
    ],
)
def test_the_nearest_definition_holds(key: str, name: str | None) -> None:
    metrics = defined("*", "train/*", "train/loss", "t*")
    found = metrics.of(key)
    assert (found.name if found else None) == name


def test_a_new_definition_is_seen_by_keys_that_were_looked_up() -> None:
    metrics = defined("*")
    assert metrics.of("a") == Metric("*", "x")
    metrics.define(new_metric("a", hidden=True))
    assert metrics.of("a") == Metric("a", hidden=True)


def test_what_was_said_before_holds_on_unless_it_is_overwritten() -> None:
    metrics = Metrics()
    metrics.define(new_metric("a", step_metric="x", summary="max,min"))
    assert metrics.define(new_metric("a", hidden=True)) == Metric("a", "x", hidden=True, summary=("max", "min"))
    assert metrics.define(new_metric("a", goal="maximize"), overwrite=True) == Metric("a", goal="maximize")


def test_definitions_are_kept_as_json() -> None:
    metrics = defined("a/*")
    metrics.define(new_metric("b", step_sync=False, summary=["MAX", "max", " mean"], goal="minimize"))
    kept = metrics.to_json()
    assert kept == {
        "a/*": {"step_metric": "x"},
        "b": {"step_sync": False, "summary": ("max", "mean"), "goal": "minimize"},
    }
    again = Metrics(kept)
    assert again.to_json() == kept
    assert (again.summarize, again.sync) == (True, True)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "a*b"},
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"name": "a", "step_metric": "x/*"},
        {"name": "a", "step_metric": 7},
        {"name": "a", "summary": "median"},
        {"name": "a", "goal": "up"},
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        new_metric(**bad)


def test_of_how_many_values_a_mean_is_is_kept_with_its_definition_and_in_no_summary() -> None:
    with forebear.init(project="p", id="it") as run:
        run.define_metric("val/*", summary="mean")
        run.log({"val/a": 1, "val/b": 2})
        run.log({"val/a": 2})
        assert set(run.summary) == {"val/a", "val/b", "_step", "_runtime", "_timestamp"}
    with forebear.init(project="p", id="it", resume="must") as run:
        run.log({"val/a": 6})
        assert run.summary["val/a"] == {"mean": 3}
    found = forebear.Api(project="p").run("it").record
    assert found.metrics == {"val/*": {"summary": ["mean"], "counts": {"val/a": 3, "val/b": 1}}}
    assert set(found.summary) == {"val/a", "val/b", "_step", "_runtime", "_timestamp"}


def test_a_run_keeps_its_definitions_and_returns_them() -> None:
    with forebear.init(project="p") as run:
        epoch = run.define_metric("epoch", hidden=True)
        loss = run.define_metric("loss", step_metric=epoch, summary="min,last", goal="minimize")
        assert (loss.name, loss.step_metric, loss.summary, loss.goal) == ("loss", "epoch", ("min", "last"), "minimize")
        assert (epoch.hidden, epoch.step_sync, loss.syncs_step) == (True, None, True)
        run.define_metric("loss", summary="max", overwrite=True)
        run.log({"loss": 1, "epoch": 0})
        with pytest.raises(InvalidInput):
            run.define_metric("a*b")
    found = forebear.Api(project="p").run(run.id).record
    assert found.metrics == {"epoch": {"hidden": True}, "loss": {"summary": ["max"]}}
    assert found.summary["loss"] == {"max": 1}
