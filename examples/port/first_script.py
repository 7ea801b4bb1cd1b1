"""A script as people write it for Weights & Biases. Nothing but the line that imports was changed.

python first_script.py
"""

import random

import numpy as np

import forebear as wandb

wandb.init(
    project="port",
    notes="how far does one changed line carry",
    tags=["baseline", "port"],
    config={"epochs": 8, "lr": 0.01, "layers": [64, 32]},
)
wandb.config.update({"batch_size": 128})
config = wandb.config

generator = np.random.default_rng(7)
random.seed(7)
for epoch in range(config.epochs):
    loss = 1 / (epoch + 1) + random.random() * config.lr
    wandb.log(
        {
            "epoch": epoch,
            "loss": loss,
            "nested": {"lr": config["lr"] * 0.9**epoch},
            "noise": wandb.Image(generator.integers(0, 255, (32, 32, 3), dtype=np.uint8), caption=f"epoch {epoch}"),
            "gradients": wandb.Histogram(generator.normal(size=1000)),
            "report": wandb.Html(f"<b>epoch {epoch}</b>: loss {loss:.3f}"),
        }
    )

table = wandb.Table(columns=["epoch", "text", "score"])
for epoch in range(config.epochs):
    table.add_data(epoch, f"sentence {epoch}", random.random())
wandb.log({"sentences": table})

truth = generator.integers(0, 3, 200)
scores = generator.dirichlet(np.ones(3), 200) * 0.5 + np.eye(3)[truth] * 0.5
wandb.log({"roc": wandb.plot.roc_curve(truth, scores, labels=["cat", "dog", "bird"])})

artifact = wandb.Artifact("sentences", type="dataset")
artifact.add(table, "sentences")
wandb.log_artifact(artifact)
wandb.summary["best_loss"] = loss
wandb.finish()
