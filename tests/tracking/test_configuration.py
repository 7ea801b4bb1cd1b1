"""What may be given as a config: dictionaries, namespaces, dataclasses, models, flags and YAML files."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import forebear
from forebear.errors import InvalidInput, Unsupported
from forebear.tracking.configuration import chosen, config_defaults, config_from


@dataclasses.dataclass
class Inner:
    width: int = 8


@dataclasses.dataclass
class Options:
    lr: float = 0.1
    inner: Inner = dataclasses.field(default_factory=Inner)


class Model:
    """As a model of pydantic."""

    def model_dump(self) -> dict[str, Any]:
        return {"lr": 0.1, "inner": {"width": 8}}


class Flags:
    """As the flags of absl."""

    def flag_values_dict(self) -> dict[str, Any]:
        return {"lr": 0.1, "inner": {"width": 8}}


@pytest.mark.parametrize(
    "given",
    [
        {"lr": 0.1, "inner": {"width": 8}},
        argparse.Namespace(lr=0.1, inner={"width": 8}),
        SimpleNamespace(lr=0.1, inner=SimpleNamespace(width=8)),
        Options(),
        Model(),
        Flags(),
    ],
    ids=lambda given: type(given).__name__,
)
def test_settings_come_from_many_objects(given: Any) -> None:
    assert config_from(given) == {"lr": 0.1, "inner": {"width": 8}}
    with forebear.init(project="p", config=given) as run:
        assert run.config.inner["width"] == 8
        run.config.update(given)
    assert forebear.Api(project="p").run(run.id).config == {"lr": 0.1, "inner": {"width": 8}}


def test_settings_come_from_a_file() -> None:
    Path("c.yaml").write_text(
        "wandb_version: 1\nlr: {desc: rate, value: 0.1}\nlayers: [1, 2]\nnested: {value: 1, x: 2}\n"
    )
    meant = {"lr": 0.1, "layers": [1, 2], "nested": {"value": 1, "x": 2}}
    assert config_from("c.yaml") == config_from(Path("c.yaml")) == meant
    Path("empty.yaml").write_text("")
    assert config_from("empty.yaml") == {}
    with forebear.init(project="p", config="c.yaml") as run:
        assert run.config.layers == [1, 2]


def test_defaults_of_the_folder_stand_behind_what_is_given(tmp_path: Path) -> None:
    Path("config-defaults.yaml").write_text("lr: {value: 0.5}\nepochs: {value: 3}\n")
    with forebear.init(project="p", config={"lr": 0.1}) as run:
        assert run.config.as_dict() == {"lr": 0.1, "epochs": 3}
    with forebear.init(project="p", dir=tmp_path) as run:
        assert run.config.as_dict() == {}
    assert config_defaults(tmp_path) == {}


def test_keys_can_be_chosen() -> None:
    config = {"a": 1, "b": 2, "c": 3}
    with forebear.init(project="p", config=config, config_exclude_keys=["a"]) as run:
        assert run.config.as_dict() == {"b": 2, "c": 3}
    with forebear.init(project="p", config=config, config_include_keys=["a", "z"]) as run:
        assert run.config.as_dict() == {"a": 1}
    with pytest.raises(InvalidInput, match="not both"):
        chosen(config, ["a"], ["b"])


@pytest.mark.parametrize("text", ["- a list", "a: [", "just words", "\x00"])
def test_a_file_that_holds_no_settings_is_refused(text: str) -> None:
    Path("c.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=r"c\.yaml"):
        config_from("c.yaml")


def test_circles_and_classes_are_refused() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    with pytest.raises(InvalidInput, match="in a circle"):
        config_from(circle)
    with pytest.raises(InvalidInput, match="not a type"):
        config_from(Options)


def test_without_yaml_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.yaml").write_text("a: 1")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Unsupported, match="pip install pyyaml"):
        config_from("c.yaml")
