"""How each tool begins a run: ``begin(TOOL, STORE)`` returns its functions to log a row and to end the run.

Each is used as its manual has it, with everything switched off that has nothing to do with rows.
"""

import itertools
import json
import os
from collections.abc import Callable
from typing import Any

Row = dict[str, float]
Logger = tuple[Callable[[Row], Any], Callable[[], Any]]


def begin(tool: str, store: str) -> Logger:
    """Begin a run of ``tool`` in the folder ``store``, which may not be there yet."""
    return {
        "forebear": _forebear,
        "json": _json,
        "trackio": _trackio,
        "wandb": _wandb,
        "mlflow": _mlflow,
    }[tool](store)


def _forebear(store: str) -> Logger:
    import forebear

    run = forebear.init(project="bench", store=store, settings={"silent": True})
    return run.log, run.finish


def _json(store: str) -> Logger:
    """One write(2) of a JSON line a row, without which nothing survives ``kill -9``."""
    os.makedirs(store, exist_ok=True)
    file = os.open(os.path.join(store, f"{os.getpid()}.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    return lambda row: os.write(file, json.dumps(row).encode() + b"\n"), lambda: os.close(file)


def _trackio(store: str) -> Logger:
    os.environ |= {"TRACKIO_DIR": store, "HF_HUB_OFFLINE": "1"}
    import trackio  # type: ignore[import-not-found]

    trackio.init(project="bench", embed=False)
    return trackio.log, trackio.finish


def _wandb(store: str) -> Logger:
    os.makedirs(store, exist_ok=True)
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": store}
    os.environ |= {"WANDB_ERROR_REPORTING": "false", "WANDB_CONSOLE": "off"}
    import wandb  # type: ignore[import-not-found]

    run = wandb.init(project="bench", settings=wandb.Settings(x_disable_stats=True))
    return run.log, run.finish


def _mlflow(store: str) -> Logger:
    os.makedirs(store, exist_ok=True)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow  # type: ignore[import-not-found]

    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    mlflow.start_run()
    steps = itertools.count()
    return lambda row: mlflow.log_metrics(row, step=next(steps)), mlflow.end_run
