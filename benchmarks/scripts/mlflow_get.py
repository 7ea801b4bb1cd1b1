"""Put the artifacts of the newest MLflow run into a folder: ``mlflow_get.py STORE FOLDER``."""

import sys
from pathlib import Path

import mlflow  # type: ignore[import-not-found]

store, folder = sys.argv[1:3]
mlflow.set_tracking_uri(f"file://{store}/runs")
mlflow.artifacts.download_artifacts(run_id=Path(store, "run").read_text(), dst_path=folder)
