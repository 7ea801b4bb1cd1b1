"""The page of injected faults is what the kept results say, and no fault is silent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.faults.results import LOST, OUTCOMES, SILENT

ROOT = Path(__file__).resolve().parents[2]
KEPT = json.loads((ROOT / "docs" / "reference" / "faults.json").read_text(encoding="utf-8"))
#: How many of each area there must be at the least.
LEAST = {
    "kill": 300,
    "failing call": 500,
    "full disk": 50,
    "damage": 150,
    "network": 100,
    "commit unknown": 10,
    "many processes": 100,
    "migration": 10,
    "collection": 500,
}


def counts(area: str | None = None) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in KEPT["rows"]:
        if area in {None, row["area"]}:
            found.update(row["outcomes"])
    return found


def test_nothing_is_lost_or_silent() -> None:
    assert counts().keys() <= set(OUTCOMES) - {LOST, SILENT}


def test_there_is_enough_of_each() -> None:
    assert {area: counts(area).total() for area, least in LEAST.items() if counts(area).total() < least} == {}


def test_the_page_is_what_the_results_say() -> None:
    command = [sys.executable, str(ROOT / "tools" / "faults_page.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_front_page_says_the_same() -> None:
    first = re.search(r"\*\*([\d,]+ injected, [\d,]+ survived, \d+ silent)\.\*\*", _text("docs/reference/faults.md"))
    assert first is not None
    assert first[1] in _text("README.md")


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")
