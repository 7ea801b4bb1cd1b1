"""Log a file or folder as a version, as a training script would: ``put.py STORE PATH [--link] [--compress]``."""

import os
import sys

import forebear

store, path = sys.argv[1:3]
with forebear.init(project="bench", store=store, settings={"silent": True}) as run:
    artifact = forebear.Artifact("data", "dataset")
    if os.path.isdir(path):
        artifact.add_dir(path)
    else:
        artifact.add_file(path, link="--link" in sys.argv, compress="--compress" in sys.argv)
    run.log_artifact(artifact)
