"""A store with sweeps in it, and quick ways to begin one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forebear.store.shared import shared_store
from forebear.sweeps.lifecycle import begin_sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store

SPACE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}
GRID: dict[str, Any] = {"x": {"values": [1, 2, 3]}, "y": {"values": ["a", "b"]}}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, which is the one of the settings."""
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FOREBEAR_SILENT", "true")
    monkeypatch.setenv("FOREBEAR_CONSOLE", "off")
    monkeypatch.setenv("FOREBEAR_DISABLE_GIT", "true")
    monkeypatch.setenv("FOREBEAR_DISABLE_STATS", "true")
    return shared_store()


@pytest.fixture
def begin(store: Store) -> Callable[..., SweepRecord]:
    """Begins a sweep of project ``p``; random over one number unless keys say otherwise."""

    def begun(**keys: Any) -> SweepRecord:
        config = {"method": "random", "metric": {"name": "loss"}, "parameters": SPACE, **keys}
        return begin_sweep(store, config, "local", "p")

    return begun
