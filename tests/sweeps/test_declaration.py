"""Declarations: every key, what is refused with which words, and what becomes of the catalog's copy."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.sweeps.declaration import Declaration, Objective, declare, read_declaration
from forebear.sweeps.early import ASHA

PARAMETERS: dict[str, Any] = {"lr": {"min": 0.0, "max": 1.0}, "n": {"values": [1, 2]}}
RANDOM: dict[str, Any] = {"method": "random", "parameters": PARAMETERS}


def test_all_keys_are_taken() -> None:
    config = {
        "method": "bayes",
        "metric": {
            "name": "loss",
            "goal": "minimize",
            "target": 0.1,
            "impute": "latest",
            "impute_while_running": False,
        },
        "parameters": PARAMETERS,
        "constraints": ["lr < n"],
        "early_terminate": {"type": "asha", "min_iter": 2, "eta": 3},
        "run_cap": 20,
        "retry": 1,
        "seed": 7,
        "sampler": "tpe",
        "program": "train.py",
        "command": ["${env}", "python", "${program}", 3],
        "name": "first",
        "description": "words",
        "project": "p",
        "entity": "e",
        "controller": {"type": "local"},
    }
    made = declare(config)
    assert made.objectives == (Objective("loss", "minimize", 0.1, "latest", "false"),)
    assert made.early is not None
    assert (made.early.kind, made.early.rungs[:3]) == (ASHA, (2, 6, 18))
    assert (made.method, made.run_cap, made.limit, made.retry, made.seed) == ("bayes", 20, 20, 1, 7)
    assert (made.program, made.command, made.sampler) == ("train.py", ("${env}", "python", "${program}", "3"), "tpe")
    assert (made.name, made.description, made.project, made.entity) == ("first", "words", "p", "e")
    assert made.is_local
    assert made.config == config


def test_little_is_needed() -> None:
    made = declare(RANDOM)
    assert (made.objectives, made.early, made.run_cap, made.limit, made.retry) == ((), None, None, None, 0)
    assert not made.is_local
    assert made.seed != declare(RANDOM).seed


def test_the_seed_is_kept_and_makes_the_same_trials() -> None:
    made = declare(RANDOM)
    again = read_declaration(made.config)
    assert [again.point(number) for number in range(20)] == [made.point(number) for number in range(20)]
    assert read_declaration(dict(made.config)) is again


def test_several_objectives() -> None:
    made = declare({**RANDOM, "metrics": [{"name": "loss"}, {"name": "acc", "goal": "maximize"}]})
    assert [objective.as_loss(2.0) for objective in made.objectives] == [2.0, -2.0]


def test_a_command_of_one_text_is_taken_apart() -> None:
    assert declare({**RANDOM, "command": "python 'a b.py' --x=1"}).command == ("python", "a b.py", "--x=1")


def test_the_limit_of_a_grid_is_its_size_or_the_cap() -> None:
    grid: dict[str, Any] = {
        "method": "grid",
        "parameters": {"a": {"min": 1, "max": 5}, "b": {"values": ["x", "y", "z"]}},
    }
    assert declare(grid).limit == 15
    assert declare({**grid, "run_cap": 4}).limit == 4
    assert declare({**grid, "run_cap": 40}).limit == 15
    assert declare({**grid, "constraints": "a > 2"}).limit == 9


def test_earlier_runs_leave_fewer_points_of_a_grid() -> None:
    grid = {"method": "grid", "parameters": {"a": {"min": 1, "max": 3}}}
    made = declare(grid, tried=[{"a": 2, "more": True}, {"a": 2}, {"a": 9}, {}])
    assert made.limit == 2
    again = read_declaration(made.config)
    assert [again.point(number) for number in range(3)] == [{"a": 1}, {"a": 3}, None]
    with pytest.raises(InvalidInput, match="no point is left") as caught:
        declare(grid, tried=[{"a": 1}, {"a": 2}, {"a": 3}])
    assert caught.value.code == "empty-space"


def test_values_of_other_libraries_become_plain() -> None:
    numpy = pytest.importorskip("numpy")
    made = declare({"method": "grid", "parameters": {"a": {"values": numpy.arange(3)}, "b": {"values": ("x", 1)}}})
    assert made.config["parameters"] == {"a": {"values": [0, 1, 2]}, "b": {"values": ["x", 1]}}
    assert made.limit == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": None}, "method: None is unknown; allowed are grid, random, bayes, custom"),
        ({"method": "gird"}, "method: 'gird' is unknown; did you mean 'grid'?"),
        ({"methd": "grid"}, "methd: there is no such key; did you mean 'method'? allowed are method, metric"),
        ({"metric": "loss"}, "metric: 'loss' is no table"),
        ({"metric": {"goal": "minimize"}}, "metric.name: it is missing"),
        ({"metric": {"name": "loss", "goal": "min"}}, "metric.goal: 'min' is unknown; allowed are minimize, maximize"),
        ({"metric": {"name": "", "goal": "minimize"}}, "metric.name: '' is no text"),
        ({"metric": {"name": "loss", "target": "low"}}, "metric.target: 'low' is no number"),
        ({"metric": {"name": "loss", "impute": "mean"}}, "metric.impute: 'mean' is unknown"),
        ({"metric": {"name": "loss", "gaol": 1}}, "metric.gaol: there is no such key; did you mean 'goal'?"),
        ({"metrics": []}, "metrics: the list is empty"),
        ({"metrics": [{"name": "a"}, {"name": "a"}]}, "metrics: a name is there twice"),
        ({"metrics": [{"name": "a"}, {"nme": "a"}]}, "metrics[1].nme: there is no such key"),
        ({"metric": {"name": "a"}, "metrics": [{"name": "b"}]}, "metrics: metric is there too"),
        ({"method": "bayes"}, "metric: it is missing, and method: bayes needs it"),
        ({"early_terminate": {"type": "median"}}, "metric: it is missing, and early_terminate needs it"),
        (
            {"metrics": [{"name": "a"}, {"name": "b"}], "early_terminate": {"type": "median"}},
            "early_terminate: it looks at one metric, and there are several",
        ),
        ({"run_cap": 0}, "run_cap: 0 is no whole number of at least 1"),
        ({"run_cap": 2.5}, "run_cap: 2.5 is no whole number"),
        ({"retry": -1}, "retry: -1 is no whole number of at least 0"),
        ({"seed": "x"}, "seed: 'x' is no number"),
        ({"program": 3}, "program: 3 is no text"),
        ({"command": {"a": 1}}, "command: {'a': 1} is no list"),
        ({"command": ["a", None]}, "command[1]: None is no word"),
        ({"controller": {"type": "far"}}, "controller.type: 'far' is unknown"),
        ({"parameters": {"a": {"values": [object()]}}}, "is neither a number nor a text, a list or a table"),
        ({"parameters": {"a": {"values": ["\ud800"]}}}, "'\\ud800' holds half a character"),
        ({"parameters": {"\udcff": {"values": [1]}}}, "'\\udcff' holds half a character"),
        ({"parameters": None}, "parameters: None is no table"),
        ({"parameters": {}}, "parameters: there are none; name at least one"),
        ({"constraints": ["lr > 5"]}, "none of 10,000 draws"),
        ({"method": "grid"}, "a grid over lr (uniform) has infinitely many points"),
        (
            {"method": "grid", "parameters": {"a": {"min": 0, "max": 9_999}, "b": {"min": 0, "max": 9_999}}},
            "the grid has 100,000,000 points; give a run_cap",
        ),
        ({"method": "grid", "parameters": {"a": {"values": [1]}}, "constraints": ["a > 1"]}, "no point is left"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        declare({**RANDOM, **changes})
    assert words in str(caught.value)
    assert caught.value.code in {"invalid-sweep", "empty-space"}


@pytest.mark.parametrize("missing", ["method", "parameters"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InvalidInput, match=f"{missing}: (it is|they are) missing"):
        declare({key: value for key, value in RANDOM.items() if key != missing})


def test_a_circle_is_no_declaration() -> None:
    circle: dict[str, Any] = dict(RANDOM)
    circle["description"] = circle
    with pytest.raises(InvalidInput, match="in a circle"):
        declare(circle)


def test_a_declaration_comes_back_from_json() -> None:
    made = declare({**RANDOM, "parameters": {"a": {"values": [math.inf, 1.5, None, "ü"]}}})
    assert isinstance(read_declaration(made.config), Declaration)
