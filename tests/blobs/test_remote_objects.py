"""Every promise of an object store, on real servers and on what fsspec has of its own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from forebear.blobs import remote_systems
from forebear.blobs.remote import RemoteObjects
from forebear.blobs.retrying import RetryingObjects
from forebear.testing.store import StoreSuite
from tests.blobs.conftest import fresh_place
from tests.servers import CEPH_COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Endpoint


#: aiohttp would rather have a file; its loop has a thread of its own here, and nobody to hold up.
LARGE_BODIES = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


class TestMemory(StoreSuite):
    @pytest.fixture
    def objects(self) -> RemoteObjects:
        return RemoteObjects(f"memory://{uuid.uuid4().hex}/pre/fix")


class TestFile(StoreSuite):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> RemoteObjects:
        return RemoteObjects(f"file://{tmp_path}/blobs")


@pytest.mark.server
class TestRcloneS3(StoreSuite):
    #: It writes the file of an object in place: part of it can be seen, and a second writer empties it first, which
    #: takes the patience that every store has.
    shows_no_half = False

    @pytest.fixture
    def objects(self, rclone: Endpoint) -> RetryingObjects:
        return RetryingObjects(RemoteObjects(fresh_place("s3", rclone), rclone.storage_options))


@LARGE_BODIES
@pytest.mark.server
class TestFakeGcs(StoreSuite):
    @pytest.fixture
    def objects(self, gcs: Endpoint) -> RemoteObjects:
        return RemoteObjects(fresh_place("gs", gcs), gcs.storage_options)


@LARGE_BODIES
@pytest.mark.server
class TestAzurite(StoreSuite):
    @pytest.fixture
    def objects(self, azurite: Endpoint) -> RemoteObjects:
        return RemoteObjects(fresh_place("az", azurite), azurite.storage_options)

    def test_listings_come_in_pages(self, objects: RemoteObjects, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(remote_systems, "_PAGE_OBJECTS", 3)
        names = {f"pack/{number:02}/{number:04}" for number in range(10)}
        for name in names:
            objects.put(name, b"x")
        assert sorted(objects.names("pack/")) == sorted(names)
        assert list(objects.names("pack/07/")) == ["pack/07/0007"]


@pytest.mark.server
@pytest.mark.debian(*CEPH_COMMANDS)
class TestRadosgw(StoreSuite):
    @pytest.fixture
    def objects(self, radosgw: Endpoint) -> RemoteObjects:
        return RemoteObjects(fresh_place("s3", radosgw), radosgw.storage_options)
