"""Whatever a path says, nothing is read, made or written outside of the folder that it was to lie in."""

from __future__ import annotations

import ntpath
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import pytest

from forebear.blobs.digest import digest_of
from forebear.errors import ForebearError, InvalidInput
from forebear.store import collisions
from forebear.store.opening import open_store
from forebear.store.paths import SafeFolder, check_inner_path, normal_inner_path, safe_join
from tests.store.payloads import NAMES, TARGET, TWINS, payloads

if TYPE_CHECKING:
    from forebear.store.store import Store

PAYLOADS = list(payloads())
CONTENT = b"what is to be placed"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with room above it, in which the test sees what comes to lie outside."""
    folder = tmp_path / "up" / "up" / "root"
    (folder / "inner").mkdir(parents=True)
    return folder


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Store, bytes]]:
    """A store that holds a blob, and its digest."""
    store = open_store(tmp_path / "store")
    intake = store.intake()
    digest = intake.add_bytes(CONTENT)
    store.catalog.add_objects(intake.finish())
    yield store, digest
    store.close()


def outside(root: Path) -> set[Path]:
    """What lies beside and above the root, as far up as the test's own folder."""
    top = root.parents[1]
    return {path for path in top.rglob("*") if path != root and root not in path.parents}


def result_of(call: Callable[..., str], *args: Any, **named: Any) -> str | None:
    """What a call returns, ``None`` where it refuses; nothing else may be raised."""
    refused = []
    try:
        return call(*args, **named)
    except InvalidInput as err:
        refused.append(err.code)
    assert refused == ["unsafe-path"]
    return None


def test_the_corpus_has_each_kind_of_payload() -> None:
    assert len(PAYLOADS) > 1_000
    for part in ("..", "%2e", "%252e", "\\", "\x00", ";", "#", "C:", "\\\\host", "//", "CON", "\uff0e", "\udcff"):
        assert any(part in payload for payload in PAYLOADS), part


def test_each_payload_is_refused_or_lies_below_the_root(root: Path) -> None:
    before = outside(root)
    taken = 0
    for payload in PAYLOADS:
        for join in (safe_join, lambda root, path: SafeFolder(root).find(path)):
            joined = result_of(join, root, payload)
            if joined is None:
                continue
            taken += 1
            assert os.path.normpath(joined) == joined
            assert os.path.commonpath([root, joined]) == str(root)
            # What it says is taken as it is: nothing was decoded, cleaned or folded.
            assert joined == f"{root}{os.sep}{payload}"
    assert outside(root) == before
    assert 200 < taken < len(PAYLOADS) * 2 - 400


def test_each_payload_is_refused_or_written_below_the_root(root: Path, held: tuple[Store, bytes]) -> None:
    store, digest = held
    before = outside(root)
    written = 0
    for number, payload in enumerate(PAYLOADS[::6]):
        folder = root / str(number)
        try:
            written += store.checkout(folder).place([(payload, len(CONTENT), digest)])
        except ForebearError:
            continue
        assert (folder / payload).read_bytes() == CONTENT
    assert outside(root) == before
    assert not os.path.lexists(f"/{TARGET}")
    assert written > 50


@pytest.mark.parametrize("payload", [*NAMES, "C:x", "a\\..\\..\\b", "\\\\host\\share\\x", "a/b:stream", "//?/C:/x"])
def test_what_windows_reads_otherwise_is_refused_there(payload: str) -> None:
    path = result_of(check_inner_path, payload, windows=True)
    assert path is None or set(path) <= set("x/dep")  # names that are only long


def test_what_is_taken_on_windows_lies_below_its_root_and_is_no_device() -> None:
    base = "C:\\root"
    taken = []
    for payload in PAYLOADS:
        path = result_of(check_inner_path, payload, windows=True)
        if path is None:
            continue
        taken.append(path)
        joined = ntpath.normpath(ntpath.join(base, path.replace("/", "\\")))
        assert joined == f"{base}\\{path}".replace("/", "\\"), payload
        for name in path.split("/"):
            assert not PureWindowsPath(name).is_reserved()
            assert name == name.rstrip(". ")
    assert len(taken) > 50
    assert check_inner_path("train/console.png", windows=True) == "train/console.png"


def test_what_people_write_is_made_plain_but_never_made_safe() -> None:
    assert normal_inner_path("./a//b/") == "a/b"
    for path in ("../a", "a/../../b", "/a", "//a", "", "./.."):
        with pytest.raises(InvalidInput):
            normal_inner_path(path)


# -- links that were planted ------------------------------------------------------------------------------------------


def plant_folder(root: Path, outer: Path) -> None:
    (root / "a").symlink_to(outer, target_is_directory=True)


def plant_deeper(root: Path, outer: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "b").symlink_to(outer, target_is_directory=True)


def plant_relative(root: Path, outer: Path) -> None:
    (root / "a").symlink_to(os.path.relpath(outer, root), target_is_directory=True)


def plant_dangling(root: Path, outer: Path) -> None:
    (root / "a").symlink_to(outer / "not there yet", target_is_directory=True)


def plant_chain(root: Path, outer: Path) -> None:
    (root / "first").symlink_to(outer, target_is_directory=True)
    (root / "a").symlink_to("first", target_is_directory=True)


PLANTS = [plant_folder, plant_deeper, plant_relative, plant_dangling, plant_chain]
Plant = Callable[[Path, Path], None]


@pytest.mark.parametrize("plant", PLANTS)
def test_no_file_goes_through_a_planted_link(
    root: Path, tmp_path: Path, held: tuple[Store, bytes], plant: Plant
) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    plant(root, outer)
    store, digest = held
    with pytest.raises(InvalidInput, match="symbolic link") as caught:
        store.checkout(root).place([("a/b/c.txt", len(CONTENT), digest)])
    assert caught.value.code == "unsafe-path"
    for join in (SafeFolder(root).join, SafeFolder(root).find, lambda path: safe_join(root, path)):
        with pytest.raises(InvalidInput, match="symbolic link"):
            join("a/b/c.txt")
    assert list(outer.rglob("*")) == []


def test_a_link_to_itself_is_in_the_way(root: Path, held: tuple[Store, bytes]) -> None:
    (root / "a").symlink_to("a", target_is_directory=True)
    store, digest = held
    with pytest.raises(InvalidInput, match="in its place"):
        store.checkout(root).place([("a/b/c.txt", len(CONTENT), digest)])


def test_a_link_in_the_place_of_a_file_is_replaced_and_what_it_names_stays(
    root: Path, tmp_path: Path, held: tuple[Store, bytes]
) -> None:
    outer = tmp_path / "outer"
    outer.write_bytes(b"precious")
    store, digest = held
    (root / "inner" / "file").symlink_to(outer)
    (root / "inner" / "gone").symlink_to(tmp_path / "not there")
    store.checkout(root).place([(f"inner/{name}", len(CONTENT), digest) for name in ("file", "gone")])
    assert outer.read_bytes() == b"precious"
    assert not (tmp_path / "not there").exists()
    for name in ("file", "gone"):
        path = root / "inner" / name
        assert not path.is_symlink()
        assert path.read_bytes() == CONTENT


def test_a_whole_folder_by_name_is_no_link_either(root: Path, tmp_path: Path) -> None:
    (root / "model:v0").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(InvalidInput, match="symbolic link"):
        safe_join(root, "model:v0")


def test_a_root_may_be_a_link_for_its_owner_made_it(root: Path, tmp_path: Path, held: tuple[Store, bytes]) -> None:
    chosen = tmp_path / "chosen"
    chosen.symlink_to(root, target_is_directory=True)
    store, digest = held
    store.checkout(chosen).place([("inner/x", len(CONTENT), digest)])
    assert (root / "inner" / "x").read_bytes() == CONTENT
    assert safe_join(chosen, "inner/x") == str(chosen / "inner" / "x")


# -- names that are one elsewhere -------------------------------------------------------------------------------------


def rows(*names: str) -> list[tuple[str, int, bytes]]:
    return [(name, 0, digest_of(b"")) for name in names]


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_names_that_are_one_there_are_refused(tmp_path: Path, one: str, other: str) -> None:
    asked = []

    def are_one(root: str, first: str, second: str) -> bool:
        asked.append({first, second})
        return True

    for files, above in (
        ({"": rows(one, other, "third")}, []),
        ({"in": rows(one, other)}, [""]),
        ({"in": rows(one), f"in/{other}": rows("x")}, ["in", ""]),
        ({f"{one}/x": rows("x"), f"{other}/x": rows("x")}, [one, other, ""]),
    ):
        with pytest.raises(InvalidInput, match="one name") as caught:
            collisions.refuse_collisions(str(tmp_path), files, above, are_one)
        assert caught.value.code == "path-collision"
        assert asked.pop() == {one, other}


def test_names_that_only_look_alike_are_not_even_tried(tmp_path: Path) -> None:
    def are_one(root: str, first: str, second: str) -> bool:
        raise AssertionError(f"{first!r} and {second!r} were tried")

    files = {"": rows("a", "ab", "\u00e9", "e"), "b/c": rows("a", "A1"), "\u00df": rows("ss"), "b": rows("C1")}
    collisions.refuse_collisions(str(tmp_path), files, ["", "b"], are_one)
    with pytest.raises(AssertionError, match="'A' and 'a'"):  # a folder and a file
        collisions.refuse_collisions(str(tmp_path), files | {"A": rows("x")}, ["", "b"], are_one)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_tells_names_apart_takes_both(root: Path, held: tuple[Store, bytes]) -> None:
    store, digest = held
    names = [name for twins in TWINS for name in twins]
    assert store.checkout(root).place([(f"x/{name}", len(CONTENT), digest) for name in names]) == len(names)
    assert sorted(os.listdir(root / "x")) == sorted(names)
    assert sorted(os.listdir(root)) == ["inner", "x"]


def test_the_same_name_is_one_name(tmp_path: Path) -> None:
    assert collisions.are_one_name(str(tmp_path), "same", "same")
    assert not collisions.are_one_name(str(tmp_path), "one", "other")
    assert list(tmp_path.iterdir()) == []
