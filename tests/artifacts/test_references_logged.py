"""References through the whole of it: added to an artifact, logged, used, downloaded, verified, and found changed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import fsspec
import pytest

import forebear
from forebear.blobs.digest import digest_of
from forebear.errors import CorruptData, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Endpoint, WebServer

pytestmark = pytest.mark.server


class Place(Protocol):
    """Where objects lie.

    Attributes:
        uri: Of the folder of all objects.
        names: What the place tells of an object's content.
        lists: Whether it can say which objects there are.
    """

    uri: str
    names: set[str]
    lists: bool

    def put(self, key: str, content: bytes) -> None: ...

    def remove(self, key: str) -> None: ...


class Bucket:
    lists = True

    def __init__(self, protocol: str, endpoint: Endpoint, names: set[str]) -> None:
        self.names = names
        self._system: Any = fsspec.filesystem(protocol, **endpoint.storage_options, skip_instance_cache=True)
        self._root = f"test-{uuid.uuid4().hex[:12]}"
        self._system.mkdir(self._root)
        self.uri = f"{protocol}://{self._root}"

    def put(self, key: str, content: bytes) -> None:
        self._system.pipe_file(f"{self._root}/{key}", content)

    def remove(self, key: str) -> None:
        self._system.rm(f"{self._root}/{key}")


class Web:
    lists = False

    def __init__(self, server: WebServer) -> None:
        self.uri, self.names, self._server = server.url, {"etag"}, server

    def put(self, key: str, content: bytes) -> None:
        self._server.objects[f"/{key}"] = content

    def remove(self, key: str) -> None:
        del self._server.objects[f"/{key}"]


class Folder:
    """Of this machine, or of the memory of this process."""

    lists = True

    def __init__(self, uri: str) -> None:
        self.uri, self.names = uri, set[str]()

    def put(self, key: str, content: bytes) -> None:
        with fsspec.open(f"{self.uri}/{key}", "wb", auto_mkdir=True) as file:
            file.write(content)

    def remove(self, key: str) -> None:
        system, path = fsspec.core.url_to_fs(f"{self.uri}/{key}")
        system.rm(path)


def forget_filesystems() -> None:
    """Let no file system of another server be found again by its options, which are none."""
    from fsspec.registry import _registry

    for kind in list(_registry.values()):
        kind.clear_instance_cache()


BUCKETS = {
    "s3": ("rclone", "s3", {"etag"}),
    "s3 with versions": ("moto", "s3", {"etag"}),
    "gcs": ("gcs", "gs", {"etag", "generation", "md5"}),
    "azure": ("azurite", "az", {"etag", "md5"}),
}


@pytest.fixture(params=[*BUCKETS, "http", "file", "memory"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """A place that is reached with what the environment says, as it is for whoever calls `add_reference`."""
    if request.param in BUCKETS:
        server, protocol, names = BUCKETS[request.param]
        endpoint: Endpoint = request.getfixturevalue(server)
        for name, value in endpoint.environment.items():
            monkeypatch.setenv(name, value)
        if protocol == "gs":
            monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
        forget_filesystems()
        yield Bucket(protocol, endpoint, names)
        forget_filesystems()
    elif request.param == "http":
        yield Web(request.getfixturevalue("web"))
    else:
        yield Folder(f"file://{tmp_path}/far" if request.param == "file" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def run() -> Iterator[forebear.Run]:
    with forebear.init(project="p", settings={"silent": True}) as run:
        yield run


def log(run: forebear.Run, uri: str, name: str | None = None, **options: Any) -> forebear.Artifact:
    draft = forebear.Artifact("far", "dataset")
    draft.add("near", "near.txt")
    draft.add_reference(uri, name, **options)
    return run.log_artifact(draft)


def tree(root: str | Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}


def test_an_object_is_logged_used_and_found_changed(run: forebear.Run, place: Place) -> None:
    place.put("a/one.bin", b"first")
    uri = f"{place.uri}/a/one.bin"
    version = log(run, uri)
    assert log(run, uri).version == "v0"
    entry = version.get_entry("one.bin")
    assert (entry.ref, entry.size, set(entry.entry.identity or ())) == (uri, 5, place.names)
    assert entry.ref_target() == uri
    assert version.read("one.bin") == b"first"
    with forebear.init(project="p", settings={"silent": True}, reinit="create_new") as other:
        used = other.use_artifact("far:latest")
        assert tree(used.download("out")) == {"near.txt": b"near", "one.bin": b"first"}
        assert [item.name for item in other.used_artifacts()] == ["far:v0"]
    version.verify()
    version.verify("out")

    place.put("a/one.bin", b"other")
    with pytest.raises(CorruptData, match=r"one\.bin") as caught:
        version.download("again")
    assert caught.value.code == "reference-changed"
    assert "one.bin" not in tree("again")
    with pytest.raises(CorruptData, match=r"one\.bin"):
        version.verify()
    assert log(run, uri).version == "v1"

    place.remove("a/one.bin")
    with pytest.raises(CorruptData, match=r"one\.bin") as caught:
        version.download("again")
    assert caught.value.code == "reference-missing"
    assert version.download("rest", allow_missing_references=True) == "rest"
    assert tree("rest") == {"near.txt": b"near"}
    with pytest.raises(NotFound):
        log(run, uri)


def test_a_prefix_lists_its_objects(run: forebear.Run, place: Place) -> None:
    contents = {"x.bin": b"1", "deep/y.bin": b"22", "deep/z.bin": b""}
    for key, content in contents.items():
        place.put(f"a/{key}", content)
    place.put("ab.bin", b"of another name")
    if not place.lists:
        with pytest.raises(NotFound):
            log(run, f"{place.uri}/a")
        return
    version = log(run, f"{place.uri}/a", "all")
    assert {file.path: (file.ref, file.size) for file in version.files() if file.ref} == {
        f"all/{key}": (f"{place.uri}/a/{key}", len(content)) for key, content in contents.items()
    }
    assert tree(version.download("out")) == {
        "near.txt": b"near",
        **{f"all/{key}": content for key, content in contents.items()},
    }


@pytest.mark.parametrize("checksum", ["blake3", False])
def test_the_digest_or_the_uri_alone(run: forebear.Run, place: Place, checksum: str | bool) -> None:
    place.put("one.bin", b"first")
    version = log(run, f"{place.uri}/one.bin", checksum=checksum)
    found = version.get_entry("one.bin").entry
    assert found.digest == (digest_of(b"first") if checksum else None)
    assert bool(found.identity) == bool(checksum and place.names)
    place.put("one.bin", b"other")
    if checksum:
        with pytest.raises(CorruptData, match=r"one\.bin"):
            version.download("out")
    else:
        assert tree(version.download("out")) == {"near.txt": b"near", "one.bin": b"other"}
        assert log(run, f"{place.uri}/one.bin", checksum=False).version == "v0"
