"""Train: fit a classifier on the training part and log it as the next version of ``model``."""

import argparse
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

import forebear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits-split:latest", help="which version of the split to learn from")
    parser.add_argument("--model", choices=["logistic", "forest"], default="logistic")
    parser.add_argument("--C", type=float, default=1.0, help="logistic: inverse strength of the regularisation")
    parser.add_argument("--trees", type=int, default=100, help="forest: number of trees")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    with forebear.init(project="digits", job_type="train", config=vars(args)) as run:
        folder = Path(run.use_artifact(args.data).download())
        part = np.load(folder / "train.npz")
        classifier = make_classifier(args)
        accuracy = float(cross_val_score(classifier, part["images"], part["labels"], cv=3).mean())
        classifier.fit(part["images"], part["labels"])

        model = forebear.Artifact(
            "model",
            type="model",
            description=f"{args.model} classifier of 8 x 8 digits",
            metadata={"kind": args.model, "accuracy": round(accuracy, 4), "images": len(part["labels"])},
        )
        with model.new_file("model.joblib", mode="wb") as file:
            joblib.dump(classifier, file)
        version = run.log_artifact(model).wait()
    print(f"logged {version.name}: {args.model}, accuracy {accuracy:.1%} in 3-fold cross-validation")


def make_classifier(args: argparse.Namespace) -> Any:
    if args.model == "forest":
        return RandomForestClassifier(n_estimators=args.trees, random_state=args.seed)
    return LogisticRegression(C=args.C, max_iter=1000)


if __name__ == "__main__":
    main()
