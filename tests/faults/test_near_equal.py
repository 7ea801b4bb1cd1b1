"""Files that are made of chunks: killed while they are added or put in place, and damaged in what they share."""

from __future__ import annotations

import errno
import itertools
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import forebear
from forebear.blobs import writer
from forebear.errors import CorruptData, StorageFailure
from forebear.records.content import LOOSE, PACK, Recipe
from forebear.store import near_equal
from forebear.store.opening import open_store
from forebear.store.shared import close_stores
from forebear.testing.soundness import troubles
from tests.faults.results import REPEATED, note

MIB = 1024 * 1024
OLD = random.Random(1).randbytes(6 * MIB)
#: More than a pack's buffer of new chunks, so that it is written in several steps.
NEW = OLD[: 3 * MIB] + random.Random(2).randbytes(2 * MIB) + OLD[3 * MIB :]

#: Steps from one kill to the next; all are tried by ``make faults``. It divides no cycle of steps.
STRIDE = 1 if os.environ.get("EVERY_KILL") else 7

pytestmark = pytest.mark.timeout(1_800 if STRIDE == 1 else 120)

Kill = Callable[..., bool]


@pytest.fixture(autouse=True)
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (writer, near_equal):
        monkeypatch.setattr(module, "CHUNKED_BYTES", 2 * MIB)


def log(store: Path, content: bytes, work: Path) -> None:
    work.mkdir(exist_ok=True)
    (work / "model.bin").write_bytes(content)
    with forebear.init(project="p", store=str(store), settings={"silent": True}, reinit="create_new") as run:
        draft = forebear.Artifact("ds", "model")
        draft.add_file(work / "model.bin")
        run.log_artifact(draft)


def version(store: Path, name: str) -> forebear.Artifact:
    return forebear.Api(str(store), project="p").artifact(name)


def download(store: Path, out: Path) -> None:
    version(store, "ds:v1").download(out)


def assert_sound(store: Path) -> None:
    opened = open_store(store, create=False)
    assert troubles(opened) == []
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that holds one version, closed."""
    log(tmp_path / "store", OLD, tmp_path / "work")
    close_stores()
    return tmp_path / "store"


@pytest.fixture
def both(store: Path, tmp_path: Path) -> Path:
    """The same with a second version, which is made of chunks."""
    log(store, NEW, tmp_path / "work")
    close_stores()
    return store


def each_kill(store: Path, kill: Kill, work: Callable[[Path], object], name: str) -> Iterator[Path]:
    """Give a copy of a store in which ``work`` was killed at a step, at one further on, and so on to its end."""
    for step in itertools.count(1, STRIDE):
        copy = store.with_name(f"killed-{step}")
        shutil.copytree(store, copy)
        killed = kill(lambda at=copy: work(at), step)
        yield copy
        close_stores()
        shutil.rmtree(copy)
        if not killed:
            assert step > 15
            return
        note("kill", name, f"SIGKILL within Python at step {step}", REPEATED)


def test_adding_a_file_of_chunks_is_killed_at_every_step(store: Path, tmp_path: Path, until_killed: Kill) -> None:
    def add(at: Path) -> None:
        log(at, NEW, tmp_path / "work")

    for killed in each_kill(store, until_killed, add, "add a file of chunks"):
        assert_sound(killed)
        assert version(killed, "ds:v0").read("model.bin") == OLD
        add(killed)
        newest = version(killed, "ds:latest")
        assert newest.version == "v1"
        assert newest.read("model.bin") == NEW
        assert len(list(newest.store.objects.names("loose/"))) == 1
        close_stores()
        assert_sound(killed)
        assert list((killed / "tmp").iterdir()) == []


def test_cutting_a_first_file_is_killed_at_every_step(tmp_path: Path, until_killed: Kill) -> None:
    (tmp_path / "none").mkdir()
    work = tmp_path / "work"
    for killed in each_kill(tmp_path / "none", until_killed, lambda at: log(at, OLD, work), "cut a first file"):
        log(killed, OLD, tmp_path / "work")
        log(killed, NEW, tmp_path / "work")
        assert version(killed, "ds:v0").read("model.bin") == OLD
        assert version(killed, "ds:v1").read("model.bin") == NEW
        assert version(killed, "ds:v1").added_bytes < 4 * MIB
        close_stores()
        assert_sound(killed)


def test_putting_it_in_place_is_killed_at_every_step(both: Path, tmp_path: Path, until_killed: Kill) -> None:
    out = tmp_path / "out"
    place = partial(download, out=out)
    for there in (None, b"mine"):
        for killed in each_kill(both, until_killed, place, "download a file of chunks"):
            found = (out / "model.bin").read_bytes() if (out / "model.bin").exists() else None
            assert found in (there, NEW)
            version(killed, "ds:v1").download(out)
            assert (out / "model.bin").read_bytes() == NEW
            assert os.listdir(out) == ["model.bin"]
            shutil.rmtree(out)
            if there is not None:
                out.mkdir()
                (out / "model.bin").write_bytes(there)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (out / "model.bin").write_bytes(b"mine")


# -- damage -----------------------------------------------------------------------------------------------------------


def place_of(found: forebear.Artifact, kind: str) -> tuple[Path, int]:
    """The file of an object that the second version is made of, and where one of its chunks is in there."""
    opened = found.store
    (digest,) = [bytes.fromhex(file.digest) for file in found.files()]
    recipe = opened.catalog.locate([digest])[digest]
    assert isinstance(recipe, Recipe)
    places = opened.catalog.locate(recipe.parts)
    where = max(place for place in places.values() if not isinstance(place, Recipe) and place.object.startswith(kind))
    path = opened.objects.local_path(where.object)
    path.chmod(0o644)
    return path, where.offset


@pytest.mark.parametrize(("kind", "way"), [(LOOSE, "flipped bit"), (LOOSE, "missing"), (PACK, "flipped bit")])
def test_damage_in_what_it_is_made_of_is_found_and_named(both: Path, tmp_path: Path, kind: str, way: str) -> None:
    damaged = version(both, "ds:v1")
    path, offset = place_of(damaged, kind)
    if way == "missing":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.seek(offset + 5)
            byte = file.read(1)[0]
            file.seek(offset + 5)
            file.write(bytes([byte ^ 1]))
    object_name = f"{kind}/{path.parent.name}/{path.name}"
    for link in (False, True):
        with pytest.raises(CorruptData, match=re.escape(object_name)) as raised:
            damaged.download(tmp_path / f"out{link}", link=link)
        assert "'model.bin' of ds:v1" in str(raised.value)
        assert not (tmp_path / f"out{link}" / "model.bin").exists()
    with pytest.raises(CorruptData, match=re.escape(object_name)):
        damaged.read("model.bin")
    assert [item.path for item in damaged.damage()] == ["model.bin"]
    with pytest.raises(CorruptData, match="ds:v1 is not whole"):
        damaged.verify()
    assert (version(both, "ds:v0").damage() == []) == (kind == PACK)
    assert troubles(damaged.store) != []


# -- a full disk ------------------------------------------------------------------------------------------------------


def test_a_disk_that_is_full_leaves_what_was_there(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def full(descriptor: int, content: bytes | memoryview) -> int:
        if len(content) > MIB // 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content)

    with forebear.init(project="p", store=str(store), settings={"silent": True}) as run:
        (tmp_path / "f").write_bytes(NEW)
        draft = forebear.Artifact("ds", "model")
        draft.add(b"more", "more")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(StorageFailure, match="free some space"):
                draft.add_file(tmp_path / "f", "model.bin")
        again = forebear.Artifact("ds", "model")
        again.add_file(tmp_path / "f", "model.bin")
        run.log_artifact(again)
        assert again.read("model.bin") == NEW
        assert troubles(run.store) == []
