"""A PostgreSQL server for a whole session, and a schema of its own for each test."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """The server, with a database that is thrown away at the end."""
    with servers.postgres() as server:
        name = f"forebear_test_{uuid.uuid4().hex}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())
        yield server._replace(url=urlsplit(server.url)._replace(path=f"/{name}").geturl())
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def url(server: Postgres) -> str:
    """Address of a catalog that is not there yet: a schema costs a twentieth of a database."""
    return f"{server.url}?schema=t{uuid.uuid4().hex}"
