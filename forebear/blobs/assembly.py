"""Blobs that are made of slices: put together piece by piece, in bounded memory, and verified as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from forebear.blobs.copying import NOT_HERE, PIECE_BYTES, fill_and_hash, write_all
from forebear.blobs.digest import MAX_HASH_THREADS, Hasher
from forebear.blobs.objects import SupportsForgetting, calls_at_once
from forebear.blobs.pack import joined, unpack
from forebear.blobs.place import replacing
from forebear.blobs.reader import WINDOW_BYTES, ahead, read_blobs, read_range, wrong_digest
from forebear.errors import CorruptData
from forebear.records.content import CODEC_RAW, Location, Recipe

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

#: Where each part of a recipe is.
Places = Mapping[bytes, "Location | Recipe"]


def stream_blob(objects: ObjectStore, digest: bytes, recipe: Recipe, places: Places) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a blob in order; the end comes only if they have its digest.

    Raises:
        CorruptData: something of it is missing or damaged; the message names the object.

    Memory: `WINDOW_BYTES`, and as much unpacked.
    """
    hasher = Hasher(threads=MAX_HASH_THREADS)
    for content in _contents(objects, _pieces(digest, recipe, places), digest):
        hasher.update(content)
        yield content
    if hasher.digest() != digest:
        _forget(objects, _pieces(digest, recipe, places))
        raise _damage(objects, digest, recipe, places)


def assemble(objects: ObjectStore, digest: bytes, recipe: Recipe, places: Places, path: str) -> None:
    """Put a blob that is made of slices in place as a file, verified.

    Raises:
        CorruptData: something of it is missing or damaged; ``path`` is then left as it was.

    Cost: one pass, in which the kernel copies what is stored as it is while this process reads and hashes the copy.
    """
    pieces = _pieces(digest, recipe, places)
    with replacing(path) as temporary:
        for last in (False, True):
            ends = _fill(objects, pieces, temporary.descriptor, digest)
            if fill_and_hash(ends, temporary.descriptor)[0] == digest:
                return
            # What came from somewhere nearer is worth asking for where it really is.
            if last or not _forget(objects, pieces):
                raise _damage(objects, digest, recipe, places)
            os.ftruncate(temporary.descriptor, 0)


def _forget(objects: ObjectStore, pieces: Iterable[Location]) -> bool:
    """Drop copies at hand of the objects that pieces lie in; tell whether there may have been any."""
    if not isinstance(objects, SupportsForgetting):
        return False
    for name in {piece.object for piece in pieces}:
        objects.forget(name)
    return True


def _pieces(digest: bytes, recipe: Recipe, places: Places) -> list[Location]:
    found = []
    for part in recipe.parts:
        where = places.get(part)
        if not isinstance(where, Location):
            raise CorruptData(
                f"the blob {digest.hex()[:16]}… is made of chunks; one, {part.hex()[:16]}…, is not in the store",
                code="missing-blob",
                digest=digest,
            )
        found.append(where)
    return joined(found)


def _contents(objects: ObjectStore, pieces: list[Location], digest: bytes) -> Iterator[bytes | memoryview]:
    def read(run: list[Location]) -> tuple[list[Location], bytes]:
        first, last = run[0], run[-1]
        return run, read_range(objects, (first.object, first.offset, last.offset + last.stored - first.offset), digest)

    for run, stored in ahead(objects, read, _runs(pieces)):
        for piece in run:
            offset = piece.offset - run[0].offset
            yield _unpacked(memoryview(stored)[offset : offset + piece.stored], piece, digest)


def _runs(pieces: Iterable[Location]) -> Iterator[list[Location]]:
    """Yield pieces in order, neighbours of one object together, `WINDOW_BYTES` at most; longer ones are divided."""
    run: list[Location] = []
    for piece in _divided(pieces):
        if run:
            end = run[-1].offset + run[-1].stored
            apart = (piece.object, piece.offset) != (run[-1].object, end)
            if apart or piece.offset + piece.stored - run[0].offset > WINDOW_BYTES:
                yield run
                run = []
        run.append(piece)
    if run:
        yield run


def _divided(pieces: Iterable[Location]) -> Iterator[Location]:
    for piece in pieces:
        if piece.codec != CODEC_RAW or piece.stored <= WINDOW_BYTES:
            yield piece
            continue
        for start in range(0, piece.stored, WINDOW_BYTES):
            length = min(WINDOW_BYTES, piece.stored - start)
            yield Location(piece.object, piece.offset + start, length, length, CODEC_RAW)


def _unpacked(stored: bytes | memoryview, piece: Location, digest: bytes) -> bytes | memoryview:
    if piece.codec == CODEC_RAW:
        return stored
    try:
        return unpack(stored, piece.size, piece.codec)
    except CorruptData as err:
        raise CorruptData(f"object {piece.object} is damaged: {err}", code=err.code, digest=digest) from err


def _fill(objects: ObjectStore, pieces: list[Location], target: int, digest: bytes) -> Iterator[int]:
    """Write the pieces to an empty file one after the other, and yield how many bytes it has, again and again."""
    end = 0
    if calls_at_once(objects) > 1:
        for content in _contents(objects, pieces, digest):
            write_all(target, content)
            end += len(content)
            yield end
        return
    for piece in pieces:
        for count in _copy(objects, piece, target, end, digest):
            end += count
            yield end


def _copy(objects: ObjectStore, piece: Location, target: int, end: int, digest: bytes) -> Iterator[int]:
    path = objects.local_path(piece.object) if piece.codec == CODEC_RAW and hasattr(os, "copy_file_range") else None
    if path is not None:
        try:
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as err:
            raise _missing(piece, digest) from err
        try:
            done = 0
            while done < piece.stored:
                length = min(PIECE_BYTES, piece.stored - done)
                count = os.copy_file_range(source, target, length, piece.offset + done, end + done)
                if not count:
                    raise _short(piece, digest)
                done += count
                yield count
            return
        except OSError as err:
            if done or err.errno not in NOT_HERE:
                raise
        finally:
            os.close(source)
    os.lseek(target, end, os.SEEK_SET)
    for content in _contents(objects, [piece], digest):
        write_all(target, content)
        yield len(content)


def _missing(piece: Location, digest: bytes) -> CorruptData:
    return CorruptData(f"object {piece.object} is missing from the store", code="missing-object", digest=digest)


def _short(piece: Location, digest: bytes) -> CorruptData:
    end = piece.offset + piece.stored
    return CorruptData(
        f"object {piece.object} is cut short: its bytes up to {end} are wanted", code="corrupt-object", digest=digest
    )


def _damage(objects: ObjectStore, digest: bytes, recipe: Recipe, places: Places) -> CorruptData:
    """Find out which object is damaged: the parts are read once more, each with its own digest."""
    if len(recipe.parts) == 1:
        where = places[recipe.parts[0]]
        return wrong_digest(digest, where.object if isinstance(where, Location) else "?")
    parts = [(part, where) for part in set(recipe.parts) if isinstance(where := places[part], Location)]
    try:
        for _ in read_blobs(objects, parts):
            pass
    except CorruptData as err:
        return CorruptData(str(err), code=err.code, digest=digest)
    return CorruptData(
        f"the blob {digest.hex()[:16]}… is made of chunks that are sound but make up something else",
        code="corrupt-recipe",
        digest=digest,
    )
