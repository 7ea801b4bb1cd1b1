"""A store whose blobs are far away: few requests, bounded memory, and nothing is sent twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forebear.artifacts.commit import Labels, commit_draft
from forebear.artifacts.draft import Draft
from forebear.blobs import reader, writer
from forebear.blobs.cache import BLOCK_BYTES, CachedObjects
from forebear.blobs.digest import digest_of
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.retrying import PATIENCE_SECONDS, RetryingObjects
from forebear.catalog.fingerprints import FingerprintCache
from forebear.catalog.sqlite import SqliteCatalog
from forebear.errors import CorruptData, StorageFailure, Unsupported
from forebear.records.content import LOOSE, PACK, Recipe, StoredObject
from forebear.store.intake import Way
from forebear.store.store import Store
from tests.blobs.conftest import FastClock, fresh_place
from tests.proxy import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forebear.blobs.objects import ObjectStore
    from tests.proxy import Proxy, Request
    from tests.servers import Endpoint

MIB = 1024 * 1024
ROOT = str(Path(__file__).parents[2])


def make_store(folder: Path, objects: ObjectStore) -> Store:
    folder.mkdir(exist_ok=True)
    catalog = SqliteCatalog(folder / "catalog.db", create=True)
    return Store(repr(objects), catalog, objects, FingerprintCache(folder / "fingerprints.db"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = make_store(tmp_path / "store", RemoteObjects(f"memory://{uuid.uuid4().hex}/pre"))
    yield store
    store.close()


@pytest.fixture
def bucket(through_proxy: Endpoint) -> str:
    return fresh_place("s3", through_proxy)


@pytest.fixture
def s3_store(bucket: str, through_proxy: Endpoint, proxy: Proxy, tmp_path: Path) -> Iterator[Store]:
    store = make_store(tmp_path / "store", RemoteObjects(bucket, through_proxy.storage_options))
    proxy.reset()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of a few MiB be a large one."""
    monkeypatch.setattr(writer, "FAR_PACK_BYTES", 2 * MIB)
    for module in (writer, sys.modules["forebear.store.near_equal"]):
        monkeypatch.setattr(module, "FAR_SMALL_BYTES", 3 * MIB)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def take(store: Store, folder: Path) -> tuple[list[tuple[str, int, bytes]], list[StoredObject]]:
    intake = store.intake()
    rows = intake.add_tree(str(folder))
    stored = intake.finish()
    store.catalog.add_objects(stored)
    return rows, stored


def same_files(left: Path, right: Path) -> bool:
    def files(root: Path) -> dict[str, bytes]:
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    return files(left) == files(right)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small files, files that are large for a folder of this machine, and one that is large anywhere."""
    folder = tmp_path / "tree"
    (folder / "inner").mkdir(parents=True)
    for number in range(50):
        (folder / "inner" / f"{number}.txt").write_bytes(b"%d" % number * 100)
    (folder / "middle").write_bytes(noise(writer.SMALL_BYTES + 5))
    (folder / "zeros").write_bytes(bytes(2 * MIB))
    (folder / "large").write_bytes(noise(11 * MIB))
    return folder


# -- there and back -----------------------------------------------------------------------------------------------


def test_everything_travels_in_packs_and_comes_back(store: Store, tree: Path, tmp_path: Path):
    rows, stored = take(store, tree)
    assert {item.kind for item in stored} == {PACK}
    assert isinstance(store.catalog.locate([row[2] for row in rows if row[0] == "large"]).popitem()[1], Recipe)
    assert store.checkout(str(tmp_path / "out")).place(rows) == len(rows)
    assert same_files(tree, tmp_path / "out")
    assert store.damaged(row[2] for row in rows) == {}
    assert {digest: digest_of(content) for digest, content in store.read_many(row[2] for row in rows)} == {
        row[2]: row[2] for row in rows
    }
    assert sum(item.size for item in stored) < 12.5 * MIB, "zeros shrink"


def test_a_version_is_logged_with_its_record(store: Store, tree: Path):
    draft = Draft(store)
    draft.add_tree(tree, None)
    labels = Labels("local", "project", "tree", "dataset")
    committed = commit_draft(draft, labels, None)
    assert committed.created
    assert len(list(store.objects.names("versions/"))) == 1
    assert committed.version.added_bytes == sum(
        store.objects.size(name) or 0 for name in store.objects.names() if name.startswith(("pack/", "loose/"))
    )


@pytest.mark.server
def test_what_is_known_is_not_sent_again(s3_store: Store, tree: Path, proxy: Proxy):
    packs = {stored.name for stored in take(s3_store, tree)[1]}
    proxy.reset()
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
    assert take(s3_store, tree)[1] == []
    # Whether it still is there is asked once of each object.
    assert [request.method for request in proxy.requests] == ["HEAD"] * len(packs)
    assert {request.path.partition("/objects/")[2] for request in proxy.requests} == packs


@pytest.mark.server
def test_many_small_files_are_few_requests(s3_store: Store, tmp_path: Path, proxy: Proxy):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3_000):
        (folder / f"{number}").write_bytes(noise(1024, number))
    rows, _ = take(s3_store, folder)
    assert (proxy.count("PUT"), proxy.count("HEAD")) == (1, 1)
    proxy.reset()
    s3_store.checkout(str(tmp_path / "out")).place(rows)
    assert proxy.count("GET") == 1
    assert same_files(folder, tmp_path / "out")


@pytest.mark.server
def test_a_file_that_is_nearly_equal_sends_what_is_new(s3_store: Store, tmp_path: Path, proxy: Proxy):
    content = noise(24 * MIB)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "first").write_bytes(content)
    take(s3_store, tmp_path / "files")
    assert proxy.sent > 24 * MIB
    proxy.reset()
    (tmp_path / "files" / "second").write_bytes(content[: 9 * MIB] + noise(MIB, 1) + content[9 * MIB :])
    rows, _ = take(s3_store, tmp_path / "files")
    assert MIB < proxy.sent < 3 * MIB
    s3_store.checkout(str(tmp_path / "out")).place(rows)
    assert same_files(tmp_path / "files", tmp_path / "out")


def test_files_cannot_be_linked(store: Store, tree: Path):
    with pytest.raises(Unsupported, match="link"):
        store.intake().add_file(str(tree / "large"), "large", Way(link=True))


def test_large_content_from_memory_is_an_object_of_its_own(store: Store, tmp_path: Path):
    content = noise(9 * MIB)
    intake = store.intake()
    row = ("x", len(content), intake.add_bytes(content))
    stored = intake.finish()
    store.catalog.add_objects(stored)
    assert [item.kind for item in stored] == [LOOSE]
    store.checkout(str(tmp_path / "out")).place([row])
    assert (tmp_path / "out" / "x").read_bytes() == content


def test_a_file_too_large_to_be_cut_is_sent_as_a_whole(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forebear.store.near_equal.MAX_CHUNKED_BYTES", 4 * MIB)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "huge").write_bytes(noise(9 * MIB))
    rows, stored = take(store, tmp_path / "files")
    assert [item.kind for item in stored] == [LOOSE]
    store.checkout(str(tmp_path / "out")).place(rows)
    assert same_files(tmp_path / "files", tmp_path / "out")
    os.utime(tmp_path / "files" / "huge", (1, 1))
    assert take(store, tmp_path / "files")[1] == []


# -- uploads that break off ---------------------------------------------------------------------------------------


@pytest.mark.server
def test_an_upload_that_broke_off_sends_what_is_missing(
    s3_store: Store, tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("forebear.blobs.uploads.UPLOADS_AT_ONCE", 1)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(noise(24 * MIB))

    def away_after_some(request: Request) -> Fault | None:
        proxy.away = proxy.count("PUT") > 7
        return Fault(cut_request=MIB) if proxy.away else None

    proxy.fault = away_after_some
    with pytest.raises(StorageFailure, match="does not answer"):
        take(s3_store, tmp_path / "files")
    arrived = sizes(s3_store, proxy)
    assert len(arrived) == 7
    proxy.reset()
    rows, stored = take(s3_store, tmp_path / "files")
    assert arrived.keys() < {item.name for item in stored}
    assert proxy.sent == sum(item.size for item in stored) - sum(arrived.values())
    s3_store.checkout(str(tmp_path / "out")).place(rows)
    assert same_files(tmp_path / "files", tmp_path / "out")


def sizes(store: Store, proxy: Proxy) -> dict[str, int]:
    proxy.reset()
    return {name: store.objects.size(name) or 0 for name in store.objects.names()}


CHILD = """
import json, sys
from pathlib import Path
from forebear.blobs import writer
from forebear.blobs.remote import RemoteObjects
from tests.blobs.test_far_store import make_store, take
writer.FAR_PACK_BYTES = 2 * 1024 * 1024
folder, url, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
take(make_store(folder / "other", RemoteObjects(url, options)), folder / "files")
"""


@pytest.mark.server
def test_a_process_killed_while_it_sends(
    s3_store: Store, bucket: str, through_proxy: Endpoint, proxy: Proxy, tmp_path: Path
):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(noise(24 * MIB))
    words = [sys.executable, "-c", CHILD, str(tmp_path), bucket, json.dumps(through_proxy.storage_options)]
    child = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": ROOT})

    def kill_at_the_sixth(request: Request) -> Fault | None:
        if request.method != "PUT" or proxy.count("PUT") < 6:
            return None
        child.send_signal(signal.SIGKILL)
        return Fault(cut_request=1000)

    proxy.fault = kill_at_the_sixth
    assert child.wait(60) == -signal.SIGKILL
    arrived = sizes(s3_store, proxy)
    assert 2 <= len(arrived) <= 6
    proxy.reset()
    rows, stored = take(s3_store, tmp_path / "files")
    assert arrived.keys() < {item.name for item in stored}
    assert proxy.sent == sum(item.size for item in stored) - sum(arrived.values())
    s3_store.checkout(str(tmp_path / "out")).place(rows)
    assert same_files(tmp_path / "files", tmp_path / "out")


@pytest.mark.server
def test_a_server_that_is_away_for_a_minute_costs_only_time(
    bucket: str, through_proxy: Endpoint, proxy: Proxy, tree: Path, tmp_path: Path
):
    clock = FastClock()

    def come_back(seconds: float) -> None:
        proxy.away = clock.now < 60

    clock.on_sleep = come_back
    # The clock adds up what several calls wait at the same time.
    patience = 4 * PATIENCE_SECONDS
    objects = RetryingObjects(RemoteObjects(bucket, through_proxy.storage_options), patience=patience, clock=clock)
    store = make_store(tmp_path / "patient", objects)
    assert objects.size("loose/00/none") is None  # it is known to be there

    def go_away(request: Request) -> Fault | None:
        if proxy.count("PUT") == 4 and clock.now < 60:
            proxy.away = True
            return Fault(cut_request=1000)
        return None

    proxy.fault = go_away
    rows, stored = take(store, tree)
    assert clock.now >= 60
    assert proxy.sent < sum(item.size for item in stored) + 4 * 2.5 * MIB
    store.checkout(str(tmp_path / "out")).place(rows)
    assert same_files(tree, tmp_path / "out")
    store.close()


# -- reading ------------------------------------------------------------------------------------------------------


def test_an_object_that_is_lost_is_named(store: Store, tree: Path, tmp_path: Path):
    rows, stored = take(store, tree)
    lost = next(item for item in stored if len(item.slices) > 10).name
    store.objects.delete(lost)
    with pytest.raises(CorruptData, match=lost.replace("/", ".")) as caught:
        store.checkout(str(tmp_path / "out")).place(rows)
    assert caught.value.code == "missing-object"
    damaged = store.damaged(row[2] for row in rows)
    assert damaged
    assert all(lost in str(err) for err in damaged.values())
    assert not (tmp_path / "out" / "large").exists() or digest_of((tmp_path / "out" / "large").read_bytes()) in {
        row[2] for row in rows
    }


@pytest.mark.server
def test_an_object_that_is_cut_short_is_named(s3_store: Store, tree: Path, tmp_path: Path, proxy: Proxy):
    rows, _ = take(s3_store, tree)
    proxy.fault = lambda request: Fault(shorten=1000) if request.method == "GET" else None
    with pytest.raises(CorruptData, match="pack/") as caught:
        s3_store.checkout(str(tmp_path / "out")).place(rows)
    assert caught.value.code == "corrupt-object"


def test_reads_run_beside_each_other_and_no_more_than_that(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(noise(24 * MIB))
    rows, _ = take(store, tmp_path / "files")
    monkeypatch.setattr("forebear.blobs.assembly.WINDOW_BYTES", MIB)
    running, most, lock, enough = 0, 0, threading.Lock(), threading.Event()
    read = RemoteObjects.read

    def counted(self: RemoteObjects, *args: object) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == self.calls_at_once:
                enough.set()
        assert enough.wait(10)
        try:
            return read(self, *args)  # type: ignore[arg-type]
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(RemoteObjects, "read", counted)
    store.checkout(str(tmp_path / "out")).place(rows)
    assert most == RemoteObjects.calls_at_once
    assert same_files(tmp_path / "files", tmp_path / "out")


@pytest.mark.server
def test_a_download_that_broke_off_fetches_what_is_missing(
    bucket: str, through_proxy: Endpoint, proxy: Proxy, tmp_path: Path
):
    """What had arrived lies in the cache."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(noise(24 * MIB))
    objects = RemoteObjects(bucket, through_proxy.storage_options)
    store = make_store(tmp_path / "store", CachedObjects(objects, tmp_path / "cache"))
    rows, stored = take(store, tmp_path / "files")

    proxy.reset()
    proxy.fault = lambda request: Fault(cut_answer=1000) if proxy.count("GET") > 6 else None
    with pytest.raises(StorageFailure, match="does not answer"):
        store.checkout(str(tmp_path / "out")).place(rows)
    assert not (tmp_path / "out" / "large").exists()
    assert proxy.fetched > 8 * MIB
    proxy.fault = lambda request: None
    store.checkout(str(tmp_path / "out")).place(rows)
    assert proxy.fetched <= sum(item.size for item in stored) + 2 * BLOCK_BYTES
    assert same_files(tmp_path / "files", tmp_path / "out")
    store.close()


#: Sends and fetches, and says the peak of its memory before and after, in MiB. Sizes are a sixteenth of the real ones.
MEASURES = """
import json, re, sys
from pathlib import Path
from forebear.blobs import assembly, cache, writer
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.retrying import RetryingObjects
from tests.blobs.test_far_store import make_store, take

def peak():  # not ru_maxrss, which begins with what the process had that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

MIB = 1024 * 1024
writer.FAR_PACK_BYTES, writer._BATCH_BYTES = MIB, MIB // 2
assembly.WINDOW_BYTES, cache.BLOCK_BYTES = MIB // 2, MIB // 16
folder, url, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
objects = RetryingObjects(RemoteObjects(url, options))
store = make_store(folder / "store", cache.CachedObjects(objects, folder / "cache"))
assert objects.size("pack/ab/abcdef") is None
before = peak()
rows, _ = take(store, folder / "files")
store.checkout(str(folder / "out")).place(rows)
print(json.dumps([before, peak()]))
"""


@pytest.mark.server
def test_memory_does_not_grow_with_what_is_sent_and_fetched(rclone: Endpoint, tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(os.urandom(64 * MIB))
    words = [sys.executable, "-c", MEASURES, str(tmp_path), fresh_place("s3", rclone)]
    # What is freed goes back at once, so that what is held is measured.
    environment = {**os.environ, "PYTHONPATH": ROOT, "MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    words.append(json.dumps(rclone.storage_options))
    done = subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)
    before, after = json.loads(done.stdout)
    assert after - before < 56
    assert same_files(tmp_path / "files", tmp_path / "out")


def test_neighbours_are_read_together_across_wider_gaps(store: Store, monkeypatch: pytest.MonkeyPatch):
    intake = store.intake()
    blobs = [noise(100_000, seed) for seed in range(12)]
    digests = [intake.add_bytes(blob) for blob in blobs]
    store.catalog.add_objects(intake.finish())
    reads: list[object] = []
    read = RemoteObjects.read
    monkeypatch.setattr(RemoteObjects, "read", lambda self, *args: reads.append(args) or read(self, *args))
    assert dict(store.read_many([digests[0], digests[5], digests[11]])) == {
        digests[number]: blobs[number] for number in (0, 5, 11)
    }
    assert len(reads) == 1
    monkeypatch.setattr(reader, "FAR_GAP_BYTES", 100)
    dict(store.read_many([digests[0], digests[5], digests[11]]))
    assert len(reads) == 4
