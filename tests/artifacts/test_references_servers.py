"""References into real servers: S3 (rclone, moto, Ceph), GCS (fake-gcs-server), HTTP."""

from __future__ import annotations

import hashlib
import os
import uuid
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from forebear.artifacts.reference_systems import PART_BYTES
from forebear.artifacts.references import check_reference, fetch_reference, resolve_reference
from forebear.blobs.digest import digest_of
from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound, StorageFailure
from forebear.records.content import Entry
from tests.servers import CEPH_COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Endpoint, WebServer

pytestmark = pytest.mark.server

#: More than one part, and not a multiple of one.
LARGE = os.urandom(64 * 1024) * (2 * PART_BYTES // (64 * 1024)) + b"tail"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def bucket(protocol: str, endpoint: Endpoint, **options: Any) -> tuple[Any, str]:
    """Return a file system for the test's own writes, and the name of an empty bucket."""
    system = fsspec.filesystem(protocol, **endpoint.storage_options, use_listings_cache=False, skip_instance_cache=True)
    name = f"test-{uuid.uuid4().hex[:12]}"
    system.mkdir(name, **options)
    return system, name


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the requests that s3fs makes, by operation."""
    import s3fs

    counted: Counter[str] = Counter()
    original = s3fs.S3FileSystem._call_s3

    async def counting(self: Any, method: str, *args: Any, **options: Any) -> Any:
        counted[method] += 1
        return await original(self, method, *args, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counting)
    return counted


def fetched(entry: Entry, target: Path, endpoint: Endpoint | None = None) -> bytes:
    fetch_reference(entry, str(target), endpoint.storage_options if endpoint else None)
    return target.read_bytes()


def refused(entry: Entry, target: Path, endpoint: Endpoint | None = None) -> CorruptData:
    """Return the error of a fetch that must leave the target as it was."""
    target.write_bytes(b"as it was")
    with pytest.raises(CorruptData) as caught:
        fetched(entry, target, endpoint)
    assert target.read_bytes() == b"as it was"
    assert os.listdir(target.parent) == [target.name]
    return caught.value


# -- S3 without versions ------------------------------------------------------------------------------------------


def test_s3_object(rclone: Endpoint, target: Path):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/pre/key", b"content")
    (entry,) = resolve_reference(f"s3://{name}/pre/key", storage_options=rclone.storage_options)
    assert entry == Entry("key", 7, None, f"s3://{name}/pre/key", {"etag": md5(b"content")})
    assert fetched(entry, target, rclone) == b"content"
    assert check_reference(entry, rclone.storage_options) is None


def test_s3_prefix(rclone: Endpoint, calls: Counter[str]):
    system, name = bucket("s3", rclone)
    contents = {f"{index // 10}/{index:02}.bin": b"%d" % index for index in range(40)}
    system.pipe({f"{name}/pre/{key}": content for key, content in contents.items()})
    system.pipe(f"{name}/prefix-of-another-name", b"no")
    calls.clear()
    for uri in (f"s3://{name}/pre", f"s3://{name}/pre/"):
        entries = resolve_reference(uri, storage_options=rclone.storage_options)
        assert {entry.path: entry.identity for entry in entries} == {
            key: {"etag": md5(content)} for key, content in contents.items()
        }
        assert {entry.ref for entry in entries} == {f"s3://{name}/pre/{key}" for key in contents}
    assert calls["list_objects_v2"] <= 3
    assert sum(calls.values()) <= 6


def test_s3_listing_and_object_agree(rclone: Endpoint):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/pre/key", b"content")
    options = rclone.storage_options
    (listed,) = resolve_reference(f"s3://{name}/pre", storage_options=options)
    (asked,) = resolve_reference(f"s3://{name}/pre/key", storage_options=options)
    assert listed == asked


def test_s3_change_is_detected(rclone: Endpoint, target: Path):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/key", b"before")
    (entry,) = resolve_reference(f"s3://{name}/key", storage_options=rclone.storage_options)
    assert fetched(entry, target, rclone) == b"before"
    system.pipe(f"{name}/key", b"after!")
    err = refused(entry, target, rclone)
    assert err.code == "reference-changed"
    assert md5(b"before") in str(err)
    assert md5(b"after!") in str(err)
    assert (
        check_reference(entry, rclone.storage_options) == f"its etag was {md5(b'before')}, now it is {md5(b'after!')}"
    )
    system.rm(f"{name}/key")
    assert refused(entry, target, rclone).code == "reference-missing"


def test_s3_large_object_by_digest(rclone: Endpoint, target: Path, calls: Counter[str]):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/large", LARGE)
    uri = f"s3://{name}/large"
    (entry,) = resolve_reference(uri, checksum="blake3", storage_options=rclone.storage_options)
    assert (entry.digest, entry.size) == (digest_of(LARGE), len(LARGE))
    assert set(entry.identity or {}) == {"etag"}
    calls.clear()
    assert fetched(entry, target, rclone) == LARGE
    assert calls["get_object"] == 3


def test_s3_small_object_costs_one_read(rclone: Endpoint, target: Path, calls: Counter[str]):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/small", b"content")
    (entry,) = resolve_reference(f"s3://{name}/small", storage_options=rclone.storage_options)
    calls.clear()
    fetched(entry, target, rclone)
    assert calls == {"head_object": 2, "get_object": 1}


def test_s3_keys_that_look_like_patterns(rclone: Endpoint, target: Path):
    system, name = bucket("s3", rclone)
    keys = {"pre/a[1].txt": b"1", "pre/b*.txt": b"2", "pre/ü ?x=1": b"3", "pre/c#4": b"4"}
    system.pipe({f"{name}/{key}": content for key, content in keys.items()})
    entries = resolve_reference(f"s3://{name}", storage_options=rclone.storage_options)
    assert {entry.path: fetched(entry, target, rclone) for entry in entries} == keys


def test_s3_from_the_environment(rclone: Endpoint, target: Path, monkeypatch: pytest.MonkeyPatch):
    system, name = bucket("s3", rclone)
    system.pipe(f"{name}/key", b"content")
    for variable, value in rclone.environment.items():
        monkeypatch.setenv(variable, value)
    type(system).clear_instance_cache()
    try:
        (entry,) = resolve_reference(f"s3://{name}/key")
        assert fetched(entry, target) == b"content"
    finally:
        type(system).clear_instance_cache()


def test_s3_refusals_are_told(rclone: Endpoint):
    _, name = bucket("s3", rclone)
    with pytest.raises(StorageFailure, match="AWS_PROFILE") as caught:
        resolve_reference(f"s3://{name}/key", storage_options={**rclone.storage_options, "secret": "wrong" * 8})
    assert caught.value.code == "storage-forbidden"
    for uri in (f"s3://{name}/key", f"s3://{name}", f"s3://{name}-not/key", f"s3://{name}/pre/"):
        with pytest.raises(NotFound, match=name):
            resolve_reference(uri, storage_options=rclone.storage_options)


def test_s3_that_does_not_answer_is_told(rclone: Endpoint):
    options = {
        **rclone.storage_options,
        "endpoint_url": "http://127.0.0.1:1",
        "config_kwargs": {"retries": {"total_max_attempts": 1}},
    }
    with pytest.raises(StorageFailure) as caught:
        resolve_reference("s3://bucket/key", storage_options=options)
    assert caught.value.code == "storage-unreachable"


# -- S3 with versions ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.debian(*CEPH_COMMANDS))])
def keeper(request: pytest.FixtureRequest) -> Endpoint:
    """A server that keeps versions."""
    endpoint: Endpoint = request.getfixturevalue(request.param)
    return endpoint


def versioned(keeper: Endpoint) -> tuple[Any, str]:
    system = fsspec.filesystem(
        "s3", **keeper.storage_options, version_aware=True, use_listings_cache=False, skip_instance_cache=True
    )
    name = f"test-{uuid.uuid4().hex[:12]}"
    system.mkdir(name)
    system.make_bucket_versioned(name)
    return system, name


def test_s3_the_recorded_version_is_read(keeper: Endpoint, target: Path):
    system, name = versioned(keeper)
    options = keeper.storage_options
    system.pipe(f"{name}/pre/key", b"first")
    (entry,) = resolve_reference(f"s3://{name}/pre/key", storage_options=options)
    (listed,) = resolve_reference(f"s3://{name}/pre", storage_options=options)
    assert listed == entry
    assert set(entry.identity or {}) == {"etag", "version"}
    system.pipe(f"{name}/pre/key", b"second")
    assert fetched(entry, target, keeper) == b"first"
    assert check_reference(entry, options) is None
    (newer,) = resolve_reference(f"s3://{name}/pre", storage_options=options)
    assert newer.identity != entry.identity
    assert fetched(newer, target, keeper) == b"second"
    system.rm(f"{name}/pre/key")  # leaves a marker; the versions stay
    assert fetched(entry, target, keeper) == b"first"


def test_s3_a_version_that_is_gone(keeper: Endpoint, target: Path):
    system, name = versioned(keeper)
    system.pipe(f"{name}/key", b"first")
    (entry,) = resolve_reference(f"s3://{name}/key", storage_options=keeper.storage_options)
    system.pipe(f"{name}/key", b"other")
    system.call_s3("delete_object", Bucket=name, Key="key", VersionId=(entry.identity or {})["version"])
    assert refused(entry, target, keeper).code == "reference-changed"
    system.rm(f"{name}/key")
    assert refused(entry, target, keeper).code == "reference-missing"
    assert "does not exist" in (check_reference(entry, keeper.storage_options) or "")


def test_s3_a_uri_may_name_the_version(keeper: Endpoint, target: Path):
    system, name = versioned(keeper)
    system.pipe(f"{name}/key", b"first")
    version = system.info(f"{name}/key")["VersionId"]
    system.pipe(f"{name}/key", b"second")
    uri = f"s3://{name}/key?versionId={version}"
    (entry,) = resolve_reference(uri, storage_options=keeper.storage_options)
    assert (entry.path, entry.ref) == ("key", f"s3://{name}/key")
    assert fetched(entry, target, keeper) == b"first"
    (alone,) = resolve_reference(uri, checksum=False)
    assert (alone.path, alone.ref) == ("key", uri)
    assert fetched(alone, target, keeper) == b"first"


def test_s3_large_object_of_a_version(keeper: Endpoint, target: Path):
    system, name = versioned(keeper)
    system.pipe(f"{name}/key", LARGE)
    (entry,) = resolve_reference(f"s3://{name}/key", checksum="blake3", storage_options=keeper.storage_options)
    system.pipe(f"{name}/key", LARGE[::-1])
    assert fetched(entry, target, keeper) == LARGE


def test_s3_object_that_went_up_in_parts(keeper: Endpoint, target: Path):
    """Its etag is the md5 of nothing that is there, and only compared."""
    system, name = bucket("s3", keeper)
    parts = [os.urandom(5 * 1024 * 1024), b"the last part may be small"]
    where = {"Bucket": name, "Key": "pre/large"}
    begun = system.call_s3("create_multipart_upload", **where)["UploadId"]
    sent = [
        system.call_s3("upload_part", **where, UploadId=begun, PartNumber=number, Body=part)["ETag"]
        for number, part in enumerate(parts, 1)
    ]
    numbered = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(sent, 1)]
    system.call_s3("complete_multipart_upload", **where, UploadId=begun, MultipartUpload={"Parts": numbered})
    content = b"".join(parts)
    etag = f"{md5(b''.join(bytes.fromhex(md5(part)) for part in parts))}-2"
    for uri in (f"s3://{name}/pre/large", f"s3://{name}/pre"):
        (entry,) = resolve_reference(uri, checksum="blake3", storage_options=keeper.storage_options)
        assert (entry.digest, entry.size, entry.identity) == (digest_of(content), len(content), {"etag": etag})
        (unread,) = resolve_reference(uri, storage_options=keeper.storage_options)
        assert (unread.digest, unread.identity) == (None, {"etag": etag})
        for each in (entry, unread):
            assert fetched(each, target, keeper) == content
            assert check_reference(each, keeper.storage_options) is None
    system.pipe(f"{name}/pre/large", content)  # the same bytes, sent in one part
    assert refused(unread, target, keeper).code == "reference-changed"
    assert fetched(entry, target, keeper) == content


@pytest.mark.parametrize("key", ["../x", "/abs", "a//b", "a/../../x"])
def test_s3_hostile_keys_are_refused(moto: Endpoint, key: str):
    system, name = bucket("s3", moto)
    system.pipe(f"{name}/pre/good", b"1")
    system.call_s3("put_object", Bucket=name, Key=f"pre/{key}", Body=b"2")
    with pytest.raises(InvalidInput) as caught:
        resolve_reference(f"s3://{name}/pre", storage_options=moto.storage_options)
    assert repr(key) in str(caught.value)


def test_s3_placeholders_of_folders_are_passed_over(moto: Endpoint):
    system, name = bucket("s3", moto)
    for key in ("pre/", "pre/sub/", "pre/sub/x"):
        system.call_s3("put_object", Bucket=name, Key=key, Body=b"")
    entries = resolve_reference(f"s3://{name}/pre", storage_options=moto.storage_options)
    assert [entry.path for entry in entries] == ["sub/x"]


# -- GCS ----------------------------------------------------------------------------------------------------------


def test_gcs_object_and_prefix(gcs: Endpoint, target: Path):
    system, name = bucket("gs", gcs)
    system.pipe(f"{name}/pre/key", b"content")
    system.pipe(f"{name}/pre/deep/er", b"more")
    (entry,) = resolve_reference(f"gs://{name}/pre/key", storage_options=gcs.storage_options)
    assert (entry.size, entry.digest) == (7, None)
    identity = entry.identity or {}
    assert set(identity) == {"etag", "generation", "md5"}
    assert identity["md5"] == b64encode(bytes.fromhex(md5(b"content"))).decode()
    entries = resolve_reference(f"gs://{name}/pre", storage_options=gcs.storage_options)
    assert [each.path for each in entries] == ["deep/er", "key"]
    assert entries[1] == entry
    assert fetched(entry, target, gcs) == b"content"
    assert check_reference(entry, gcs.storage_options) is None


def test_gcs_change_is_detected(gcs: Endpoint, target: Path):
    system, name = bucket("gs", gcs)
    system.pipe(f"{name}/key", b"before")
    (entry,) = resolve_reference(f"gs://{name}/key", storage_options=gcs.storage_options)
    system.pipe(f"{name}/key", b"after!")
    err = refused(entry, target, gcs)
    assert err.code == "reference-changed"
    assert "md5" in str(err)
    assert "md5" in (check_reference(entry, gcs.storage_options) or "")
    system.pipe(f"{name}/key", b"before")  # another generation with the same bytes
    assert fetched(entry, target, gcs) == b"before"
    system.rm(f"{name}/key")
    assert refused(entry, target, gcs).code == "reference-missing"


def test_gcs_the_recorded_generation_is_read(gcs: Endpoint, target: Path):
    system, name = bucket("gs", gcs, enable_versioning=True)
    system.pipe(f"{name}/key", b"first")
    (entry,) = resolve_reference(f"gs://{name}/key", storage_options=gcs.storage_options)
    system.pipe(f"{name}/key", b"second")
    assert fetched(entry, target, gcs) == b"first"
    assert check_reference(entry, gcs.storage_options) is None
    uri = f"gs://{name}/key#{(entry.identity or {})['generation']}"
    assert resolve_reference(uri, storage_options=gcs.storage_options) == [entry]


def test_gcs_large_object_by_digest(gcs: Endpoint, target: Path):
    system, name = bucket("gs", gcs)
    with system.open(f"{name}/large", "wb", block_size=256 * 1024) as stream:
        for start in range(0, len(LARGE), 256 * 1024):  # aiohttp warns of larger pieces
            stream.write(LARGE[start : start + 256 * 1024])
    (entry,) = resolve_reference(f"gs://{name}/large", checksum="blake3", storage_options=gcs.storage_options)
    assert entry.digest == digest_of(LARGE)
    assert fetched(entry, target, gcs) == LARGE


def test_gcs_keys_that_look_like_patterns(gcs: Endpoint, target: Path):
    system, name = bucket("gs", gcs)
    keys = {"a[1].txt": b"1", "c#4": b"4", "ü x": b"5"}
    system.pipe({f"{name}/{key}": content for key, content in keys.items()})
    entries = resolve_reference(f"gs://{name}", storage_options=gcs.storage_options)
    assert {entry.path: fetched(entry, target, gcs) for entry in entries} == keys


def test_gcs_nothing_there(gcs: Endpoint):
    _, name = bucket("gs", gcs)
    for uri in (f"gs://{name}/key", f"gs://{name}", f"gs://{name}-not/key"):
        with pytest.raises(NotFound, match=name):
            resolve_reference(uri, storage_options=gcs.storage_options)


# -- HTTP ---------------------------------------------------------------------------------------------------------


def test_http_etag(web: WebServer, target: Path):
    web.objects["/data/a%20b.csv"] = b"content"
    (entry,) = resolve_reference(f"{web.url}/data/a%20b.csv")
    etag = hashlib.sha1(b"content", usedforsecurity=False).hexdigest()
    assert entry == Entry("a b.csv", 7, None, f"{web.url}/data/a%20b.csv", {"etag": etag})
    web.requests.clear()
    assert fetched(entry, target) == b"content"
    assert Counter(method for method, _ in web.requests) == {"HEAD": 2, "GET": 1}
    assert check_reference(entry) is None


@pytest.mark.parametrize(
    ("validators", "name"), [("etag", "etag"), ("weak", "etag"), ("last-modified", "last-modified")]
)
def test_http_change_is_detected(web: WebServer, target: Path, validators: str, name: str):
    web.validators = validators
    web.objects["/x"] = b"before"
    (entry,) = resolve_reference(f"{web.url}/x")
    assert set(entry.identity or {}) == {name}
    assert fetched(entry, target) == b"before"
    web.objects["/x"] = b"after!"
    err = refused(entry, target)
    assert err.code == "reference-changed"
    assert (entry.identity or {})[name] in str(err)
    assert name in (check_reference(entry) or "")
    del web.objects["/x"]
    assert refused(entry, target).code == "reference-missing"


def test_http_weak_etags_are_kept_as_they_are(web: WebServer):
    web.validators = "weak"
    web.objects["/x"] = b"1"
    (entry,) = resolve_reference(f"{web.url}/x")
    assert (entry.identity or {})["etag"].startswith('W/"')


def test_http_without_validators_is_read(web: WebServer, target: Path):
    web.validators = ""
    web.objects["/x"] = b"before"
    (entry,) = resolve_reference(f"{web.url}/x")
    assert (entry.digest, entry.identity, entry.size) == (digest_of(b"before"), None, 6)
    assert fetched(entry, target) == b"before"
    web.objects["/x"] = b"after!"
    assert refused(entry, target).code == "reference-changed"
    assert "digest" in (check_reference(entry) or "")


def test_http_change_while_it_is_read(web: WebServer, target: Path):
    web.objects["/x"] = b"before"
    (entry,) = resolve_reference(f"{web.url}/x")
    web.on_get = lambda path: web.objects.update({path: b"after!"})
    assert refused(entry, target).code == "reference-changed"
    web.objects["/x"] = b"before"
    with pytest.raises(Conflict, match="while it was read"):
        resolve_reference(f"{web.url}/x", checksum="blake3")


def test_http_large_object_comes_in_one_answer(web: WebServer, target: Path):
    web.objects["/large"] = LARGE
    (entry,) = resolve_reference(f"{web.url}/large", checksum="blake3")
    assert entry.digest == digest_of(LARGE)
    web.requests.clear()
    assert fetched(entry, target) == LARGE
    assert Counter(method for method, _ in web.requests)["GET"] == 1


def test_http_headers_of_the_caller_are_sent(web: WebServer, target: Path):
    web.objects["/x"] = b"1"
    web.required = ("Authorization", "Bearer open-sesame")
    with pytest.raises(StorageFailure) as caught:
        resolve_reference(f"{web.url}/x")
    assert caught.value.code == "storage-forbidden"
    options = {"headers": {"Authorization": "Bearer open-sesame"}}
    (entry,) = resolve_reference(f"{web.url}/x", storage_options=options)
    assert "sesame" not in repr(entry)
    fetch_reference(entry, str(target), options)
    assert target.read_bytes() == b"1"


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (404, NotFound, "reference-missing"),
        (410, NotFound, "reference-missing"),
        (403, StorageFailure, "storage-forbidden"),
        (503, StorageFailure, "storage-unreachable"),
    ],
)
def test_http_failures_are_told(web: WebServer, status: int, expected: type[Exception], code: str):
    web.objects["/x"] = b"1"
    web.statuses["/x"] = status
    with pytest.raises(expected) as caught:
        resolve_reference(f"{web.url}/x")
    assert getattr(caught.value, "code", None) == code


def test_http_a_cut_answer_is_no_content(web: WebServer, target: Path):
    web.objects["/x"] = b"content"
    (entry,) = resolve_reference(f"{web.url}/x")
    web.cut = 3
    target.write_bytes(b"as it was")
    with pytest.raises((StorageFailure, CorruptData)):
        fetched(entry, target)
    assert target.read_bytes() == b"as it was"


def test_http_that_does_not_answer_is_told():
    with pytest.raises(StorageFailure) as caught:
        resolve_reference("http://127.0.0.1:1/x")
    assert caught.value.code == "storage-unreachable"


def test_http_alone_asks_nobody(web: WebServer):
    resolve_reference(f"{web.url}/x", checksum=False)
    assert web.requests == []
