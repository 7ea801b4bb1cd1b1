"""A fresh bucket for each test, on the servers of the session, and a proxy that breaks what passes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from tests.proxy import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proxy import Proxy
    from tests.servers import Endpoint


def make_bucket(protocol: str, endpoint: Endpoint, **options: Any) -> str:
    """Make an empty bucket and return its name."""
    system = fsspec.filesystem(protocol, **endpoint.storage_options, use_listings_cache=False, skip_instance_cache=True)
    name = f"test-{uuid.uuid4().hex[:12]}"
    system.mkdir(name, **options)
    return name


#: URL of a server → the bucket on it that tests share.
_shared_buckets: dict[str, str] = {}


def fresh_place(protocol: str, endpoint: Endpoint) -> str:
    """Return a URL that nothing is at yet. Cost: much less than a bucket."""
    if endpoint.url not in _shared_buckets:
        _shared_buckets[endpoint.url] = make_bucket(protocol, endpoint)
    return f"{protocol}://{_shared_buckets[endpoint.url]}/{uuid.uuid4().hex[:12]}/pre"


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
