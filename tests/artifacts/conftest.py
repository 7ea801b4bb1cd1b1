"""Servers that references point into, one of each for a whole session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Endpoint, WebServer


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with real authentication and without versions."""
    with servers.rclone_s3(tmp_path_factory.mktemp("rclone") / "s3") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with versions and without authentication."""
    with servers.moto_s3(tmp_path_factory.mktemp("moto") / "s3") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """GCS with generations."""
    with servers.fake_gcs(tmp_path_factory.mktemp("gcs") / "server") as endpoint, pytest.MonkeyPatch.context() as patch:
        name = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
        patch.setenv(name, endpoint.environment[name])
        import gcsfs.core  # 1 s, and only now may it be imported

        # Where something imported gcsfs before, the variable came too late for it.
        for protocol in ("gs", "gcs"):
            fsspec.register_implementation(protocol, gcsfs.core.GCSFileSystem, clobber=True)
        yield endpoint


@pytest.fixture(scope="session")
def _web() -> Iterator[WebServer]:
    with servers.web_server() as server:
        yield server


@pytest.fixture
def web(_web: WebServer) -> WebServer:
    """Serve HTTP, nothing yet; its validators can be chosen."""
    _web.reset()
    return _web
