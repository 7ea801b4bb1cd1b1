"""What every media value is: JSON to be logged, and files beside it.

A value does not know where it is kept. Who keeps it (a run, an artifact) hands it a `Keep` that takes a file's content
and says under which path it will be found; who reads it back hands it a function from path to bytes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import msgspec

from forebear.errors import InvalidInput


class Kept(msgspec.Struct, frozen=True):
    """A file as it was kept.

    Attributes:
        path: Where it is found, relative and ``/``-separated, such as ``media/images/….png``.
        digest: BLAKE3-256 of the content in hexadecimal.
        size: Bytes.
    """

    path: str
    digest: str
    size: int


class Keep(Protocol):
    """Keeps a file that belongs to a value."""

    def __call__(self, content: bytes | Path, folder: str, suffix: str) -> Kept:
        """Keep bytes or the content of a file.

        Args:
            content: Bytes, or a file that is there.
            folder: Group of such files: ``images``, ``audio``, ….
            suffix: End of the name with its dot, such as ``.png``.
        """
        ...


#: Gives the content of a kept file; raises `forebear.errors.NotFound` where there is none.
Read = Callable[[str], bytes]


class Media:
    """Base of all values that are more than a number or a text.

    Two values are equal when they are of one class and what they would keep is equal, byte for byte.
    """

    #: Value of ``_type`` in the JSON form.
    kind: ClassVar[str]

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the value as JSON types, its files handed to ``keep``."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the value that `to_json` gave as ``value``; ``read`` gives the content of a kept file.

        Raises:
            CorruptData: ``value`` lacks what it needs.
        """
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Media):
            return NotImplemented
        return type(self) is type(other) and self._contents() == other._contents()

    def __hash__(self) -> int:
        value, contents = self._contents()
        return hash((value, *contents))

    def _contents(self) -> tuple[bytes, list[bytes]]:
        """The JSON form with its files numbered, and their bytes: what equality means."""
        contents: list[bytes] = []

        def number(content: bytes | Path, folder: str, suffix: str) -> Kept:
            contents.append(content.read_bytes() if isinstance(content, Path) else bytes(content))
            return Kept(f"{folder}/{len(contents)}{suffix}", "", len(contents[-1]))

        return msgspec.json.encode(self.to_json(number), order="sorted"), contents


def file_json(kind: str, kept: Kept) -> dict[str, Any]:
    """The form of a value that is one file: its ``_type``, and where the file is."""
    return {"_type": kind, "path": kept.path, "digest": kept.digest, "size": kept.size}


def existing_file(path: object, what: str) -> Path:
    """Return ``path`` if a file is there; ``what`` says for the message whose file it is, such as ``"an image"``.

    Raises:
        InvalidInput: there is none, or it is a folder.
    """
    file = Path(path)  # type: ignore[arg-type]
    try:
        found = "a folder is" if file.is_dir() else "nothing is" if not file.is_file() else ""
    except (OSError, ValueError) as err:
        raise InvalidInput(f"{str(path)[:200]!r} cannot be the path of {what}: {err}", code="media-file") from err
    if found:
        raise InvalidInput(f"{str(path)[:200]!r} is given as {what}, but {found} there", code="media-file")
    return file


def content_of(source: object, what: str) -> bytes:
    """Return the bytes of ``source``: bytes, an open file, or the path of a file.

    Raises:
        InvalidInput: it is none of them, or nothing is at the path.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if hasattr(source, "read"):
        if hasattr(source, "seek"):
            source.seek(0)
        content = source.read()
        return content.encode() if isinstance(content, str) else bytes(content)
    if isinstance(source, (str, os.PathLike)):
        return existing_file(source, what).read_bytes()
    raise InvalidInput(f"{what} is a path, bytes or an open file, not {type(source).__name__}", code="media-type")


def caption_of(caption: object) -> str | None:
    """Return a caption as text; whatever is given as one, such as a class number, is written out."""
    return None if caption is None else str(caption)


def warn(message: str) -> None:
    """Warn of a value that was changed to be kept; Python shows it once for each line of the caller's code."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("forebear."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level + 1)
