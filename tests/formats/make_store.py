"""Writes the store that is kept for this format: ``python tests/formats/make_store.py tests/formats/store-1.tar.gz``.

Run once when a format is settled, never again: what an old forebear wrote must stay readable by every later one.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from pathlib import Path

import forebear
from forebear.store.shared import close_stores


def main(target: Path) -> None:
    """Make a small store that has something of everything, and pack it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        store = str(Path(folder) / "store")
        images = Path(folder) / "images"
        for index in range(12):
            path = images / f"part-{index % 3}" / f"{index:02}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"image {index}\n" * 20)
        (images / "large.bin").write_bytes(bytes(range(256)) * 4096)
        common = {"project": "kept", "store": store, "settings": {"silent": True}}
        with forebear.init(id="ingest-1", name="first", job_type="ingest", **common):
            data = forebear.Artifact("data", type="dataset", description="kept for ever", metadata={"rows": 12})
            data.add_dir(images)
            data.add_reference("https://example.org/readme", name="elsewhere", checksum=False)
            forebear.log_artifact(data, aliases=["prod"], tags=["small"])
        (images / "part-0" / "00.txt").write_text("corrected\n")
        with forebear.init(id="train-1", job_type="train", config={"lr": 0.5}, **common):
            forebear.use_artifact("data:prod")
            model = forebear.Artifact("model", type="model")
            model.add({"weights": [1, 2, 3]}, "weights")
            forebear.log_artifact(model)
        with forebear.init(id="ingest-2", job_type="ingest", **common):
            second = forebear.Artifact("data", type="dataset")
            second.add_dir(images)
            forebear.log_artifact(second, aliases=["prod"])
        close_stores()
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(Path(store).rglob("*")):
                inner = path.relative_to(store)
                if path.is_file() and inner.parts[0] not in {"cache", "tmp"}:
                    archive.add(path, arcname=str(inner))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
