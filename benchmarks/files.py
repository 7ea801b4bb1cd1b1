"""Files to measure with: random, so that nothing can be compressed or shared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

FOLDER_FILES = 100
_PIECE = 8 * 1024 * 1024


def make_tree(root: Path, count: int, size: int) -> None:
    """Write ``count`` files of ``size`` bytes, `FOLDER_FILES` to a folder."""
    for number in range(count):
        path = file_of(root, number)
        if number % FOLDER_FILES == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(size))


def file_of(root: Path, number: int) -> Path:
    """Return the path of one file of a tree."""
    return root / f"d{number // FOLDER_FILES:04d}" / f"f{number % FOLDER_FILES:02d}.bin"


def make_file(path: Path, size: int) -> None:
    """Write one file of ``size`` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            file.write(os.urandom(min(_PIECE, size - start)))


def change(path: Path) -> None:
    """Replace a file by one of the same size: written in place, a hard link of it elsewhere would change too."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(os.urandom(path.stat().st_size))
    fresh.replace(path)


def bytes_below(root: Path, *, without: str | None = None) -> int:
    """Return the sizes of all files below a folder, in bytes; without what is below one folder in it."""
    return sum(size for path, size in _sizes(root) if without is None or path.parts[0] != without)


def _sizes(root: Path) -> Iterator[tuple[Path, int]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            yield path.relative_to(root), path.stat().st_size
