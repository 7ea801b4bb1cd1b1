"""What an intake saw of files is kept in little room, and known to the next one."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.catalog.fingerprints import packed, unpacked
from forebear.store import intake

if TYPE_CHECKING:
    from pathlib import Path

    from forebear.store.store import Store

SECOND = 10**9


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files in two folders, old enough for their times to prove that they are unchanged."""
    for number in range(40):
        file = tmp_path / "in" / f"d{number % 2}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d" % number)
    return tmp_path / "in"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are read; all that is seen may be remembered."""
    names: list[str] = []
    original = intake._read_small

    def reading(path: str, look: intake.Look) -> bytes:
        names.append(os.path.basename(path))
        return original(path, look)

    monkeypatch.setattr(intake, "_read_small", reading)
    monkeypatch.setattr(intake, "may_remember", lambda *times: True)
    return names


def log(store: Store, draft: Draft) -> int:
    return commit_draft(draft, Labels("e", "p", "ds", "dataset"), None).version.number


def test_folders_that_are_done_are_known_to_the_next_intake(store: Store, tree: Path, read: list[str]):
    draft = Draft(store)
    draft.add_tree(tree, None)
    assert len(read) == 40
    (tree / "d0" / "new").write_bytes(b"new")
    draft.add_file(tree / "d0" / "new", "new")
    draft.add_file(tree / "d1" / "f1", "again")
    assert read[40:] == ["new"], "a folder that was done is opened again"
    assert log(store, draft) == 0
    read.clear()
    again = Draft(store)
    again.add_tree(tree, "below")
    assert read == []
    assert {row[2] for row in again.rows()} == {row[2] for row in draft.rows()}


def test_a_folder_that_did_not_change_is_not_written_again(
    store: Store, tree: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
):
    for _ in range(2):
        draft = Draft(store)
        draft.add_tree(tree, None)
        log(store, draft)
    saved: list[str] = []
    monkeypatch.setattr(store.fingerprints, "save_packed", saved.extend)
    (tree / "d1" / "f1").write_bytes(b"other")
    draft = Draft(store)
    draft.add_tree(tree, None)
    log(store, draft)
    assert saved == [str(tree / "d1")]
    assert read[40:] == ["f1"]


def test_what_is_gone_is_forgotten(store: Store, tree: Path, read: list[str]):
    for count in (40, 39):
        draft = Draft(store)
        draft.add_tree(tree, None)
        log(store, draft)
        assert len(draft) == count
        (tree / "d0" / "f0").unlink(missing_ok=True)
    known = store.fingerprints.folders([str(tree / "d0"), str(tree / "d1")])
    assert {len(names) for names in known.values()} == {19, 20}


def test_names_that_are_no_unicode_are_left_out():
    seen = (1, 2, 3, 4, bytes(32))
    assert unpacked(packed({"a": seen, "é": seen, "bad\udcff": seen})) == {"a": seen, "é": seen}
    assert unpacked(b"damaged") == {}


def test_many_folders_take_little_memory(store: Store, tmp_path: Path):
    """Rows take 300 bytes a file, and what was seen of it 100."""
    count = 3_000
    for number in range(count):
        file = tmp_path / "many" / f"d{number // 100}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    draft = Draft(store)
    tracemalloc.start()
    try:
        draft.intake.add_tree(str(tmp_path / "many"))
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 150 * count
