"""Collections against writers, readers and deleters, in more than 500 orders of their steps: nothing named is lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from forebear.artifacts.collecting.collecting import collect
from forebear.artifacts.collecting.rules import AT_ONCE
from forebear.artifacts.collecting.undeleting import undelete
from forebear.errors import CorruptData, NotFound
from forebear.store import leases
from tests.artifacts.collecting.places import Place
from tests.artifacts.collecting.schedules import Cut, Dice, Schedule, Stage
from tests.faults.results import COMPLETED, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Deletes at once whatever may be deleted: nothing is saved by patience.
HASTY = replace(AT_ONCE, trash_seconds=0)
CATALOG_CALLS = (
    "begin_lease commit_version known firm locate add_objects collection begin_epoch roots named_by_runs held "
    "note_garbage spare throw_out sparse retire strays note_strays condemn claim_condemned delete_claimed forget_trash "
    "rescue rescue_objects hold append_history delete_version restore_version drop_versions tip_contents noted_garbage"
)
OBJECT_CALLS = "read size delete names"
#: Seeds of schedules by chance.
SEEDS = 330


class World:
    """A store in which something was deleted a moment ago, and who is at work in it."""

    def __init__(self, folder: Path, schedule: Schedule) -> None:
        self.place = Place(folder)
        self.base, self.old = self.place.live()
        self.stage = Stage(schedule)
        self.stage.watch(self.place.catalog, *CATALOG_CALLS.split())
        self.stage.watch(self.place.objects, *OBJECT_CALLS.split())
        sink = self.place.objects.sink

        def watched() -> object:
            made = sink()
            self.stage.watch(made, "finish")
            return made

        self.place.objects.sink = watched  # type: ignore[method-assign,assignment]

    # -- who acts -------------------------------------------------------------------------------------------------

    def collector(self) -> None:
        collect(self.place.store, HASTY)

    def deleter(self) -> None:
        self.place.delete(self.old)

    def again(self) -> None:
        """Log what is deleted meanwhile, as it was: packs of the same names come of it."""
        self.place.log("again", shared="shared", only="only old")

    def changed(self) -> None:
        """Log onto the tip, with content that nothing but a deleted version may have."""
        self.place.log("old", shared="shared", only="only old", new="new")

    def patient(self) -> None:
        """Take content in, and log it only after others have had their turns."""
        draft = self.place.draft(shared="shared", extra="extra")
        for _ in range(5):
            self.stage.point("think")
        self.place.commit(draft, "patient")

    def run(self) -> None:
        """Name content by a run that was there before."""
        self.place.keep_file("kept", b"only old", "run")

    def reader(self) -> None:
        """Read a version that may go meanwhile; what comes is what was logged, or a word that it is gone."""
        try:
            assert self.place.files(self.old) == {"shared": b"shared", "only": b"only old"}
        except (CorruptData, NotFound):
            version = self.place.catalog.versions_by_id([self.old.id])[self.old.id]
            assert version.state == "DELETED"

    def undeleter(self) -> None:
        try:
            undelete(self.place.store, self.old)
        except (CorruptData, NotFound):  # gone for good, or not deleted yet
            return

    # -- what came of it ------------------------------------------------------------------------------------------

    def play(self, *names: str) -> None:
        self.cast = names
        self.stage.run(**{name: getattr(self, name) for name in names})

    def check(self) -> None:
        assert self.stage.errors == {}, self.stage.steps
        assert self.place.damage() == [], self.stage.steps
        names = {version.name: self.place.files(version) for version in self.place.live()}
        assert names["base"] == {"shared": b"base"}
        for name, files in EXPECTED.items():
            if name in names:
                assert names[name] == files
        collect(self.place.store, HASTY)
        collect(self.place.store, HASTY)
        assert self.place.damage() == [], self.stage.steps
        assert self.place.catalog.garbage() == 0
        note("collection", ", ".join(WHO[name] for name in self.cast), "schedule", COMPLETED)


EXPECTED = {
    "again": {"shared": b"shared", "only": b"only old"},
    "patient": {"shared": b"shared", "extra": b"extra"},
}


#: Who is at work, for the page of injected faults.
WHO = {
    "collector": "a collection",
    "deleter": "who deletes",
    "again": "who logs the same again",
    "changed": "who logs onto the newest",
    "patient": "a slow writer",
    "run": "a run that names content",
    "reader": "a reader",
    "undeleter": "who undeletes",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions."""
    place = Place(tmp_path_factory.mktemp("prepared") / "store")
    place.log("base", shared="base")
    place.log("old", shared="shared", only="only old")
    place.close()
    return place.folder


@pytest.fixture
def world(prepared: Path, memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Schedule], World]]:
    """Make a fresh world for a schedule."""
    monkeypatch.setattr(leases, "_LOOK_SECONDS", 0.0)
    numbers = count()
    made: list[World] = []

    def make(schedule: Schedule) -> World:
        folder = memory_path / str(next(numbers))
        shutil.copytree(prepared, folder)
        made.append(World(folder, schedule))
        return made[-1]

    yield make
    for each in made:
        each.place.close()


CASTS = (
    ("collector", "deleter", "again", "reader"),
    ("collector", "deleter", "changed", "patient"),
    ("collector", "deleter", "run", "again"),
    ("collector", "deleter", "undeleter", "patient"),
    ("collector", "deleter", "again", "changed", "reader", "undeleter"),
    ("collector", "deleter", "patient", "run", "changed"),
)


@pytest.mark.parametrize("cast", CASTS, ids=" ".join)
def test_by_chance(world: Callable[[Schedule], World], cast: tuple[str, ...]) -> None:
    orders = set()
    for seed in range(SEEDS // len(CASTS)):
        played = world(Dice(seed))
        played.play(*cast)
        played.check()
        orders.add(tuple(played.stage.steps))
        played.place.close()
    assert len(orders) > SEEDS // len(CASTS) * 0.9, "most of the schedules are the same"


@pytest.mark.parametrize("writer", ["again", "changed", "run", "undeleter"])
def test_a_writer_between_any_two_steps_of_a_collection(world: Callable[[Schedule], World], writer: str) -> None:
    for at in count(1):
        played = world(Cut("collector", at, writer))
        played.deleter()
        played.play("collector", writer)
        played.check()
        steps = sum(name == "collector" for name, _ in played.stage.steps)
        played.place.close()
        if at >= steps:
            break
    assert at > 20


@pytest.mark.parametrize("writer", ["again", "changed", "patient", "run", "undeleter"])
def test_a_collection_between_any_two_steps_of_a_writer(world: Callable[[Schedule], World], writer: str) -> None:
    for at in count(1):
        played = world(Cut(writer, at, "collector"))
        played.deleter()
        played.play("collector", writer)
        played.check()
        steps = sum(name == writer for name, _ in played.stage.steps)
        played.place.close()
        if at >= steps:
            break
    assert at > 2
