"""The first sweep that people write: a training that only pretends, so that nothing but the sweep is there to see.

A script for Weights & Biases runs here with its import changed, as in this one.
"""

import random

import forebear as wandb

SEARCH = {
    "method": "random",
    "metric": {"name": "val_acc", "goal": "maximize"},
    "parameters": {
        "batch_size": {"values": [16, 32, 64]},
        "epochs": {"values": [4, 8, 12]},
        "lr": {"min": 0.0001, "max": 0.1},
    },
}


def pretend(epoch: int, lr: float, batch_size: int) -> tuple[float, float]:
    """Return an accuracy and a loss that look as if something had been learned."""
    progress = epoch / (epoch + 5 * lr + batch_size / 64)
    accuracy = 0.9 * progress + random.random() / 20
    return accuracy, 1.2 - accuracy + random.random() / 20


def main() -> None:
    wandb.init()
    # A trial's parameters are in the config, as the sweep chose them.
    lr = wandb.config.lr
    batch_size = wandb.config.batch_size
    for epoch in range(1, wandb.config.epochs + 1):
        train_acc, train_loss = pretend(epoch, lr, batch_size)
        val_acc, val_loss = pretend(epoch - 0.5, lr, batch_size)
        wandb.log(
            {
                "epoch": epoch,
                "train_acc": train_acc,
                "train_loss": train_loss,
                "val_acc": val_acc,
                "val_loss": val_loss,
            }
        )


sweep_id = wandb.sweep(sweep=SEARCH, project="my-first-sweep")
wandb.agent(sweep_id, function=main, count=4)
print(f"forebear sweep show {sweep_id}")
