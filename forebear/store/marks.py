"""The file ``store.json``: says that objects are those of a store, of which form, and which catalog belongs to them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from forebear.blobs.local import storage_failure, sync_path
from forebear.errors import CorruptData, InvalidInput, StorageFailure, Unsupported

if TYPE_CHECKING:
    from forebear.blobs.remote import RemoteObjects
    from forebear.blobs.retrying import RetryingObjects

#: Form of the layout; a reader refuses a larger number.
FORMAT = 2
#: Forms of a store that is whole in one folder, and of one whose parts are apart: who knows only the first would take
#: the folder for a store without objects.
WHOLE, APART = 1, 2
STORE_FILE = "store.json"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_IGNORED = b"# Written by forebear: the store is not for git, its settings are.\n*\n!config.toml\n"


class StoreMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file says.

    Attributes:
        format: `WHOLE` or `APART`.
        id: Identity of the store; its catalog has the same.
        blobs: Beside a catalog in a folder: where the blobs are, as the query of a URL says it.
    """

    format: int
    id: str
    blobs: str | None = None


class Place(Protocol):
    """Where a mark is."""

    #: For messages.
    text: str

    def read(self) -> StoreMark | None:
        """Return the mark, ``None`` where there is none.

        Raises:
            CorruptData: it cannot be read as one.
            Unsupported: it was written by a newer forebear.
        """
        ...

    def write(self, mark: StoreMark) -> None:
        """Write the mark (durable). Several first starts write the same one."""
        ...


class FolderPlace:
    """A folder of this machine, or one that several share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.text = str(root)

    def read(self) -> StoreMark | None:
        """See `Place.read`."""
        file = self.root / STORE_FILE
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            raise storage_failure(err, f"read {file}") from err
        return _parsed(content, str(file), self.text)

    def make(self) -> None:
        """Make the folder.

        Raises:
            InvalidInput: a file is in its place.
        """
        root = self.root
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not (root / ".gitignore").exists():
                _write_whole(root, ".gitignore", _IGNORED, durable=False)
        except (FileExistsError, NotADirectoryError) as err:
            raise InvalidInput(f"cannot make a store at {root}: a file is in its place", code="store-url") from err
        except OSError as err:
            raise storage_failure(err, f"make a store at {root}") from err

    def write(self, mark: StoreMark) -> None:
        """See `Place.write`."""
        try:
            # Empty after a power cut, it would make the store unreadable.
            _write_whole(self.root, STORE_FILE, msgspec.json.encode(mark), durable=True)
        except OSError as err:
            raise storage_failure(err, f"make a store at {self.root}") from err


class RemotePlace:
    """A prefix of a bucket."""

    def __init__(self, objects: RemoteObjects, patience: RetryingObjects) -> None:
        self._objects = objects
        self._patience = patience
        self.text = objects.url

    def read(self) -> StoreMark | None:
        """See `Place.read`. Cost: one request."""
        content = self._patience.persist(lambda: self._objects.read_beside(STORE_FILE))
        return None if content is None else _parsed(content, f"{self.text}/{STORE_FILE}", self.text)

    def write(self, mark: StoreMark) -> None:
        """See `Place.write`. Cost: one request."""
        self._patience.persist(lambda: self._objects.write_beside(STORE_FILE, msgspec.json.encode(mark)))


def _parsed(content: bytes, file: str, place: str) -> StoreMark:
    try:
        mark = msgspec.json.decode(content, type=StoreMark)
        # It names a folder of this machine, where one is kept for a store that is elsewhere.
        if mark.format < WHOLE or not _ID.fullmatch(mark.id):
            raise ValueError("it has no number of its form, or no identity")
    except (ValueError, RecursionError) as err:
        raise CorruptData(f"{file} is damaged: {err}", code="corrupt-store") from err
    if mark.format > FORMAT:
        raise Unsupported(
            f"the store at {place} has format {mark.format}, this forebear knows up to {FORMAT}; "
            "upgrade with: pip install -U forebear",
            code="newer-format",
        )
    return mark


def mismatch(catalog: str, catalog_id: str, blobs: str, blobs_id: str) -> StorageFailure:
    """The error to raise where catalog and blobs are of different stores."""
    return StorageFailure(
        f"{catalog} belongs to store {catalog_id[:8]}, the blobs at {blobs} to {blobs_id[:8]}; "
        "correct the URL of the store, or put the catalog back that belongs here",
        code="store-mismatch",
    )


def _write_whole(root: Path, name: str, content: bytes, *, durable: bool) -> None:
    """Write a file that has its name only once it is whole."""
    temporary = root / f".{name.lstrip('.')}.{os.getpid()}"
    temporary.write_bytes(content)
    if durable:
        sync_path(str(temporary))
    os.replace(temporary, root / name)
