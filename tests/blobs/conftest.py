"""Servers that objects are kept on, one of each for a whole session, and a fresh bucket for each test."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from tests import servers
from tests.proxy import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proxy import Proxy
    from tests.servers import Endpoint


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """S3 with real authentication and without conditions."""
    with servers.rclone_s3(tmp_path_factory.mktemp("rclone") / "s3") as endpoint:
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


def make_bucket(protocol: str, endpoint: Endpoint, **options: Any) -> str:
    """Make an empty bucket and return its name."""
    system = fsspec.filesystem(protocol, **endpoint.storage_options, use_listings_cache=False, skip_instance_cache=True)
    name = f"test-{uuid.uuid4().hex[:12]}"
    system.mkdir(name, **options)
    return name


@pytest.fixture(scope="session")
def _proxied(rclone: Endpoint) -> Iterator[tuple[Proxy, Endpoint]]:
    with proxy_of(rclone) as proxied:
        yield proxied


@pytest.fixture
def proxy(_proxied: tuple[Proxy, Endpoint]) -> Proxy:
    """A proxy before rclone that breaks nothing yet."""
    _proxied[0].reset()
    return _proxied[0]


@pytest.fixture
def through_proxy(_proxied: tuple[Proxy, Endpoint], proxy: Proxy) -> Endpoint:
    """S3, with everything going through ``proxy``."""
    return _proxied[1]


class FastClock:
    """Time that passes when somebody waits, and not otherwise.

    ``on_sleep`` is called with each wait, in seconds: what happens meanwhile.
    """

    def __init__(self, on_sleep: Callable[[float], object] = lambda seconds: None) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.on_sleep = on_sleep

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        self.on_sleep(seconds)
