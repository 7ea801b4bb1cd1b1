"""Programs that read what is exported."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

NPM = Path(__file__).resolve().parents[2] / "npm"

#: Gives documents of one format to a program of it, and returns the nodes and edges it found in each.
Consume = Callable[[str, Sequence[str]], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def consume() -> Consume:
    """Return the way to the programs from npm; skips where they are not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which npm brings")
    if not (NPM / "node_modules" / "mermaid").is_dir():
        pytest.skip("needs the packages of tests/npm; npm ci --prefix tests/npm installs them, as make test does")

    def run(format: str, documents: Sequence[str]) -> list[dict[str, Any]]:
        command = [node, str(NPM / "consume.mjs"), format]
        result = subprocess.run(command, input=json.dumps(list(documents)), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
        answers: list[dict[str, Any]] = json.loads(result.stdout)
        return answers

    return run
