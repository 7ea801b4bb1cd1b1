"""Ingest: log a folder of images and their labels as the next version of the dataset ``digits``.

The first time, the folder is filled with the 1,797 handwritten digits that come with scikit-learn. Later it is logged
as it is found, so whatever was corrected in it becomes a new version, and nothing is logged twice.
"""

import argparse
import csv
from pathlib import Path

import forebear


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("raw"), help="where the images and labels.csv lie")
    folder = parser.parse_args().folder
    if not folder.exists():
        write_digits(folder)

    labels = read_labels(folder)
    with forebear.init(project="digits", job_type="ingest") as run:
        dataset = forebear.Artifact(
            "digits",
            type="dataset",
            description="Handwritten digits, 8 x 8 pixels, one PNG each, with labels.csv",
            metadata={"images": len(labels), "classes": len(set(labels.values()))},
        )
        dataset.add_dir(str(folder))
        version = run.log_artifact(dataset).wait()
    print(f"logged {version.name}: {version.file_count:,} files, {version.size:,} bytes")


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as images, 16 shades of grey spread over 255."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["file", "label"])
        for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
            name = f"{number:04}.png"
            Image.fromarray((pixels * 255 / 16).astype("uint8")).save(folder / "images" / name)
            rows.writerow([name, label])


def read_labels(folder: Path) -> dict[str, int]:
    """Return the label of each image by its file name."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: int(row["label"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
