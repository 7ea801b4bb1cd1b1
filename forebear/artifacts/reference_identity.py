"""What a system tells of an object's content without being read, and whether two such tellings agree.

Names in an identity: ``etag``, ``version``, ``generation``, ``md5`` and the like. Times never go into one, because the
digest of a manifest must not depend on time; only a web server that gives nothing else has its ``last-modified``
recorded, which HTTP defines as a validator (RFC 9110, 8.8.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Field of a listing, in lower case → name in an identity. The first that is set wins.
_FIELDS = {
    "etag": "etag",
    "e_tag": "etag",
    "versionid": "version",
    "version_id": "version",
    "generation": "generation",
    "md5": "md5",
    "md5hash": "md5",
    "content-md5": "md5",
    "content_md5": "md5",
    "sha256": "sha256",
    "sha": "sha",
    "blob_id": "blob",
}
#: Digests of the content: where both sides have one, it decides.
_DIGESTS = ("sha256", "md5", "sha", "blob")
#: Names of a state; one that agrees is enough, because systems count some of them up without a change of content
#: (the generation of a copy onto itself, the ETag of a GCS object whose labels were edited).
_STATES = ("generation", "version", "etag", "last-modified")


def identity_of(info: Mapping[str, Any], *, http: bool = False) -> dict[str, str]:
    """Return what ``info``, as a fsspec file system gives it, says of the content; empty when it says nothing."""
    fields = {str(key).lower(): value for key, value in info.items()}
    settings = fields.get("content_settings")
    if settings:  # Azure keeps the hash one level down
        fields.setdefault("content_md5", dict(settings).get("content_md5"))
    identity: dict[str, str] = {}
    for field, name in _FIELDS.items():
        text = _text(fields.get(field))
        # Objects written before a bucket had versions have the version "null", which is overwritten like any other.
        if text and name not in identity and not (name == "version" and text == "null"):
            identity[name] = _unquoted(text) if name == "etag" else text
    if http and "etag" not in identity and fields.get("last-modified"):
        identity["last-modified"] = str(fields["last-modified"])
    return dict(sorted(identity.items()))


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _unquoted(etag: str) -> str:
    """Return an ETag without its quotes, which some systems send in one answer and not in the next; weak ones stay."""
    return etag[1:-1] if len(etag) > 2 and etag[0] == etag[-1] == '"' else etag


def version_of(identity: Mapping[str, str] | None) -> str | None:
    """Return the version by which the recorded content can be asked for, where the system keeps versions."""
    known = identity or {}
    return known.get("version") or known.get("generation")


def same_object(recorded: Mapping[str, str] | None, found: Mapping[str, str] | None) -> bool:
    """Whether an object is sure to hold the bytes it held when ``recorded`` was told, so that it need not be read.

    A time is no proof, and a weak ETag says itself that it is none.
    """
    known = {name for name, value in (recorded or {}).items() if not value.startswith("W/")}
    return recorded == found and bool(known & {*_DIGESTS, "generation", "version", "etag"})


def difference(
    recorded: tuple[int | None, Mapping[str, str] | None], found: tuple[int | None, Mapping[str, str] | None]
) -> str | None:
    """Say in what ``found`` (size in bytes, identity) differs from what was recorded; ``None`` when it does not."""
    (size, identity), (found_size, found_identity) = recorded, found
    if size is not None and found_size is not None and size != found_size:
        return f"it had {size:,} bytes, now it has {found_size:,}"
    before, now = identity or {}, found_identity or {}
    for name in _DIGESTS:
        if name in before and name in now:
            return None if before[name] == now[name] else f"its {name} was {before[name]}, now it is {now[name]}"
    common = [name for name in _STATES if name in before and name in now]
    if not before or any(before[name] == now[name] for name in common):
        return None
    if common:
        name = common[0]
        return f"its {name} was {before[name]}, now it is {now[name]}"
    return f"{' and '.join(before)} was recorded, now the system tells {' and '.join(now) or 'nothing'}"
