"""What files looked like when they were hashed last, so that an unchanged tree is not read again.

A cache: never authoritative, local to one machine, and deleting it loses nothing. One row a folder, because reading 200
rows is cheaper than reading 20,000. The row maps a file's name to (inode, size, mtime_ns, ctime_ns, digest).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from forebear.catalog.driver import rows_in
from forebear.catalog.sqlite_driver import SqliteDriver
from forebear.errors import CorruptData, StorageFailure

if TYPE_CHECKING:
    import os

#: inode, size in bytes, mtime and ctime in nanoseconds, digest.
Fingerprint = tuple[int, int, int, int, bytes]
#: A file that changed this shortly before it was hashed may have changed again within the clock's tick.
TICK_NS = 20_000_000
#: File systems with a clock of whole seconds (FAT has two) show times without a fraction.
COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Fingerprint]).decode


def print_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what of a file's status must stay the same for its digest to be trusted."""
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def may_remember(mtime_ns: int, ctime_ns: int, now_ns: int) -> bool:
    """Whether a file with these times, hashed after ``now_ns``, would show a later change in its times."""
    newest = max(mtime_ns, ctime_ns)
    tick = TICK_NS if ctime_ns % _SECOND_NS else COARSE_TICK_NS
    return newest + tick < now_ns


def packed(files: dict[str, Fingerprint]) -> bytes:
    """Return what is remembered of one folder as one text: 70 bytes a file, where it takes 390 otherwise.

    Files whose names are no Unicode are left out; no artifact takes them.
    """
    try:
        return _encode(files)
    except UnicodeEncodeError:
        return _encode({name: seen for name, seen in files.items() if name.isascii() or _is_unicode(name)})


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)


def unpacked(files: bytes) -> dict[str, Fingerprint]:
    """Return what `packed` packed; nothing, where that is damaged."""
    try:
        return _decode(files)
    except msgspec.MsgspecError:
        return {}


class FingerprintCache:
    """The cache in one SQLite file. A damaged or unwritable one is left alone or made anew; it never fails a caller."""

    def __init__(self, path: Path | None) -> None:
        """Keep the cache at ``path``; ``None`` remembers nothing."""
        self._path = path
        self._driver = self._open() if path is not None else None

    def _open(self) -> SqliteDriver | None:
        assert self._path is not None
        for _ in range(2):
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                driver = SqliteDriver(self._path)
                driver.execute("CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY, files BLOB NOT NULL)")
                return driver
            except CorruptData:
                for name in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
                    name.unlink(missing_ok=True)
            except OSError:  # read-only store, no room: work without a memory
                return None
        return None

    def folders(self, paths: Iterable[str]) -> dict[str, dict[str, Fingerprint]]:
        """Return what is remembered of folders, by their absolute path; unknown ones are left out."""
        return {path: unpacked(files) for path, files in self.packed_folders(paths).items()}

    def packed_folders(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the same, each folder as `packed` has it."""
        if self._driver is None:
            return {}
        try:
            return dict(rows_in(self._driver, "SELECT path, files FROM folders WHERE path IN ({keys})", paths))
        except (CorruptData, StorageFailure):
            return {}

    def save(self, folders: dict[str, dict[str, Fingerprint]]) -> None:
        """Replace what is remembered of these folders."""
        self.save_packed({path: packed(files) for path, files in folders.items()})

    def save_packed(self, folders: dict[str, bytes]) -> None:
        """The same, of folders as `packed` has them."""
        if self._driver is None or not folders:
            return
        rows = list(folders.items())
        try:
            with self._driver.transaction():
                self._driver.many(
                    "INSERT INTO folders (path, files) VALUES (?, ?) "
                    "ON CONFLICT (path) DO UPDATE SET files = excluded.files",
                    rows,
                )
        except (CorruptData, StorageFailure):
            return  # full disk: the next run hashes again

    def clear(self) -> None:
        """Forget everything, so that each file is read the next time it is added."""
        if self._driver is not None:
            with contextlib.suppress(CorruptData, StorageFailure):
                self._driver.execute("DELETE FROM folders")

    def close(self) -> None:
        """Let go of the file."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None
