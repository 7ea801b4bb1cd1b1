"""Reading what an entry refers to, and telling whether it is still what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.artifacts.reference_failures import told, told_parts
from forebear.artifacts.reference_identity import difference
from forebear.artifacts.reference_systems import Found, System
from forebear.blobs.copying import write_all
from forebear.blobs.digest import MAX_HASH_THREADS, THREADS_FROM_BYTES, Hasher
from forebear.errors import Conflict, CorruptData, NotFound
from forebear.records.content import Entry

if TYPE_CHECKING:
    from forebear.artifacts.reference_uris import Uri


class Reader:
    """Reads one object, in the version that was recorded of it."""

    def __init__(self, uri: Uri, system: System, version: str | None) -> None:
        self._uri = uri
        self._system = system
        self._version = version

    def digested(self, entry: Entry) -> Entry:
        """Return the entry with the digest of the object's bytes.

        Raises:
            Conflict: the object changed while it was read.
        """
        found = Found(entry.size, entry.identity or {})
        hasher = self.read(found)
        if self._version is None and entry.identity:
            found = self.still_there(entry)
        changed = difference((entry.size, entry.identity), (hasher.size, found.identity))
        if changed:
            raise Conflict(f"{self._uri.text} changed while it was read: {changed}; repeat", code="reference-changed")
        return Entry(entry.path, hasher.size, hasher.digest(), entry.ref, entry.identity)

    def read(self, found: Found, write: int | None = None) -> Hasher:
        """Read and hash the object; with ``write``, a file descriptor, also copy it there."""
        large = found.size is None or found.size >= THREADS_FROM_BYTES
        hasher = Hasher(threads=MAX_HASH_THREADS if large else 1)
        for part in told_parts(self._uri.text, self._system.parts(found, self._version)):
            hasher.update(part)
            if write is not None:
                write_all(write, part)
        return hasher

    def still_there(self, entry: Entry) -> Found:
        """Return what is there now: the recorded version, or what took its place when it is gone.

        Raises:
            CorruptData: there is nothing (code ``reference-missing``).
        """
        asked = self._version
        for self._version in dict.fromkeys((asked, None)):
            try:
                with told(self._uri.text):
                    found = self._system.look(self._version)
            except NotFound:
                continue
            if found is not None:
                return found
        which = f" (version {asked})" if asked else ""
        raise CorruptData(
            f"{entry.path!r} refers to {self._uri.text}{which}, which does not exist any more; "
            "put the object back, or log the artifact again without it",
            code="reference-missing",
        )

    def fetch(self, entry: Entry, write: int) -> None:
        """Copy the object to a file descriptor, verified.

        Raises:
            CorruptData: it is not what was recorded (code ``reference-changed``), or gone (``reference-missing``).
        """
        found = self.still_there(entry)
        _refuse(entry, changed_at_sight(entry, found))
        hasher = self.read(found, write)
        _refuse(entry, changed_by_content(entry, found, hasher))
        if entry.digest is None and entry.identity and self._version is None:
            _refuse(entry, difference((entry.size, entry.identity), self.still_there(entry)))


def changed_at_sight(entry: Entry, found: Found) -> str | None:
    """Say what changed, as far as that is sure before reading: with a digest, only another size is."""
    identity = None if entry.digest is not None else entry.identity
    return difference((entry.size, identity), found)


def changed_by_content(entry: Entry, found: Found, read: Hasher) -> str | None:
    """Say in what the bytes that were read differ from what was recorded, or else from what the system told."""
    if entry.digest is not None and read.digest() != entry.digest:
        return f"its digest was {entry.digest.hex()[:16]}…, now it is {read.digest().hex()[:16]}…"
    size = entry.size if entry.size is not None else found.size
    return difference((size, None), (read.size, None))


def _refuse(entry: Entry, changed: str | None) -> None:
    if changed:
        raise CorruptData(
            f"{entry.path!r} refers to {entry.ref}, which is not what it was when it was logged: {changed}; "
            "restore the object as it was, or log the artifact again with what is there now",
            code="reference-changed",
            digest=entry.digest,
        )
