"""What other tools do when a file that they keep on this machine was changed behind their back. Lines of JSON.

Run by a Python in which they are installed, such as that of ``make bench-peers``::

    .cache/peers/bin/python tests/faults/peers.py > peers.jsonl && python tools/faults_page.py --peers peers.jsonl

Each keeps one file, the copy that it keeps is damaged, and the file is asked for again. Nothing here imports forebear.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]

#: How wandb fails without a server where it does not take a file from its cache.
ASKS_SERVER = "ArtifactNotLoggedError"
#: Asks for the file again, and returns what is handed out.
Again = Callable[[], bytes]


def flip(at: int) -> Callable[[Path], None]:
    """Change one bit."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at] ^= 0x10
        write(path, bytes(content))

    return damage


def write(path: Path, content: bytes) -> None:
    """Write a file in place, as a bad disk would: with its times and rights as they were."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a bit flipped in the first byte": flip(0),
    "a bit flipped in the middle": flip(len(CONTENT) // 2),
    "a bit flipped in the last byte": flip(-1),
    "content of the same size": lambda path: write(path, OTHER),
    "zeros": lambda path: write(path, bytes(len(CONTENT))),
    "truncated": lambda path: write(path, CONTENT[:-1]),
    "extended": lambda path: write(path, CONTENT + b"\0"),
    "deleted": lambda path: path.unlink(),
}


def wandb_cache(folder: Path) -> tuple[Path, Again]:
    """wandb's cache of artifact files, from which `download` takes what it has; there is no server here."""
    os.environ |= {"WANDB_CACHE_DIR": str(folder / "cache"), "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    os.environ |= {"WANDB_DATA_DIR": str(folder / "data"), "WANDB_ARTIFACT_DIR": str(folder / "artifacts")}
    import wandb
    from wandb.sdk.artifacts.artifact_file_cache import get_artifact_file_cache

    (folder / "file.bin").write_bytes(CONTENT)
    artifact = wandb.Artifact("data", "dataset")
    entry = artifact.add_file(str(folder / "file.bin"), "file.bin", policy="immutable")
    entry._parent_artifact = artifact
    path, _, opener = get_artifact_file_cache().check_digest_obj_path(entry.digest, entry.size)
    with opener("wb") as file:
        file.write(CONTENT)

    def again() -> bytes:
        shutil.rmtree(folder / "out", ignore_errors=True)
        return Path(entry.download(str(folder / "out"))).read_bytes()

    return Path(path), again


def trackio_store(folder: Path) -> tuple[Path, Again]:
    """Trackio's store of artifacts on this machine."""
    os.environ |= {"TRACKIO_DIR": str(folder / "trackio"), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    import trackio

    (folder / "file.bin").write_bytes(CONTENT)
    run = trackio.init(project="p", embed=False)
    artifact = trackio.Artifact("data", "dataset")
    artifact.add_file(folder / "file.bin")
    trackio.log_artifact(artifact)
    trackio.finish()
    (blob,) = [path for path in (folder / "trackio").rglob("*") if path.is_file() and path.read_bytes() == CONTENT]

    def again() -> bytes:
        shutil.rmtree(folder / "out", ignore_errors=True)
        return (Path(artifact.download(folder / "out")) / "file.bin").read_bytes()

    del run
    return blob, again


def mlflow_artifacts(folder: Path) -> tuple[Path, Again]:
    """MLflow's artifacts in a folder."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    import mlflow

    (folder / "file.bin").write_bytes(CONTENT)
    experiment = mlflow.create_experiment("p", artifact_location=f"{folder}/mlruns")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_artifact(str(folder / "file.bin"))
    (kept,) = (folder / "mlruns").rglob("file.bin")
    uri = f"runs:/{run.info.run_id}/file.bin"

    def again() -> bytes:
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "out").mkdir()
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder / "out"))).read_bytes()

    return kept, again


def dvc_cache(folder: Path) -> tuple[Path, Again]:
    """DVC's cache, from which `dvc checkout` takes files."""

    def dvc(*words: str) -> None:
        environment = os.environ | {"DVC_NO_ANALYTICS": "1", "HOME": str(folder)}
        command = [sys.executable, "-m", "dvc", "-q", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(" ".join(done.stderr.split())[:200])

    dvc("init", "--no-scm")
    (folder / "file.bin").write_bytes(CONTENT)
    dvc("add", "file.bin")
    (kept,) = [path for path in (folder / ".dvc" / "cache").rglob("*") if path.is_file() and not path.suffix]

    def again() -> bytes:
        (folder / "file.bin").unlink(missing_ok=True)
        dvc("checkout", "file.bin")
        return (folder / "file.bin").read_bytes()

    return kept, again


TOOLS: dict[str, tuple[str, Callable[[Path], tuple[Path, Again]]]] = {
    "wandb": ("a file of its cache, by `download`", wandb_cache),
    "trackio": ("a file of its store, by `download`", trackio_store),
    "mlflow": ("a file of its folder, by `download_artifacts`", mlflow_artifacts),
    "dvc": ("a file of its cache, by `dvc checkout`", dvc_cache),
}


def outcome(again: Again) -> str:
    """Ask for the file again, and say what came of it."""
    try:
        content = again()
    except Exception as err:  # whatever it is, it was not silent
        name = type(err).__name__
        return "sees it, and asks its server" if name == ASKS_SERVER else f"fails ({name})"
    return "hands out the right bytes" if content == CONTENT else "**hands out wrong bytes, says nothing**"


def measure(tool: str) -> Iterator[dict[str, Any]]:
    """Yield what a tool does with each damage."""
    what, prepare = TOOLS[tool]
    version = importlib.metadata.version(tool)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.chdir(folder)
        kept, again = prepare(folder)
        original = kept.stat()
        if outcome(again) != "hands out the right bytes":
            raise RuntimeError(f"{tool} does not hand out what was not damaged")
        for words, damage in DAMAGES.items():
            damage(kept)
            yield {"tool": f"{tool} {version}", "what": what, "damage": words, "outcome": outcome(again)}
            kept.unlink(missing_ok=True)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(CONTENT)
            kept.chmod(original.st_mode)
            os.utime(kept, ns=(original.st_atime_ns, original.st_mtime_ns))


def main() -> None:
    """Measure each tool that is here, in a process of its own."""
    if len(sys.argv) > 1:
        for line in measure(sys.argv[1]):
            print(json.dumps(line), flush=True)
        return
    for tool in TOOLS:
        if importlib.util.find_spec(tool) is None:
            print(f"{tool} is not installed", file=sys.stderr)
            continue
        done = subprocess.run([sys.executable, __file__, tool], capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        print(*lines, sep="\n")
        if done.returncode or len(lines) != len(DAMAGES):
            print(done.stderr[-2000:], file=sys.stderr)


if __name__ == "__main__":
    main()
