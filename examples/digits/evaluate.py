"""Evaluate: let a model loose on the test part and log what it predicts."""

import argparse
import csv
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import confusion_matrix

import forebear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="model:latest", help="which version of the model to evaluate")
    parser.add_argument("--data", default="digits-split:latest", help="which version of the split to test on")
    args = parser.parse_args()

    with forebear.init(project="digits", job_type="evaluate", config=vars(args)) as run:
        model = run.use_artifact(args.model)
        # A joblib file can run code when it is loaded, so load only models you or people you trust have logged.
        classifier = joblib.load(Path(model.download()) / "model.joblib")
        part = np.load(Path(run.use_artifact(args.data).download()) / "test.npz")
        predicted = classifier.predict(part["images"])
        right = int((predicted == part["labels"]).sum())

        predictions = forebear.Artifact(
            "predictions",
            type="predictions",
            metadata={"model": model.name, "right": right, "of": len(predicted), "accuracy": right / len(predicted)},
        )
        with predictions.new_file("predictions.csv") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["file", "label", "predicted"])
            rows.writerows(zip(part["names"], part["labels"], predicted, strict=True))
        with predictions.new_file("confusion.csv") as file:
            csv.writer(file, lineterminator="\n").writerows(confusion_matrix(part["labels"], predicted).tolist())
        version = run.log_artifact(predictions).wait()
    share = right / len(predicted)
    print(f"logged {version.name}: {model.name} reads {right} of {len(predicted)} images right, {share:.1%}")


if __name__ == "__main__":
    main()
