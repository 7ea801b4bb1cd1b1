"""Putting blobs in place as files: by reflink, by copy, or by hard link.

Nothing here decides *where* a file goes; callers pass paths that were checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.copying import copy_file_and_hash, write_all
from forebear.blobs.digest import digest_of_file
from forebear.blobs.local import storage_failure
from forebear.blobs.reader import wrong_digest
from forebear.blobs.temporary import NEW_FILE, fcntl, new_file
from forebear.errors import CorruptData, Unsupported

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore
    from forebear.records.content import Location

#: linux/fs.h: make a file share the blocks of another (btrfs, XFS, bcachefs, …).
_FICLONE = 0x40049409
#: Answers of the system that mean "not here", not "failed".
_NO_CLONE = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}


def write_new(path: str, content: bytes | memoryview) -> None:
    """Write a small file; it has its name only once it is whole, and an existing one is never written through."""
    with replacing(path) as temporary:
        write_all(temporary.descriptor, content)


def write_unseen(path: str, content: bytes | memoryview) -> os.stat_result:
    """Write a small file into a folder that nobody else looks into yet; return its status.

    Cost: half of `write_new`, for nothing is renamed.
    """
    try:
        descriptor = os.open(path, NEW_FILE, 0o666)
        try:
            written = os.write(descriptor, content)
            if written != len(content):
                write_all(descriptor, memoryview(content)[written:])
            return os.fstat(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            os.close(descriptor)
    except OSError as err:
        raise storage_failure(err, f"write {path}") from err


class Temporary(NamedTuple):
    """A file on its way to its name, open for writing."""

    descriptor: int
    path: str


@contextlib.contextmanager
def replacing(path: str) -> Iterator[Temporary]:
    """Give a temporary file beside ``path`` that takes its place when the block ends well."""
    try:
        temporary = Temporary(*new_file(os.path.dirname(path)))
    except OSError as err:
        raise storage_failure(err, f"write {path}") from err
    descriptor: int | None = temporary.descriptor
    try:
        yield temporary
        if fcntl is None:  # Windows renames no open file; elsewhere the lock is held until the file has its name
            os.close(temporary.descriptor)
            descriptor = None
        os.replace(temporary.path, path)
    except BaseException as err:
        with contextlib.suppress(OSError):
            os.unlink(temporary.path)
        if isinstance(err, OSError) and err.errno is not None:
            raise storage_failure(err, f"write {path}") from err
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def copy_loose(objects: ObjectStore, digest: bytes, where: Location, path: str) -> None:
    """Put a blob that is a whole object in place as a file of its own, verified; by reflink where that works.

    Raises:
        CorruptData: the object is missing or its bytes do not have the digest; ``path`` is then left as it was.

    Cost: one pass over the bytes, copying and hashing at once; memory as `copy_file_and_hash`.
    """
    source = objects.local_path(where.object)
    assert source is not None
    with replacing(path) as temporary:
        try:
            stream = open(source, "rb", buffering=0)  # noqa: SIM115 - closed by the with below
        except FileNotFoundError as err:
            raise CorruptData(
                f"object {where.object} is missing from the store", code="missing-object", digest=digest
            ) from err
        with stream:
            if _clone(stream.fileno(), temporary.descriptor):
                found = digest_of_file(temporary.path)[0]
            else:
                found = copy_file_and_hash(stream.fileno(), temporary.descriptor)[0]
        if found != digest:
            raise wrong_digest(digest, where.object)


def _clone(source: int, target: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as err:
        if err.errno in _NO_CLONE:
            return False
        raise
    return True


def link_loose(objects: ObjectStore, where: Location, path: str) -> Path:
    """Put a whole object in place by a hard link; return the object's own path. The caller verifies the object.

    Raises:
        Unsupported: the target is on another file system, or the store is not a folder.
        CorruptData: the object is missing.
    """
    source = objects.local_path(where.object)
    if source is None:
        raise Unsupported("link=True needs a store in a folder of this machine", code="no-hard-link")
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:40]}.{os.urandom(6).hex()}")
    try:
        os.link(source, temporary)
        os.replace(temporary, path)
    except FileNotFoundError as err:
        raise CorruptData(f"object {where.object} is missing from the store", code="missing-object") from err
    except OSError as err:
        if err.errno in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise Unsupported(
                f"cannot hard-link to {path} ({os.strerror(err.errno)}); leave link=True out to copy",
                code="no-hard-link",
            ) from err
        raise storage_failure(err, f"link {path}") from err
    finally:
        # Also after success: renaming one link of a file onto another link of it does nothing.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return source
