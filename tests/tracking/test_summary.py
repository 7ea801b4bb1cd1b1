"""The summary of a run: read while rows come in, set by hand, kept."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.errors import NotFound
from forebear.media.html import Html


def stored(run: forebear.Run) -> dict[str, Any]:
    record = forebear.Api(project=run.project).run(run.id).record
    return {key: value for key, value in record.summary.items() if not key.startswith("_")}


def test_it_is_a_dictionary_and_has_attributes() -> None:
    with forebear.init(project="p") as run:
        run.log({"loss": 0.5, "acc": 1})
        summary = run.summary
        summary["best"] = 3
        summary.note = "good"
        summary.update({"x": 1}, y=2)
        summary.update([("z", 3)])
        assert (summary["loss"], summary.acc, summary.get("none", 7), summary.get("best")) == (0.5, 1, 7, 3)
        assert ("x" in summary, "none" in summary, 5 in summary) == (True, False, False)
        assert {"loss", "acc", "best", "note", "x", "y", "z", "_step", "_runtime"} <= set(summary)
        assert len(summary) == len(dict(summary)) == len(summary.as_dict())
        del summary["x"]
        del summary.y
        assert summary.pop("z") == 3
        assert summary.setdefault("w", 4) == 4
        assert repr(summary) == repr(summary.as_dict())
    assert stored(run) == {"loss": 0.5, "acc": 1, "best": 3, "note": "good", "w": 4}


def test_what_is_unknown_lists_what_there_is() -> None:
    with forebear.init(project="p") as run:
        with pytest.raises(NotFound, match="no 'loss'; it has nothing"):
            run.summary["loss"]
        run.log({"loss": 1})
        for attempt in (lambda: run.summary["los"], lambda: run.summary.__delitem__("los")):
            with pytest.raises(KeyError, match="no 'los'; it has loss"):
                attempt()
        with pytest.raises(AttributeError, match="no 'los'"):
            _ = run.summary.los
        assert not hasattr(run.summary, "los")


def test_what_is_set_by_hand_stays() -> None:
    with forebear.init(project="p") as run:
        run.summary["acc"] = 0.9
        run.log({"acc": 0.5, "loss": 1})
        del run.summary["loss"]
        run.log({"acc": 0.6, "loss": 2})
        assert run.summary["acc"] == 0.9
        assert "loss" not in run.summary
    assert stored(run) == {"acc": 0.9}


def test_nested_values_are_changed_in_their_place() -> None:
    with forebear.init(project="p") as run:
        run.log({"val": {"acc": 0.5}})
        run.define_metric("loss", summary="min")
        run.log({"loss": 3})
        run.summary["best"] = {"epoch": 1, "of": {"top1": 0.5}}
        run.summary["best"]["epoch"] = 2
        run.summary.best.of["top5"] = 0.9
        del run.summary["best"]["of"]["top1"]
        run.summary["best.more"] = 1
        run.summary["val"]["acc"] = 0.75
        run.summary["loss"]["note"] = "x"
        assert json.loads(json.dumps(run.summary["best"])) == {"epoch": 2, "of": {"top5": 0.9}, "more": 1}
        assert (run.summary["loss.min"], run.summary["best.of.top5"], run.summary["val.acc"]) == (3, 0.9, 0.75)
    assert stored(run) == {
        "val.acc": 0.75,
        "loss": {"min": 3, "note": "x"},
        "best": {"epoch": 2, "of": {"top5": 0.9}, "more": 1},
    }


def test_values_become_plain_and_media_keep_their_files() -> None:
    with forebear.init(project="p") as run:
        run.summary["scalar"] = np.float32(0.5)
        run.summary["nan"] = math.nan
        run.summary["list"] = (1, np.int64(2))
        run.summary["page"] = Html("<p>x</p>")
        run.summary["histogram"] = np.arange(10)
        with pytest.raises(TypeError):
            run.summary["bad"] = object()
    found = stored(run)
    assert (found["scalar"], found["list"]) == (0.5, [1, 2])
    assert found["histogram"]["_type"] == "histogram"
    assert found["page"]["path"] in {file.path for file in run.store.catalog.run_files(run.key)}


def test_aggregates_are_in_the_store() -> None:
    with forebear.init(project="p") as run:
        run.define_metric("loss", summary="min,max,mean,first,last")
        run.define_metric("acc*", summary="best", goal="maximize")
        run.define_metric("hidden", summary="none")
        for value in (3.0, float("nan"), 1.0, 2.0):
            run.log({"loss": value, "acc1": value, "hidden": value})
        assert run.summary["loss"]["min"] == run.summary.loss.min == 1.0
    assert stored(run) == {
        "loss": {"min": 1.0, "max": 3.0, "mean": 2.0, "first": 3.0, "last": 2.0},
        "acc1": {"best": 3.0},
    }


def test_a_run_that_crashed_has_the_summary_it_had() -> None:
    """What a live run says of itself, and what is made of its journal, is one."""
    with forebear.init(project="p") as run:
        run.define_metric("loss", summary="min,mean")
        run.log({"loss": 1.0, "a": 1}, step=5)
        run.log({"loss": 2.0, "b": 1}, step=2)
        run.log({"loss": 3.0}, step=5)
        run.summary["note"] = {"x": [1]}
        run.summary["note"]["y"] = 2
        del run.summary["b"]
        live = run.summary.as_dict()
    found = forebear.Api(project="p").run(run.id).record.summary
    assert found == live
