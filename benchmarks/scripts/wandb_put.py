"""Log a file or folder as a wandb artifact: ``wandb_put.py PATH``; where and how is said by the environment."""

import os
import sys

import wandb  # type: ignore[import-not-found]

path = sys.argv[1]
with wandb.init(project="bench") as run:
    artifact = wandb.Artifact("data", "dataset")
    if os.path.isdir(path):
        artifact.add_dir(path)
    else:
        artifact.add_file(path)
    run.log_artifact(artifact)
