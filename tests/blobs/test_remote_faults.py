"""What breaks between here and a bucket: it ends well or fails whole, says so clearly, and tells no secret."""

from __future__ import annotations

import os
import threading
import traceback
import uuid
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from forebear.blobs import remote
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.remote_failures import Unreachable, is_there_already
from forebear.blobs.retrying import RetryingObjects
from forebear.errors import Conflict, InvalidInput, NotFound, StorageFailure, Unsupported
from tests.blobs.conftest import FastClock, fresh_place, make_bucket
from tests.proxy import Fault, Request
from tests.servers import ACCESS_KEY, CEPH_COMMANDS, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.proxy import Proxy
    from tests.servers import Endpoint

NAME = "pack/ab/abcdef"
CONTENT = os.urandom(300_000)


@pytest.fixture
def objects(through_proxy: Endpoint) -> RemoteObjects:
    return RemoteObjects(fresh_place("s3", through_proxy), through_proxy.storage_options)


def text_of(err: BaseException) -> str:
    """All that a traceback would show."""
    return "".join(traceback.format_exception(err)) + repr(err)


def is_put(request: Request) -> bool:
    return request.method == "PUT"


def is_get(request: Request) -> bool:
    return request.method == "GET"


def raised(call: Callable[[], Any]) -> StorageFailure:
    with pytest.raises(StorageFailure) as caught:
        call()
    assert SECRET_KEY not in text_of(caught.value)
    assert ACCESS_KEY not in text_of(caught.value)
    return caught.value


# -- what cannot work ---------------------------------------------------------------------------------------------


@pytest.mark.server
def test_a_bucket_that_is_missing_is_told_with_what_makes_it(rclone: Endpoint):
    objects = RemoteObjects("s3://no-such-bucket/pre", rclone.storage_options)
    for call in (lambda: objects.put(NAME, b"x"), lambda: objects.read(NAME), lambda: list(objects.names())):
        err = raised(call)
        assert err.code == "bucket-missing"
        assert "aws s3 mb s3://no-such-bucket" in str(err)
    assert objects.size(NAME) is None


@pytest.mark.server
@pytest.mark.parametrize("wrong", [{"secret": "wrong" * 8}, {"key": "AKIAWRONGWRONGWRONG1"}], ids=["secret", "key"])
def test_wrong_credentials_are_told_and_not_shown(rclone: Endpoint, wrong: dict[str, str]):
    bucket = make_bucket("s3", rclone)
    objects = RemoteObjects(f"s3://{bucket}/pre", {**rclone.storage_options, **wrong})
    for call in (lambda: objects.put(NAME, b"x"), lambda: objects.read(NAME), lambda: list(objects.names())):
        err = raised(call)
        assert err.code == "storage-forbidden"
        assert "AWS_ACCESS_KEY_ID" in str(err)
        assert next(iter(wrong.values())) not in text_of(err)


@pytest.mark.server
@pytest.mark.debian(*CEPH_COMMANDS)
def test_a_bucket_that_may_only_be_read(radosgw: Endpoint):
    bucket = make_bucket("s3", radosgw)
    owner = RemoteObjects(f"s3://{bucket}/pre", radosgw.storage_options)
    owner.put(NAME, b"kept")
    allowed = ["s3:GetObject", "s3:ListBucket"]
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": allowed, "Resource": where}
    fsspec.filesystem("s3", **radosgw.storage_options).call_s3(
        "put_bucket_policy",
        Bucket=bucket,
        Policy=str({"Version": "2012-10-17", "Statement": [statement]}).replace("'", '"'),
    )
    guest = RemoteObjects(f"s3://{bucket}/pre", {"anon": True, "endpoint_url": radosgw.url})
    assert guest.read(NAME) == b"kept"
    assert list(guest.names()) == [NAME]
    err = raised(lambda: guest.put("pack/cd/cdef", b"x"))
    assert err.code == "storage-forbidden"
    assert "may write objects there" in str(err)
    assert owner.size("pack/cd/cdef") is None


@pytest.mark.server
@pytest.mark.parametrize("protocol", ["gs", "az"])
def test_buckets_that_are_missing_elsewhere(protocol: str, request: pytest.FixtureRequest):
    endpoint = request.getfixturevalue({"gs": "gcs", "az": "azurite"}[protocol])
    objects = RemoteObjects(f"{protocol}://no-such-bucket/pre", endpoint.storage_options)
    for call in (lambda: objects.put(NAME, b"x"), lambda: list(objects.names())):
        err = raised(call)
        assert err.code == "bucket-missing"
        assert "no-such-bucket" in str(err)


def test_urls_that_are_refused():
    for url in ("bucket/prefix", "s3://", "s3:///prefix", "s3://bucket/pre?x=1", "s3://bucket/pre#1"):
        with pytest.raises(InvalidInput) as caught:
            RemoteObjects(url)
        assert caught.value.code == "blobs-url"
    with pytest.raises(InvalidInput) as caught:
        RemoteObjects("s3://somebody:swordfish@bucket/pre")
    assert caught.value.code == "secret-in-url"
    assert "swordfish" not in str(caught.value)


def test_a_protocol_that_is_unknown_is_told_when_it_is_used():
    with pytest.raises(Unsupported, match="nope"):
        RemoteObjects("nope://bucket/pre").put(NAME, b"x")


def test_what_it_shows_of_itself_holds_no_secret():
    objects = RemoteObjects("s3://bucket/pre", {"key": "AKIAWRONGWRONGWRONG1", "secret": "swordfish"})
    assert "swordfish" not in f"{objects!r} {objects} {objects.url} {objects._redacted!r}"


# -- what breaks on the way ---------------------------------------------------------------------------------------

BREAKS = {
    "reset in the middle of what is sent": Fault(cut_request=100_000),
    "reset before anything is sent": Fault(cut_request=0),
    "done, but the answer is lost": Fault(late=True),
    "503": Fault(status=503),
    "500": Fault(status=500),
    "429": Fault(status=429),
    "408": Fault(status=408),
}
#: What speaks HTTP for s3fs sends once more by itself where a connection was reset before it had an answer.
TIMES = {name: 1 if fault.status else 2 for name, fault in BREAKS.items()}


@pytest.mark.server
@pytest.mark.parametrize("name", BREAKS)
def test_a_put_that_breaks_fails_whole_and_is_mended_by_patience(name: str, objects: RemoteObjects, proxy: Proxy):
    proxy.fail(BREAKS[name], is_put, TIMES[name])
    assert isinstance(raised(lambda: objects.put(NAME, CONTENT)), Unreachable)
    assert objects.size(NAME) == (len(CONTENT) if BREAKS[name].late else None)
    objects.delete(NAME)
    proxy.fail(BREAKS[name], is_put, TIMES[name])
    clock = FastClock()
    RetryingObjects(objects, clock=clock).put(NAME, CONTENT)
    assert len(clock.slept) == 1
    assert objects.read(NAME) == CONTENT
    assert list(objects.names()) == [NAME]


@pytest.mark.server
@pytest.mark.parametrize("fault", [Fault(cut_answer=1000), Fault(cut_answer=0), Fault(status=503), Fault(status=502)])
def test_a_read_that_breaks_is_mended_by_patience(fault: Fault, objects: RemoteObjects, proxy: Proxy):
    objects.put(NAME, CONTENT)
    proxy.fail(fault, is_get)
    assert isinstance(raised(lambda: objects.read(NAME, 10, 200_000)), Unreachable)
    proxy.fail(fault, is_get)
    clock = FastClock()
    assert RetryingObjects(objects, clock=clock).read(NAME, 10, 200_000) == CONTENT[10:200_010]
    assert len(clock.slept) == 1


@pytest.mark.server
def test_an_answer_that_says_when_to_come_again_is_obeyed(objects: RemoteObjects, proxy: Proxy):
    proxy.fail(Fault(status=429, headers={"Retry-After": "7"}), is_put)
    clock = FastClock()
    RetryingObjects(objects, clock=clock).put(NAME, CONTENT)
    assert [7 <= seconds <= 7.25 for seconds in clock.slept] == [True]


@pytest.mark.server
def test_what_is_refused_is_not_tried_again(objects: RemoteObjects, proxy: Proxy):
    clock = FastClock()
    for status, code in ((403, "storage-forbidden"), (400, "storage-failure"), (409, "storage-failure")):
        proxy.fail(Fault(status=status), is_put)
        assert raised(lambda: RetryingObjects(objects, clock=clock).put(NAME, CONTENT)).code == code
    assert clock.slept == []
    with pytest.raises(NotFound):
        RetryingObjects(objects, clock=clock).read(NAME)


@pytest.mark.server
def test_a_server_that_is_away_for_a_while(objects: RemoteObjects, proxy: Proxy):
    def come_back(seconds: float) -> None:
        proxy.away = clock.now < 60

    clock = FastClock(come_back)
    patient = RetryingObjects(objects, clock=clock)
    patient.put("pack/aa/first", b"x")
    proxy.away = True
    patient.put(NAME, CONTENT)
    assert 60 <= clock.now <= 80
    assert objects.read(NAME) == CONTENT


@pytest.mark.server
def test_patience_ends_and_is_short_with_what_never_answered(objects: RemoteObjects, proxy: Proxy):
    clock = FastClock()
    patient = RetryingObjects(objects, clock=clock)
    proxy.away = True
    err = raised(lambda: patient.put(NAME, CONTENT))
    assert err.code == "storage-unreachable"
    assert "check the network" in str(err)
    assert clock.now <= 10
    proxy.away = False
    assert patient.size(NAME) is None
    proxy.away = True
    begun = clock.now
    raised(lambda: patient.size(NAME))
    assert 90 <= clock.now - begun <= 120
    assert len(clock.slept) < 40


@pytest.mark.server
def test_a_listing_that_breaks_names_each_once(objects: RemoteObjects, proxy: Proxy, monkeypatch: pytest.MonkeyPatch):
    names = [f"pack/aa/{number:03}" for number in range(30)]
    for name in names:
        objects.put(name, b"")
    system = objects._system._system
    original = type(system)._call_s3

    async def few_at_a_time(self: Any, method: str, *args: Any, **options: Any) -> Any:
        more = {"MaxKeys": 10} if method == "list_objects_v2" else {}
        return await original(self, method, *args, **options, **more)

    monkeypatch.setattr(type(system), "_call_s3", few_at_a_time)
    monkeypatch.setattr(type(system), "call_s3", fsspec.asyn.sync_wrapper(few_at_a_time))
    proxy.requests.clear()
    assert sorted(objects.names("pack/")) == names
    assert proxy.count("GET") == 3
    proxy.fail(Fault(status=503), lambda request: "continuation-token" in request.path)
    assert sorted(RetryingObjects(objects, clock=FastClock()).names("pack/")) == names


@pytest.mark.server
def test_a_name_that_exists_sends_nothing(objects: RemoteObjects, proxy: Proxy, tmp_path: Path):
    objects.put(NAME, CONTENT)
    proxy.reset()
    (tmp_path / "file").write_bytes(CONTENT)
    objects.put(NAME, CONTENT)
    objects.put_file(NAME, str(tmp_path / "file"))
    sink = objects.sink()
    sink.write(CONTENT)
    sink.finish(NAME)
    assert (proxy.count("PUT"), proxy.sent) == (0, 0)


@pytest.mark.server
def test_somebody_else_who_was_first_is_a_success(objects: RemoteObjects, proxy: Proxy):
    proxy.fail(Fault(status=412), is_put)
    objects.put(NAME, CONTENT)


def test_so_is_a_file_that_exists(monkeypatch: pytest.MonkeyPatch):
    objects = RemoteObjects("memory://elsewhere/pre")

    def refuse(*args: object) -> None:
        raise FileExistsError(NAME)

    monkeypatch.setattr(objects._system, "write", refuse)
    objects.put(NAME, b"x")


@pytest.mark.server
@pytest.mark.debian(*CEPH_COMMANDS)
def test_what_servers_say_of_a_condition_that_fails_is_understood(radosgw: Endpoint):
    """Ceph keeps conditions, rclone ignores them; forebear asks for none, and takes both answers for the same."""
    bucket = make_bucket("s3", radosgw)
    system = fsspec.filesystem("s3", **radosgw.storage_options)
    system.call_s3("put_object", Bucket=bucket, Key="key", Body=b"first", IfNoneMatch="*")
    with pytest.raises(OSError) as caught:  # noqa: PT011  # its class is what differs
        system.call_s3("put_object", Bucket=bucket, Key="key", Body=b"second", IfNoneMatch="*")
    assert is_there_already(caught.value)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        system.pipe_file(f"{bucket}/key", b"third", mode="create")
    assert is_there_already(caught.value)
    assert system.cat_file(f"{bucket}/key") == b"first"


@pytest.mark.server
@pytest.mark.debian(*CEPH_COMMANDS)
def test_a_bucket_that_keeps_versions_gets_one_of_each_object(radosgw: Endpoint):
    bucket = make_bucket("s3", radosgw)
    system = fsspec.filesystem("s3", **radosgw.storage_options, version_aware=True, skip_instance_cache=True)
    system.make_bucket_versioned(bucket)
    objects = RemoteObjects(f"s3://{bucket}/pre", radosgw.storage_options)
    for _ in range(2):
        objects.put(NAME, CONTENT)
    assert objects.read(NAME) == CONTENT
    assert len(system.object_version_info(f"{bucket}/pre/objects/{NAME}")) == 1


# -- large objects and files --------------------------------------------------------------------------------------


@pytest.mark.server
def test_an_object_larger_than_a_pack_waits_in_a_file_and_goes_up_in_parts_at_once(
    objects: RemoteObjects, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "SPOOL_BYTES", 1024 * 1024)
    monkeypatch.setattr("forebear.blobs.remote_systems.PART_BYTES", 5 * 1024 * 1024)
    content = os.urandom(12 * 1024 * 1024)
    waiting = threading.Barrier(3)

    def wait_for_the_others(request: Request) -> Fault | None:
        """Let no part arrive before all of them are on their way."""
        if "partNumber=" in request.path:
            waiting.wait(10)
        return None

    proxy.reset()
    proxy.fault = wait_for_the_others
    sink = objects.sink()
    for start in range(0, len(content), 700_000):
        sink.write(content[start : start + 700_000])
    sink.finish(NAME)
    assert objects.read(NAME) == content
    assert proxy.count("PUT") == 3


@pytest.mark.server
def test_half_a_multipart_upload_is_nothing(
    objects: RemoteObjects, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("forebear.blobs.remote_systems.PART_BYTES", 5 * 1024 * 1024)
    content = os.urandom(12 * 1024 * 1024)
    (tmp_path / "file").write_bytes(content)
    proxy.fail(Fault(cut_request=1000), lambda request: "partNumber=2" in request.path, times=2)
    raised(lambda: objects.put_file(NAME, str(tmp_path / "file")))
    assert objects.size(NAME) is None
    assert list(objects.names()) == []
    assert proxy.count("DELETE") == 1, "what arrived of it is given back"
    objects.put_file(NAME, str(tmp_path / "file"))
    assert objects.read(NAME) == content


@pytest.mark.server
@pytest.mark.parametrize("server", ["rclone", pytest.param("radosgw", marks=pytest.mark.debian(*CEPH_COMMANDS))])
@pytest.mark.parametrize("way", ["put", "put_file"])
def test_half_a_multipart_upload_whose_client_died_is_nothing(
    server: str, way: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    """Nobody gives its parts back; they are the server's to clear away."""
    monkeypatch.setattr("forebear.blobs.remote_systems.PART_BYTES", 5 * 1024 * 1024)
    endpoint: Endpoint = request.getfixturevalue(server)
    bucket = make_bucket("s3", endpoint)
    objects = RemoteObjects(f"s3://{bucket}/pre", endpoint.storage_options)
    system = fsspec.filesystem("s3", **endpoint.storage_options)
    where = {"Bucket": bucket, "Key": f"pre/objects/{NAME}"}
    begun = system.call_s3("create_multipart_upload", **where)["UploadId"]
    system.call_s3("upload_part", **where, UploadId=begun, PartNumber=1, Body=CONTENT)
    assert objects.size(NAME) is None
    assert list(objects.names()) == []
    with pytest.raises(NotFound):
        objects.read(NAME)
    content = CONTENT * 20
    if way == "put":
        objects.put(NAME, content)
    else:
        (tmp_path / "file").write_bytes(content)
        objects.put_file(NAME, str(tmp_path / "file"))
    assert objects.read(NAME) == content
    assert list(objects.names()) == [NAME]


def test_a_file_that_changes_while_it_is_sent_is_no_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    objects = RemoteObjects(f"file://{tmp_path}/blobs")
    path = tmp_path / "file"
    path.write_bytes(b"before")
    upload = objects._system.upload

    def upload_and_change(target: str, source: str) -> None:
        upload(target, source)
        path.write_bytes(b"and after")

    monkeypatch.setattr(objects._system, "upload", upload_and_change)
    with pytest.raises(Conflict, match="changed while it was sent"):
        objects.put_file(NAME, str(path))
    assert list(objects.names()) == []


def test_a_sink_that_was_given_up_takes_no_more(tmp_path: Path):
    sink = RemoteObjects(f"file://{tmp_path}/blobs").sink()
    sink.abort()
    with pytest.raises(StorageFailure, match="given up"):
        sink.write(b"x")


def test_what_is_half_written_to_a_folder_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    objects = RemoteObjects(f"file://{tmp_path}/blobs")

    def fail(path: str, content: bytes) -> None:
        with open(path, "wb") as file:
            file.write(content[:10])
        raise TimeoutError("no answer")

    monkeypatch.setattr(objects._system, "write", fail)
    with pytest.raises(Unreachable):
        objects.put(NAME, CONTENT)
    assert list(objects.names()) == []
    assert os.listdir(tmp_path / "blobs" / "tmp") == []


@pytest.mark.parametrize("way", ["put", "put_file", "sink"])
def test_half_an_object_that_somebody_left_is_written_again(way: str, tmp_path: Path):
    objects = RemoteObjects(f"memory://{uuid.uuid4().hex}/pre")
    system = objects._system
    system.write(system.path(NAME), CONTENT[:1000])
    if way == "put":
        objects.put(NAME, CONTENT)
    elif way == "put_file":
        (tmp_path / "file").write_bytes(CONTENT)
        objects.put_file(NAME, str(tmp_path / "file"))
    else:
        sink = objects.sink()
        sink.write(CONTENT)
        sink.finish(NAME)
    assert objects.read(NAME) == CONTENT


def test_files_beside_the_objects(tmp_path: Path):
    objects = RemoteObjects(f"file://{tmp_path}/blobs")
    assert objects.read_beside("store.json") is None
    objects.write_beside("store.json", b"{}")
    objects.write_beside("store.json", b"{1}")
    assert objects.read_beside("store.json") == b"{1}"
    assert list(objects.names()) == []
    assert (tmp_path / "blobs" / "store.json").read_bytes() == b"{1}"


# -- processes ----------------------------------------------------------------------------------------------------


@pytest.mark.server
def test_a_fork_goes_on_with_connections_of_its_own(objects: RemoteObjects):
    objects.put(NAME, b"from the parent")
    pid = os.fork()
    if pid == 0:
        try:
            objects.put("pack/cd/child", objects.read(NAME) + b" by the child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert objects.read("pack/cd/child") == b"from the parent by the child"
    assert objects.read(NAME) == b"from the parent"
