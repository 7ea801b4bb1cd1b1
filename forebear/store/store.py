"""The open store: a catalog and blobs that belong together, and what takes both to do."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forebear.blobs.assembly import stream_blob
from forebear.blobs.local import LocalObjects
from forebear.blobs.reader import read_blobs
from forebear.errors import CorruptData, StorageFailure, Unsupported
from forebear.records.content import Location, Recipe
from forebear.store.checkout import Checkout, Progress
from forebear.store.intake import Intake
from forebear.store.leases import WriterLease
from forebear.store.records import write_records

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.catalog.fingerprints import FingerprintCache
    from forebear.catalog.port import Catalog


class Store:
    """One place that holds everything. Made by `forebear.store.opening.open_store`; safe for threads and forks."""

    def __init__(
        self,
        url: str,
        catalog: Catalog,
        objects: ObjectStore,
        fingerprints: FingerprintCache,
        *,
        local: Path | None = None,
        address: str | None = None,
    ) -> None:
        """Pair what belongs together.

        Args:
            url: Where it is, for people; no secret is in it.
            local: See `local`; by default ``url`` is that folder.
            address: See `address`; by default ``url``.
        """
        self.url = url
        #: What opens it again, in another process too. A password may be in it: it is never shown or written.
        self.address = url if address is None else address
        #: Folder of this machine for what is on its way into the store (journals, files of runs) and for caches. For a
        #: store in a folder it is that folder.
        self.local = Path(url) if local is None else local
        self.catalog = catalog
        self.objects = objects
        self.fingerprints = fingerprints
        #: Leases of intakes that were given up.
        self._left: deque[str] = deque()

    @property
    def id(self) -> str:
        """Identity of the store, the same in catalog and blobs."""
        return self.catalog.store_id

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders that nobody may empty: the local one, and that of the blobs where they are in one."""
        blobs = (self.objects.root,) if isinstance(self.objects, LocalObjects) else ()
        return tuple(dict.fromkeys((self.local, *blobs)))

    def intake(self) -> Intake:
        """Begin to take content in for one draft."""
        return Intake(self.catalog, self.objects, self.fingerprints, self._left)

    def writer_lease(self) -> WriterLease:
        """Begin to write objects by other means than an intake."""
        return WriterLease(self.catalog, self._left)

    def checkout(self, root: str, *, link: bool = False, progress: Progress | None = None) -> Checkout:
        """Begin to place files below ``root``.

        Raises:
            Unsupported: files are to be links, and blobs are not in a folder.
        """
        if link and not isinstance(self.objects, LocalObjects):
            raise Unsupported(
                f"link=True needs blobs in a folder of this machine, and those of {self.url} are not; leave it out to "
                "copy files",
                code="no-hard-link",
            )
        return Checkout(self.catalog, self.objects, self.fingerprints, root, link=link, progress=progress)

    def write_records(self, *, patient: bool = True) -> None:
        """Leave records beside the blobs of all that is new about versions.

        The catalog has it already, so a record that finds no room, or no bucket, now is written by whoever comes next.

        Args:
            patient: Wait for a bucket that is away; who only changed the catalog need not.
        """
        with contextlib.suppress(StorageFailure):
            write_records(self.catalog, self.objects if patient else _impatient(self.objects))

    def read(self, digest: bytes) -> bytes:
        """Return the content of a blob, verified.

        Raises:
            CorruptData: it is missing or damaged.
        """
        return bytes(next(self.read_many([digest]))[1])

    def read_many(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | memoryview]]:
        """Yield (digest, content) for each different blob, verified, in the order in which they lie.

        Raises:
            CorruptData: a blob is missing or damaged.
        """
        located = self.catalog.locate(digests := set(digests))
        missing = digests - located.keys()
        if missing:
            digest = min(missing)
            raise CorruptData(f"the blob {digest.hex()[:16]}… is not in the store", code="missing-blob", digest=digest)
        slices = [(digest, where) for digest, where in located.items() if isinstance(where, Location)]
        yield from read_blobs(self.objects, slices)
        for digest, where in located.items():
            if isinstance(where, Recipe):
                parts = self.catalog.locate(where.parts)
                yield digest, b"".join(stream_blob(self.objects, digest, where, parts))

    def damaged(self, digests: Iterable[bytes]) -> dict[bytes, CorruptData]:
        """Read every blob and return those that are missing or damaged, each with what is wrong.

        Cost: reads all bytes, several blobs at a time; where a read fails, its neighbours are read again one by one.
        """
        from forebear.store.checking.blobs import damaged_blobs  # 1 ms, only for checks

        return damaged_blobs(self.catalog, self.objects, digests)

    def close(self) -> None:
        """Let go of files and connections."""
        self.fingerprints.close()
        self.catalog.close()

    def __repr__(self) -> str:
        return f"Store({self.url!r})"


def _impatient(objects: ObjectStore) -> ObjectStore:
    """The objects without whatever waits for them."""
    beyond = getattr(objects, "beyond", objects)
    found: ObjectStore = getattr(beyond, "once", beyond)
    return found
