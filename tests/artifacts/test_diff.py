"""What differs between two versions, renames found, pages that are equal not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import forebear

if TYPE_CHECKING:
    import pytest

    from forebear.artifacts.diff import VersionDiff


def log(files: dict[str, str], name: str = "ds") -> Any:
    artifact = forebear.Artifact(name, "dataset")
    for path, content in files.items():
        artifact.add(content, path)
    artifact.save()
    return artifact


def between(old: dict[str, str], new: dict[str, str]) -> VersionDiff:
    names = log(old, "old").name, log(new, "new").name
    return forebear.Api().diff(*names)


def test_added_removed_changed_and_renamed() -> None:
    log({"same": "1", "gone": "2", "edited": "3", "moved": "4"})
    log({"same": "1", "come": "5", "edited": "33", "sub/moved": "4"})
    found = forebear.Api().diff("ds:v0", "ds:v1")
    assert [entry.path for entry in found.added] == ["come"]
    assert [entry.path for entry in found.removed] == ["gone"]
    assert [(change.path, change.old.size, change.new.size) for change in found.changed] == [("edited", 1, 2)]
    assert [(rename.old.path, rename.new.path) for rename in found.renamed] == [("moved", "sub/moved")]
    assert (found.old.label, found.new.label, found.growth) == ("ds:v0", "ds:v1", 1)
    assert not found.is_empty
    assert forebear.Api().diff("ds:v1", "ds:v0").growth == -1


def test_a_version_does_not_differ_from_itself_nor_from_its_like() -> None:
    log({"a": "1"})
    log({"a": "1"}, "other")
    assert forebear.Api().diff("ds:v0", "ds:latest").is_empty
    assert forebear.Api().diff("ds:v0", "other:v0").is_empty


def test_a_copy_is_added_and_not_renamed() -> None:
    found = between({"a": "1"}, {"a": "1", "b": "1"})
    assert [entry.path for entry in found.added] == ["b"]
    assert found.renamed == []


def test_of_several_candidates_the_one_of_the_same_name_is_the_rename() -> None:
    found = between({"x/one": "1", "x/two": "1"}, {"y/two": "1", "y/three": "1"})
    assert {(rename.old.path, rename.new.path) for rename in found.renamed} == {
        ("x/two", "y/two"),
        ("x/one", "y/three"),
    }
    assert found.added == found.removed == []


def test_more_homes_than_guests_and_more_guests_than_homes() -> None:
    fewer = between({"a": "1", "b": "1", "c": "1"}, {"d": "1"})
    assert (len(fewer.renamed), len(fewer.removed), len(fewer.added)) == (1, 2, 0)
    more = between({"a": "1"}, {"b": "1", "c": "1", "d": "1"})
    assert (len(more.renamed), len(more.removed), len(more.added)) == (1, 0, 2)


def test_two_files_that_changed_places_are_changed() -> None:
    found = between({"a": "1", "b": "2"}, {"a": "2", "b": "1"})
    assert [change.path for change in found.changed] == ["a", "b"]
    assert found.renamed == []


def test_everything_is_sorted() -> None:
    names = [f"{letter}{number}" for letter in "cab" for number in (2, 1)]
    found = between({f"old/{name}": name for name in names}, {f"new/{name}": name + "!" for name in names})
    assert [entry.path for entry in found.added] == sorted(f"new/{name}" for name in names)
    assert [entry.path for entry in found.removed] == sorted(f"old/{name}" for name in names)
    moved = between({f"old/{name}": name for name in names}, {f"new/{name}": name for name in names})
    assert [rename.new.path for rename in moved.renamed] == sorted(f"new/{name}" for name in names)


def test_a_file_that_became_a_reference_is_changed(tmp_path: Any) -> None:
    (tmp_path / "x").write_text("1")
    log({"x": "1"})
    draft = forebear.Artifact("ds", "dataset")
    draft.add_reference(f"file://{tmp_path}/x", "x", checksum="blake3")
    draft.save()
    found = forebear.Api().diff("ds:v0", "ds:v1")
    assert [change.path for change in found.changed] == ["x"]


def test_a_small_difference_of_large_versions_reads_few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"d{number % 50}/{number:05}": str(number) for number in range(5_000)}
    first = log(files)
    log({**files, "d7/00007": "changed"})
    asked: list[bytes] = []
    real = first.store.read_many
    monkeypatch.setattr(first.store, "read_many", lambda digests: asked.extend(found := list(digests)) or real(found))
    assert [change.path for change in forebear.Api().diff("ds:v0", "ds:v1").changed] == ["d7/00007"]
    assert len(asked) <= 6
