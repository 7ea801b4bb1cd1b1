"""A web server that references point into; the others are those of the whole session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import WebServer


@pytest.fixture(scope="session")
def _web() -> Iterator[WebServer]:
    with servers.web_server() as server:
        yield server


@pytest.fixture
def web(_web: WebServer) -> WebServer:
    """Serve HTTP, nothing yet; its validators can be chosen."""
    _web.reset()
    return _web
