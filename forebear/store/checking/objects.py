"""Whether an object is what the index says, and what was written under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.digest import Hasher, digest_of, digest_of_file
from forebear.blobs.local import storage_failure
from forebear.blobs.pack import FOOTER_BYTES, index_range, read_index, unpack
from forebear.errors import CorruptData, NotFound
from forebear.records.content import CODEC_RAW, DIGEST_BYTES, LOOSE, Location, Slice, StoredObject
from forebear.store.checking.blobs import damaged_slices

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

#: Kinds of trouble with an object: it is gone; its bytes are others; the index says of it what is not so.
MISSING, DAMAGED, MISMATCH = "missing-object", "damaged-object", "index-mismatch"
#: Bytes read at a time.
WINDOW_BYTES = 8 * 1024 * 1024


class Verdict(NamedTuple):
    """What is found of an object.

    Attributes:
        stored: What the index says of it.
        kind: `MISSING`, `DAMAGED` or `MISMATCH`; ``None`` for one that is sound.
        words: What is wrong.
        lost: Digests of what cannot be read from it.
        mended: What the index should say of it, where it is the index that is wrong.
    """

    stored: StoredObject
    kind: str | None = None
    words: str = ""
    lost: frozenset[bytes] = frozenset()
    mended: StoredObject | None = None

    @property
    def hit(self) -> frozenset[bytes]:
        """Digests of what some ways of reading refuse: one that takes a whole object finds bytes behind its end."""
        whole = digest_in(self.stored.name) if self.kind == DAMAGED and self.stored.kind == LOOSE else None
        return self.lost if whole is None else self.lost | {whole}


def look_at(objects: ObjectStore, stored: StoredObject) -> Verdict:
    """Look at an object without reading its content.

    Cost: its size is asked; the index at the end of a pack is read. One that is not sound is read whole.
    """
    try:
        verdict = _look_at_loose(objects, stored) if stored.kind == LOOSE else _look_at_pack(objects, stored)
    except NotFound:
        return _missing(stored)
    except CorruptData as err:
        return _examined(objects, stored, str(err))
    return verdict


def read_through(objects: ObjectStore, stored: StoredObject) -> Verdict:
    """Read all of an object: its digest, and that of everything in it. Memory: some windows of `WINDOW_BYTES`."""
    verdict = look_at(objects, stored)
    if verdict.kind is not None:
        return verdict
    try:
        if stored.kind == LOOSE:
            sound = _digest_of_object(objects, stored) == digest_in(stored.name)
        else:
            sound = _pack_is_sound(objects, stored)
    except NotFound:
        return _missing(stored)
    except CorruptData as err:
        return _examined(objects, stored, str(err))
    if sound:
        return verdict
    return _examined(objects, stored, f"object {stored.name} is damaged: its bytes do not have the digest in its name")


def digest_in(name: str) -> bytes | None:
    """The digest that the name of an object is made of; ``None`` where there is none in it."""
    text = name.rpartition("/")[2]
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    return digest if len(digest) == DIGEST_BYTES else None


def _missing(stored: StoredObject) -> Verdict:
    lost = frozenset(part.digest for part in stored.slices)
    return Verdict(stored, MISSING, f"object {stored.name} is missing from the store", lost)


def _examined(objects: ObjectStore, stored: StoredObject, words: str) -> Verdict:
    """A verdict on an object that is damaged: each slice is read to see which are lost."""
    wanted = [(part.digest, Location(stored.name, *part[1:])) for part in stored.slices]
    return Verdict(stored, DAMAGED, words, frozenset(damaged_slices(objects, wanted)))


def _wrong_size(stored: StoredObject, size: int | None) -> CorruptData:
    found = "another size" if size is None else f"{size:,} bytes"
    return CorruptData(f"object {stored.name} has {found}, not {stored.size:,}", code="corrupt-object")


# -- loose objects ----------------------------------------------------------------------------------------------------


def _look_at_loose(objects: ObjectStore, stored: StoredObject) -> Verdict:
    size = objects.size(stored.name)
    if size is None:
        return _missing(stored)
    digest = digest_in(stored.name)
    whole = Slice(digest or b"", 0, size, size, CODEC_RAW)
    if size != stored.size and whole not in stored.slices:
        raise _wrong_size(stored, size)
    wrong = [part for part in stored.slices if part.offset + part.stored > size or part.offset < 0]
    told = [part for part in stored.slices if part.digest == digest]
    # Nothing is said of the whole of it once that was collected, and something of it is needed, or was a moment ago.
    if size == stored.size and digest is not None and told in ([whole], []) and not wrong:
        return Verdict(stored)
    rest = [part for part in stored.slices if part not in wrong and part.digest != digest]
    right = StoredObject(stored.name, LOOSE, size, [*([] if digest is None else [whole]), *rest])
    lost = frozenset(part.digest for part in stored.slices if part not in right.slices)
    return Verdict(stored, MISMATCH, f"the index has wrong places in object {stored.name}", lost, right)


def _digest_of_object(objects: ObjectStore, stored: StoredObject) -> bytes:
    path = objects.local_path(stored.name)
    if path is not None:
        try:
            return digest_of_file(path)[0]
        except FileNotFoundError as err:
            raise NotFound(f"object {stored.name} is missing", code="object-missing") from err
        except OSError as err:
            raise storage_failure(err, f"read {path}") from err
    hasher = Hasher()
    for offset in range(0, stored.size, WINDOW_BYTES):
        hasher.update(_read(objects, stored, offset, min(WINDOW_BYTES, stored.size - offset)))
    return hasher.digest()


def _read(objects: ObjectStore, stored: StoredObject, offset: int, length: int) -> bytes:
    content = objects.read(stored.name, offset, length)
    if len(content) != length:
        raise _wrong_size(stored, None)
    return content


# -- packs ------------------------------------------------------------------------------------------------------------


def _look_at_pack(objects: ObjectStore, stored: StoredObject) -> Verdict:
    slices = read_pack_index(objects, stored.name, stored.size)
    there = {part.digest: part for part in slices}
    wrong = [part for part in stored.slices if there.get(part.digest) != part]
    if not wrong:
        return Verdict(stored)
    right = [there[part.digest] for part in stored.slices if part.digest in there]
    return Verdict(
        stored,
        MISMATCH,
        f"the index has wrong places in object {stored.name}, by the index of that pack itself",
        frozenset(part.digest for part in wrong),
        StoredObject(stored.name, stored.kind, stored.size, right),
    )


def read_pack_index(objects: ObjectStore, name: str, size: int) -> list[Slice]:
    """Return what a pack of ``size`` bytes says is in it, recipes among it. Cost: two small reads.

    Raises:
        CorruptData: it has another size, or its end is not that of a pack.
        NotFound: there is no such object.
    """
    # One byte more, to see that it is the end.
    footer = objects.read(name, max(0, size - FOOTER_BYTES), FOOTER_BYTES + 1)
    if len(footer) > FOOTER_BYTES:
        raise CorruptData(f"object {name} has more than {size:,} bytes", code="corrupt-object")
    offset, length = index_range(name, size, footer)
    return read_index(name, footer, objects.read(name, offset, length))


def _pack_is_sound(objects: ObjectStore, stored: StoredObject) -> bool:
    """Whether all bytes of a pack, and of each slice that the index has of it, have their digests; read once."""
    hasher = Hasher()
    held = bytearray()
    start = end = 0
    for part in sorted(stored.slices, key=lambda part: part.offset):
        while end < part.offset + part.stored:
            end += _take(objects, stored, end, held, hasher)
        del held[: part.offset - start]
        start = part.offset
        content = unpack(memoryview(held)[: part.stored].toreadonly(), part.size, part.codec)
        sound = digest_of(content) == part.digest
        del content  # a view of what is about to shrink
        if not sound:
            return False
    while end < stored.size:
        held.clear()
        end += _take(objects, stored, end, held, hasher)
    return hasher.digest() == digest_in(stored.name)


def _take(objects: ObjectStore, stored: StoredObject, at: int, held: bytearray, hasher: Hasher) -> int:
    content = _read(objects, stored, at, min(WINDOW_BYTES, stored.size - at))
    hasher.update(content)
    held += content
    return len(content)
