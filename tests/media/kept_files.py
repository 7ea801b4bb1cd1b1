"""Files that values hand over, kept in a dictionary as a run keeps them in its store."""

from __future__ import annotations

from pathlib import Path

from forebear.blobs.digest import digest_of
from forebear.errors import NotFound
from forebear.media.base import Kept


class Files(dict[str, bytes]):
    """A `Keep` that names files by their content, and with `read` the function from path to bytes."""

    def __call__(self, content: bytes | Path, folder: str, suffix: str) -> Kept:
        content = content.read_bytes() if isinstance(content, Path) else content
        digest = digest_of(content).hex()
        path = f"media/{folder}/{digest[:20]}{suffix}"
        self[path] = content
        return Kept(path, digest, len(content))

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        if path not in self:
            raise NotFound(f"no file {path!r}")
        return self[path]
