"""One step of somebody's work with a store: ``use_team.py put|get|use|log|open STORE_URL [FOLDER|ROWS]``."""

import sys
from pathlib import Path

import numpy as np

import forebear
from forebear.store.opening import open_store

action, url, *words = sys.argv[1:]
names = {"store": url, "project": "bench", "settings": {"console": "off", "x_disable_stats": True}}
if action == "put":
    with forebear.init(**names) as run:
        data = forebear.Artifact("data", "dataset")
        data.add_dir(Path(words[0]))
        run.log_artifact(data)
elif action == "get":
    forebear.Api(url, project="bench").artifact("data").download(words[0])
elif action == "use":
    with forebear.init(**names) as run:
        run.use_artifact("data:latest")
elif action == "log":
    values = np.random.default_rng(0).random((int(words[0]), 10))
    with forebear.init(**names) as run:
        for row in values:
            run.log({f"metric-{number}": value for number, value in enumerate(row.tolist())})
else:
    open_store(url).close()
