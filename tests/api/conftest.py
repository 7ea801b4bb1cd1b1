"""A store with a few runs, written by forebear itself."""

from __future__ import annotations

import math

import pytest

import forebear
from forebear.api.api import Api


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    monkeypatch.setenv("FOREBEAR_PROJECT", "p")


@pytest.fixture
def api() -> Api:
    """Four trainings a, b, c and d, of rising learning rate; d failed. Each logged 40 rows, c none."""
    for number, name in enumerate("abcd"):
        config = {"lr": 10.0 ** (number - 3), "model": "cnn" if number % 2 else "mlp", "net": {"layers": number}}
        run = forebear.init(
            id=name,
            name=f"run {name}",
            config=config,
            tags=["even"] if number % 2 == 0 else [],
            group=f"g{number // 2}",
            job_type="train",
            notes="first" if name == "a" else None,
        )
        for step in range(0 if name == "c" else 40):
            run.log({"loss": math.exp(-step / 10) + number, "acc": step / 40, "word": "w" if step == 20 else "v"})
        run.summary["best"] = {"acc": number / 10}
        run.finish(1 if name == "d" else 0)
    return Api()
