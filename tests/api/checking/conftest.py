"""Stores to be damaged, checked and recovered."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.store.shared import close_stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from forebear.store.store import Store

LARGE = random.Random(7).randbytes(700_000)
#: Its chunks compress, so it is kept as a recipe.
WEIGHTS = b"".join(b"%08d" % (number // 3) for number in range(90_000))


class Scene:
    """A store in a folder, and short ways to fill, damage and look at it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def api(self) -> forebear.Api:
        return forebear.Api(str(self.root), project="p")

    @property
    def store(self) -> Store:
        return self.api.store

    def log(self, name: str, files: dict[str, bytes], run: str | None = None, **labels: Any) -> Any:
        """Log a version, by a run of that id or a new one."""
        settings = {"store": str(self.root), "silent": True}
        with forebear.init(project="p", id=run, resume="allow", settings=settings) as opened:
            artifact = forebear.Artifact(name, "dataset", labels.pop("description", None), labels.pop("metadata", None))
            for path, content in files.items():
                if path.endswith(".weights"):
                    Path("weights").write_bytes(content)
                    artifact.add_file("weights", path, compress=True)
                else:
                    artifact.add(content, path)
            return opened.log_artifact(artifact, **labels)

    def path(self, name: str) -> Path:
        """The file of an object, made writable."""
        path = self.store.objects.local_path(name)
        assert path is not None
        path.chmod(0o644)
        return path

    def where(self, content: bytes) -> str:
        """Name of the object that holds a content."""
        from forebear.blobs.digest import digest_of

        return self.store.catalog.locate([digest_of(content)])[digest_of(content)].object  # type: ignore[union-attr]

    def flip(self, content: bytes) -> str:
        """Damage a content where it lies; return the name of its object."""
        from forebear.blobs.digest import digest_of

        where = self.store.catalog.locate([digest_of(content)])[digest_of(content)]
        path = self.path(where.object)  # type: ignore[union-attr]
        stored = bytearray(path.read_bytes())
        stored[where.offset] ^= 1  # type: ignore[union-attr]
        path.write_bytes(stored)
        return where.object  # type: ignore[union-attr]

    def sql(self, statement: str, *values: Any) -> None:
        """Change the catalog behind everybody's back."""
        close_stores()
        connection = sqlite3.connect(self.root / "catalog.db")
        connection.execute(statement, values)
        connection.commit()
        connection.close()

    def lose_catalog(self) -> None:
        close_stores()
        for path in self.root.glob("catalog.db*"):
            path.unlink()

    def lose_index(self) -> None:
        """Lose the index of blobs, and make it again from the objects."""
        for table in ("slices", "recipes", "objects"):
            self.sql(f"DELETE FROM {table}")
        assert self.api.fsck(rebuild_index=True).ok

    def copy(self, name: str) -> Scene:
        close_stores()
        return Scene(Path(shutil.copytree(self.root, self.root.parent / name)))

    def kinds(self, **options: Any) -> list[str]:
        """Kinds of trouble that a check finds."""
        return [trouble.kind for trouble in self.api.fsck(**options).troubles]


@pytest.fixture
def empty(memory_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("FOREBEAR_SILENT", "1")
    return Scene(memory_path / "store")


@pytest.fixture
def scene(empty: Scene) -> Scene:
    """One version of a small, a large and a compressed file, used by one run, and a second version."""
    empty.log("ds", {"a.txt": b"a" * 99, "large.bin": LARGE, "m.weights": WEIGHTS}, "maker", aliases=["prod"])
    with forebear.init(project="p", id="user", settings={"store": str(empty.root), "silent": True}) as run:
        run.use_artifact("ds:prod")
    empty.log("ds", {"a.txt": b"a" * 99, "large.bin": LARGE, "b.txt": b"b" * 99})
    return empty


@pytest.fixture
def names_of() -> Callable[[Path], set[str]]:
    def find(root: Path) -> set[str]:
        return {os.path.relpath(path, root) for path in root.rglob("*") if path.is_file()}

    return find
