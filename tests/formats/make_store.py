"""Writes the store that is kept for this format: ``python tests/formats/make_store.py tests/formats/store-3.tar.gz``.

Run once when a format is settled, never again: what an old forebear wrote must stay readable by every later one.
"""

from __future__ import annotations

import getpass
import math
import os
import socket
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import forebear
from forebear.store.shared import close_stores
from forebear.sweeps.agent import agent
from forebear.sweeps.lifecycle import sweep

#: What a kept store says of where it was made: nothing of the machine that really made it.
PLACE = {"host": "kept", "user": "ada", "program": "/home/ada/make_store.py", "python": "/usr/bin/python3"}


def somewhere() -> None:
    """Let this process be the one of `PLACE`, as far as its runs tell."""
    socket.gethostname = lambda: PLACE["host"]
    getpass.getuser = lambda: PLACE["user"]
    sys.executable, sys.argv = PLACE["python"], [PLACE["program"]]
    sys.modules["__main__"].__file__ = PLACE["program"]


def main(target: Path) -> None:
    """Make a small store that has something of everything, and pack it."""
    somewhere()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        store = str(Path(folder) / "store")
        images = Path(folder) / "images"
        for index in range(12):
            path = images / f"part-{index % 3}" / f"{index:02}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"image {index}\n" * 20)
        (images / "large.bin").write_bytes(bytes(range(256)) * 4096)
        common = {"project": "kept", "store": store, "settings": {"silent": True}}
        with forebear.init(id="ingest-1", name="first", job_type="ingest", **common):
            data = forebear.Artifact("data", type="dataset", description="kept for ever", metadata={"rows": 12})
            data.add_dir(images)
            data.add_reference("https://example.org/readme", name="elsewhere", checksum=False)
            forebear.log_artifact(data, aliases=["prod"], tags=["small"])
        (images / "part-0" / "00.txt").write_text("corrected\n")
        with forebear.init(id="train-1", job_type="train", config={"lr": 0.5}, **common):
            forebear.use_artifact("data:prod")
            model = forebear.Artifact("model", type="model")
            model.add({"weights": [1, 2, 3]}, "weights")
            forebear.log_artifact(model)
        with forebear.init(id="ingest-2", job_type="ingest", **common):
            second = forebear.Artifact("data", type="dataset")
            second.add_dir(images)
            forebear.log_artifact(second, aliases=["prod"])
        track(common)
        search(store)
        close_stores()
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(Path(store).rglob("*")):
                inner = path.relative_to(store)
                if path.is_file() and inner.parts[0] not in {"cache", "tmp"}:
                    archive.add(path, arcname=str(inner), filter=nobody)


def nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Let a file of the archive belong to nobody."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def track(common: dict[str, Any]) -> None:
    """Add runs with histories: one of every kind of value, one that was rewound, one that went on from it."""
    with forebear.init(id="track-1", name="tracked", config={"lr": 0.1, "opt": {"name": "adam"}}, **common) as run:
        run.define_metric("acc", summary="max")
        for step in range(300):
            row = {"loss": 1 / (step + 1), "acc": (step % 100) / 100, "count": step, "even": step % 2 == 0}
            run.log(row if step % 10 else row | {"word": f"step {step}", "nested": {"x": -step}, "strange": math.nan})
        run.summary["best"] = {"epoch": 7}
    with forebear.init(resume_from="track-1?_step=99", **common) as run:
        for _ in range(5):
            run.log({"loss": -1.0})
    with forebear.init(fork_from="track-1?_step=49", id="track-2", **common) as run:
        run.log({"loss": -2.0})
    with forebear.init(id="track-3", **common) as run:
        for step in range(100):
            run.log({"all": step, f"only.{step}": step / 2})


def search(store: str) -> None:
    """Add sweeps: one with trials of every end, and one that has not begun."""
    os.environ |= {"FOREBEAR_STORE": store, "FOREBEAR_SILENT": "true", "FOREBEAR_AGENT_DISABLE_FLAPPING": "true"}
    config = {
        "method": "grid",
        "name": "kept sweep",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {
            "x": {"values": [1, 2, 3]},
            "opt": {"parameters": {"name": {"values": ["sgd", "adam"]}}},
            "momentum": {"values": [0.0, 0.9], "when": {"opt.name": "sgd"}},
        },
        "constraints": ["x < 3 or opt.name == 'adam'"],
        "early_terminate": {"type": "median", "min_iter": 2, "min_trials": 2},
    }

    def train() -> None:
        with forebear.init() as run:
            if run.config["x"] == 2 and run.config["opt"]["name"] == "adam":
                raise RuntimeError("kept failure")
            for step in range(3):
                run.log({"loss": math.nan if run.config["x"] == 3 else run.config["x"] + 1 / (step + 1)})

    agent(sweep(config, project="kept"), train, count=7)
    sweep({"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}, "seed": 7}, project="kept")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
