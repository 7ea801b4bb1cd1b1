"""The examples of sweeps as people run them: processes in a fresh folder, and a store with what they promise."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import forebear
from forebear.records.sweeps import TRIAL_FINISHED
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.reading import best_trial

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRIALS = 5

pytestmark = pytest.mark.slow


def test_the_search_for_a_classifier(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for name in ("digits", "sweep"):
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("out", "__pycache__"))
    line = [sys.executable, tmp_path / "sweep" / "run_demo.py", "--trials", str(TRIALS)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr

    out = tmp_path / "sweep" / "out"
    api = forebear.Api(str(out / ".forebear"), project="digits")
    (sweep,) = api.store.catalog.sweeps()
    trials = api.store.catalog.trials(sweep.key)
    assert [trial.state for trial in trials] == [TRIAL_FINISHED] * TRIALS
    # Each trial used the data, and logged a model and what it is worth.
    runs = api.runs("digits", filters={"sweep": sweep.id})
    assert len(runs) == TRIALS
    assert {used.name for run in runs for used in run.used_artifacts()} == {"digits:v0"}
    assert all(run.config["kind"] in run.config for run in runs)
    # The best one is found in both ways, and its model knows what it came from.
    best = best_trial(read_declaration(sweep.config), trials)
    assert best is not None
    model = api.artifact("model:best")
    maker = model.logged_by()
    assert maker is not None
    run = api.run(f"digits/{maker.id}")
    assert run.record.key == best.run_key
    assert run.summary["accuracy"] == max(trial.values["accuracy"] for trial in trials) > 0.5
    assert f"of sweep {sweep.id}" in done.stdout
    assert "digits:v0" in done.stdout.rpartition("forebear lineage up model:best")[2]
    assert ET.parse(out / "sweep.svg").getroot().tag.endswith("svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits", "sweep"]


def test_the_first_sweep_that_people_write() -> None:
    Path(".forebear").mkdir()
    copy = shutil.copy(EXAMPLES / "sweep" / "random_numbers.py", ".")
    done = subprocess.run([sys.executable, copy], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr.lower()
    api = forebear.Api(project="my-first-sweep")
    runs = api.runs("my-first-sweep")
    assert len(runs) == 4
    for run in runs:
        assert run.config["batch_size"] in (16, 32, 64)
        assert run.config["epochs"] in (4, 8, 12)
        assert 0.0001 <= run.config["lr"] <= 0.1
        rows = list(run.scan_history(keys=["epoch", "val_acc"]))
        assert [row["epoch"] for row in rows] == list(range(1, run.config["epochs"] + 1))
    (sweep,) = api.store.catalog.sweeps()
    assert f"forebear sweep show {sweep.id}" in done.stdout
    trials = api.store.catalog.trials(sweep.key)
    assert sorted(trial.values["val_acc"] for trial in trials) == sorted(run.summary["val_acc"] for run in runs)
