"""Getting content out. Whatever leaves is hashed on the way; bytes that are not what was stored never leave."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from forebear.blobs.digest import digest_of
from forebear.blobs.objects import SupportsForgetting, calls_at_once
from forebear.blobs.pack import unpack
from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.records.content import CODEC_RAW, Location

if TYPE_CHECKING:
    from concurrent.futures import Future

    from forebear.blobs.objects import ObjectStore

#: Slices of one object that lie closer than this are read together.
GAP_BYTES = 64 * 1024
#: The same where objects are far away, and a request costs as much as many bytes.
FAR_GAP_BYTES = 512 * 1024
#: One read takes at most so many bytes, unless a single slice is longer.
WINDOW_BYTES = 8 * 1024 * 1024

#: A longer range is read only from an object that has so many bytes, which costs a question.
UNASKED_BYTES = 64 * 1024 * 1024

Wanted = tuple[bytes, Location]
#: Object, offset and length of a range.
Range = tuple[str, int, int]
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def read_blob(objects: ObjectStore, digest: bytes, where: Location) -> bytes:
    """Return the content of one blob, verified.

    Raises:
        CorruptData: the object is missing, cut short, or its bytes do not have the digest.
    """
    return bytes(next(read_blobs(objects, [(digest, where)]))[1])


def read_blobs(objects: ObjectStore, wanted: Iterable[Wanted]) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Yield (digest, content) for each blob wanted, verified, in the order of objects and offsets.

    Raises:
        CorruptData: as `read_blob`.

    Cost: one read for each run of neighbouring slices, of `WINDOW_BYTES` at most. Memory: one window; where objects
    are far away, one for each call at a time.
    """
    gap = GAP_BYTES if calls_at_once(objects) == 1 else FAR_GAP_BYTES
    for name, window, start, view in _read_windows(objects, _windows(wanted, gap)):
        for digest, where in window:
            _, offset, stored, size, codec = where
            content: bytes | memoryview = view[offset - start : offset - start + stored]
            if codec != CODEC_RAW or size != stored:
                content = _unpacked(digest, name, content, where)
            if digest_of(content) != digest:
                content = _read_again(objects, digest, where)
            yield digest, content


def _read_windows(
    objects: ObjectStore, windows: Iterable[tuple[str, list[Wanted]]]
) -> Iterator[tuple[str, list[Wanted], int, memoryview]]:
    def read(item: tuple[str, list[Wanted]]) -> tuple[str, list[Wanted], int, memoryview]:
        name, window = item
        start = window[0][1].offset
        end = max(where.offset + where.stored for _, where in window)
        return name, window, start, memoryview(read_range(objects, (name, start, end - start), window[0][0]))

    return ahead(objects, read, windows)


def ahead(objects: ObjectStore, call: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """Yield ``call(item)`` for each, in order; where objects are far away, calls for the next ones run meanwhile.

    Memory: as many results as calls run at a time.
    """
    yield from several(calls_at_once(objects), call, items)


def several(at_once: int, call: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """Yield ``call(item)`` for each, in order, while ``at_once`` of the next ones run."""
    if at_once == 1:
        yield from map(call, items)
        return
    from forebear.blobs.workers import Workers  # 6 ms, only for objects that are far away

    running: deque[Future[_Out]] = deque()
    pool = Workers(at_once, thread_name_prefix="forebear-read")
    try:
        for item in items:
            running.append(pool.submit(call, item))
            if len(running) >= at_once:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def sizes_of(objects: ObjectStore, names: Iterable[str]) -> dict[str, int | None]:
    """Return the bytes of objects, ``None`` for those that are gone."""
    wanted = list(names)
    return dict(zip(wanted, ahead(objects, objects.size, wanted), strict=True))


def _read_again(objects: ObjectStore, digest: bytes, where: Location) -> bytes | memoryview:
    """Read a blob whose bytes are not what was stored where it really is, if those came from somewhere nearer.

    Raises:
        CorruptData: they are not what was stored there either.
    """
    if isinstance(objects, SupportsForgetting):
        objects.forget(where.object)
        content: bytes | memoryview = read_range(objects, (where.object, where.offset, where.stored), digest)
        if where.codec != CODEC_RAW or where.size != where.stored:
            content = _unpacked(digest, where.object, content, where)
        if digest_of(content) == digest:
            return content
    raise wrong_digest(digest, where.object)


def _unpacked(digest: bytes, name: str, stored: bytes | memoryview, where: Location) -> bytes | memoryview:
    try:
        return unpack(stored, where.size, where.codec)
    except CorruptData as err:
        raise CorruptData(f"object {name} is damaged: {err}", code=err.code, digest=digest) from err


def _windows(wanted: Iterable[Wanted], gap: int) -> Iterator[tuple[str, list[Wanted]]]:
    window: list[Wanted] = []
    start = end = 0
    name = ""
    for item in sorted(wanted, key=itemgetter(1)):
        where = item[1]
        last = where.offset + where.stored
        if window and (where.object != name or where.offset > end + gap or last - start > WINDOW_BYTES):
            yield name, window
            window = []
        if not window:
            name, start, end = where.object, where.offset, where.offset
        window.append(item)
        end = max(end, last)
    if window:
        yield name, window


def read_range(objects: ObjectStore, wanted: Range, digest: bytes) -> bytes:
    """Return all bytes of a range that the blob ``digest`` is in.

    Raises:
        CorruptData: the object is missing or cut short.
    """
    name, offset, length = wanted
    try:
        # Whoever made up a length must not be given so much memory.
        if length > UNASKED_BYTES and (there := objects.size(name)) is not None and offset + length > there:
            raise _cut_short(name, offset, length, max(0, there - offset), digest)
        content = objects.read(name, offset, length)
        if len(content) < length and isinstance(objects, SupportsForgetting):
            objects.forget(name)  # what is short may be a copy
            content = objects.read(name, offset, length)
    except NotFound as err:
        raise CorruptData(f"object {name} is missing from the store", code="missing-object", digest=digest) from err
    except InvalidInput as err:
        raise CorruptData(f"a blob lies in what can be no object: {err}", code="missing-object", digest=digest) from err
    if len(content) < length:
        raise _cut_short(name, offset, length, len(content), digest)
    return content


def _cut_short(name: str, offset: int, length: int, there: int, digest: bytes) -> CorruptData:
    return CorruptData(
        f"object {name} is cut short: {length} bytes wanted at {offset}, {there} there",
        code="corrupt-object",
        digest=digest,
    )


def wrong_digest(digest: bytes, name: str) -> CorruptData:
    """The error for bytes that are not what was stored."""
    return CorruptData(
        f"object {name} is damaged: its bytes do not have the digest {digest.hex()[:16]}…",
        code="corrupt-object",
        digest=digest,
    )
