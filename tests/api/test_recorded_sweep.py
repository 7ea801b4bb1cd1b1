"""Sweeps as scripts read them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.api.recorded_sweep import RecordedSweep, sweep_at
from forebear.errors import InvalidInput, NotFound
from forebear.store.shared import shared_store
from forebear.sweeps.lifecycle import stop


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> forebear.Api:
    for name, value in (("STORE", str(tmp_path / "store")), ("SILENT", "true"), ("CONSOLE", "off"), ("PROJECT", "p"),
                        ("DISABLE_STATS", "true"), ("DISABLE_GIT", "true")):  # fmt: skip
        monkeypatch.setenv(f"FOREBEAR_{name}", value)
    shared_store()
    return forebear.Api()


def searched(api: forebear.Api, values: list[Any], **keys: Any) -> RecordedSweep:
    """A sweep whose trials logged these values."""
    config = {
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"x": {"values": list(range(len(values)))}},
        **keys,
    }

    def train() -> None:
        with forebear.init() as run:
            logged = values[run.config["x"]]
            run.log(logged if isinstance(logged, dict) else {"loss": logged})

    sweep_id = forebear.sweep(config)
    forebear.agent(sweep_id, function=train)
    return sweep_at(api, sweep_id)


def test_what_it_is(api: forebear.Api) -> None:
    sweep = searched(api, [1.0], name="one try", metric={"name": "acc", "goal": "maximize"})
    assert (sweep.name, sweep.state, sweep.expected_run_count) == ("one try", "finished", 1)
    assert (sweep.path, sweep.url) == (["local", "p", sweep.id], None)
    assert sweep.config["parameters"] == {"x": {"values": [0]}}
    assert sweep.order == "-summary_metrics.acc"
    assert repr(sweep) == f"<RecordedSweep local/p/{sweep.id} (finished)>"
    assert searched(api, [1.0], metric=None).order is None


def test_runs_and_the_best_of_them(api: forebear.Api) -> None:
    sweep = searched(api, [3.0, 1.0, 2.0, math.nan, 1.0, math.inf])
    assert [run.config["x"] for run in sweep.runs][:4] == [1, 4, 2, 0]
    best = sweep.best_run()
    assert best is not None
    assert (best.config, best.summary["loss"], best.sweep_id) == ({"x": 1}, 1.0, sweep.id)
    last = sweep.best_run(order="-config.x")
    assert last is not None
    assert last.config == {"x": 5}
    assert [trial.values["loss"] for trial in sweep.trials][:3] == [3.0, 1.0, 2.0]


def test_the_larger_is_better_where_that_was_declared(api: forebear.Api) -> None:
    rows = [{"acc": 0.5, "loss": 1.0}, {"acc": 0.9, "loss": 5.0}, {"loss": 0.1}]
    metrics = [{"name": "acc", "goal": "maximize"}, {"name": "loss"}]
    best = searched(api, rows, metric=None, metrics=metrics).best_run()
    assert best is not None
    assert best.config == {"x": 1}


@pytest.mark.parametrize("values", [[math.nan], [{"other": 1}]])
def test_there_may_be_none(api: forebear.Api, values: list[Any]) -> None:
    sweep = searched(api, values)
    assert sweep.best_run() is None
    assert len(sweep.runs) == 1


def test_it_is_read_anew(api: forebear.Api) -> None:
    sweep = sweep_at(api, forebear.sweep({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}))
    stop(api.store, sweep.record)
    assert sweep.state == "pending"
    assert sweep.load().state == sweep.state == "stopped"
    api.store.catalog.delete_sweep(sweep.record.key)
    with pytest.raises(NotFound, match="which has none"):
        sweep.load(force=True)


def test_how_it_is_named(api: forebear.Api) -> None:
    sweep = searched(api, [1.0])
    for path in (sweep.id, f"p/{sweep.id}", f"local/p/{sweep.id}", f"local/p/sweeps/{sweep.id}"):
        assert sweep_at(api, path).record == sweep.record
    with pytest.raises(NotFound, match=f"no sweep 'none' in project local/p, which has {sweep.id}"):
        sweep_at(api, "none")
    with pytest.raises(InvalidInput, match="not of the form"):
        sweep_at(api, "a/b/c/d")
