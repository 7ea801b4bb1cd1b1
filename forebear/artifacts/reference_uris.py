"""URIs of references: how they are read, what they may not hold, and which path inside an artifact they give.

A URI is kept as it was written, because only its file system knows what is equal. Two things are taken off: the
version that a URI may name (it is kept beside it), and the scheme's upper case. Secrets are refused, not stripped:
without them the URI would not open, and with them it would be a key that everybody who reads the store has.
"""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from forebear.errors import InvalidInput, Unsupported
from forebear.store.paths import check_inner_path

#: Protocols whose URIs are paths of this machine.
LOCAL = frozenset({"file", "local"})
HTTP = frozenset({"http", "https"})
S3 = frozenset({"s3", "s3a", "s3n"})
GCS = frozenset({"gs", "gcs"})
AZURE = frozenset({"az", "adl", "abfs", "abfss"})
#: Protocols of which no part can be a secret.
_PLAIN = LOCAL | {"memory"}

#: A scheme, or a chain of them (simplecache::s3://…).
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)(?:::[^/]*)?://")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
#: Where the URI of a system may name a version: s3://b/key?versionId=X, gs://b/key#1360887697105000.
_PINNED = (
    (S3, re.compile(r"\?versionId=([^&?]+)\Z")),
    (AZURE, re.compile(r"\?versionid=([^&?]+)\Z")),
    (GCS, re.compile(r"#(\d+)\Z")),
)
#: Names of query parameters that open a door: signed URLs of S3, GCS and Azure, and what services call their tokens.
_SECRET_PARAMETER = re.compile(
    r"x-(amz|goog)-(signature|credential|security-token)|sig|signature|awsaccesskeyid|googleaccessid|.*token|.*secret"
    r"|.*password|passwd|pwd|.*api[_-]?key|access[_-]?key|auth|authorization|key",
    re.IGNORECASE,
)


class Uri(msgspec.Struct, frozen=True):
    """A URI that was read.

    Attributes:
        text: As it is recorded: absolute for a local path, without the version it may have named.
        protocol: The scheme in lower case.
        version: Version or generation the URI named.
    """

    text: str
    protocol: str
    version: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it names a path of this machine."""
        return self.protocol in LOCAL

    @property
    def local_path(self) -> str:
        """The path on this machine; for a local URI only."""
        return self.text.removeprefix("file://")


def parse_uri(uri: str | os.PathLike[str], *, literal: bool = False) -> Uri:
    """Read a URI, or a path of this machine.

    Args:
        uri: The text, or a path.
        literal: The text is a recorded one, so that nothing in it is the name of a version.

    Raises:
        InvalidInput: it is empty, holds control characters or a secret.
        Unsupported: it chains protocols.
    """
    text: object = os.fspath(uri) if isinstance(uri, os.PathLike) else uri
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"a reference is a URI such as 's3://bucket/key', not {uri!r}", code="invalid-uri")
    match = None if isinstance(uri, os.PathLike) or _DRIVE.match(text) else _SCHEME.match(text)
    if match is None:
        return _local(text)
    protocol = match[1].lower()
    if protocol in LOCAL:
        return _local(text[match.end() :])
    if _CONTROL.search(text):
        raise InvalidInput(f"the URI {text!r} holds control characters; percent-encode them", code="invalid-uri")
    if protocol not in _PLAIN:
        _refuse_secrets(text)
    text = protocol + text[len(protocol) :]
    return Uri(text, protocol) if literal else _without_version(text, protocol)


def _local(path: str) -> Uri:
    if not path or "\x00" in path:
        raise InvalidInput(f"{path!r} is no path of this machine", code="invalid-uri")
    folder = "/" if path.endswith("/") and path.strip("/") else ""
    try:
        path.encode()
    except UnicodeEncodeError as err:
        raise InvalidInput(f"path {path!r} is not valid Unicode; rename the file", code="invalid-uri") from err
    return Uri(f"file://{os.path.abspath(path)}{folder}", "file")


def _without_version(text: str, protocol: str) -> Uri:
    for protocols, pattern in _PINNED:
        match = pattern.search(text) if protocol in protocols else None
        if match:
            return Uri(text[: match.start()], protocol, match[1])
    return Uri(text, protocol)


def refuse_chain(uri: Uri) -> None:
    """Raise `Unsupported` for ``zip://…::s3://…``: which object's identity would count is not clear."""
    if "::" in uri.text and re.search(r"::[A-Za-z][A-Za-z0-9+.\-]*(://|\Z)", uri.text):
        raise Unsupported(
            f"{uri.text!r} chains protocols with '::'; refer to the object behind it, and open it after the download",
            code="chained-uri",
        )


def _refuse_secrets(text: str) -> None:
    """Raise `InvalidInput` for a secret in any part of the URI, without repeating it."""
    for part in text.split("::"):
        try:
            pieces = urlsplit(part)
        except ValueError as err:
            raise InvalidInput(f"{part!r} is not a URI: {err}", code="invalid-uri") from err
        userinfo, at, host = pieces.netloc.rpartition("@")
        if at and (":" in userinfo or pieces.scheme.lower() in HTTP):
            raise InvalidInput(
                f"the URI {pieces.scheme}://…@{host}{pieces.path} holds a user name or password, which would be "
                "stored; leave it out and pass it in storage_options or the environment",
                code="secret-in-uri",
            )
        for name, _ in parse_qsl(pieces.query, keep_blank_values=True) + parse_qsl(pieces.fragment):
            if _SECRET_PARAMETER.fullmatch(name):
                raise InvalidInput(
                    f"the URI {pieces.scheme}://{pieces.netloc}{pieces.path} is signed: its parameter {name!r} is a "
                    "secret that would be stored, and that expires; refer to the object itself (s3://, gs://, az://)",
                    code="secret-in-uri",
                )


def last_segment(uri: Uri) -> str:
    """Return the path inside an artifact that a single object gets when nobody gave it one.

    Raises:
        InvalidInput: the last segment of the URI may not name a file.
    """
    place = uri.local_path if uri.is_local else uri.text.partition("://")[2]
    if uri.protocol in HTTP:
        place = unquote(re.split(r"[?#]", place, maxsplit=1)[0].rstrip("/").rpartition("/")[2])
        segment = place or urlsplit(uri.text).netloc
    else:
        segment = place.rstrip("/").rpartition("/")[2]
    try:
        return check_inner_path(segment)
    except InvalidInput as err:
        raise InvalidInput(
            f"the last segment of {uri.text!r} gives no path inside the artifact; pass name='…' to give one",
            code="unsafe-path",
        ) from err


def inner_path(key: str, uri: Uri, prefix: str | None) -> str:
    """Return the path inside an artifact of an object found below ``uri``.

    Args:
        key: The object's path below ``uri``.
        uri: The folder it was found in.
        prefix: Folder inside the artifact, or ``None`` for its root.

    Raises:
        InvalidInput: the key cannot be a path below a folder.
    """
    try:
        check_inner_path(key)
    except InvalidInput as err:
        raise InvalidInput(
            f"the object {key!r} below {uri.text!r} cannot be a file of an artifact: {err.message}; "
            "rename it, or refer to the others one by one",
            code="unsafe-path",
        ) from err
    return f"{prefix}/{key}" if prefix else key
