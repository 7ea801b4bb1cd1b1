"""What may go into a draft, under which names, and what stands in the way."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.artifacts.draft import Draft
from forebear.blobs.digest import digest_of
from forebear.errors import Conflict, InvalidInput
from forebear.store.opening import open_store
from forebear.store.paths import check_inner_path, normal_inner_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def draft(store: Store) -> Draft:
    return Draft(store)


def paths(draft: Draft) -> list[str]:
    return [row[0] for row in draft.rows()]


def test_the_same_path_with_the_same_content_is_fine(draft: Draft) -> None:
    draft.add_bytes(b"x", "a")
    draft.add_bytes(b"x", "a")
    assert paths(draft) == ["a"]


def test_the_same_path_with_other_content_needs_overwrite(draft: Draft, tmp_path: Path) -> None:
    draft.add_bytes(b"x", "a")
    (tmp_path / "other").write_bytes(b"y")
    with pytest.raises(Conflict, match="'a' already; pass overwrite=True"):
        draft.add_bytes(b"y", "a")
    with pytest.raises(Conflict, match="'a' already"):
        draft.add_file(tmp_path / "other", "a")
    assert list(draft.rows()) == [("a", 1, digest_of(b"x"))]
    draft.add_bytes(b"y", "a", overwrite=True)
    assert list(draft.rows()) == [("a", 1, digest_of(b"y"))]


def test_a_folder_that_clashes_changes_nothing(draft: Draft, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    draft.add_bytes(b"mine", "b")
    with pytest.raises(Conflict, match="'b' already"):
        draft.add_tree(folder, None)
    assert paths(draft) == ["b"]
    assert draft.add_tree(folder, None, overwrite=True) == 3
    assert draft.size == 3
    assert draft.add_tree(folder, None) == 3


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a"), ("x/y/z", "x"), ("x", "x/y/z")])
def test_a_path_cannot_be_a_file_and_a_folder(draft: Draft, order: tuple[str, str]) -> None:
    for path in order:
        draft.add_bytes(b"1", path)
    with pytest.raises(InvalidInput, match="cannot lie below"):
        draft.rows()
    assert draft.remove(min(order)) == 1
    assert len(draft.rows()) == 1


def test_similar_names_are_no_clash(draft: Draft) -> None:
    names = ["a", "a.b", "a-b", "aa/b", "A/b", "b/a"]
    for name in names:
        draft.add_bytes(b"1", name)
    assert paths(draft) == sorted(names)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a/../../b", "a\x00b", "\udcff", "a//b", "./a"],
)
def test_paths_that_could_leave_or_mean_two_things_are_refused(draft: Draft, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft.add_bytes(b"x", path)
    assert caught.value.code == "unsafe-path"
    assert len(draft) == 0


@pytest.mark.parametrize(
    "path", ["a", "a b", "ä/ö", "a\nb", "...", "..a", "a..b/..c", "a:b", "-", "~", "a\\b", "\U0001f600"]
)
def test_ordinary_and_odd_names_are_kept_as_they_are(draft: Draft, path: str) -> None:
    draft.add_bytes(b"x", path)
    assert paths(draft) == [path]
    assert check_inner_path(path) == path


def test_a_path_a_person_wrote_is_made_plain() -> None:
    assert normal_inner_path("./a//b/") == "a/b"
    assert normal_inner_path(Path("a") / "b") == "a/b"
    for bad in ("/a", "a/../b", "", "."):
        with pytest.raises(InvalidInput):
            normal_inner_path(bad)


@pytest.mark.parametrize("value", [None, 7, b"a"])
def test_what_is_no_text_is_no_path(value: object) -> None:
    with pytest.raises(InvalidInput, match="is text such as"):
        check_inner_path(value)


def test_a_file_name_that_is_not_unicode_is_refused_by_its_name(draft: Draft, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"bad\xff")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    for given in (None, "sub"):
        with pytest.raises(InvalidInput, match="rename the file"):
            draft.add_tree(folder, given)
    with pytest.raises(InvalidInput, match="rename the file"):
        draft.add_file(folder / os.fsdecode(b"bad\xff"), None)
    assert len(draft) == 0


def test_what_is_not_there_or_of_the_other_kind_is_refused(draft: Draft, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="No such file"):
        draft.add_file(tmp_path / "none", None)
    with pytest.raises(InvalidInput, match="is a folder; add it with add_dir"):
        draft.add_file(tmp_path, None)
    with pytest.raises(InvalidInput, match="not there"):
        draft.add_tree(tmp_path / "none", None)
    with pytest.raises(InvalidInput, match="a file; add it with add_file"):
        draft.add_tree(tmp_path / "file", None)


def test_removing_takes_a_file_or_a_whole_folder(draft: Draft) -> None:
    for path in ("a", "b/1", "b/2", "b/c/3", "bb"):
        draft.add_bytes(b"x", path)
    assert draft.remove("b/") == 3
    assert draft.remove("none") == 0
    assert draft.remove("./a") == 1
    assert paths(draft) == ["bb"]


def test_a_tree_lies_below_the_name_given(draft: Draft, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "x").write_text("x")
    (folder / "empty").mkdir()
    assert draft.add_tree(folder, "train/") == 1
    for root in (None, "", ".", "/"):
        assert draft.add_tree(folder, root) == 1
    assert paths(draft) == ["deep/er/x", "train/deep/er/x"]


def test_content_is_carried_to_the_store_of_the_run_that_logs_it(draft: Draft, tmp_path: Path) -> None:
    draft.add_bytes(b"small", "a")
    big = os.urandom(2_000_000)
    (tmp_path / "big").write_bytes(big)
    draft.add_file(tmp_path / "big", "b")
    with closing(open_store(tmp_path / "other")) as other:
        draft.move_to(other)
        draft.move_to(other)
        other.catalog.add_objects(draft.intake.finish())
        assert other.read(digest_of(b"small")) == b"small"
        assert other.read(digest_of(big)) == big
