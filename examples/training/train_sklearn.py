"""Train digit classifiers with scikit-learn, and track it all: metrics, images, a table, charts and the model.

    python train_sklearn.py --epochs 20 --rate 0.3

Everything goes to the nearest store (``forebear init`` makes one beside your code). At the end it shows what the model
was made from. Afterwards:

    forebear run ls --project training --sort=-summary.accuracy.max
    forebear run show ID
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import forebear

CLASSES = [str(digit) for digit in range(10)]
#: Test images shown in the table of predictions.
SHOWN = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    log_data()
    with forebear.init(project="training", job_type="train", config=args, tags=["sklearn"]) as run:
        run.define_metric("accuracy", summary="max", goal="maximize")
        run.define_metric("loss", summary="min")
        train, test = split(run)
        classifier = fit(run, train, test)
        show(run, classifier, test)
        log_model(run, classifier)
    print(f"run {run.name}: best accuracy {run.summary['accuracy']['max']:.1%}", flush=True)
    # What one types as: forebear lineage show digit-model:best --project training
    subprocess.run(
        [sys.executable, "-m", "forebear", "lineage", "show", "digit-model:best", "--project", "training"], check=True
    )


def log_data() -> None:
    """Log the data by a run of its own, so that the model knows what it was made from."""
    digits = load_digits()
    with forebear.init(project="training", job_type="ingest") as run:
        data = forebear.Artifact("digit-data", type="dataset", metadata={"images": len(digits.target)})
        with data.new_file("digits.npz", mode="wb") as file:
            np.savez(file, images=digits.images / 16, labels=digits.target)
        run.log_artifact(data)


def split(run: forebear.Run) -> tuple[Any, Any]:
    """Use the newest data, and keep a quarter of it for the test."""
    digits = np.load(Path(run.use_artifact("digit-data:latest").download()) / "digits.npz")
    train_x, test_x, train_y, test_y = train_test_split(
        digits["images"], digits["labels"], random_state=run.config.seed
    )
    return (train_x, train_y), (test_x, test_y)


def fit(run: forebear.Run, train: Any, test: Any) -> SGDClassifier:
    classifier = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=run.config.rate, random_state=run.config.seed
    )
    for epoch in range(run.config.epochs):
        classifier.partial_fit(train[0].reshape(-1, 64), train[1], classes=range(10))
        run.log(
            {
                "epoch": epoch,
                "loss": log_loss(test[1], classifier.predict_proba(test[0].reshape(-1, 64)), labels=range(10)),
                "accuracy": classifier.score(test[0].reshape(-1, 64), test[1]),
                "weights": forebear.Histogram(classifier.coef_),
            }
        )
    return classifier


def show(run: forebear.Run, classifier: SGDClassifier, test: Any) -> None:
    """Log what a person wants to look at: predictions one by one, and two charts of all of them."""
    images, labels = test
    scores = classifier.predict_proba(images.reshape(-1, 64))
    guesses = scores.argmax(axis=1)
    table = forebear.Table(columns=["image", "label", "guess", "sure"])
    for image, label, guess, score in list(zip(images, labels, guesses, scores, strict=True))[:SHOWN]:
        table.add_data(forebear.Image(image), int(label), int(guess), float(score.max()))
    wrong = [
        forebear.Image(images[i], caption=f"{labels[i]}, read as {guesses[i]}")
        for i in np.flatnonzero(guesses != labels)
    ]
    run.log(
        {
            "predictions": table,
            "mistakes": wrong[:12],
            "roc": forebear.plot.roc_curve(labels, scores, labels=CLASSES),
            "confusion": forebear.plot.confusion_matrix(y_true=labels, preds=guesses, class_names=CLASSES),
        },
        commit=False,
    )


def log_model(run: forebear.Run, classifier: SGDClassifier) -> None:
    model = forebear.Artifact("digit-model", type="model", metadata=dict(run.config))
    with model.new_file("model.joblib", mode="wb") as file:
        joblib.dump(classifier, file)
    run.log_artifact(model, aliases=["best"])


if __name__ == "__main__":
    main()
