"""The grammar of names: what people may call things, and how a reference to a version is read.

A reference has the form ``[[entity/]project/]name[:selector]`` or ``[[entity/]project/]name@digest``, where the
selector is a version (``v3``), an alias (``prod``), or either alias as it stood at a time
(``prod@2026-01-01T00:00``, UTC unless an offset is given). No selector means ``latest``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from forebear.errors import InvalidInput

MAX_NAME_CHARS = 128
LATEST = "latest"

_COLLECTION = re.compile(r"[A-Za-z0-9_\-.]+\Z")
_VERSION = re.compile(r"v(0|[1-9][0-9]*)\Z")
_RUN_ID = re.compile(r"[A-Za-z0-9_\-.]+\Z")
_DIGEST_PREFIX = re.compile(r"[0-9a-f]{8,64}\Z")
_LABEL_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\:@]")
#: Shortest digest prefix that may stand for a version, in hexadecimal characters.
MIN_DIGEST_CHARS = 8


class ArtifactRef(msgspec.Struct, frozen=True):
    """A parsed reference to one version; parts not written are ``None``.

    Exactly one of ``number``, ``alias`` and ``digest`` is set. ``at`` is aware UTC and goes with ``alias`` only.
    """

    name: str
    entity: str | None = None
    project: str | None = None
    number: int | None = None
    alias: str | None = None
    at: datetime | None = None
    digest: str | None = None

    def __str__(self) -> str:
        parts = [part for part in (self.entity, self.project, self.name) if part is not None]
        return "/".join(parts) + self.selector

    @property
    def selector(self) -> str:
        """The part after the name, with its leading ``:`` or ``@``."""
        if self.digest is not None:
            return f"@{self.digest}"
        if self.number is not None:
            return f":v{self.number}"
        at = f"@{self.at.isoformat()}" if self.at else ""
        return f":{self.alias}{at}"


def _check_length(kind: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{kind} must be a string, not {type(value).__name__}", code="invalid-name")
    if not value:
        raise InvalidInput(f"{kind} is empty; give it at least one character", code="invalid-name")
    if len(value) > MAX_NAME_CHARS:
        raise InvalidInput(
            f"{kind} {value[:24]!r}… has {len(value)} characters; at most {MAX_NAME_CHARS} are allowed",
            code="invalid-name",
        )
    return value


def check_collection_name(value: object) -> str:
    """Return ``value`` if it may name an artifact, else raise `InvalidInput`."""
    name = _check_length("artifact name", value)
    if not _COLLECTION.match(name) or ".." in name or name.startswith("."):
        raise InvalidInput(
            f"artifact name {name!r} is not allowed: use letters, digits, '_', '-' and '.', "
            "no '..' and no '.' in front",
            code="invalid-name",
        )
    return name


def check_type_name(value: object) -> str:
    """Return ``value`` if it may be an artifact type, else raise `InvalidInput`."""
    return _check_label("artifact type", value)


def check_scope_name(kind: str, value: object) -> str:
    """Return ``value`` if it may name a project or an entity, else raise `InvalidInput`."""
    name = _check_label(kind, value)
    if name in {".", ".."}:
        raise InvalidInput(f"{kind} {name!r} is not allowed: it means a folder", code="invalid-name")
    return name


def check_alias(value: object) -> str:
    """Return ``value`` if it may be given to a version as an alias, else raise `InvalidInput`."""
    alias = _check_label("alias", value)
    if _VERSION.match(alias):
        raise InvalidInput(
            f"alias {alias!r} is not allowed: names of the form v0, v1, … are version numbers", code="invalid-name"
        )
    return alias


def check_tag(value: object) -> str:
    """Return ``value`` if it may be a tag, else raise `InvalidInput`."""
    return _check_label("tag", value)


def check_run_id(value: object) -> str:
    """Return ``value`` if it may identify a run, else raise `InvalidInput`."""
    run_id = _check_length("run id", value)
    if not _RUN_ID.match(run_id) or run_id in {".", ".."}:
        raise InvalidInput(
            f"run id {run_id!r} is not allowed: use letters, digits, '_', '-' and '.'", code="invalid-name"
        )
    return run_id


def _check_label(kind: str, value: object) -> str:
    label = _check_length(kind, value)
    if _LABEL_FORBIDDEN.search(label) or label != label.strip() or label in {".", ".."}:
        raise InvalidInput(
            f"{kind} {label!r} is not allowed: no '/', '\\', ':', '@', control characters, no space at either end, "
            "and neither '.' nor '..'",
            code="invalid-name",
        )
    return label


def parse_version_number(selector: str) -> int | None:
    """Return 3 for ``"v3"``, ``None`` for anything that is not a version number."""
    match = _VERSION.match(selector)
    return int(match.group(1)) if match else None


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 date or time; without an offset it is taken as UTC.

    Raises:
        InvalidInput: ``text`` is not ISO 8601.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise InvalidInput(
            f"{text!r} is not a time; write it as 2026-01-31 or 2026-01-31T12:00", code="invalid-time"
        ) from err
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_ref(text: object) -> ArtifactRef:
    """Read a reference such as ``"digits:latest"`` or ``"team/mnist/digits:prod@2026-01-01"``.

    Raises:
        InvalidInput: the text does not have the form of a reference.
    """
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"an artifact reference is text such as 'name:latest', not {text!r}", code="invalid-ref")
    # A time may hold ':' and an offset '/' never, so the path part ends at the first ':' or '@'.
    cut = min((i for i in (text.find(":"), text.find("@")) if i >= 0), default=len(text))
    path, selector = text[:cut], text[cut:]
    scope = path.split("/")
    if len(scope) > 3:
        raise InvalidInput(
            f"{text!r} has too many '/'; a reference is [[entity/]project/]name[:version or alias]", code="invalid-ref"
        )
    name = check_collection_name(scope[-1])
    project = check_scope_name("project", scope[-2]) if len(scope) > 1 else None
    entity = check_scope_name("entity", scope[0]) if len(scope) > 2 else None
    fields = _parse_selector(text, selector)
    return ArtifactRef(name=name, entity=entity, project=project, **fields)


def _parse_selector(text: str, selector: str) -> dict[str, Any]:
    if not selector:
        return {"alias": LATEST}
    if selector[0] == "@":
        digest = selector[1:]
        if not _DIGEST_PREFIX.match(digest):
            raise InvalidInput(
                f"{text!r}: after '@' comes a digest of {MIN_DIGEST_CHARS} to 64 hexadecimal characters",
                code="invalid-ref",
            )
        return {"digest": digest}
    alias, _, at = selector[1:].partition("@")
    number = parse_version_number(alias)
    if number is not None:
        if at:
            raise InvalidInput(f"{text!r}: a version number never moves, so it takes no time", code="invalid-ref")
        return {"number": number}
    _check_label("alias", alias)
    return {"alias": alias, "at": parse_time(at) if at else None}
