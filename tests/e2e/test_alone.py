"""No account, no server, no network: not one connection is begun, and no process is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

FOREBEAR = Path(sys.executable).parent / "forebear"

#: Loaded by every Python that starts; what it ends cannot be taken for success by code that expects failures.
NO_NETWORK = """
import os, sys
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"}:
        os.write(2, f"the network was asked: {event} {arguments}".encode())
        os._exit(86)
sys.addaudithook(watch)
"""

PIPELINE = """
import forebear
with forebear.init(project="shop", job_type="train", config={"lr": 0.1}) as run:
    data = run.use_artifact("sales:latest")
    data.download("in")
    for step in range(3):
        run.log({"loss": 1 / (step + 1)})
    model = forebear.Artifact("model", "model")
    model.add_file("in/sales.csv")
    model.add_reference("in/sales.csv", "far.csv")
    run.log_artifact(model).wait()
    with forebear.init(project="shop", reinit="create_new", mode="online") as other:
        other.use_model("model:latest")
assert [run.state for run in forebear.Api(project="shop").runs()].count("finished") >= 2
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python process that a test starts ends when it asks the network for anything."""
    folder = tmp_path / "watch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def call(*words: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def test_a_pipeline_asks_no_network(watched: None) -> None:
    Path("data").mkdir()
    Path("data/sales.csv").write_text("day,amount\n2026-01-01,3\n")
    call(FOREBEAR, "init", "--project", "shop")
    call(FOREBEAR, "artifact", "put", "data", "--name", "sales")
    call(sys.executable, "-c", PIPELINE)
    call(FOREBEAR, "run", "ls")
    call(FOREBEAR, "artifact", "get", "model", "--root", "out")
    call(FOREBEAR, "artifact", "verify", "model")
    assert "sales" in call(FOREBEAR, "lineage", "up", "model")
    call(FOREBEAR, "lineage", "export", "model", "--output", "graph.svg")
    call(FOREBEAR, "doctor")
    here = os.path.realpath(".")
    assert [found.pid for found in psutil.process_iter(["cwd"]) if found.info["cwd"] == here] == [os.getpid()]


@pytest.mark.parametrize("code", ["socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo('localhost', 80)"])
def test_asking_the_network_would_be_seen(watched: None, code: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import socket; {code}"], capture_output=True, text=True, check=False)
    assert done.returncode == 86
    assert "the network was asked" in done.stderr
