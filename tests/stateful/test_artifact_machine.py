"""Artifacts of a store in a folder do what a dictionary does, however they are logged, labelled, deleted and used."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import forebear
from forebear.errors import Conflict, NotFound
from forebear.store.shared import close_stores, shared_store
from forebear.testing.soundness import troubles
from tests import team

#: In a store of a team each step takes ten times as long.
SHORT = settings(max_examples=8 if team.WANTED == team.TEAM else 25, stateful_step_count=30)
#: The first failure will do, and the same examples every time, so that the search never misses it.
SEARCH = settings(SHORT, phases=[Phase.generate], derandomize=True, database=None)
#: One small and one large file of each letter: a pack's slice and an object of its own.
LARGE_BYTES = 600_000

names = st.sampled_from(["data", "model"])
aliases = st.sampled_from(["prod", "best"])
trees = st.dictionaries(st.sampled_from(["a.txt", "b/c.bin"]), st.sampled_from("xy"), max_size=2)
picks = st.integers(-1, 4)


def bytes_of(path: str, letter: str) -> bytes:
    return letter.encode() * (LARGE_BYTES if path.endswith(".bin") else 1)


class Expected:
    """A collection, as a dictionary has it.

    Attributes:
        trees: Number → files of the versions that are there.
        labels: Alias → number.
        given: Numbers given so far.
        uses: Number → how many runs used it.
    """

    def __init__(self) -> None:
        self.trees: dict[int, dict[str, str]] = {}
        self.labels: dict[str, int] = {}
        self.given = 0
        self.uses: dict[int, int] = {}

    def log(self, tree: dict[str, str], aliases: list[str]) -> int:
        number = next((number for number, known in self.trees.items() if known == tree), self.given)
        if number == self.given:
            self.given += 1
            self.trees[number] = dict(tree)
        self.labels |= dict.fromkeys([*aliases, "latest"], number)
        return number

    def of(self, number: int) -> list[str]:
        return sorted(alias for alias, at in self.labels.items() if at == number)

    def delete(self, number: int) -> None:
        del self.trees[number]
        for alias in self.of(number):
            del self.labels[alias]
            if alias == "latest" and self.trees:
                self.labels[alias] = max(self.trees)


class ArtifactMachine(RuleBasedStateMachine):
    """Drives a store through `forebear.Run` and `forebear.Api`, and a dictionary of `Expected` beside it."""

    model: ClassVar[type[Expected]] = Expected
    place: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.place))
        self.store = str(self.folder / "store")
        self.expected: dict[str, Expected] = {}
        self.run = self.begin()

    def teardown(self) -> None:
        self.run.finish()
        assert troubles(shared_store(self.store, create=False)) == []
        close_stores()
        shutil.rmtree(self.folder)

    def begin(self) -> forebear.Run:
        return forebear.init(project="p", store=self.store, settings={"silent": True}, reinit="create_new")

    def api(self) -> forebear.Api:
        return forebear.Api(self.store, project="p")

    def draft(self, name: str, tree: dict[str, str]) -> forebear.Artifact:
        draft = forebear.Artifact(name, "dataset")
        for path, letter in tree.items():
            with draft.new_file(path, "wb") as file:
                file.write(bytes_of(path, letter))
        return draft

    def chosen(self, pick: int) -> tuple[str, int] | None:
        """Return the name and number of some version that is there."""
        there = [(name, number) for name, found in sorted(self.expected.items()) for number in sorted(found.trees)]
        return there[pick % len(there)] if there else None

    @rule(name=names, tree=trees, labels=st.lists(aliases, max_size=2))
    def log(self, name: str, tree: dict[str, str], labels: list[str]) -> None:
        found = self.run.log_artifact(self.draft(name, tree), aliases=labels)
        number = self.expected.setdefault(name, self.model()).log(tree, labels)
        assert found.version == f"v{number}"

    @rule(pick=picks, tree=trees)
    def log_a_change(self, pick: int, tree: dict[str, str]) -> None:
        if chosen := self.chosen(pick):
            name, number = chosen
            draft = self.api().artifact(f"{name}:v{number}").new_draft()
            for path, letter in tree.items():
                with draft.new_file(path, "wb", overwrite=True) as file:
                    file.write(bytes_of(path, letter))
            changed = {**self.expected[name].trees[number], **tree}
            assert self.run.log_artifact(draft).version == f"v{self.expected[name].log(changed, [])}"

    @rule(name=names)
    def log_another_type(self, name: str) -> None:
        other = forebear.Artifact(name, "weights")
        if name in self.expected:
            with pytest.raises(Conflict):
                self.run.log_artifact(other)

    @rule(pick=picks, alias=aliases)
    def label(self, pick: int, alias: str) -> None:
        if chosen := self.chosen(pick):
            name, number = chosen
            version = self.api().artifact(f"{name}:v{number}")
            version.aliases.append(alias)
            version.save()
            self.expected[name].labels[alias] = number

    @rule(pick=picks)
    def take_labels_away(self, pick: int) -> None:
        if chosen := self.chosen(pick):
            name, number = chosen
            version = self.api().artifact(f"{name}:v{number}")
            version.aliases = []
            version.save()
            for alias in set(self.expected[name].of(number)) - {"latest"}:
                del self.expected[name].labels[alias]

    @rule(pick=picks, with_aliases=st.sampled_from([True, True, False]))
    def delete(self, pick: int, with_aliases: bool) -> None:
        if chosen := self.chosen(pick):
            name, number = chosen
            version = self.api().artifact(f"{name}:v{number}")
            if set(self.expected[name].of(number)) <= {"latest"} or with_aliases:
                version.delete(delete_aliases=with_aliases)
                self.expected[name].delete(number)
            else:
                with pytest.raises(Conflict):
                    version.delete()

    @rule(name=names, label=st.sampled_from(["", ":latest", ":prod", ":best", ":v0", ":v1", ":v2"]))
    def use(self, name: str, label: str) -> None:
        """In a run that logs nothing, so that no use is feedback."""
        expected = self.expected.get(name, self.model())
        word = label[1:] or "latest"
        number = int(word[1:]) if word[1:].isdigit() else expected.labels.get(word, -1)
        with self.begin() as run:
            if number not in expected.trees:
                with pytest.raises(NotFound):
                    run.use_artifact(name + label)
                return
            used = run.use_artifact(name + label)
            assert used.version == f"v{number}"
            out = Path(used.download(self.folder / "out"))
            found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
            shutil.rmtree(out)
        assert found == {path: bytes_of(path, letter) for path, letter in expected.trees[number].items()}
        expected.uses[number] = expected.uses.get(number, 0) + 1

    @rule(without_cache=st.booleans())
    def go_on_in_another_run(self, without_cache: bool) -> None:
        self.run.finish()
        close_stores()
        if without_cache:
            shutil.rmtree(Path(self.store, "cache"), ignore_errors=True)
        self.run = self.begin()

    @invariant()
    def both_say_the_same(self) -> None:
        for name, expected in self.expected.items():
            versions = {version.version: version for version in self.api().artifacts(name)}
            assert list(versions) == [f"v{number}" for number in sorted(expected.trees, reverse=True)]
            for number, tree in expected.trees.items():
                version = versions[f"v{number}"]
                assert version.aliases == expected.of(number)
                assert {file.path: file.size for file in version.files()} == {
                    path: len(bytes_of(path, letter)) for path, letter in tree.items()
                }
                assert len(version.used_by()) == expected.uses.get(number, 0)


def test_a_store_agrees_with_a_dictionary(memory_path: Path) -> None:
    class Machine(ArtifactMachine):
        place = memory_path

    run_state_machine_as_test(Machine, settings=SHORT)


class GivesNumbersAgain(Expected):
    def delete(self, number: int) -> None:
        super().delete(number)
        self.given = max(self.trees, default=-1) + 1


class ForgetsLatest(Expected):
    def delete(self, number: int) -> None:
        super().delete(number)
        self.labels.pop("latest", None)


class KeepsLabels(Expected):
    def log(self, tree: dict[str, str], aliases: list[str]) -> int:
        return super().log(tree, [alias for alias in aliases if alias not in self.labels])


@pytest.mark.parametrize("wrong", [GivesNumbersAgain, ForgetsLatest, KeepsLabels])
def test_the_machine_notices_a_difference(wrong: type[Expected], memory_path: Path) -> None:
    class Machine(ArtifactMachine):
        model = wrong
        place = memory_path

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_state_machine_as_test(Machine, settings=SEARCH)
