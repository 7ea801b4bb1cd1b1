"""The URL of a store taken apart: where its catalog is, where its blobs are, and what of it may be shown.

::

    /data/store                                               a folder of this machine, as is file:///data/store
    /data/store?blobs=s3://bucket/prefix                      a catalog in a folder, blobs elsewhere
    postgresql://user@host/database?blobs=s3://bucket/prefix  a catalog on a server
    postgresql://user@host/database?blobs=/shared/folder&schema=team

After ``blobs`` may come options of its system (see `OPTIONS`). Values are percent-encoded, as in every URL; what stands
before the ``?`` of a plain folder is not. Credentials of the blobs are refused here, because URLs are shown and kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from forebear.blobs.remote_systems import AZURE, GCS, S3, parse_address
from forebear.errors import InvalidInput

_DATABASES = frozenset({"postgresql", "postgres"})
_FILES = frozenset({"file", "local"})
#: Options of the systems that blobs are on, which a URL may give.
OPTIONS = (
    (S3, ("endpoint_url", "region", "profile", "anon")),
    (GCS, ("endpoint_url", "project", "anon")),
    (AZURE, ("account_name", "anon")),
)
_SECRET = re.compile(r"(?i)key|token|secret|passw|credential|sas$|connection_string")
#: Secrets that a database takes in its URL, and names of files in which some are.
_PASSWORDS = frozenset({"password", "sslpassword"})
_OF_DATABASE = frozenset({"passfile", "sslkey"})
#: A plain folder may be called anything, so only this makes a query of what follows a question mark.
_QUERY = re.compile(r"\?(?=(?:[A-Za-z_]+=[^?]*&)?blobs=)")
#: Characters that need no encoding where a value of a query is shown.
_PLAIN = "/:@,"


class StoreUrl(NamedTuple):
    """Where a store is.

    Attributes:
        shown: What people may read; no password is in it. Opening it finds the same store.
        address: The whole URL in its one form. A password may be in it.
        folder: Folder of the catalog, ``None`` where a server has it.
        catalog: URL of the catalog on a server. A password may be in it.
        blobs: URL or folder of the blobs, ``None`` where they are in ``folder``.
        options: For the file system of the blobs.
        tail: ``blobs=…`` and the options, as a query says them.
    """

    shown: str
    address: str
    folder: Path | None
    catalog: str | None
    blobs: str | None
    options: dict[str, Any]
    tail: str

    def __repr__(self) -> str:
        """Show no secrets, wherever somebody prints it."""
        return f"<StoreUrl {self.shown}>"

    @property
    def is_far(self) -> bool:
        """Whether another machine is needed to write to it."""
        return self.catalog is not None or (self.blobs is not None and "://" in self.blobs)


def parse_store_url(url: str | os.PathLike[str]) -> StoreUrl:
    """Take the URL of a store apart; nothing is opened.

    Raises:
        InvalidInput: it names no place where a store can be, or holds credentials of the blobs. The message has no
            secret in it.
    """
    text = os.fspath(url)
    scheme, separator, _ = text.partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        found = _QUERY.search(text)
        path, query = (text[: found.start()], text[found.end() :]) if found else (text, "")
        return _in_folder(_folder(path), query)
    if scheme in _FILES:
        path, _, query = text.partition("://")[2].partition("?")
        path = path.removeprefix("localhost")
        return _in_folder(_folder(unquote(path)), query)
    if scheme in _DATABASES:
        return _in_database(text)
    raise InvalidInput(
        f"a store cannot be at {scheme}://…; give a folder, for example FOREBEAR_STORE=/data/forebear, or "
        "postgresql://user@host/database?blobs=s3://bucket/prefix",
        code="store-url",
    )


def shown_url(url: str | os.PathLike[str]) -> str:
    """Return of any text that is meant as the URL of a store what people may read; it is never refused."""
    if "://" not in os.fspath(url):
        return os.fspath(url)
    with suppress(InvalidInput):
        return parse_store_url(url).shown
    return f"{os.fspath(url).partition('://')[0]}://…"


def with_blobs(folder: Path, tail: str) -> StoreUrl:
    """Return the URL of a store whose catalog is in a folder and whose blobs are where ``tail`` says."""
    return _in_folder(folder, tail)


def _folder(path: str) -> Path:
    """Return the absolute form of a path that a person wrote."""
    try:
        if "\0" in path:
            raise ValueError("it holds a NUL character")
        return Path(path).expanduser().absolute()
    except (RuntimeError, ValueError) as err:  # a home that nobody has
        raise InvalidInput(f"a store cannot be at {path[:200]!r}: {err}", code="store-url") from err


def _in_folder(folder: Path, query: str) -> StoreUrl:
    given = _pairs(query)
    blobs, options, tail, others = _blobs_of(given)
    if others:
        raise _unknown(others[0][0], blobs)
    text = f"{folder}?{tail}" if tail else str(folder)
    return StoreUrl(text, text, folder, None, blobs, options, tail)


def _in_database(text: str) -> StoreUrl:
    parts = _split(text)
    given = _pairs(parts.query)
    blobs, options, tail, others = _blobs_of(given)
    shown = [(name, value) for name, value in others if name not in _PASSWORDS]
    parts = parts._replace(scheme="postgresql", fragment="")
    user, at, place = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}{at}{place}"
    if blobs is None:
        raise InvalidInput(
            f"a store at postgresql://{netloc}{parts.path} needs a place for blobs: add ?blobs=s3://bucket/prefix, "
            "gs://bucket/prefix, or a folder that all of its users share",
            code="store-url",
        )
    return StoreUrl(
        _joined(parts._replace(netloc=netloc), tail, shown),
        _joined(parts, tail, others),
        None,
        _joined(parts, "", others),
        blobs,
        options,
        tail,
    )


def _split(text: str) -> SplitResult:
    # What could not be read may be a password, so it becomes no part of the refusal, not even as its cause.
    with suppress(ValueError):
        parts = urlsplit(text)
        # A character of a password that is not encoded lets what follows it pass for something else.
        names = (pair.partition("=")[0] for pair in parts.query.split("&"))
        if (
            parts.netloc.count("@") <= 1
            and not parts.fragment
            and not any("@" in part for part in (parts.path, *names))
        ):
            return parts
    raise InvalidInput(
        "that is no URL of a store; write postgresql://user@host:5432/database?blobs=s3://bucket/prefix, and encode "
        "characters such as / ? # @ of a password as %2F %3F %23 %40",
        code="store-url",
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    with suppress(ValueError):
        query.encode()  # what is no valid Unicode could not be written again
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    raise InvalidInput("what follows the ? of a store is not name=value, joined by &", code="store-url")


def _blobs_of(
    given: list[tuple[str, str]],
) -> tuple[str | None, dict[str, Any], str, list[tuple[str, str]]]:
    """Return place and options of the blobs, the words that say both, and what is not about blobs."""
    named = [value for name, value in given if name == "blobs"]
    if len(named) > 1 or (named and not named[0]):
        raise InvalidInput("blobs=… names one place; give it once", code="store-url")
    if not named:
        return None, {}, "", given
    protocol = named[0].partition("://")[0] if "://" in named[0] else ""
    blobs = _place(named[0], protocol)
    known = next((names for protocols, names in OPTIONS if protocol in protocols), ())
    own = [(name, value) for name, value in given if name in known]
    others = [(name, value) for name, value in given if name not in known and name != "blobs"]
    _refuse_secrets(others)
    return blobs, _options(own, protocol), _query([("blobs", blobs), *own]), others


def _place(text: str, protocol: str) -> str:
    if not protocol:
        return str(_folder(text))
    if protocol in _FILES:
        return str(_folder(text.partition("://")[2]))
    return parse_address(text).text


def _refuse_secrets(others: Iterable[tuple[str, str]]) -> None:
    """A database has a password of its own; everything else that is secret would be the blobs'."""
    for name, _ in others:
        if _SECRET.search(name) and name not in _PASSWORDS | _OF_DATABASE:
            raise InvalidInput(
                f"the URL of the store holds {name}, and URLs are shown and kept; take it out, and give it as the "
                "tools of that system do: in variables such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a "
                "file of its own, named by profile=…",
                code="secret-in-url",
            )


def _options(own: Iterable[tuple[str, str]], protocol: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in own:
        if name == "anon":
            anonymous = value.lower() in {"1", "true", "yes", "on"}
            options |= {"token": "anon"} if anonymous and protocol in GCS else {"anon": anonymous}
        elif name == "region":
            options["client_kwargs"] = {"region_name": value}
        elif name == "endpoint_url" and "@" in urlsplit(value).netloc:
            raise InvalidInput("endpoint_url=… may hold no user and password", code="secret-in-url")
        else:
            options[name] = value
    return options


def _unknown(name: str, blobs: str | None) -> InvalidInput:
    protocol = (blobs or "").partition("://")[0]
    known = next((names for protocols, names in OPTIONS if protocol in protocols), ())
    return InvalidInput(
        f"the URL of the store has {name}=…, which means nothing here; there are {', '.join(('blobs', *known))}",
        code="store-url",
    )


def _query(pairs: list[tuple[str, str]]) -> str:
    return urlencode(pairs, quote_via=quote, safe=_PLAIN)


def _joined(parts: SplitResult, tail: str, others: list[tuple[str, str]]) -> str:
    query = "&".join(part for part in (tail, _query(others)) if part)
    # `geturl` leaves the slashes out where there is no host.
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if query else ''}{query}"
