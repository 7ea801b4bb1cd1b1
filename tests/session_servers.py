"""Servers that keep objects, one of each for a whole session and all its tests; the root conftest hands them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Endpoint


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with real authentication, without versions and conditions."""
    with servers.rclone_s3(tmp_path_factory.mktemp("rclone") / "s3") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with versions and without authentication."""
    with servers.moto_s3(tmp_path_factory.mktemp("moto") / "s3") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with authentication, versions and conditions; tests of it are marked ``debian``."""
    with servers.ceph_s3(tmp_path_factory.mktemp("ceph") / "s3") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """GCS with generations."""
    with servers.fake_gcs(tmp_path_factory.mktemp("gcs") / "server") as endpoint, pytest.MonkeyPatch.context() as patch:
        name = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
        patch.setenv(name, endpoint.environment[name])
        import fsspec
        import gcsfs.core  # 1 s, and only now may it be imported

        # Where something imported gcsfs before, the variable came too late for it.
        for protocol in ("gs", "gcs"):
            fsspec.register_implementation(protocol, gcsfs.core.GCSFileSystem, clobber=True)
        yield endpoint


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Azure's blob storage; skipped where its package of npm is not installed."""
    reason = servers.azurite_missing()
    if reason:
        pytest.skip(reason)
    with servers.azurite(tmp_path_factory.mktemp("azurite") / "server") as endpoint:
        yield endpoint
