"""Train a small network with PyTorch, and watch its gradients.

    pip install torch
    python train_torch.py --epochs 5

At the end it shows what the model was made from. Afterwards: ``forebear run show ID --project training``.
"""

import argparse
import subprocess
import sys

import forebear

try:
    import torch
    from sklearn.datasets import load_digits
except ImportError as err:
    sys.exit(f"this example needs torch and scikit-learn: {err}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small network on 8 x 8 digits.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--width", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(7)

    with forebear.init(project="training", job_type="train", config=args, tags=["torch"]) as run:
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.float32).flatten(1) / 16
        labels = torch.tensor(digits.target)
        net = torch.nn.Sequential(
            torch.nn.Linear(64, run.config.width), torch.nn.ReLU(), torch.nn.Linear(run.config.width, 10)
        )
        criterion = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(net.parameters(), lr=run.config.lr)
        run.watch(net, criterion, log="all", log_freq=20)

        for epoch in range(run.config.epochs):
            for batch in torch.randperm(len(labels)).split(64):
                loss = criterion(net(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log({"epoch": epoch, "loss": loss})
            guesses = net(images).argmax(dim=1)
            run.log({"accuracy": (guesses == labels).float().mean()})
        run.log({"sample": [forebear.Image(digits.images[i] / 16, caption=str(int(guesses[i]))) for i in range(8)]})
        by_digit = forebear.Table(columns=["digit", "images", "accuracy"])
        for digit in range(10):
            here = labels == digit
            by_digit.add_data(digit, int(here.sum()), float((guesses[here] == digit).float().mean()))
        run.log({"by_digit": by_digit})

        model = forebear.Artifact("digit-net", type="model", metadata={"width": run.config.width})
        with model.new_file("net.pt", mode="wb") as file:
            torch.save(net.state_dict(), file)
        run.log_artifact(model)
    print(f"run {run.name}: accuracy {run.summary['accuracy']:.1%}", flush=True)
    # What one types as: forebear lineage show digit-net:latest --project training
    subprocess.run(
        [sys.executable, "-m", "forebear", "lineage", "show", "digit-net:latest", "--project", "training"], check=True
    )


if __name__ == "__main__":
    main()
