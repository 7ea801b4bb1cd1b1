"""What the key ``sampler`` may be, and what it becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.sweeps import samplers
from forebear.sweeps.declaration import declare, read_declaration
from forebear.sweeps.samplers import loaded

SPACE: dict[str, Any] = {"x": {"min": 0.0, "max": 1.0}}
PLACE = "tests.sweeps.test_samplers:middle"


def middle(space: Any, history: Any) -> dict[str, Any]:
    return {"x": 0.5}


def custom(sampler: Any, **keys: Any) -> Any:
    return declare({"method": "custom", "metric": {"name": "loss"}, "parameters": SPACE, "sampler": sampler, **keys})


@pytest.mark.parametrize("name", ["tpe", "TPE", "TPESampler", "optuna.samplers.TPESampler", {"name": "tpe"}])
def test_samplers_of_optuna_have_several_names(name: Any) -> None:
    found = loaded(custom(name).sampler, 3)
    assert type(found) is optuna.samplers.TPESampler


def test_options_are_handed_on_and_the_seed_is_that_of_the_sweep() -> None:
    made = custom({"name": "nsgaii", "population_size": 4})
    assert made.config["sampler"] == {"name": "nsgaii", "population_size": 4}
    draws = []
    for seed in (3, 3, 4):
        study = optuna.create_study(sampler=loaded(made.sampler, seed))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        draws.append([trial.params["x"] for trial in study.trials])
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ("tpf", r"sampler: 'tpf' is unknown; did you mean 'tpe'\? allowed are bruteforce, cmaes, "),
        ({"name": "tpe", "multivariat": True}, "sampler: tpe cannot be made with {'multivariat': True}"),
        ({"multivariate": True}, "sampler.name: it is missing"),
        ([1], r"sampler: \[1\] is neither a sampler of Optuna nor a function"),
        (3, "sampler: 3 is neither"),
        (optuna.samplers.TPESampler, "TPESampler is a class; give one that was made"),
        ("base", "sampler: 'base' is unknown"),
        ("", "sampler: '' is no text"),
    ],
)
def test_what_is_no_sampler_is_refused(sampler: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        custom(sampler)


def test_custom_needs_a_sampler_and_others_have_none() -> None:
    with pytest.raises(InvalidInput, match=r"sampler: it is missing, and method: custom needs it"):
        declare({"method": "custom", "parameters": SPACE})
    with pytest.raises(InvalidInput, match=r"sampler: it belongs to method: custom, this is method: random"):
        declare({"method": "random", "parameters": SPACE, "sampler": "tpe"})
    with pytest.raises(InvalidInput, match=r"metric: it is missing, and sampler: tpe needs it"):
        declare({"method": "custom", "parameters": SPACE, "sampler": "tpe"})
    driven = declare({"method": "custom", "parameters": SPACE, "controller": {"type": "local"}})
    assert driven.sampler is None


def test_a_sampler_that_needs_what_this_machine_has_not_is_left_to_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(**_: Any) -> None:
        raise ImportError("No module named 'nothing'")

    monkeypatch.setattr(optuna.samplers, "CmaEsSampler", missing)
    made = custom("cmaes")
    with pytest.raises(Unsupported, match="sampler cmaes: No module named 'nothing'"):
        loaded(made.sampler, 0)


def test_without_optuna_its_samplers_are_named_but_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    made = custom("tpe")
    with pytest.raises(Unsupported, match=r"sampler tpe needs Optuna .*forebear\[sweeps\]"):
        loaded(made.sampler, 0)


def test_a_function_is_known_by_its_place() -> None:
    made = custom(middle)
    assert made.config["sampler"] == PLACE
    assert loaded(made.sampler, 0) is middle
    assert custom(PLACE).sampler == PLACE


def test_an_object_without_a_name_serves_this_process_alone() -> None:
    sampler = optuna.samplers.TPESampler(seed=1)
    made = custom(sampler)
    assert made.sampler["is"] == repr(sampler)
    assert loaded(read_declaration(made.config).sampler, 0) is sampler
    function = loaded(custom(lambda space, history: {"x": 1.0}).sampler, 0)
    assert function(None, None) == {"x": 1.0}
    with pytest.raises(Unsupported, match="is an object of the process that declared the sweep"):
        loaded({**made.sampler, "held": "0123"}, 0)


def test_a_function_of_the_program_itself_serves_it_alone(tmp_path: Path) -> None:
    """No other process has that program as its own."""
    code = (
        "from forebear.sweeps.declaration import declare\n"
        "def mine(space, history): return None\n"
        "made = declare({'method': 'custom', 'parameters': {'x': {'value': 1}}, 'sampler': mine})\n"
        "print(sorted(made.sampler))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "['held', 'is']\n"


def test_functions_of_files_and_of_the_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_search.py").write_text(
        "class Of:\n    @staticmethod\n    def points(space, history): return {'x': 0}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    before = list(sys.path)
    assert loaded("my_search.py:Of.points", 0)(None, None) == {"x": 0}
    assert loaded("my_search.py:Of.points", 0) is loaded("./my_search.py:Of.points", 0)
    assert loaded("my_search:Of.points", 0)(None, None) == {"x": 0}
    assert sys.path == before
    del sys.modules["my_search"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("no_such_module_9:f", "No module named 'no_such_module_9'"),
        ("nowhere.py:f", "there is no file nowhere.py"),
        ("math:nothing", "there is no function math:nothing"),
        ("math:pi", "there is no function math:pi"),
        (":", "sampler: ':' is no place of a function"),
        ("math:", "sampler: 'math:' is no place of a function"),
    ],
)
def test_places_where_nothing_is(place: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        loaded(place, 0)
