"""The settings of a run: a dictionary with attributes, kept as they change."""

from __future__ import annotations

import pytest

import forebear
from forebear.errors import Conflict, InvalidInput
from forebear.tracking.config import Config


@pytest.fixture
def saves() -> list[int]:
    return []


@pytest.fixture
def config(saves: list[int]) -> Config:
    return Config({"lr": 0.1}, lambda: saves.append(1))


def test_it_is_a_dictionary_and_has_attributes(config: Config, saves: list[int]) -> None:
    config["epochs"] = 3
    config.batch = 32
    config.update({"a": 1}, b=2)
    config.update([("c", 3)])
    config.setdefaults({"lr": 9, "d": 4})
    assert dict(config) == config.as_dict() == {"lr": 0.1, "epochs": 3, "batch": 32, "a": 1, "b": 2, "c": 3, "d": 4}
    assert (config.lr, config["epochs"], config.get("none", 7), len(config)) == (0.1, 3, 7, 7)
    assert "batch" in config
    del config["a"]
    assert "a" not in config
    assert len(saves) == 6
    assert repr(config).startswith("{'lr': 0.1")


def test_nothing_is_written_where_nothing_changes(config: Config, saves: list[int]) -> None:
    config.setdefaults({"lr": 9})
    config.update({})
    assert saves == []


def test_what_is_unknown_lists_what_there_is(config: Config) -> None:
    with pytest.raises(AttributeError, match="no 'lrr'; it has lr"):
        _ = config.lrr
    with pytest.raises(KeyError):
        config["lrr"]
    assert not hasattr(config, "lrr")


def test_values_become_json(config: Config) -> None:
    config.shape = (1, 2)
    config.loss = float("nan")
    assert config.as_dict() == {"lr": 0.1, "shape": [1, 2], "loss": None}
    with pytest.raises(InvalidInput):
        config.bad = float("inf")
    with pytest.raises(InvalidInput):
        config.bad = object()
    assert "bad" not in config


def test_changes_are_in_the_store_at_once() -> None:
    with forebear.init(project="p", config={"lr": 0.1, "model": {"depth": 2}}) as run:
        run.config.lr = 0.2
        run.config["seed"] = 7
        assert forebear.Api(project="p").run(run.id).config == {"lr": 0.2, "model": {"depth": 2}, "seed": 7}
    with pytest.raises(Conflict, match="is finished, so it cannot change its config"):
        run.config.lr = 0.3
    assert forebear.Api(project="p").run(run.id).config["lr"] == 0.2


@pytest.mark.parametrize("config", [{"a": float("inf")}, {1: 2}, [1], "text"])
def test_a_config_that_cannot_be_kept_is_refused_and_no_run_begins(config: object) -> None:
    with pytest.raises(InvalidInput):
        forebear.init(project="p", config=config)  # type: ignore[arg-type]
    assert forebear.run is None
