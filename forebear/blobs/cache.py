"""A cache in a folder of this machine, for objects that are far away.

Layout: ``<digest of the object's name>/<number>``, a file for each block that was read, of `BLOCK_BYTES` but for the
object's last, followed by a digest of it. A block appears whole by a rename; what else lies there counts for nothing.
Nothing here is ever the only copy: a file may vanish at any time, and bytes that are not what was written are read
anew. Several processes use one folder; each counts what it wrote, and looks at the whole folder when that is much.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.digest import digest_of
from forebear.blobs.objects import NAMED_BY_DIGEST, SupportsFiles, calls_at_once, check_object_name
from forebear.errors import Unsupported
from forebear.records.content import DIGEST_BYTES

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectSink, ObjectStore

#: What is read and kept at a time.
BLOCK_BYTES = 1024 * 1024
#: Bytes kept unless somebody says.
LIMIT_BYTES = 10 * 1024**3
#: Each process looks through the folder once it has written this part of the limit.
_SHARE = 1 / 16
#: Blocks are dropped once this part of the limit is full, until so much is left.
_FULL, _LEFT = 1 - _SHARE, 1 - 3 * _SHARE
_TEMPORARY = "write-"
#: Seconds after which a temporary file is taken to be left by a process that was killed.
_STALE_SECONDS = 3600


class CachedObjects:
    """An `forebear.blobs.objects.ObjectStore` over one that is far away; what is read once is read here next time.

    Only ranges of loose objects and packs are kept. Bytes are verified by whoever reads them, as always; who finds them
    wrong calls `forget` and reads again, and then has them from where they really are.
    """

    def __init__(self, objects: ObjectStore, folder: Path, limit: int = LIMIT_BYTES) -> None:
        """Keep up to ``limit`` bytes in ``folder``, which is made when it is first needed."""
        self._objects = objects
        self._folder = folder
        self._limit = limit
        self.calls_at_once = calls_at_once(objects)
        #: Bytes that this process may write before it looks through the folder.
        self._allowed = 0

    def __repr__(self) -> str:
        return f"CachedObjects({self._objects!r})"

    @property
    def beyond(self) -> ObjectStore:
        """What this is a cache of, for whoever reads once what nobody here will read again."""
        return self._objects

    @property
    def limit(self) -> int:
        """Bytes that are kept at most."""
        return self._limit

    def used(self) -> int:
        """Return the bytes that are kept now. Cost: a stat for each MiB."""
        return sum(block.size for block in _all_blocks(self._folder))

    # -- the port -----------------------------------------------------------------------------------------------

    def sink(self) -> ObjectSink:
        """See `ObjectStore.sink`."""
        return self._objects.sink()

    def put(self, name: str, content: bytes) -> None:
        """See `ObjectStore.put`."""
        self._objects.put(name, content)

    def put_file(self, name: str, path: str) -> None:
        """See `SupportsFiles.put_file`."""
        if not isinstance(self._objects, SupportsFiles):
            raise Unsupported(f"{self._objects!r} takes no files", code="file-too-large")
        self._objects.put_file(name, path)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `ObjectStore.read`. Cost: one read for each run of blocks that are not here."""
        check_object_name(name)
        if not length or not name.startswith(NAMED_BY_DIGEST):
            return self._objects.read(name, offset, length)
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        folder = self._folder_of(name)
        found: dict[int, bytes] = {}
        for number in range(first, last + 1):
            block = _block(folder, number)
            if block is not None:
                found[number] = block
        for start, end in _runs(number for number in range(first, last + 1) if number not in found):
            found |= self._fetch(name, start, end)
        content = b"".join(found.get(number, b"") for number in range(first, last + 1))
        skipped = offset - first * BLOCK_BYTES
        return content[skipped : skipped + length]

    def size(self, name: str) -> int | None:
        """See `ObjectStore.size`; asked where the object really is."""
        return self._objects.size(name)

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.names`."""
        return self._objects.names(prefix)

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        self._objects.delete(name)
        self.forget(name)

    def local_path(self, name: str) -> Path | None:
        """See `ObjectStore.local_path`; blocks are no objects."""
        return self._objects.local_path(name)

    def forget(self, name: str) -> None:
        """See `SupportsForgetting.forget`."""
        folder = self._folder_of(check_object_name(name))
        with contextlib.suppress(OSError):
            for block in os.listdir(folder):
                _remove(os.path.join(folder, block))

    # -- how ----------------------------------------------------------------------------------------------------

    def _folder_of(self, name: str) -> str:
        return os.path.join(self._folder, digest_of(name.encode()).hex()[:32])

    def _fetch(self, name: str, start: int, end: int) -> dict[int, bytes]:
        """Read blocks from ``start`` to before ``end``, and keep them."""
        content = self._objects.read(name, start * BLOCK_BYTES, (end - start) * BLOCK_BYTES)
        blocks = {
            number: content[(number - start) * BLOCK_BYTES : (number - start + 1) * BLOCK_BYTES]
            for number in range(start, end)
        }
        # A full disk, or one that is read-only, must not keep anybody from reading.
        with contextlib.suppress(OSError):
            self._keep(self._folder_of(name), blocks)
        return blocks

    def _keep(self, folder: str, blocks: dict[int, bytes]) -> None:
        for number, block in blocks.items():
            if not block:
                continue
            self._make_room(len(block))
            os.makedirs(folder, exist_ok=True)
            temporary = os.path.join(folder, f"{_TEMPORARY}{os.urandom(8).hex()}")
            try:
                with open(temporary, "xb") as file:
                    file.write(block)
                    file.write(digest_of(block))
                os.replace(temporary, os.path.join(folder, str(number)))
            except BaseException:
                _remove(temporary)
                raise

    def _make_room(self, size: int) -> None:
        self._allowed -= size
        if self._allowed < 0:
            self._allowed = int(self._limit * _SHARE)  # first, so that one thread looks and the others go on
            sweep(self._folder, self._limit)


def _block(folder: str, number: int) -> bytes | None:
    """Return the bytes of a block that is here and sound, and note that it was of use."""
    path = os.path.join(folder, str(number))
    try:
        with open(path, "rb") as file:
            content = file.read()
        os.utime(path)
    except OSError:
        return None
    if digest_of(content[:-DIGEST_BYTES]) != content[-DIGEST_BYTES:]:
        _remove(path)
        return None
    return content[:-DIGEST_BYTES]


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of numbers that follow each other."""
    start = end = -1
    for number in numbers:
        if number != end:
            if end > start:
                yield start, end
            start = number
        end = number + 1
    if end > start:
        yield start, end


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


class _Block(NamedTuple):
    used: float
    size: int
    path: str


def sweep(folder: Path, limit: int) -> int:
    """Drop the blocks whose use lies back longest, until there is room below ``limit`` bytes; return what is left.

    Cost: a stat a block, 10,000 of them for 10 GiB.
    """
    blocks = list(_all_blocks(folder))
    total = sum(block.size for block in blocks)
    if total <= limit * _FULL:
        return total
    for block in sorted(blocks):
        if total <= limit * _LEFT:
            break
        _remove(block.path)
        total -= block.size
    return total


def _all_blocks(folder: Path) -> Iterator[_Block]:
    """Yield what lies in the folder, and remove what a killed process left."""
    now = time.time()
    for inner in _entries(folder):
        for entry in _entries(inner.path):
            with contextlib.suppress(OSError):  # another process sweeps too
                status = entry.stat()
                if entry.name.startswith(_TEMPORARY) and now - status.st_mtime > _STALE_SECONDS:
                    _remove(entry.path)
                else:
                    yield _Block(status.st_mtime, status.st_size, entry.path)


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
