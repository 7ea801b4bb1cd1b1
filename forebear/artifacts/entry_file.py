"""One file of an artifact, as people hold it in their hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, overload

from forebear.errors import InvalidInput
from forebear.records.content import Entry

if TYPE_CHECKING:
    import os

    from forebear.artifacts.rows import InOrder


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


class Referred(Sequence[ArtifactFile]):
    """Files of an artifact, sorted by path; each is made when it is asked for, for there may be a million of them."""

    def __init__(self, artifact: Owner, rows: InOrder) -> None:
        self._artifact = artifact
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> ArtifactFile: ...

    @overload
    def __getitem__(self, index: slice) -> list[ArtifactFile]: ...

    def __getitem__(self, index: int | slice) -> ArtifactFile | list[ArtifactFile]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return ArtifactFile(self._artifact, Entry.from_row(self._rows[index]))

    def __repr__(self) -> str:
        return f"<{len(self)} files of {self._artifact.name}>"
