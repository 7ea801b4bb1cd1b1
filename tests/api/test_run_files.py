from __future__ import annotations

from pathlib import Path

import pytest

from forebear.errors import AlreadyExists, CorruptData, InvalidInput, NotFound

HELLO_DIGEST = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"


@pytest.fixture
def run(api):
    run = api.run("a")
    for name in ("b.txt", "media/images/one.png", "media/images/two.png"):
        path = Path("root") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("hello")
        run.upload_file(path, root="root")
    return run


def test_files_of_a_run(run):
    names = [file.name for file in run.files()]
    assert names == sorted(names)
    assert {"b.txt", "media/images/one.png", "media/images/two.png"} <= set(names)
    file = run.file("b.txt")
    assert (file.size, file.digest, file.read()) == (5, HELLO_DIGEST, b"hello")
    assert file.updated_at is not None
    assert repr(file) == "<File b.txt of local/p/a>"


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({"names": ["b.txt", "nix"]}, ["b.txt"]),
        ({"names": "b.txt"}, ["b.txt"]),
        ({"pattern": "media/*"}, ["media/images/one.png", "media/images/two.png"]),
        ({"pattern": "%one%"}, ["media/images/one.png"]),
        ({"pattern": "b_txt"}, []),
        ({"pattern": "b.tx"}, []),
    ],
)
def test_some_of_them(run, choice, found):
    files = run.files(**choice, per_page=1)
    assert [file.name for file in files] == found
    assert len(files) == len(found)
    assert [file.name for file in files[:1]] == found[:1]


def test_two_ways_to_choose_at_once(run):
    with pytest.raises(InvalidInput, match="by names or by a pattern"):
        run.files(names=["a"], pattern="b")


def test_a_file_that_is_not_there(run):
    with pytest.raises(NotFound, match=r"run local/p/a has no file 'x'; it has .*b.txt, media/images/one.png"):
        run.file("x")


def test_downloads(run):
    path = run.file("media/images/one.png").download("out")
    assert Path(path) == Path("out/media/images/one.png").absolute() or path == "out/media/images/one.png"
    assert Path(path).read_text() == "hello"
    Path(path).write_text("mine")
    with pytest.raises(AlreadyExists, match="say replace=True or exist_ok=True"):
        run.file("media/images/one.png").download("out")
    run.file("media/images/one.png").download("out", exist_ok=True)
    assert Path(path).read_text() == "mine"
    run.file("media/images/one.png").download("out", replace=True)
    assert Path(path).read_text() == "hello"


def test_a_file_is_replaced_by_one_of_its_name(run):
    Path("root/b.txt").write_text("other")
    assert run.upload_file("root/b.txt", root="root").read() == b"other"
    assert run.file("b.txt").read() == b"other"


def test_a_file_is_taken_away(run):
    run.file("b.txt").delete()
    assert "b.txt" not in [file.name for file in run.files()]


@pytest.mark.parametrize(("path", "root"), [("root/b.txt", "root/media"), ("nix", "."), ("root", ".")])
def test_what_cannot_be_uploaded(run, path, root):
    with pytest.raises(InvalidInput):
        run.upload_file(path, root=root)


def test_damage_never_leaves_the_store(run, api):
    for path in Path(api.store.url).rglob("*"):
        if path.is_file() and b"hello" in (content := path.read_bytes()) and "objects" in path.parts:
            path.chmod(0o600)
            path.write_bytes(content.replace(b"hello", b"jello"))
    with pytest.raises(CorruptData):
        run.file("b.txt").read()
    with pytest.raises(CorruptData):
        run.file("b.txt").download("out")
    assert not Path("out/b.txt").exists()
