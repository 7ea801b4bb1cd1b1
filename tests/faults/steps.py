"""Operations that are done again and again on one store, each time broken elsewhere; each knows what is then there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import forebear
from forebear.api.copying.copying import copy_store
from forebear.names import parse_ref
from forebear.records.lineage import EdgeKind
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.faults.operations import api, begin, content

if TYPE_CHECKING:
    from forebear.store.store import Store

ROWS = 5


class Steps:
    """One operation on the store at a URL, for the n-th time; ``folder`` is its own, and empty at first."""

    name: str

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        folder.mkdir(parents=True)
        self.run = begin(url)
        self.store: Store = self.run.store

    def arrange(self, number: int) -> None:
        """Get ready, while nothing is broken."""

    def do(self, number: int) -> None:
        """Do it; done again after it failed, it ends as if it had not."""
        raise NotImplementedError

    def check(self, number: int) -> None:
        """Assert that it was done so often, each time once."""
        raise NotImplementedError

    def close(self) -> None:
        """End the run, and let go of the store."""
        self.run.finish()
        close_stores()
        opened = open_store(self.url, create=False)
        try:
            assert troubles(opened) == []
        finally:
            opened.close()

    def without_cache(self) -> None:
        """Let blobs be read from where they are."""
        shutil.rmtree(self.store.local / "cache" / "blobs", ignore_errors=True)


def files(number: int) -> dict[str, bytes]:
    """Files that are new for each number, and one that is not."""
    return {"small": b"%d" % number, "large": b"%06d" % number * 110_000, "same": b"same" * 50}


def log(run: forebear.Run, name: str, number: int) -> None:
    """Log the files of that number."""
    draft = forebear.Artifact(name, "dataset")
    for path, part in files(number).items():
        draft.add(part, path)
    run.log_artifact(draft)


class LogSteps(Steps):
    """A version more each time."""

    name = "log_artifact"

    def do(self, number: int) -> None:
        log(self.run, "logged", number)

    def check(self, number: int) -> None:
        found = api(self.url).artifacts("logged")
        assert [version.version for version in found] == [f"v{n}" for n in range(number, -1, -1)]
        self.without_cache()
        assert content(found[0]) == files(number)


class AliasSteps(Steps):
    """``prod`` goes from one of two versions to the other."""

    name = "alias move"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        for number in range(2):
            log(self.run, "named", number)
        self.ids = [api(url).artifact(f"named:v{n}").record.id for n in range(2)]

    def do(self, number: int) -> None:
        self.store.catalog.move_alias(self.ids[number % 2], "prod")

    def check(self, number: int) -> None:
        catalog = self.store.catalog
        found = catalog.resolve(self.run.entity, "p", parse_ref("named:prod"))
        assert found.number == number % 2
        moves = [move.number for move in catalog.alias_moves(found.collection_id, "prod")]
        assert moves == [n % 2 for n in range(number + 1)]


class FinishSteps(Steps):
    """A run more each time, with a history and an input."""

    name = "finish"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        log(self.run, "input", 0)

    def arrange(self, number: int) -> None:
        self.ending = begin(self.url)
        self.ending.use_artifact("input:v0")
        for step in range(ROWS):
            self.ending.log({"x": step, "n": number})

    def do(self, number: int) -> None:
        self.ending.finish()

    def check(self, number: int) -> None:
        run = api(self.url).run(self.ending.id)
        assert (run.state, run.summary["n"], run.lost_rows) == ("finished", number, 0)
        assert [row["x"] for row in run.scan_history(keys=["x"])] == list(range(ROWS))
        assert [version.name for version in run.used_artifacts()] == ["input:v0"]


class DownloadSteps(Steps):
    """A version, to a new folder each time."""

    name = "download"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        log(self.run, "got", 0)
        self.version = api(url).artifact("got:v0")

    def arrange(self, number: int) -> None:
        self.without_cache()

    def do(self, number: int) -> None:
        out = self.folder / str(number)
        try:
            self.version.download(out)
        finally:  # whatever has its name has its bytes
            for path in out.rglob("*") if out.exists() else ():
                assert path.is_dir() or path.read_bytes() == files(0)[path.name]

    def check(self, number: int) -> None:
        out = self.folder / str(number)
        assert {name: (out / name).read_bytes() for name in os.listdir(out)} == files(0)
        shutil.rmtree(out)


class CopySteps(Steps):
    """What is new in a folder, to this store."""

    name = "copy"

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self.source_run = begin(folder / "source")
        self.target: Store | None = None

    def arrange(self, number: int) -> None:
        log(self.source_run, "copied", number)

    def do(self, number: int) -> None:
        copy_store(self.source_run.store, self.store)

    def check(self, number: int) -> None:
        found = api(self.url).artifacts("copied")
        assert [version.version for version in found] == [f"v{n}" for n in range(number, -1, -1)]
        assert content(found[0]) == files(number)
        assert found[0].logged_by().id == self.source_run.id
        edges = [edge for edge in self.store.catalog.all_edges([EdgeKind.LOGGED])]
        assert len({(edge.source, edge.target) for edge in edges}) == len(edges) == number + 1

    def close(self) -> None:
        self.source_run.finish()
        super().close()


class OpenSteps(Steps):
    """The store, anew each time."""

    name = "open"

    def do(self, number: int) -> None:
        opened = open_store(self.url, create=False)
        try:
            assert opened.catalog.projects()
        finally:
            opened.close()

    def check(self, number: int) -> None:
        assert len(self.store.catalog.projects()) == 1


STEPS: tuple[type[Steps], ...] = (LogSteps, AliasSteps, FinishSteps, DownloadSteps, CopySteps, OpenSteps)
