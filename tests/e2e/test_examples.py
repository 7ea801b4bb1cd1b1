"""The examples of tracking as people run them: processes in a fresh folder, and a store with what they promise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import forebear

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.slow


def run_example(script: str, *options: str) -> str:
    """Run a copy of an example in the current folder, which has a store of its own; return what it printed."""
    Path(".forebear").mkdir(exist_ok=True)
    copy = shutil.copy(EXAMPLES / script, ".")
    done = subprocess.run([sys.executable, copy, *options], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "warning" not in done.stderr.lower()
    return done.stdout


def steps_of(run: forebear.api.recorded_run.RecordedRun, key: str) -> list[int]:
    return [row["_step"] for row in run.scan_history(keys=[key, "_step"])]


def test_the_training_with_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    said = run_example("training/train_sklearn.py", "--epochs", "4", "--rate", "0.2")
    api = forebear.Api(project="training")
    ingest, train = api.runs("training")
    assert (train.state, train.job_type, train.tags) == ("finished", "train", ["sklearn"])
    assert (ingest.state, ingest.job_type) == ("finished", "ingest")
    assert train.config == {"epochs": 4, "rate": 0.2, "seed": 7}
    rows = list(train.scan_history(keys=["epoch", "loss", "accuracy"]))
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert train.summary["loss"] == {"min": min(row["loss"] for row in rows)}
    assert train.summary["accuracy"] == {"max": max(row["accuracy"] for row in rows)}
    assert f"best accuracy {train.summary['accuracy']['max']:.1%}" in said
    assert train.summary["weights"]["_type"] == "histogram"
    assert train.summary["mistakes"]["_type"] == "images/separated"
    assert {train.summary[key]["_type"] for key in ("roc", "confusion")} == {"custom-chart"}
    assert sum(file.name.startswith("media/images/") for file in train.files()) >= 60

    (data,) = train.used_artifacts()
    assert data.qualified_name == "local/training/digit-data:v0"
    logged = {artifact.collection_name: artifact for artifact in train.logged_artifacts()}
    model = logged["digit-model"]
    assert (model.type, model.aliases, model.metadata["rate"]) == ("model", ["best", "latest"], 0.2)
    model.verify()
    table = logged[f"run-{train.id}-predictions"].get("predictions")
    assert table.columns == ["image", "label", "guess", "sure"]
    assert len(table.data) == 60
    assert (table.data[0][0].width, table.data[0][0].height) == (8, 8)
    # The lineage that it shows at its end is the one that the store has.
    maker = model.logged_by()
    assert maker is not None
    assert [used.name for used in maker.used_artifacts()] == ["digit-data:v0"]
    assert "digit-data:v0" in said
    assert "digit-model:v0" in said


def test_a_script_written_for_others_runs_with_another_import() -> None:
    run_example("port/first_script.py")
    (run,) = forebear.Api(project="port").runs("port")
    assert (run.state, run.notes, run.tags) == ("finished", "how far does one changed line carry", ["baseline", "port"])
    assert run.config == {"epochs": 8, "lr": 0.01, "layers": [64, 32], "batch_size": 128}
    assert steps_of(run, "loss") == list(range(8))
    assert list(run.scan_history(keys=["nested.lr"]))[0] == {"nested.lr": 0.01}
    kinds = {key: run.summary[key]["_type"] for key in ("noise", "gradients", "report", "sentences", "roc")}
    assert kinds == {
        "noise": "image-file",
        "gradients": "histogram",
        "report": "html-file",
        "sentences": "table-file",
        "roc": "custom-chart",
    }
    assert run.summary["best_loss"] == list(run.scan_history(keys=["loss"]))[-1]["loss"]
    logged = {artifact.collection_name: artifact for artifact in run.logged_artifacts()}
    assert logged["sentences"].get("sentences").data == logged[f"run-{run.id}-sentences"].get("sentences").data
    assert [row[0] for row in logged["sentences"].get("sentences").data] == list(range(8))


def test_the_training_with_torch() -> None:
    pytest.importorskip("torch")
    said = run_example("training/train_torch.py", "--epochs", "2")
    (run,) = forebear.Api(project="training").runs("training")
    assert (run.state, run.tags) == ("finished", ["torch"])
    assert {"loss", "accuracy", "epoch", "sample"} <= set(run.history_keys)
    assert any(key.startswith("gradients/") for key in run.history_keys)
    assert any(key.startswith("parameters/") for key in run.history_keys)
    logged = {artifact.collection_name: artifact for artifact in run.logged_artifacts()}
    assert logged["digit-net"].type == "model"
    assert [row[0] for row in logged[f"run-{run.id}-by_digit"].get("by_digit").data] == list(range(10))
    assert "digit-net:v0" in said
