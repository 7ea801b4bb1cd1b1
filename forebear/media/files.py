"""Values that are one file with a few words beside it: what image, sound, video and the like have in common."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from forebear.errors import Unsupported
from forebear.media.base import Keep, Media, Read, caption_of, existing_file

#: Where the content of a value is: in memory, in a file, behind a call that reads it, or at a URL that stays as it is.
Source = bytes | Path | Callable[[], bytes] | str

#: The end of a file's name: two words where the first says what kind of JSON it is.
_SUFFIX = re.compile(r"(\.(boxes2D|plotly|bokeh|pts))?\.\w+\Z")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(value: object) -> bool:
    """Whether ``value`` is text such as ``s3://bucket/cat.png``: a reference, whose bytes stay where they are."""
    return isinstance(value, str) and _URL.match(value) is not None


def is_path(value: object) -> bool:
    """Whether ``value`` can name a file."""
    return isinstance(value, (str, os.PathLike))


def suffix_of(name: str) -> str:
    """Return the end of a file's name with its dot, in lower case; empty where there is none."""
    found = _SUFFIX.search(name.partition("?")[0] if is_url(name) else name)
    return found[0].lower() if found else ""


def path_source(path: Any, what: str) -> tuple[Source, str]:
    """Return the source and the suffix (lower case, with its dot, or empty) of a URL or of a file that is there.

    Raises:
        InvalidInput: no file is at the path.
    """
    source: Source = path if is_url(path) else existing_file(path, what)
    return source, suffix_of(os.fspath(path))


class FileMedia(Media):
    """A value whose content is one file.

    The content of a value that was read back is fetched when it is first asked for, so a table of 10,000 images costs
    no more than its rows.
    """

    #: Group of its files below ``media/``.
    folder: ClassVar[str]

    def __init__(self, source: Source, suffix: str, caption: object = None) -> None:
        self._source = source
        self._suffix = suffix
        self.caption = caption_of(caption)

    @property
    def url(self) -> str | None:
        """Where the content is if it stays outside, else ``None``."""
        return self._source if isinstance(self._source, str) else None

    @property
    def content(self) -> bytes:
        """The bytes of the file.

        Raises:
            InvalidInput: the file that the value was made from is gone.
            Unsupported: the value is a reference, whose bytes were never here.
        """
        source = self._source
        if isinstance(source, bytes):
            return source
        if isinstance(source, Path):
            return self._file(source).read_bytes()
        if isinstance(source, str):
            raise Unsupported(f"{source} is a reference: its bytes are not kept here; open the URL", code="media-url")
        self._source = content = source()
        return content

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return path, digest and size of the file, or the URL of a reference; the caption; and what else is known."""
        value: dict[str, Any] = {"_type": self.kind}
        if isinstance(self._source, str):
            value["path"] = self._source
        else:
            content = self._file(self._source) if isinstance(self._source, Path) else self.content
            kept = keep(content, self.folder, self._suffix)
            value |= {"path": kept.path, "digest": kept.digest, "size": kept.size}
        if self.caption is not None:
            value["caption"] = self.caption
        return value | self._details()

    def _file(self, path: Path) -> Path:
        # It was there when the value was made; who cleans up in between should read which one it was.
        return existing_file(path, f"the file of this {type(self).__name__}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the value; its content is read when it is asked for."""
        media = cls.__new__(cls)
        path = value["path"]
        source: Source = path if is_url(path) else partial(read, path)
        FileMedia.__init__(media, source, suffix_of(path), value.get("caption"))
        media._set_details(value)
        return media

    def _details(self) -> dict[str, Any]:
        """What the form holds beside file and caption."""
        return {}

    def _set_details(self, value: Mapping[str, Any]) -> None:
        """Take over from a stored form what `_details` gave."""

    def __repr__(self) -> str:
        details = {**({"caption": self.caption} if self.caption is not None else {}), **self._details()}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in details.items())})"
