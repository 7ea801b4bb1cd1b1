"""Whatever is logged, deleted, collected and brought back, in whatever order: what is named can be read."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import DAY_SECONDS, Rules
from forebear.artifacts.collecting.undeleting import undelete
from forebear.errors import Conflict, CorruptData, NotFound
from forebear.records.collecting import Policy
from tests.artifacts.collecting.places import Place

if TYPE_CHECKING:
    from forebear.artifacts.draft import Draft

#: Few contents, so that versions share them: small ones for packs, and two that are objects of their own.
CONTENTS = [*(f"content {number}".encode() * number for number in range(1, 7)), b"a" * 530_000, b"b" * 530_000]

names = st.sampled_from(["data", "model"])
paths = st.sampled_from(["a", "b", "c/d"])
#: By their places in `CONTENTS`, which are shorter to print.
contents = st.integers(0, len(CONTENTS) - 1)
files = st.dictionaries(paths, contents, min_size=1)
patience = st.sampled_from([0.0, 0.5 * DAY_SECONDS, 2 * DAY_SECONDS])


def filled(held: dict[str, int]) -> dict[str, bytes]:
    return {path: CONTENTS[content] for path, content in held.items()}


class Drafted:
    """A draft, and what it holds."""

    def __init__(self, draft: Draft, held: dict[str, bytes]) -> None:
        self.draft = draft
        self.held = held

    def __repr__(self) -> str:
        return f"<draft of {len(self.held)}>"


class CollectingMachine(RuleBasedStateMachine):
    """A store, and what its live versions must hold."""

    drafts = Bundle("drafts")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))  # noqa: S108
        self.place = Place(self.folder / "store")
        #: Version id → its files.
        self.logged: dict[int, dict[str, bytes]] = {}
        self.live: set[int] = set()
        self.kept: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.place.close()
        shutil.rmtree(self.folder)

    def _note(self, version_id: int, held: dict[str, bytes]) -> None:
        self.logged[version_id] = held
        self.live.add(version_id)

    @rule(name=names, held=files)
    def log(self, name: str, held: dict[str, int]) -> None:
        self._note(self.place.log(name, **filled(held)).id, filled(held))

    @rule(target=drafts, held=files)
    def draft(self, held: dict[str, int]) -> Drafted:
        return Drafted(self.place.draft(**filled(held)), filled(held))

    @rule(name=names, drafted=consumes(drafts))
    def commit(self, name: str, drafted: Drafted) -> None:
        self._note(self.place.commit(drafted.draft, name).id, drafted.held)

    @rule(target=drafts, drafted=consumes(drafts))
    def forget(self, drafted: Drafted) -> object:
        drafted.draft.intake.abort()
        return multiple()

    @rule(path=paths, content=contents)
    def keep_file(self, path: str, content: int) -> None:
        self.place.keep_file(path, CONTENTS[content])
        self.kept[path] = CONTENTS[content]

    @rule(path=paths)
    def drop_file(self, path: str) -> None:
        run = self.place.catalog.run("team", "digits", "r1")
        if run is not None:
            self.place.catalog.forget_run_files(run.key, [path])
            self.kept.pop(path, None)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.live:
            chosen = data.draw(st.sampled_from(sorted(self.live)))
            with suppress(Conflict):  # pinned
                self.place.catalog.delete_version(chosen, delete_aliases=True)
                self.live.discard(chosen)

    @rule(data=st.data())
    def undelete(self, data: st.DataObject) -> None:
        gone = sorted(self.logged.keys() - self.live)
        if gone:
            chosen = data.draw(st.sampled_from(gone))
            with suppress(CorruptData, NotFound):  # gone for good
                undelete(self.place.store, self.place.catalog.versions_by_id([chosen])[chosen])
                self.live.add(chosen)

    @rule(data=st.data(), pinned=st.booleans())
    def pin(self, data: st.DataObject, pinned: bool) -> None:
        if self.live:
            self.place.catalog.pin_version(data.draw(st.sampled_from(sorted(self.live))), pinned=pinned)

    @rule(keep=st.integers(1, 3), name=names)
    def set_policy(self, keep: int, name: str) -> None:
        collection = self.place.catalog.collection("team", "digits", name)
        if collection is not None:
            self.place.catalog.set_policy(collection.id, Policy(keep_last=keep))

    @rule(hours=st.integers(1, 72))
    def wait(self, hours: int) -> None:
        self.place.clock.tick(hours * 3600)

    @rule(grace=patience, trash=patience, looks=st.integers(1, 2))
    def collect(self, grace: float, trash: float, looks: int) -> None:
        plan = collect(self.place.store, dry_run=True)
        report = collect(self.place.store, Rules(grace_seconds=grace, trash_seconds=trash, looks=looks))
        assert report.unfinished is None
        assert set(report.versions) == set(plan.versions)
        self.live = {version.id for version in self.place.live()}

    @invariant()
    def what_is_named_can_be_read(self) -> None:
        assert self.place.damage() == []
        live = {version.id: self.place.files(version) for version in self.place.live()}
        assert live == {key: self.logged[key] for key in self.live}
        run = self.place.catalog.run("team", "digits", "r1")
        found = {} if run is None else {file.path: file.digest for file in self.place.catalog.run_files(run.key)}
        assert {path: self.place.store.read(digest) for path, digest in found.items()} == self.kept


CollectingMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestCollecting = CollectingMachine.TestCase
