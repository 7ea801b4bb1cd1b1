"""Correct: mend the folder of images by hand, so to speak, before it is ingested again.

The faintest images are made darker, as a better scan would be, and images from a second scanner, which sits one pixel
to the right, are added with their labels. forebear is not asked: it sees what changed when the folder is logged.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("raw"), help="where the images and labels.csv lie")
    parser.add_argument("--faint", type=int, default=25, help="how many of the faintest images to mend")
    parser.add_argument("--more", type=int, default=40, help="how many images the second scanner adds")
    args = parser.parse_args()

    names = sorted(path.name for path in (args.folder / "images").iterdir())
    images = {name: np.asarray(Image.open(args.folder / "images" / name)) for name in names}
    faintest = sorted(names, key=lambda name: int(images[name].sum()))[: args.faint]
    for name in faintest:
        save(args.folder, name, np.minimum(images[name] * 1.25, 255))

    with (args.folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        labels = {row["file"]: row["label"] for row in csv.DictReader(file)}
    with (args.folder / "labels.csv").open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        for number, name in enumerate(names[: args.more], start=len(names)):
            added = f"{number:04}.png"
            save(args.folder, added, np.roll(images[name], 1, axis=1))
            rows.writerow([added, labels[name]])
    print(f"mended {len(faintest)} images and added {args.more} in {args.folder}/")


def save(folder: Path, name: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels.astype("uint8")).save(folder / "images" / name)


if __name__ == "__main__":
    main()
