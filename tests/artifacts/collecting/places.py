"""A store on files in memory whose clock a test moves, and short ways to log into it and look at it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from forebear.artifacts.commit import Labels, commit_draft, page_loader
from forebear.artifacts.draft import Draft
from forebear.artifacts.manifest import Manifest
from forebear.blobs.local import LocalObjects
from forebear.catalog.fingerprints import FingerprintCache
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import ForebearError
from forebear.records.artifacts import COMMITTED
from forebear.records.history import HistoryBatch, RunFile
from forebear.store.store import Store
from forebear.testing.builders import ManualClock, new_run

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.records.artifacts import Version

DAY = 86_400.0


class Place:
    """A store in a folder, with a clock that stands still."""

    def __init__(self, folder: Path, clock: ManualClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        folder.mkdir(exist_ok=True)
        self.catalog = SqliteCatalog(folder / "catalog.db", clock=self.clock)
        self.objects = LocalObjects(folder)
        self.store = Store(str(folder), self.catalog, self.objects, FingerprintCache(folder / "prints.db"))

    def close(self) -> None:
        self.store.close()

    # -- writing --------------------------------------------------------------------------------------------------

    def draft(self, **files: str | bytes) -> Draft:
        draft = Draft(self.store)
        for path, content in files.items():
            draft.add_bytes(content if isinstance(content, bytes) else content.encode(), path)
        return draft

    def log(self, name: str = "data", /, *aliases: str, **files: str | bytes) -> Version:
        return self.commit(self.draft(**files), name, *aliases)

    def commit(self, draft: Draft, name: str = "data", *aliases: str) -> Version:
        labels = Labels("team", "digits", name, "dataset", aliases=aliases)
        return commit_draft(draft, labels, None).version

    def log_tree(self, folder: Path, name: str = "data") -> Version:
        draft = Draft(self.store)
        draft.add_tree(folder, None)
        return self.commit(draft, name)

    def keep_file(self, path: str, content: bytes, run_id: str = "r1") -> RunFile:
        """Let a run have a file, as a journal that is taken in does it."""
        run = self.catalog.run("team", "digits", run_id) or self.catalog.add_run(new_run(run_id))
        intake = self.store.intake()
        file = RunFile(path, intake.add_bytes(content), len(content), self.clock())
        intake.register()
        journal = f"j{os.urandom(4).hex()}"
        batch = HistoryBatch(run_key=run.key, journal=journal, start=0, end=1, files=(file,))
        assert self.catalog.append_history(batch)
        intake.abort()
        return file

    # -- looking --------------------------------------------------------------------------------------------------

    def files(self, version: Version) -> dict[str, bytes]:
        """All files of a version, read and verified."""
        rows = list(Manifest(version.root, page_loader(self.store)).rows())
        found = {digest: bytes(content) for digest, content in self.store.read_many({row[2] for row in rows})}
        return {row[0]: found[row[2]] for row in rows}

    def live(self) -> list[Version]:
        return [v for each in self.catalog.collections() for v in self.catalog.versions(each.id)]

    def damage(self) -> list[str]:
        """What is named and cannot be read: files of live versions and of runs; objects that are no files."""
        troubles = []
        for version in self.live():
            try:
                self.files(version)
            except ForebearError as err:
                troubles.append(f"{version.label}: {err}")
        for run in self.catalog.runs():
            for file in self.catalog.run_files(run.key):
                try:
                    self.store.read(file.digest)
                except ForebearError as err:
                    troubles.append(f"{run.id}/{file.path}: {err}")
        for stored in self.catalog.objects():
            if self.objects.size(stored.name) != stored.size:
                troubles.append(f"{stored.name} is not there")
        return troubles

    def names(self) -> set[str]:
        """Objects that are files, but records of versions."""
        return {*self.objects.names("loose/"), *self.objects.names("pack/")}

    def delete(self, version: Version) -> None:
        assert self.catalog.versions_by_id([version.id])[version.id].state == COMMITTED
        self.catalog.delete_version(version.id, delete_aliases=True)

    def try_to_delete(self, version: Version) -> None:
        with suppress(ForebearError):
            self.catalog.delete_version(version.id, delete_aliases=True)
