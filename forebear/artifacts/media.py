"""Media values in an artifact: what `Artifact.add` writes of them and `Artifact.get` reads back.

A value named ``cat`` is the file ``cat.<word>.json`` with its JSON form; the word is that of its kind, such as
``image-file``. A table is ``cat.table.json`` with its rows, as in the artifacts that logged tables become. The files
beside them lie below ``media/`` and are named by their digest, so that a picture of several tables is there once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.errors import CorruptData
from forebear.media.base import Kept, Media
from forebear.media.registry import KINDS, is_media, revive

if TYPE_CHECKING:
    from forebear.artifacts.draft import Draft
    from forebear.artifacts.manifest import Row
    from forebear.records.content import Entry

#: Hexadecimal digits of a digest that name a file.
_DIGITS = 20
_TABLE = ".table.json"


def add_media(draft: Draft, media: Media, name: str, *, overwrite: bool = False) -> Entry:
    """Add a value and its files; return the entry of its form.

    Raises:
        Conflict: another value has the name, and ``overwrite`` is not set. Nothing is added then.
    """
    rows: list[Row] = []

    def keep(content: bytes | Path, folder: str, suffix: str) -> Kept:
        size, digest = draft.take_in(content)
        path = f"media/{folder}/{digest.hex()[:_DIGITS]}{suffix}"
        rows.append((path, size, digest))
        return Kept(path, digest.hex(), size)

    if media.kind == "table-file":
        suffix, content = _TABLE, media.encoded(keep)  # type: ignore[attr-defined]
    else:
        form = media.to_json(keep)
        suffix, content = _suffix(form["_type"]), msgspec.json.encode(form)
    entry = draft.add_bytes(content, name if name.endswith(suffix) else name + suffix, overwrite=overwrite)
    draft.add_rows(rows)
    return entry


def media_path(name: str, paths: Iterable[str]) -> str | None:
    """Return which of ``paths`` is the form of a media value called ``name``, if one is."""
    wanted = {name + _suffix(kind) for kind in KINDS}
    return next((path for path in paths if path in wanted), None)


def decode_media(path: str, content: bytes, read: Callable[[str], bytes]) -> Any:
    """Return the value whose form is the file ``path``, or ``None`` if it is no form of one.

    Args:
        read: Gives the content of another file of the artifact.
    """
    if path.endswith(_TABLE):
        from forebear.media.table import Table  # 10 ms, only for people who read tables

        return Table.decoded(content, path, read)
    if not any(path.endswith(_suffix(kind)) for kind in KINDS):
        return None
    try:
        value = msgspec.json.decode(content)
    except (ValueError, RecursionError) as err:
        raise CorruptData(f"the file {path!r} is no value: {err}", code="media-form") from err
    return revive(value, read) if is_media(value) and path.endswith(_suffix(value["_type"])) else None


def _suffix(kind: str) -> str:
    return _TABLE if kind == "table-file" else f".{kind.replace('/', '-')}.json"
