"""Prepare: split the newest digits into a part to learn from and a part to be tested on."""

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.model_selection import train_test_split

import forebear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits:latest", help="which version of the digits to split")
    parser.add_argument("--test-share", type=float, default=0.25, help="share of the images kept for the test")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    with forebear.init(project="digits", job_type="prepare", config=vars(args)) as run:
        folder = Path(run.use_artifact(args.data).download())
        names, images, labels = read_images(folder)
        train, test = train_test_split(
            np.arange(len(labels)), test_size=args.test_share, random_state=args.seed, stratify=labels
        )

        split = forebear.Artifact(
            "digits-split", type="split", metadata={"train": len(train), "test": len(test), "seed": args.seed}
        )
        for part, chosen in (("train", train), ("test", test)):
            with split.new_file(f"{part}.npz", mode="wb") as file:
                np.savez(file, names=names[chosen], images=images[chosen], labels=labels[chosen])
        version = run.log_artifact(split).wait()
    print(f"logged {version.name}: {len(train):,} images to learn from, {len(test):,} to test on")


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return names, images (n x 64, 0 to 1) and labels, in the order of labels.csv."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = [np.asarray(Image.open(folder / "images" / row["file"])).ravel() / 255 for row in rows]
    return np.array([row["file"] for row in rows]), np.array(images), np.array([int(row["label"]) for row in rows])


if __name__ == "__main__":
    main()
