"""The page about sweeps names every key, distribution, rule and macro, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from forebear.records.sweeps import SWEEP_STATES, TRIAL_STATES
from forebear.sweeps import early, macros
from forebear.sweeps.declaration import KEYS, METHODS, Objective
from forebear.sweeps.expressions import FUNCTIONS
from forebear.sweeps.parameter_keys import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "sweeps.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {title}"
    return found[1]


def first_cells(text: str) -> set[str]:
    """What the tables of a section name in code in their first column."""
    rows = re.findall(r"^\| (`[^|]*)\|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_key() -> None:
    keys = section("Keys")
    assert first_cells(keys) == set(KEYS)
    assert all(f"`{method}`" in keys for method in METHODS)


def test_every_distribution_with_its_keys() -> None:
    text = section("Parameters")
    assert first_cells(text) == set(KINDS)
    for row in re.findall(r"^\| (`[^|]*)\|([^|]*)\|", text, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", row[0]):
            _, required, _ = KINDS[name]
            assert set(required) <= set(re.findall(r"`(\w+)`", row[1])), name


def test_every_key_of_a_metric() -> None:
    assert first_cells(section("Metrics")) == set(Objective._fields)


def test_every_rule() -> None:
    text = section("Ending trials early")
    assert first_cells(text) == {"type", *early._READERS}
    assert f"`min_iter` ({early._FIRST_RUNG})" in text


def test_every_macro() -> None:
    assert first_cells(section("Commands")) == {f"${{{name}}}" for name in macros.MACROS}
    default = " ".join(macros.DEFAULT_COMMAND)
    assert f"`{default}`" in section("Keys")


def test_every_function_and_state() -> None:
    assert f"`{' '.join(FUNCTIONS)}`" in section("Conditions and constraints")
    states = section("States")
    assert all(f"`{state}`" in states for state in (*SWEEP_STATES, *TRIAL_STATES))
