"""One file of an artifact, as people hold it in their hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    import os

    from forebear.records.content import Entry


class Owner(Protocol):
    """The artifact that a file belongs to, as far as the file needs it."""

    @property
    def name(self) -> str:
        """``name:v3``."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of one file, verified."""
        ...

    def download_entry(self, entry: Entry, root: str | os.PathLike[str] | None) -> str:
        """Put one file below a folder; return its path."""
        ...


class ArtifactFile:
    """A file or reference of an artifact: what `Artifact.get_entry` and `Artifact.files` hand out."""

    def __init__(self, artifact: Owner, entry: Entry) -> None:
        self._artifact = artifact
        self.entry = entry

    @property
    def path(self) -> str:
        """Path inside the artifact."""
        return self.entry.path

    @property
    def name(self) -> str:
        """The same as `path`; the name that files of runs have."""
        return self.entry.path

    @property
    def size(self) -> int | None:
        """Bytes, ``None`` for a reference of unknown size."""
        return self.entry.size

    @property
    def digest(self) -> str | None:
        """BLAKE3-256 in hexadecimal, as ``b3sum`` prints it; ``None`` for a reference that was not read."""
        return self.entry.digest.hex() if self.entry.digest is not None else None

    @property
    def ref(self) -> str | None:
        """URI of a reference, ``None`` for a file."""
        return self.entry.ref

    def ref_target(self) -> str:
        """Return the URI of a reference.

        Raises:
            InvalidInput: it is a file.
        """
        if self.entry.ref is None:
            raise InvalidInput(f"{self.path!r} is a file, not a reference", code="not-a-reference")
        return self.entry.ref

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        """Put the file below ``root`` (default: the artifact's own folder); return its path there."""
        return self._artifact.download_entry(self.entry, root)

    def read(self) -> bytes:
        """Return the content of a file, verified, without writing it anywhere."""
        return self._artifact.read(self.path)

    def __repr__(self) -> str:
        return f"<ArtifactFile {self.path} of {self._artifact.name}>"
