"""Where a PostgreSQL catalog is: its URL taken apart, and what of it may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from forebear.errors import InvalidInput

SCHEMA = "forebear"
#: What a store's URL may say that is nothing to the database.
_OF_THE_STORE = frozenset({"blobs"})
_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
#: Seconds to wait for an answer to the first word, unless the URL gives ``connect_timeout``.
CONNECT_SECONDS = 10
#: A host that is gone without a word is noticed after a minute.
_DEFAULTS = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "forebear",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class Address(NamedTuple):
    """A catalog's place.

    Attributes:
        shown: What people may read: user, host and database, and no password.
        schema: Name of the schema that its tables are in.
        params: What libpq connects with; a secret may be among them.
    """

    shown: str
    schema: str
    params: Mapping[str, Any]

    def __repr__(self) -> str:
        """Show no secrets, wherever somebody prints an address."""
        return f"<Address {self.shown}>"


def address_of(url: str) -> Address:
    """Take a URL apart: ``postgresql://user:password@host:port/database?schema=forebear`` and libpq's parameters.

    Parameters of a store's URL that are nothing to the catalog (``blobs``) are passed over.

    Raises:
        InvalidInput: it is no such URL. The message never has a password in it.
    """
    parts, given = _split(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise _refusal(f"it begins with {parts.scheme}:")
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    for name, _ in given:
        if name not in known | _OF_THE_STORE | {"schema"}:
            raise _refusal(f"there is no parameter {name!r}")
    schema = dict(given).get("schema", SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise _refusal(f"a schema cannot be called {schema!r}: take a-z, 0-9 and _, and no pg_ before it")
    own = urlencode([(name, value) for name, value in given if name in known], quote_via=quote)
    params = _params(parts._replace(scheme="postgresql", query=own, fragment="").geturl())
    return Address(_shown(params, schema), schema, {**_DEFAULTS, **params})


def _split(url: str) -> tuple[SplitResult, list[tuple[str, str]]]:
    # The errors of both parsers show what they could not read, which may be a password; so neither they nor what was
    # given becomes part of the refusal, not even as its cause.
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts, parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    raise _refusal("that is no URL")


def _params(url: str) -> Mapping[str, Any]:
    with suppress(psycopg.ProgrammingError):  # as above
        return conninfo_to_dict(url)
    raise _refusal("what stands before the database is not user:password@host:port")


def _shown(params: Mapping[str, Any], schema: str) -> str:
    user = f"{params['user']}@" if "user" in params else ""
    host = str(params.get("host", ""))
    port = f":{params['port']}" if "port" in params else ""
    folder = f"&host={host}" if host.startswith("/") else ""
    place = "" if folder else host
    return f"postgresql://{user}{place}{port}/{params.get('dbname', '')}?schema={schema}{folder}"


def _refusal(why: str) -> InvalidInput:
    return InvalidInput(
        f"{why}; write the catalog's place as postgresql://user@host:5432/database, with ?schema=NAME where several "
        "stores share a database",
        code="store-url",
    )
