"""Log a file or folder as artifacts of an MLflow run: ``mlflow_put.py STORE PATH``. The run's id goes to STORE/run."""

import os
import sys
from pathlib import Path

import mlflow  # type: ignore[import-not-found]

store, path = sys.argv[1:3]
mlflow.set_tracking_uri(f"file://{store}/runs")
with mlflow.start_run() as run:
    if os.path.isdir(path):
        mlflow.log_artifacts(path)
    else:
        mlflow.log_artifact(path)
Path(store, "run").write_text(run.info.run_id)
