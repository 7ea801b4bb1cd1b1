"""References to many objects, of real servers: in pages, in bounded memory, and compared when they are logged again."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import fsspec
import pytest

import forebear
from forebear.artifacts import reference_listing, references
from forebear.artifacts.references import resolve_reference, resolve_rows
from forebear.blobs.digest import digest_of
from forebear.errors import Conflict, InvalidInput, NotFound
from tests.artifacts.test_references_logged import forget_filesystems
from tests.servers import rclone_s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Endpoint

pytestmark = pytest.mark.server

#: Objects of a page, so that a few hundred are many.
PAGE = 20
CONTENTS = {f"d{number // 10:03}/f{number % 10}.bin": b"%d" % number for number in range(300)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Small pages, and how many requests of each kind were made."""
    import gcsfs
    import s3fs

    counted: Counter[str] = Counter()
    s3, gcs = s3fs.S3FileSystem.call_s3, gcsfs.GCSFileSystem.call

    def call_s3(self: Any, method: str, *words: Any, **options: Any) -> Any:
        counted[method] += 1
        return s3(self, method, *words, **options)

    def call(self: Any, method: str, path: str, *words: Any, **options: Any) -> Any:
        counted[path] += 1
        return gcs(self, method, path, *words, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "call_s3", call_s3)
    monkeypatch.setattr(gcsfs.GCSFileSystem, "call", call)
    monkeypatch.setattr(reference_listing, "PAGE_OBJECTS", PAGE)
    page = reference_listing.azure_page

    def azure_page(*words: Any, **options: Any) -> Any:
        counted["azure_page"] += 1
        return page(*words, **options)

    monkeypatch.setattr(reference_listing, "azure_page", azure_page)
    return counted


def bucket(protocol: str, endpoint: Endpoint, **options: Any) -> tuple[Any, str]:
    """Return a file system for the test's own writes, and the name of an empty bucket."""
    system = fsspec.filesystem(protocol, **endpoint.storage_options, use_listings_cache=False, skip_instance_cache=True)
    name = f"test-{uuid.uuid4().hex[:12]}"
    system.mkdir(name, **options)
    return system, name


def listed(uri: str, endpoint: Endpoint) -> dict[str, int | None]:
    """Return the sizes of what is listed by path, having seen that nothing came twice."""
    rows = list(resolve_rows(uri, storage_options=endpoint.storage_options))
    found = {row[0]: row[1] for row in rows}
    assert len(found) == len(rows)
    assert {row[3] for row in rows} == {f"{uri}/{path}" for path in found}
    return found


SIZES = {path: len(content) for path, content in CONTENTS.items()}
#: Each page may come with three looks at what may be an upper half; of few pages that is many.
MOST = 4 * len(CONTENTS) // PAGE + 4


def test_s3_pages_are_asked_for_several_at_a_time(moto: Endpoint, asked: Counter[str]):
    system, name = bucket("s3", moto)
    system.pipe({f"{name}/pre/{key}": content for key, content in CONTENTS.items()})
    assert listed(f"s3://{name}/pre", moto) == SIZES
    assert len(CONTENTS) / PAGE <= asked["list_objects_v2"] <= MOST


def test_s3_with_versions_only_the_newest_are_listed(moto: Endpoint, asked: Counter[str]):
    system, name = bucket("s3", moto)
    system.make_bucket_versioned(name)
    chosen = dict(list(CONTENTS.items())[:120])
    for content in (b"old", None):
        system.pipe({f"{name}/pre/{key}": content or new for key, new in chosen.items()})
    gone = [key for number, key in enumerate(chosen) if number % 40 < 10]
    for key in gone:
        system.call_s3("delete_object", Bucket=name, Key=f"pre/{key}")
    asked.clear()
    assert listed(f"s3://{name}/pre", moto) == {key: SIZES[key] for key in chosen if key not in gone}
    assert asked["list_object_versions"] <= MOST


def test_s3_of_thousands_of_files_behind_rclone(tmp_path: Path, asked: Counter[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reference_listing, "PAGE_OBJECTS", 1_000)
    with rclone_s3(tmp_path / "s3") as endpoint:
        folder = tmp_path / "s3" / "data" / "many" / "pre"
        for number in range(3_000):
            file = folder / f"d{number // 100:02}" / f"f{number * 7919 % 100:02}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x" * (number % 7))
        found = listed("s3://many/pre", endpoint)
    assert len(found) == 3_000
    assert sum(size or 0 for size in found.values()) == sum(number % 7 for number in range(3_000))
    assert 3 <= asked["list_objects_v2"] <= 16


def test_gcs_pages(gcs: Endpoint, asked: Counter[str]):
    system, name = bucket("gs", gcs)
    chosen = dict(list(CONTENTS.items())[:120])
    system.pipe({f"{name}/pre/{key}": content for key, content in chosen.items()})
    system.pipe(f"{name}/prefix-of-another-name", b"no")
    asked.clear()
    assert listed(f"gs://{name}/pre", gcs) == {key: SIZES[key] for key in chosen}
    assert asked["b/{}/o"] <= MOST


def test_azure_pages(azurite: Endpoint, asked: Counter[str]):
    system, name = bucket("az", azurite)
    chosen = dict(list(CONTENTS.items())[:120])
    system.pipe({f"{name}/pre/{key}": content for key, content in chosen.items()})
    system.pipe(f"{name}/prefix-of-another-name", b"no")
    assert listed(f"az://{name}/pre", azurite) == {key: SIZES[key] for key in chosen}
    assert asked["azure_page"] == len(chosen) / PAGE
    assert len(listed(f"az://{name}", azurite)) == len(chosen) + 1
    with pytest.raises(NotFound):
        listed("az://no-such-container/pre", azurite)


def test_more_than_allowed_are_refused_before_all_are_listed(moto: Endpoint, asked: Counter[str]):
    system, name = bucket("s3", moto)
    system.pipe({f"{name}/pre/{key}": content for key, content in CONTENTS.items()})
    asked.clear()
    with pytest.raises(InvalidInput, match="more than the 30 objects allowed"):
        resolve_reference(f"s3://{name}/pre", max_objects=30, storage_options=moto.storage_options)
    assert asked["list_objects_v2"] < len(CONTENTS) / PAGE


# -- logged again -----------------------------------------------------------------------------------------------------


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of objects that are read."""
    paths: list[str] = []
    original = references._with_digest

    def with_digest(entry: Any, options: Any) -> Any:
        paths.append(entry.path)
        return original(entry, options)

    monkeypatch.setattr(references, "_with_digest", with_digest)
    return paths


class Place(NamedTuple):
    """A bucket that the environment leads to, its URI with a prefix, and a file system for the test's own writes."""

    uri: str
    name: str
    system: Any


@pytest.fixture(params=["rclone", "gcs"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A bucket of a server that tells ETags, or generations too."""
    endpoint: Endpoint = request.getfixturevalue(request.param)
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
    forget_filesystems()
    protocol = "gs" if request.param == "gcs" else "s3"
    system, name = bucket(protocol, endpoint)
    yield Place(f"{protocol}://{name}/pre", name, system)
    forget_filesystems()


def log(uri: str, checksum: bool | str) -> Any:
    with forebear.init(project="p", settings={"silent": True}) as run:
        artifact = forebear.Artifact("refs", "dataset")
        files = artifact.add_reference(uri, checksum=checksum)
        assert [file.path for file in files] == sorted(file.path for file in files)
        return run.log_artifact(artifact)


@pytest.mark.parametrize("checksum", [True, "blake3"])
def test_a_second_logging_compares_by_etag_or_generation(place: Place, read: list[str], checksum: bool | str):
    uri, name, system = place
    system.pipe({f"{name}/pre/{number:02}": b"%d" % number for number in range(30)})
    first = log(uri, checksum)
    assert sorted(read) == ([f"{number:02}" for number in range(30)] if checksum == "blake3" else [])
    read.clear()
    assert log(uri, checksum).version == first.version, "nothing changed"
    assert read == []
    system.pipe(f"{name}/pre/07", b"other")
    system.rm(f"{name}/pre/08")
    system.pipe(f"{name}/pre/new", b"new")
    second = log(uri, checksum)
    assert second.version == "v1"
    assert sorted(read) == (["07", "new"] if checksum == "blake3" else [])
    difference = forebear.Api(project="p").diff("refs:v0", "refs:v1")
    assert [change.path for change in difference.changed] == ["07"]
    assert [entry.path for entry in difference.removed] == ["08"]
    assert [entry.path for entry in difference.added] == ["new"]
    if checksum == "blake3":
        digests = {file.path: file.digest for file in second.files()}
        assert digests["07"] == digest_of(b"other").hex()
        assert digests["09"] == digest_of(b"9").hex()


@pytest.mark.parametrize("place", ["gcs"], indirect=True)
def test_the_same_bytes_of_another_generation_are_read_again(place: Place, read: list[str]):
    uri, name, system = place
    system.pipe({f"{name}/pre/{number}": b"%d" % number for number in range(5)})
    first = log(uri, "blake3")
    read.clear()
    system.pipe(f"{name}/pre/3", b"3")
    second = log(uri, "blake3")
    assert read == ["3"]
    before, after = (version.get_entry("3") for version in (first, second))
    assert before.entry.identity["generation"] != after.entry.identity["generation"]
    assert before.digest == after.digest == digest_of(b"3").hex()


def test_what_was_not_read_before_is_read(place: Place, read: list[str]):
    uri, name, system = place
    system.pipe({f"{name}/pre/{number}": b"%d" % number for number in range(5)})
    log(uri, True)
    log(uri, "blake3")
    assert sorted(read) == ["0", "1", "2", "3", "4"]


def test_references_clash_only_with_others_of_their_path(place: Place):
    uri, name, system = place
    system.pipe({f"{name}/pre/{number}": b"%d" % number for number in range(5)})
    artifact = forebear.Artifact("refs", "dataset")
    files = artifact.add_reference(uri)
    assert len(artifact.add_reference(uri)) == 5
    assert [file.ref for file in files[1:3]] == [f"{uri}/1", f"{uri}/2"]
    assert files[-1].path == "4"
    assert len(list(files)) == 5
    system.pipe(f"{name}/pre/3", b"other")
    with pytest.raises(Conflict, match="'3'"):
        artifact.add_reference(uri)
    artifact.add_reference(uri, overwrite=True)
    assert artifact.file_count == 5
