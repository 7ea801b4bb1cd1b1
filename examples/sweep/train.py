"""Train: fit a classifier on the newest digits and log it as the next version of ``model``.

Executed by an agent it is one trial of a sweep, which has put its parameters into ``run.config``. Executed by hand it
is a run as any other, with the parameters below.
"""

import csv
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import forebear

BY_HAND = {"kind": "svm", "svm": {"C": 1.0, "gamma": 0.02}}


def main() -> None:
    with forebear.init(project="digits", job_type="train") as run:
        if run.sweep_id is None:
            run.config.update(BY_HAND)
        folder = Path(run.use_artifact("digits:latest").download())
        images, labels = read_images(folder)
        classifier = make_classifier(run.config)
        scores = cross_val_score(classifier, images, labels, cv=3)
        accuracy = float(scores.mean())
        run.log({"accuracy": accuracy, "worst_fold": float(scores.min())})

        classifier.fit(images, labels)
        model = forebear.Artifact(
            "model",
            type="model",
            description=f"{run.config['kind']} classifier of 8 x 8 digits",
            metadata={"kind": run.config["kind"], "accuracy": round(accuracy, 4)},
        )
        with model.new_file("model.joblib", mode="wb") as file:
            joblib.dump(classifier, file)
        version = run.log_artifact(model).wait()
    print(f"logged {version.name}: {run.config['kind']}, accuracy {accuracy:.1%} in 3-fold cross-validation")


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n x 64, 0 to 1) and labels, in the order of labels.csv."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = [np.asarray(Image.open(folder / "images" / row["file"])).ravel() / 255 for row in rows]
    return np.array(images), np.array([int(row["label"]) for row in rows])


def make_classifier(config: Any) -> Any:
    if config["kind"] == "forest":
        forest = config["forest"]
        return RandomForestClassifier(n_estimators=forest["trees"], max_depth=forest["depth"], random_state=7)
    return SVC(C=config["svm"]["C"], gamma=config["svm"]["gamma"])


if __name__ == "__main__":
    main()
