"""What does logging images cost? Beside writing the same PNG files with Pillow, as people do who log nothing.

``python -m benchmarks.images``; photographs are drawn (soft shapes with noise, which PNG shrinks by half), figures have
a few flat colours. The same image again is an image that was logged before.
"""

from __future__ import annotations

from typing import Any

from benchmarks.files import bytes_below
from benchmarks.harness import PYTHON, SCRIPTS, Bench, Command, Quantity, main

IMAGES, SIDE = 200, 256
MIB = 1024 * 1024


def measure(bench: Bench) -> list[Quantity]:
    images = bench.sized(IMAGES, 4)
    lines: list[Quantity] = []
    for kind, words in {"photo": "photographs", "figure": "figures"}.items():
        file = Quantity(f"{images} {words} of {SIDE} × {SIDE}: PNG files by Pillow")
        log = Quantity(f"{words}: log and finish", yardstick=file, at_most_times=1.0)
        call = Quantity(f"{words}: the calls alone", yardstick=file)
        again = Quantity(f"{words}: logging one of them {images} times", yardstick=file)
        file_size = Quantity(f"{words}: PNG files", "MiB")
        size = Quantity(f"{words}: the store", "MiB", yardstick=file_size)
        for _ in range(bench.rounds):
            told, place = _ask(bench, "files", kind, images)
            file.add(told["calls"])
            file_size.add(bytes_below(place) / MIB)
            told, place = _ask(bench, "log", kind, images)
            log.add(told["calls"] + told["end"])
            call.add(told["calls"])
            size.add(bytes_below(place) / MIB)
            told, _ = _ask(bench, "again", kind, images)
            again.add(told["calls"] + told["end"])
        lines += [file, log, call, again, file_size, size]
    return lines


def _ask(bench: Bench, manner: str, kind: str, images: int) -> tuple[dict[str, Any], Any]:
    place = bench.fresh(manner)
    words = [PYTHON, SCRIPTS / "log_images.py", manner, kind, place, str(images), str(SIDE)]
    return bench.answer(Command(words)), place


if __name__ == "__main__":
    main("images", __doc__ or "", measure)
