"""References without a server: paths of this machine, memory://, and file systems made up for a test."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem
from hypothesis import given
from hypothesis import strategies as st

from forebear.artifacts import reference_systems, references
from forebear.artifacts.reference_failures import told
from forebear.artifacts.reference_identity import difference, identity_of, version_of
from forebear.artifacts.reference_systems import PART_BYTES
from forebear.artifacts.reference_uris import Uri, inner_path, last_segment, parse_uri
from forebear.artifacts.references import check_reference, fetch_reference, resolve_reference
from forebear.blobs.digest import digest_of
from forebear.errors import Conflict, CorruptData, ForebearError, InvalidInput, NotFound, StorageFailure, Unsupported
from forebear.records.content import Entry
from forebear.store.paths import SafeFolder, check_inner_path


class MadeUpSystem(AbstractFileSystem):
    """Lists and serves what a test puts into ``objects``: key → (bytes, extra fields of its listing)."""

    protocol = "madeup"
    cachable = False
    objects: ClassVar[dict[str, tuple[bytes, dict[str, Any]]]] = {}
    reads: ClassVar[list[int]] = []

    def find(self, path: str, detail: bool = False, **kwargs: Any) -> Any:
        return {name: self._one(name) for name in self.objects if name.startswith(path + "/")}

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        if path in self.objects:
            return self._one(path)
        if self.find(path):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def _one(self, name: str) -> dict[str, Any]:
        content, fields = self.objects[name]
        return {"name": name, "size": len(content), "type": "file", **fields}

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> io.BytesIO:
        reads = self.reads

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                reads.append(-1 if size is None else size)
                return super().read(size)

        return Stream(self.objects[path][0])


@pytest.fixture
def madeup() -> type[MadeUpSystem]:
    fsspec.register_implementation("madeup", MadeUpSystem, clobber=True)
    MadeUpSystem.objects.clear()
    MadeUpSystem.reads.clear()
    return MadeUpSystem


class FoldersSystem(MemoryFileSystem):
    """Lists a folder at a time, itself among what is in it, and cannot list the folder ``shut``."""

    protocol = "folders"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    shut: ClassVar[str] = ""
    listed: ClassVar[list[str]] = []
    find = AbstractFileSystem.find

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("folders://", "memory://")))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        if path == self.shut:
            raise PermissionError(errno.EACCES, "may not be listed", path)
        self.listed.append(path)
        return [*super().ls(path, detail=True), {"name": path, "size": 0, "type": "directory"}]


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> type[FoldersSystem]:
    fsspec.register_implementation("folders", FoldersSystem, clobber=True)
    FoldersSystem.store.clear()
    FoldersSystem.listed.clear()
    FoldersSystem().pipe({f"/far/{name}": b"x" for name in ("one", "a/two", "a/b/three", "c/four")})
    monkeypatch.setattr(FoldersSystem, "shut", "")
    return FoldersSystem


@pytest.fixture
def memory() -> Any:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return system


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "file"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "a b.txt").write_bytes(b"one")
    (root / "deep" / "er" / "ö#?.txt").write_bytes(b"two")
    (root / "empty").write_bytes(b"")
    return root


# -- systems of folders --------------------------------------------------------------------------------------------


def test_a_system_of_folders_is_listed_folder_by_folder(folders: type[FoldersSystem]):
    found = [entry.path for entry in resolve_reference("folders://far")]
    assert sorted(found) == ["a/b/three", "a/two", "c/four", "one"]
    assert sorted(folders.listed) == ["/far", "/far/a", "/far/a/b", "/far/c"]


def test_a_folder_that_cannot_be_listed_is_not_left_out(folders: type[FoldersSystem], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folders, "shut", "/far/a/b")
    with pytest.raises(StorageFailure, match="folders://far"):
        resolve_reference("folders://far")


# -- paths of this machine ----------------------------------------------------------------------------------------


def test_a_file_is_recorded_by_its_digest(folder: Path, target: Path):
    for uri in (folder / "a b.txt", str(folder / "a b.txt"), f"file://{folder}/a b.txt", f"LOCAL://{folder}/a b.txt"):
        (entry,) = resolve_reference(uri)
        assert entry == Entry("a b.txt", 3, digest_of(b"one"), f"file://{folder}/a b.txt", None)
    fetch_reference(entry, str(target))
    assert target.read_bytes() == b"one"
    assert check_reference(entry) is None


def test_a_relative_path_is_recorded_as_an_absolute_one(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    assert resolve_reference("a b.txt")[0].ref == f"file://{folder}/a b.txt"


def test_a_folder_gives_an_entry_a_file(folder: Path, target: Path):
    entries = resolve_reference(folder)
    assert [entry.path for entry in entries] == ["a b.txt", "deep/er/ö#?.txt", "empty"]
    for entry in entries:
        fetch_reference(entry, str(target))
        assert target.read_bytes() == (folder / entry.path).read_bytes()


def test_name_is_the_file_of_an_object_and_the_folder_of_several(folder: Path):
    assert resolve_reference(folder / "empty", name="x/y")[0].path == "x/y"
    assert [entry.path for entry in resolve_reference(folder / "deep", name="in/")] == ["in/er/ö#?.txt"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ""])
def test_name_may_not_leave_the_artifact(folder: Path, name: str):
    with pytest.raises(InvalidInput):
        resolve_reference(folder / "empty", name=name)


def test_time_is_no_part_of_what_is_recorded(folder: Path):
    before = resolve_reference(folder)
    os.utime(folder / "empty", (1, 1))
    assert resolve_reference(folder) == before


def test_links_are_followed_but_not_in_a_circle(folder: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far").write_bytes(b"far")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert "link/far" in [entry.path for entry in resolve_reference(folder)]
    (folder / "deep" / "up").symlink_to(folder)
    with pytest.raises(InvalidInput, match=r"deep/up.*circle"):
        resolve_reference(folder)


def test_a_pipe_is_refused_and_never_waited_for(folder: Path):
    os.mkfifo(folder / "pipe")
    for uri in (folder, folder / "pipe"):
        with pytest.raises(InvalidInput, match="pipe"):
            resolve_reference(uri)


def test_what_is_not_there_is_named(folder: Path):
    for uri in (folder / "nothing", f"{folder}/a b.txt/"):
        with pytest.raises(NotFound, match="file://"):
            resolve_reference(uri)
    (folder / "void").mkdir()
    with pytest.raises(NotFound, match="void"):
        resolve_reference(folder / "void")


def test_what_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: str, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    # Root may read everything, so the system's refusal is played.
    monkeypatch.setattr(reference_systems, "open", refuse, raising=False)
    with pytest.raises(StorageFailure, match=r"a b\.txt.*check who owns it") as caught:
        resolve_reference(folder)
    assert caught.value.code == "storage-forbidden"


# -- memory:// ----------------------------------------------------------------------------------------------------


def test_memory_is_read_for_want_of_an_identity(memory: Any, target: Path):
    memory.pipe({"/b/x": b"1", "/b/y/z": b"2", "/bb": b"3"})
    assert resolve_reference("memory://b") == [
        Entry("x", 1, digest_of(b"1"), "memory://b/x"),
        Entry("y/z", 1, digest_of(b"2"), "memory://b/y/z"),
    ]
    (entry,) = resolve_reference("memory://b/y/z", name="n")
    fetch_reference(entry, str(target))
    assert (entry.path, target.read_bytes()) == ("n", b"2")


@pytest.mark.parametrize("content", [b"gone", b"other length", None])
def test_a_change_is_told_and_nothing_is_written(memory: Any, target: Path, content: bytes | None):
    memory.pipe("/x", b"here")
    (entry,) = resolve_reference("memory://x")
    memory.rm("/x")
    if content is not None:
        memory.pipe("/x", content)
    target.write_bytes(b"before")
    with pytest.raises(CorruptData) as caught:
        fetch_reference(entry, str(target))
    assert caught.value.code == ("reference-missing" if content is None else "reference-changed")
    assert "memory://x" in str(caught.value)
    assert "log the artifact again" in str(caught.value)
    assert target.read_bytes() == b"before"
    assert os.listdir(target.parent) == ["file"]
    assert check_reference(entry) is not None


def test_the_message_says_what_was_recorded_and_what_was_found(memory: Any, target: Path):
    memory.pipe("/x", b"here")
    (entry,) = resolve_reference("memory://x")
    memory.pipe("/x", b"gone")
    with pytest.raises(CorruptData) as caught:
        fetch_reference(entry, str(target))
    assert digest_of(b"here").hex()[:16] in str(caught.value)
    assert digest_of(b"gone").hex()[:16] in str(caught.value)
    memory.pipe("/x", b"much longer")
    assert check_reference(entry) == "it had 4 bytes, now it has 11"


def test_more_objects_than_allowed_are_refused(memory: Any):
    memory.pipe({f"/many/{index}": b"" for index in range(7)})
    with pytest.raises(InvalidInput, match=r"more than the 6 objects allowed below memory://many"):
        resolve_reference("memory://many", max_objects=6)
    assert len(resolve_reference("memory://many", max_objects=7)) == 7


def test_a_target_that_cannot_be_written_is_named(memory: Any, tmp_path: Path):
    memory.pipe("/x", b"here")
    (entry,) = resolve_reference("memory://x")
    with pytest.raises(StorageFailure, match="cannot write"):
        fetch_reference(entry, str(tmp_path / "no" / "folder"))


# -- the URI alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://bucket/pre/key", "key"),
        ("s3://bucket/pre/", "pre"),
        ("s3://bucket", "bucket"),
        ("s3://bucket/key?versionId=abc", "key"),
        ("gs://bucket/key#123", "key"),
        ("https://host/a/b%20c.csv?page=2#top", "b c.csv"),
        ("https://host/", "host"),
        ("quantum://entangled/x", "x"),
        ("zip://inner.csv::s3://bucket/a.zip", "a.zip"),
        ("/abs/olute", "olute"),
    ],
)
def test_without_checksum_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch, uri: str, path: str):
    monkeypatch.setattr(references, "_system", None)
    (entry,) = resolve_reference(uri, checksum=False)
    assert entry == Entry(path, ref=f"file://{uri}" if uri[0] == "/" else uri)
    assert check_reference(entry) is None


def test_the_uri_alone_is_fetched_as_it_is(memory: Any, target: Path):
    (entry,) = resolve_reference("memory://later", checksum=False)
    for content in (b"first", b"second"):
        memory.pipe("/later", content)
        fetch_reference(entry, str(target))
        assert target.read_bytes() == content


@pytest.mark.parametrize("checksum", ["md5", "BLAKE3", None, 2])
def test_other_checksums_are_refused(checksum: Any):
    with pytest.raises(InvalidInput, match="blake3"):
        resolve_reference("memory://x", checksum=checksum)


# -- URIs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize(
    "uri",
    [
        "https://alice:hunter2@host/x",
        "https://hunter2@host/x",
        "sftp://alice:hunter2@host/x",
        "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Signature=hunter2",
        "https://storage.googleapis.com/b/k?x-goog-signature=hunter2",
        "https://a.blob.core.windows.net/c/b?sv=2020&sig=hunter2",
        "https://host/x?token=hunter2",
        "https://host/x?page=1&access_token=hunter2",
        "https://host/x#id_token=hunter2",
        "HTTPS://host/x?API_KEY=hunter2",
        "simplecache::https://host/x?token=hunter2",
    ],
)
def test_secrets_are_refused_and_not_repeated(uri: str, checksum: bool):
    with pytest.raises(InvalidInput) as caught:
        resolve_reference(uri, checksum=checksum)
    assert caught.value.code == "secret-in-uri"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["sftp://alice@host/x", "abfs://box@account.dfs.core.windows.net/x", "s3://bucket/mail@home", "https://h/x?page=1"],
)
def test_what_is_no_secret_is_accepted(uri: str):
    assert resolve_reference(uri, checksum=False)[0].ref == uri


@pytest.mark.parametrize("uri", ["", "  ", None, 3, b"s3://bucket/key", "s3://bucket/a\nb", "s3://[bucket/x"])
def test_what_is_no_uri_is_refused(uri: Any):
    with pytest.raises(InvalidInput):
        resolve_reference(uri)


def test_chains_are_refused():
    for uri in ("zip://a.csv::s3://bucket/a.zip", "simplecache::s3://bucket/key"):
        with pytest.raises(Unsupported, match="chains"):
            resolve_reference(uri)
    assert parse_uri("s3://bucket/a::b").text == "s3://bucket/a::b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b/k?versionId=x.Y_1", Uri("s3://b/k", "s3", "x.Y_1")),
        ("S3://b/K", Uri("s3://b/K", "s3")),
        ("gs://b/k#17", Uri("gs://b/k", "gs", "17")),
        ("gs://b/k#part", Uri("gs://b/k#part", "gs")),
        ("az://c/k?versionid=2024-01-01T00", Uri("az://c/k", "az", "2024-01-01T00")),
        ("https://h/k?versionId=1", Uri("https://h/k?versionId=1", "https")),
    ],
)
def test_a_uri_may_name_a_version(text: str, expected: Uri):
    assert parse_uri(text) == expected
    assert parse_uri(text, literal=True).version is None


@given(st.text(max_size=60) | st.from_regex(r"(s3|gs|https?|file|memory)://[^\x00]{0,40}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str):
    try:
        uri = parse_uri(text)
        segment = last_segment(uri)
    except (InvalidInput, Unsupported):
        return
    assert check_inner_path(segment) == segment
    if not uri.version:
        assert parse_uri(uri.text).text == uri.text


# -- hostile listings ---------------------------------------------------------------------------------------------


# Elsewhere than on Windows a folder may well be called "C:".
@pytest.mark.parametrize(
    "key", ["../x", "/abs", "a//b", "a/../../x", "./a", "a/.", "a\x00b", "x/", *(["C:/x"] if os.name == "nt" else [])]
)
def test_a_hostile_key_is_refused_by_name(madeup: type[MadeUpSystem], key: str):
    madeup.objects.update({"bucket/pre/good": (b"1", {"etag": "1"}), f"bucket/pre/{key}": (b"2", {"etag": "2"})})
    with pytest.raises(InvalidInput) as caught:
        resolve_reference("madeup://bucket/pre")
    assert repr(key) in str(caught.value)


@given(st.text(st.sampled_from("./\\a:\x00 é"), min_size=1, max_size=12) | st.text(min_size=1, max_size=12))
def test_a_key_never_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, key: str):
    root = tmp_path_factory.getbasetemp() / "jail"
    try:
        path = inner_path(key, Uri("s3://b/pre", "s3"), "in")
    except InvalidInput:
        return
    joined = SafeFolder(root).join(path)
    assert os.path.realpath(os.path.dirname(joined)).startswith(os.path.realpath(root / "in"))
    assert os.path.normpath(joined) == joined


def test_an_object_outside_the_prefix_is_refused(madeup: type[MadeUpSystem], monkeypatch: pytest.MonkeyPatch):
    listing = {"/etc/passwd": {"name": "/etc/passwd", "size": 1, "type": "file", "etag": "1"}}
    monkeypatch.setattr(madeup, "find", lambda self, path, **options: listing)
    with pytest.raises(InvalidInput, match="/etc/passwd"):
        resolve_reference("madeup://bucket/pre")


def test_placeholders_of_folders_are_passed_over(madeup: type[MadeUpSystem]):
    fields = {"etag": "1"}
    madeup.objects.update(
        {f"b/pre/{key}": (content, fields) for key, content in {"": b"", "d/": b"", "d/x": b"1"}.items()}
    )
    assert [entry.path for entry in resolve_reference("madeup://b/pre/")] == ["d/x"]


# -- reading ------------------------------------------------------------------------------------------------------


def test_memory_is_bounded_while_reading(madeup: type[MadeUpSystem], target: Path):
    content = os.urandom(1000) * (3 * PART_BYTES // 1000)
    madeup.objects["b/large"] = (content, {"etag": "1"})
    (entry,) = resolve_reference("madeup://b/large", checksum="blake3")
    assert (entry.digest, entry.identity) == (digest_of(content), {"etag": "1"})
    fetch_reference(entry, str(target))
    assert target.read_bytes() == content
    assert set(madeup.reads) == {PART_BYTES}


def test_work_is_handed_out_a_little_ahead_and_given_back_in_order():
    taken: list[int] = []

    def items() -> Any:
        for item in range(1000):
            taken.append(item)
            yield item

    results = references._in_parallel(lambda item: item * 2, items())
    assert [next(results) for _ in range(10)] == [item * 2 for item in range(10)]
    assert len(taken) <= 10 + 2 * references.MAX_TRANSFERS + 1
    results.close()


def test_a_failure_in_one_of_many_is_told(madeup: type[MadeUpSystem], monkeypatch: pytest.MonkeyPatch):
    madeup.objects.update({f"b/{index:03}": (b"x", {}) for index in range(50)})

    def fail(self: object, path: str, *args: object, **options: object) -> io.BytesIO:
        if path == "b/031":
            raise PermissionError(errno.EACCES, "Access Denied")
        return io.BytesIO(b"x")

    monkeypatch.setattr(madeup, "_open", fail)
    with pytest.raises(StorageFailure, match="madeup://b/031"):
        resolve_reference("madeup://b")


def test_a_change_while_it_is_hashed_is_told(madeup: type[MadeUpSystem], monkeypatch: pytest.MonkeyPatch):
    madeup.objects["b/x"] = (b"old", {"etag": "1"})

    def change(self: object, path: str, *args: object, **options: object) -> io.BytesIO:
        madeup.objects["b/x"] = (b"new", {"etag": "2"})
        return io.BytesIO(b"new")

    monkeypatch.setattr(madeup, "_open", change)
    with pytest.raises(Conflict, match="while it was read"):
        resolve_reference("madeup://b/x", checksum="blake3")


def test_a_digest_settles_what_an_identity_cannot(madeup: type[MadeUpSystem], target: Path):
    madeup.objects["b/x"] = (b"same", {"etag": "1"})
    (entry,) = resolve_reference("madeup://b/x", checksum="blake3")
    madeup.objects["b/x"] = (b"same", {"etag": "2"})
    assert check_reference(entry) is None
    fetch_reference(entry, str(target))
    madeup.objects["b/x"] = (b"else", {"etag": "2"})
    assert "digest" in (check_reference(entry) or "")


def test_a_file_entry_is_no_reference(target: Path):
    with pytest.raises(InvalidInput, match="not a reference"):
        fetch_reference(Entry("x", 1, digest_of(b"1")), str(target))


# -- identities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "identity"),
    [
        ({"ETag": '"abc"', "VersionId": "v1", "LastModified": 1}, {"etag": "abc", "version": "v1"}),
        ({"ETag": "abc", "VersionId": "null"}, {"etag": "abc"}),
        ({"ETag": "", "VersionId": None}, {}),
        ({"etag": "e", "generation": 17, "md5Hash": "m=="}, {"etag": "e", "generation": "17", "md5": "m=="}),
        (
            {"etag": "0x8D", "content_settings": {"content_md5": bytearray(b"\x01\xff")}},
            {"etag": "0x8D", "md5": "01ff"},
        ),
        ({"ETag": 'W/"abc"', "Last-Modified": "now"}, {"etag": 'W/"abc"'}),
        ({"created": 1, "mtime": 2, "Last-Modified": "now"}, {}),
    ],
)
def test_what_systems_tell(info: dict[str, Any], identity: dict[str, str]):
    assert identity_of(info) == identity


def test_a_web_server_without_etags_is_taken_at_its_time():
    info = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert identity_of(info, http=True) == {"last-modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert identity_of({**info, "ETag": '"a"'}, http=True) == {"etag": "a"}


@pytest.mark.parametrize(
    ("recorded", "found", "says"),
    [
        ((3, {"etag": "a"}), (3, {"etag": "a"}), None),
        ((3, {"etag": "a"}), (4, {"etag": "a"}), "it had 3 bytes, now it has 4"),
        ((None, {"etag": "a"}), (4, {"etag": "b"}), "its etag was a, now it is b"),
        ((3, {"generation": "1", "md5": "m"}), (3, {"generation": "2", "md5": "m"}), None),
        ((3, {"generation": "1", "md5": "m"}), (3, {"generation": "1", "md5": "n"}), "its md5 was m, now it is n"),
        ((3, {"etag": "a", "generation": "1"}), (3, {"etag": "b", "generation": "1"}), None),
        ((3, {"etag": "a", "version": "1"}), (3, {"etag": "b", "version": "2"}), "its version was 1, now it is 2"),
        ((3, {"etag": "a"}), (3, {}), "etag was recorded, now the system tells nothing"),
        ((3, None), (3, {"etag": "a"}), None),
    ],
)
def test_what_counts_as_a_change(recorded: Any, found: Any, says: str | None):
    assert difference(recorded, found) == says


def test_the_version_to_ask_for():
    assert version_of({"etag": "a", "version": "v"}) == "v"
    assert version_of({"generation": "7"}) == "7"
    assert version_of({"etag": "a"}) is None
    assert version_of(None) is None


# -- failures -----------------------------------------------------------------------------------------------------


class NoCredentialsError(Exception):
    """Named as botocore names its own."""


class EndpointConnectionError(Exception):
    """Named as botocore names its own."""


class StatusError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.status = status


class ClientError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


def caused(err: Exception, cause: Exception) -> Exception:
    err.__cause__ = cause
    return err


@pytest.mark.parametrize(
    ("err", "expected", "code"),
    [
        (FileNotFoundError("x"), NotFound, "reference-missing"),
        (caused(FileNotFoundError("x"), StatusError(404)), NotFound, "reference-missing"),
        (caused(FileNotFoundError("x"), StatusError(500)), StorageFailure, "storage-unreachable"),
        (caused(FileNotFoundError("x"), StatusError(403)), StorageFailure, "storage-forbidden"),
        (caused(FileNotFoundError("x"), ConnectionRefusedError("no")), StorageFailure, "storage-unreachable"),
        (caused(OSError("x"), ClientError(403)), StorageFailure, "storage-forbidden"),
        (PermissionError("x"), StorageFailure, "storage-forbidden"),
        (OSError("Forbidden: b/o"), StorageFailure, "storage-forbidden"),
        (NoCredentialsError("Unable to locate credentials"), StorageFailure, "storage-forbidden"),
        (EndpointConnectionError("Could not connect"), StorageFailure, "storage-unreachable"),
        (TimeoutError(), StorageFailure, "storage-unreachable"),
        (ZeroDivisionError("odd"), StorageFailure, "storage-failure"),
    ],
)
def test_failures_of_libraries_are_told_as_ours(err: Exception, expected: type[ForebearError], code: str):
    with pytest.raises(expected) as caught, told("s3://bucket/key"):
        raise err
    assert caught.value.code == code
    assert "s3://bucket/key" in str(caught.value)
    assert caught.value.__cause__ is err


def test_denial_says_how_to_be_let_in():
    for uri, advice in (
        ("s3://b/k", "AWS_PROFILE"),
        ("gcs://b/k", "gcloud"),
        ("abfs://c/k", "AZURE_"),
        ("x://y", "options"),
    ):
        with pytest.raises(StorageFailure, match=advice), told(uri):
            raise PermissionError("Access Denied")


def test_an_unknown_protocol_is_named():
    with pytest.raises(Unsupported, match="'quantum'") as caught:
        resolve_reference("quantum://x/y")
    assert caught.value.code == "unknown-protocol"


@pytest.mark.parametrize(
    ("uri", "module", "extra"),
    [
        ("s3://b/k", "s3fs", "s3"),
        ("gs://b/k", "gcsfs", "gcs"),
        ("az://b/k", "adlfs", "azure"),
        ("http://h/k", "aiohttp", "http"),
    ],
)
def test_a_missing_package_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, uri: str, module: str, extra: str
):
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, uri.partition(":")[0], raising=False)
    for name in [
        name for name in sys.modules if name.partition(".")[0] == module or name.endswith("implementations.http")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported) as caught:
        resolve_reference(uri)
    assert f"pip install 'forebear[{extra}]'" in str(caught.value)


def test_local_paths_import_no_file_system(folder: Path, home: Path):
    code = (
        "import sys; from forebear.artifacts.references import resolve_reference; "
        f"resolve_reference({str(folder)!r}); print('fsspec' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
