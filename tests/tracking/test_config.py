"""The settings of a run: a dictionary with attributes, kept as they change."""

from __future__ import annotations

import enum
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from forebear.errors import Conflict, InvalidInput, StorageFailure
from forebear.tracking.config import Config


class Device:
    """Something that JSON has no form for."""

    def __str__(self) -> str:
        return "cuda:0"


class Mode(enum.Enum):
    FAST = "fast"


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


def test_values_become_plain_and_no_setting_keeps_a_run_from_beginning(config: Config) -> None:
    config.shape = (1, 2)
    config.loss = float("inf")
    config.depth = {"layers": {0: Path("a/b")}, "kinds": {"b", "a"}}
    config.device = Device()
    config.activation = Device
    config.mode = Mode.FAST
    config.day = date(2026, 1, 2)
    config.array = np.arange(3)
    config.scalar = np.float32(0.5)
    assert config.as_dict() == {
        "lr": 0.1,
        "shape": [1, 2],
        "loss": float("inf"),
        "depth": {"layers": {"0": "a/b"}, "kinds": ["a", "b"]},
        "device": "cuda:0",
        "activation": f"{__name__}.Device",
        "mode": "fast",
        "day": "2026-01-02",
        "array": [0, 1, 2],
        "scalar": 0.5,
    }


def test_a_value_is_not_replaced_unless_that_is_allowed(config: Config, saves: list[int]) -> None:
    config["lr"] = 0.1
    config.update(lr=0.1)
    for attempt in (
        lambda: config.update({"lr": 0.2, "new": 1}),
        lambda: config.__setitem__("lr", 0.2),
        lambda: setattr(config, "lr", 0.2),
    ):
        with pytest.raises(Conflict, match=r"'lr' is 0.1 and would become 0.2.*allow_val_change=True"):
            attempt()
    assert "new" not in config
    config.update({"lr": 0.2}, allow_val_change=True)
    assert config.lr == 0.2
    allowed = Config({"lr": 0.1}, lambda: saves.append(1), allow_val_change=True)
    allowed.lr = 0.3
    with pytest.raises(Conflict):
        allowed.update({"lr": 0.4}, allow_val_change=False)
    assert allowed.lr == 0.3


def test_nested_settings_are_dictionaries_that_tell_of_their_changes(config: Config, saves: list[int]) -> None:
    config.model = {"depth": 2, "head": {"width": 8}}
    assert config["model"] == {"depth": 2, "head": {"width": 8}}
    assert json.loads(json.dumps(config.model)) == dict(**config.model)
    assert config.model.head.width == 8
    before = len(saves)
    config.model.head.width = 16
    config["model"]["dropout"] = 0.5
    config.model.update(depth=3)
    assert config.model.pop("dropout") == 0.5
    assert len(saves) == before + 4
    assert config.as_dict()["model"] == {"depth": 3, "head": {"width": 16}}


def test_changes_are_in_the_store_at_once() -> None:
    with forebear.init(project="p", config={"lr": 0.1, "model": {"depth": 2}}) as run:
        run.config.update({"lr": 0.2}, allow_val_change=True)
        run.config["seed"] = 7
        run.config.model["depth"] = 3
        run.config.best = float("-inf")
        run.config.worst = float("nan")
        run.config.big = 2**70
        assert forebear.Api(project="p").run(run.id).config == {
            "lr": 0.2,
            "model": {"depth": 3},
            "seed": 7,
            "best": "-Infinity",
            "worst": "NaN",
            "big": str(2**70),
        }
        assert run.config.best == float("-inf")
    with pytest.raises(Conflict, match="is finished, so it cannot change its config"):
        run.config.more = 0.3
    assert forebear.Api(project="p").run(run.id).config["lr"] == 0.2


def test_a_store_that_takes_no_change_gets_it_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with forebear.init(project="p", config={"lr": 0.1}) as run:

        def fail(key: int, changes: Any) -> None:
            raise StorageFailure("locked")

        with monkeypatch.context() as patch:
            patch.setattr(run.store.catalog, "update_run", fail)
            run.config.seed = 7
        assert "seed" not in forebear.Api(project="p").run(run.id).config
        run.config.later = 8  # in the catalog at once, and not undone by what waits in the journal
    assert forebear.Api(project="p").run(run.id).config == {"lr": 0.1, "seed": 7, "later": 8}


def test_an_artifact_in_the_config_is_a_use() -> None:
    with forebear.init(project="p") as run:
        made = forebear.Artifact("ds", "dataset")
        made.add("1", "a")
        run.log_artifact(made)
    with forebear.init(project="p", config={"lr": 0.1, "data": {"train": made}}) as run:
        draft = forebear.Artifact("more", "dataset")
        draft.add("2", "a")
        run.config.extra = draft
        assert run.config.data["train"].name == "ds:v0"
        assert run.config.extra.read("a") == b"2"
        assert {item.name for item in run.used_artifacts()} == {"ds:v0", "more:v0"}
        stored = forebear.Api(project="p").run(run.id).config
    assert stored["lr"] == 0.1
    assert stored["data"]["train"] == {
        "_type": "artifactVersion",
        "id": "local/p/ds:v0",
        "version": "v0",
        "sequenceName": "ds",
        "usedAs": "train",
    }
    assert stored["extra"]["id"] == "local/p/more:v0"


@pytest.mark.parametrize("config", [{1: 2}, [1], "no-such-file.yaml", 5])
def test_a_config_that_cannot_be_kept_is_refused_and_no_run_begins(config: object) -> None:
    with pytest.raises(InvalidInput):
        forebear.init(project="p", config=config)  # type: ignore[arg-type]
    assert forebear.run is None


def test_what_is_locked_stays_and_the_person_is_told(saves: list[int]) -> None:
    config = Config({"lr": 0.1, "opt": {"name": "sgd", "beta": 0.9}}, lambda: saves.append(1), allow_val_change=True)
    said: list[str] = []
    config.lock({"lr": 0.1, "opt": {"name": "sgd"}}, said.append)
    config.lr = 0.1
    config["free"] = 1
    assert (said, len(saves)) == ([], 1)
    config.update({"lr": 5, "free": 2})
    config.opt = {"name": "adam", "gamma": 1}
    config.opt.name = "adam"
    del config.opt["name"]
    del config["lr"]
    assert config.as_dict() == {"lr": 0.1, "opt": {"gamma": 1, "name": "sgd"}, "free": 2}
    assert said == [
        "config lr stays as the sweep chose it",
        "config opt stays as the sweep chose it",
        "config opt.name stays as the sweep chose it",
        "config opt.name stays as the sweep chose it",
        "config lr stays as the sweep chose it",
    ]


def test_a_locked_setting_is_no_forbidden_change(config: Config) -> None:
    config.lock({"lr": 0.1}, lambda text: None)
    config.update({"lr": 3})
    assert config.lr == 0.1
