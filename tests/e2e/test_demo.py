"""The demo as people run it: separate processes, one store, and nothing written beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, stores_of_module: None) -> tuple[Path, str]:
    """Run the demo on a copy of its folder; return the folder and what was printed."""
    folder = tmp_path_factory.mktemp("demo") / "digits"
    shutil.copytree(DIGITS, folder, ignore=shutil.ignore_patterns("out", "__pycache__"))
    done = subprocess.run(
        [sys.executable, folder / "run_demo.py"], capture_output=True, text=True, check=False, cwd=folder.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_it_shows_what_changed_what_is_stale_and_what_came_of_what(demo: tuple[Path, str]):
    _, text = demo
    asked = dict(part.split("\n", 1) for part in text.split("\n$ ")[1:])
    changed = asked["forebear diff digits:v0 digits:v1 --stat"]
    assert "40" in changed
    assert "26" in changed
    stale = asked["forebear lineage stale"]
    assert all(name in stale for name in ("digits-split:v0", "model:v0", "model:v1"))
    assert "digits:v0" in asked["forebear lineage up model:v0"]
    assert "predictions:v0" in asked["forebear lineage down digits:v0"]


def test_the_picture_is_one(demo: tuple[Path, str]):
    folder, _ = demo
    (picture,) = (folder / "out").glob("*.svg")
    root = ET.parse(picture).getroot()
    assert root.tag.endswith("svg")
    words = "".join(root.itertext())
    assert "model:v1" in words
    assert "predictions:v0" in words


def test_nothing_is_written_outside_its_folder(demo: tuple[Path, str], home: Path):
    folder, _ = demo
    assert [path.name for path in folder.parent.iterdir()] == ["digits"]
    made = {path.name for path in folder.iterdir()} - {path.name for path in DIGITS.iterdir()}
    assert made <= {"out", "__pycache__"}
    assert list(home.iterdir()) == []


def test_what_it_says_to_type_next_works(demo: tuple[Path, str]):
    folder, text = demo
    advice = text.partition("Type next:")[2]
    lines = [line.strip().partition("  ")[0] for line in advice.splitlines()]
    commands = [line for line in lines if line.startswith(("forebear ", "python "))]
    assert len(commands) >= 4
    bin_folder = Path(sys.executable).parent
    for command in commands:
        program, *arguments = command.split()
        done = subprocess.run(
            [bin_folder / program, *arguments], cwd=folder / "out", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
