"""A sweep that has no program, and a path on which agents find the functions of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forebear.settings import load_settings
from forebear.sweeps.engines.errand import Errand, errand_for, packed
from forebear.sweeps.engines.following import Follower
from tests.sweeps.engines.machines import ROOT, Threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store

GRID: dict[str, Any] = {"x": {"values": [1, 2, 3, 4, 5, 6]}}


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def grid(begin: Callable[..., SweepRecord]) -> SweepRecord:
    """A sweep of six trials."""
    return begin(method="grid", parameters=GRID)


@pytest.fixture
def errand(store: Store) -> Callable[..., Errand]:
    """Makes an errand with a function."""

    def made(sweep: SweepRecord, function: Callable[[], Any], count: int | None = None) -> Errand:
        return errand_for(sweep, load_settings(), count=count, jobs=1, function=packed(function, "pickle"))

    return made


@pytest.fixture
def follow(store: Store, errand: Callable[..., Errand]) -> Callable[..., Threads]:
    """Has agents executed by threads, and returns the engine."""

    def followed(
        sweep: SweepRecord, function: Callable[[], Any], agents: int = 1, *, room: int = 8, count: int | None = None
    ) -> Threads:
        with Threads(room) as engine:
            Follower(engine, store, sweep, errand(sweep, function, count), agents, poll=0.02).run()
        return engine

    return followed
