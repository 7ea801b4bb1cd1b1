"""Do what scripts do to a store, and print what it took: ``use_store.py WHAT STORE …``.

``log STORE FOLDER`` takes a folder in and logs it as a version with the alias ``prod``; ``resolve STORE TIMES`` asks
for that alias through the API. Prints one line of JSON: the seconds of taking in and of logging, or the samples.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import forebear


def log(store: str, folder: str) -> list[float]:
    with forebear.init(project="bench", store=store, settings={"silent": True}) as run:
        artifact = forebear.Artifact("data", "dataset")
        begun = time.perf_counter()
        artifact.add_dir(folder)
        added = time.perf_counter()
        run.log_artifact(artifact, aliases=["prod"])
        logged = time.perf_counter()
    return [added - begun, logged - added]


def resolve(store: str, times: int) -> list[float]:
    api = forebear.Api(store, project="bench")
    samples = []
    for _ in range(times):
        begun = time.perf_counter()
        api.artifact("data:prod")
        samples.append(time.perf_counter() - begun)
    return samples


def main(words: list[str]) -> Any:
    match words:
        case ["log", store, folder]:
            return log(store, folder)
        case ["resolve", store, times]:
            return resolve(store, int(times))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
