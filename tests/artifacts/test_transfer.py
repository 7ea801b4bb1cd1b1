"""Downloads stay inside their folder, whoever wrote the manifest and whatever was planted there."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import forebear
from forebear.artifacts.manifest import build
from forebear.blobs.digest import digest_of
from forebear.errors import CorruptData, InvalidInput, StorageFailure
from forebear.records.artifacts import NewVersion
from forebear.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.store.store import Store

CONTENT = b"planted"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with closing(open_store(home / ".forebear")) as opened:
        yield opened


def forge(store: Store, paths: list[str], *, reference: str | None = None) -> Any:
    """Commit a manifest with these paths past every check of drafts, as a hostile or broken writer would."""
    intake = store.intake()
    digest = intake.add_bytes(CONTENT)
    tail = (len(CONTENT), digest) if reference is None else (len(CONTENT), None, reference, {})
    built = build([(path, *tail) for path in sorted(paths)])
    intake.add_pages(built.pages)
    store.catalog.commit_version(
        NewVersion(
            entity="local",
            project="p",
            name="forged",
            type="dataset",
            root=built.root,
            size=built.size,
            file_count=built.rows,
            description=None,
            metadata={},
            aliases=(),
            tags=(),
            run_key=None,
            tip=None,
            gained=[digest],
            lost=[],
            objects=intake.finish(),
            needs=[built.root],
        )
    )
    return forebear.Api(project="p").artifact("forged")


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


CLIMBING = [
    "../x",
    "/abs/x",
    "a/../../x",
    "a/../x",
    "..",
    ".",
    "./x",
    "",
    "a//x",
    "a/",
    "a/./x",
    "x\x00y",
    "../../../../../../../../tmp/forebear-escaped",
]


@pytest.mark.parametrize("path", CLIMBING)
@pytest.mark.parametrize("way", ["download", "checkout", "file", "verify"])
def test_a_path_that_climbs_is_refused_and_nothing_lies_outside(
    store: Store, tmp_path: Path, path: str, way: str
) -> None:
    root = tmp_path / "deep" / "er" / "out"
    root.mkdir(parents=True)
    version = forge(store, [path])
    with pytest.raises(InvalidInput) as caught:
        getattr(version, way)(root)
    assert caught.value.code == "unsafe-path"
    assert everything_below(tmp_path) == {"deep", "deep/er", "deep/er/out"}
    assert not Path("/tmp/forebear-escaped").exists()


@pytest.mark.parametrize("path", CLIMBING)
def test_a_reference_whose_path_climbs_is_refused_too(store: Store, tmp_path: Path, path: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    root = tmp_path / "deep" / "out"
    root.mkdir(parents=True)
    with pytest.raises(InvalidInput):
        forge(store, [path], reference=f"file://{source}").download(root)
    assert everything_below(tmp_path) == {"source", "deep", "deep/out"}


def test_one_bad_path_among_good_ones_stops_the_download_before_anything_is_written(
    store: Store, tmp_path: Path
) -> None:
    version = forge(store, ["a", "b/c", "b/d", "zz/../../x"])
    with pytest.raises(InvalidInput, match="would leave"):
        version.download(tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("paths", [["a", "a/b"], ["x/y", "x/y/z/w"]])
def test_a_file_that_is_also_a_folder_is_refused(store: Store, tmp_path: Path, paths: list[str]) -> None:
    version = forge(store, paths)
    with pytest.raises((InvalidInput, StorageFailure), match="in its place|Is a directory"):
        version.download(tmp_path / "out")


def version_of(files: dict[str, bytes]) -> Any:
    artifact = forebear.Artifact("ds", "dataset")
    for path, content in files.items():
        artifact.add(content, path)
    artifact.save()
    return artifact


@pytest.mark.parametrize("size", [10, 2_000_000], ids=["small", "large"])
@pytest.mark.parametrize("target", ["there", "not there"])
def test_links_planted_in_the_folder_lead_nowhere(tmp_path: Path, size: int, target: str) -> None:
    version = version_of({"a/b/c.bin": b"x" * size, "top.bin": b"y" * size})
    outside = tmp_path / "outside"
    if target == "there":
        outside.mkdir()
        (outside / "top.bin").write_bytes(b"precious")
    before = everything_below(tmp_path)

    # A file's own place: the link is replaced, what it names stays.
    out = tmp_path / "one"
    out.mkdir()
    (out / "top.bin").symlink_to(outside / "top.bin")
    version.download(out)
    assert not (out / "top.bin").is_symlink()
    assert (out / "top.bin").read_bytes() == b"y" * size

    # A folder on the way, the last one or one above it: refused, and nothing is made behind it.
    for number, link in enumerate(("a", "a/b")):
        out = tmp_path / f"two{number}"
        (out / link).parent.mkdir(parents=True)
        (out / link).symlink_to(outside)
        with pytest.raises(InvalidInput, match="through a symbolic link"):
            version.download(out)
    assert {path for path in everything_below(tmp_path) if path.startswith("outside")} == {
        path for path in before if path.startswith("outside")
    }
    if target == "there":
        assert (outside / "top.bin").read_bytes() == b"precious"


def test_checkout_removes_planted_links_and_not_what_they_name(tmp_path: Path) -> None:
    version = version_of({"a/b/c": b"1"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    out = tmp_path / "out"
    (out / "keep").mkdir(parents=True)
    (out / "a").symlink_to(outside)
    (out / "keep" / "loop").symlink_to(out)
    version.checkout(out)
    assert (out / "a" / "b" / "c").read_bytes() == b"1"
    assert not (out / "a").is_symlink()
    assert os.listdir(outside) == ["precious"]
    assert os.listdir(out) == ["a"]


@pytest.mark.parametrize("root", [".", "..", "sub/..", "~", "/"])
def test_checkout_deletes_neither_store_nor_home_nor_where_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    version = version_of({"a": b"1"})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for folder in ("home", "sub"):
        (tmp_path / folder).mkdir()
    (tmp_path / "home" / "precious").write_text("mine")
    before = everything_below(tmp_path)
    with pytest.raises(InvalidInput, match="deletes everything else in .* give a folder of its own"):
        version.checkout(os.path.expanduser(root))
    assert everything_below(tmp_path) == before


def test_checkout_of_a_damaged_version_deletes_nothing(tmp_path: Path) -> None:
    version = version_of({"a": b"1" * 9, "b/c": b"2" * 9})
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("mine")
    for pack in (Path(version.store.url) / "objects" / "pack").rglob("*"):
        if pack.is_file():
            pack.chmod(0o600)
            pack.write_bytes(b"\0" * pack.stat().st_size)
    with pytest.raises(CorruptData):
        version.checkout(out)
    assert (out / "precious").read_text() == "mine"


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    version_of({"a/b": b"1"}).download(tmp_path / "link")
    assert (tmp_path / "real" / "a" / "b").read_bytes() == b"1"


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    version = version_of({"a/b": b"1", "c": b"2"})
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="cannot make the folder .*file: a file is in its place"):
        version.download(tmp_path / "file")
    with pytest.raises(InvalidInput, match="a file is in its place"):
        version.download(tmp_path / "file" / "below")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_text("x")
    with pytest.raises(InvalidInput, match="one/a: a file is in its place"):
        version.download(tmp_path / "one")
    (tmp_path / "two" / "c").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="two/c: a folder is in its place"):
        version.download(tmp_path / "two")
    # Checkout may delete what is in the way, and does.
    for folder in ("one", "two"):
        version.checkout(tmp_path / folder)
        version.verify(tmp_path / folder)


def test_a_name_too_long_for_the_disk_is_a_storage_failure(tmp_path: Path) -> None:
    version = version_of({"x" * 300: b"1", "ok": b"2"})
    with pytest.raises(StorageFailure, match="File name too long"):
        version.download(tmp_path / "out")
    deep = version_of({"/".join(["y" * 250] * 20): b"1"})
    with pytest.raises(StorageFailure, match="File name too long"):
        deep.download(tmp_path / "deep")


def test_equal_files_are_all_placed_from_one_blob(tmp_path: Path) -> None:
    big = os.urandom(1_000_000)
    version = version_of({"a": b"1", "b/a": b"1", "c": big, "d/c": big, "empty": b"", "e/empty": b""})
    version.download(tmp_path / "out")
    assert (tmp_path / "out" / "b" / "a").read_bytes() == b"1"
    assert (tmp_path / "out" / "d" / "c").read_bytes() == big
    assert (tmp_path / "out" / "e" / "empty").read_bytes() == b""
    version.verify(tmp_path / "out")


def test_a_second_download_that_only_hashed_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that came from elsewhere is hashed once."""
    from forebear.store import folders
    from forebear.store import intake as _intake  # noqa: F401 - loaded before the clock is moved

    version = version_of({f"{number}": b"%d" % number for number in range(20)})
    out = tmp_path / "out"
    out.mkdir()
    for number in range(20):
        (out / f"{number}").write_bytes(b"%d" % number)
    now = folders.time.time_ns
    monkeypatch.setattr(folders.time, "time_ns", lambda: now() + 10_000_000_000)
    hashed: list[str] = []
    real = folders.digest_of_file
    monkeypatch.setattr(folders, "digest_of_file", lambda path: hashed.append(str(path)) or real(path))
    version.download(out)
    assert len(hashed) == 20
    version.download(out)
    assert len(hashed) == 20


def test_a_damaged_blob_is_named_with_its_file_and_the_others_it_hits(tmp_path: Path) -> None:
    first = version_of({"good": b"1", "sub/bad": b"x" * 2_000_000})
    other = forebear.Artifact("other", "dataset")
    other.add(b"x" * 2_000_000, "elsewhere")
    other.save()
    (found,) = first.store.objects.names("loose/")
    path = first.store.objects.local_path(found)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"y")
    with pytest.raises(CorruptData, match=r"'sub/bad' of ds:v0") as caught:
        first.download(tmp_path / "out")
    assert "it is also in other:v0" in str(caught.value)
    assert not (tmp_path / "out" / "sub" / "bad").exists()
    path.unlink()
    for link in (False, True):
        with pytest.raises(CorruptData, match=r"missing from the store \('sub/bad' of ds:v0\)"):
            first.download(tmp_path / "out", link=link)
    assert [(item.path, item.affected) for item in first.damage()] == [("sub/bad", ("ds:v0", "other:v0"))]
    assert digest_of(b"x" * 2_000_000).hex() in found
