"""Places for trials that run beside each other, and the graphics processors that they get."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebear.sweeps.slots import DEVICES, SLOT, devices, slots


def test_without_processors_a_place_is_a_number() -> None:
    assert slots(2, []) == [{SLOT: "0"}, {SLOT: "1"}]


@pytest.mark.parametrize(
    ("jobs", "found", "shares"),
    [
        (1, ["0", "1"], ["0,1"]),
        (2, ["0", "1"], ["0", "1"]),
        (2, ["0", "1", "2"], ["0,1", "2"]),
        (3, ["4", "5", "6", "7"], ["4,5", "6", "7"]),
        (4, ["0", "1"], ["0", "1", "0", "1"]),
        (3, ["GPU-aa"], ["GPU-aa"] * 3),
        (2, ["3", "1"], ["3", "1"]),
    ],
)
def test_processors_are_shared_out(jobs: int, found: list[str], shares: list[str]) -> None:
    made = slots(jobs, found)
    assert [place[DEVICES] for place in made] == shares
    assert [place[SLOT] for place in made] == [str(index) for index in range(jobs)]


@pytest.mark.parametrize(
    ("named", "found"), [("0,1", ["0", "1"]), (" 2 , MIG-x ", ["2", "MIG-x"]), ("", []), ("-1", ["-1"])]
)
def test_what_the_environment_names_counts(named: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "nvidia7").touch()
    assert devices({DEVICES: named}, tmp_path) == found


def test_the_files_of_the_driver_count_otherwise(tmp_path: Path) -> None:
    for name in ("nvidia10", "nvidia2", "nvidia0", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert devices({}, tmp_path) == ["0", "2", "10"]
    assert devices({}, tmp_path / "none") == []
