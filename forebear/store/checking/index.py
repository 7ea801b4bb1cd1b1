"""The index of blobs, made again from the objects alone.

The name of a loose object says what is in it; a pack ends with an index of its own, in which recipes say of which
ranges of objects a blob is made. What the catalog knows besides, chunks of loose objects, is found again as far as a
recipe needs it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from forebear.blobs.digest import Hasher
from forebear.blobs.pack import MAGIC, read_recipe
from forebear.blobs.reader import several
from forebear.errors import CorruptData, NotFound
from forebear.records.content import CODEC_RAW, CODEC_RECIPE, LOOSE, PACK, Location, Recipe, Slice, StoredObject
from forebear.store.checking.blobs import Progress, threads_for
from forebear.store.checking.objects import WINDOW_BYTES, digest_in, read_pack_index

if TYPE_CHECKING:
    from forebear.blobs.objects import ObjectStore

#: Of an object, where a range begins and how many bytes it has.
_Range = tuple[str, int, int]


class Scanned(NamedTuple):
    """What the objects say.

    Attributes:
        objects: All that can be read, by name, each with the recipes that lie in it.
        recipes: All of these recipes.
        damaged: Names of those that cannot, and of blobs whose recipe cannot, with what is wrong.
    """

    objects: dict[str, StoredObject]
    recipes: dict[bytes, Recipe]
    damaged: dict[str, CorruptData]


class _Lines(NamedTuple):
    stored: StoredObject
    recipes: list[Slice]


def scan(
    objects: ObjectStore,
    names: Iterable[str] | None = None,
    progress: Progress | None = None,
    *,
    known: Container[bytes] = (),
) -> Scanned:
    """Look at objects, by default at all, and return what is in them; recipes that need others are left out.

    Recipes of blobs that are ``known`` are not followed.

    Cost: the size of each object, and the index at the end of each pack; ranges that recipes name are read where no
    index knows them. Memory: the whole index.
    """
    found = Scanned({}, {}, {})
    recipes: list[tuple[str, Slice]] = []

    def look(name: str) -> tuple[str, _Lines | CorruptData | None]:
        try:
            return name, _lines_of(objects, name)
        except CorruptData as err:
            return name, err
        except NotFound:  # it went meanwhile
            return name, None

    wanted = _all_names(objects) if names is None else names
    for name, lines in several(threads_for(objects), look, wanted):
        if isinstance(lines, CorruptData):
            found.damaged[name] = lines
        elif lines is not None:
            found.objects[name] = lines.stored
            recipes += [(name, line) for line in lines.recipes if line.digest not in known]
            if progress is not None:
                progress(1, lines.stored.size)
    _Recipes(objects, found).add(recipes)
    return found


def _all_names(objects: ObjectStore) -> Iterator[str]:
    for kind in (LOOSE, PACK):
        yield from objects.names(f"{kind}/")


def _lines_of(objects: ObjectStore, name: str) -> _Lines | None:
    size, digest = objects.size(name), digest_in(name)
    if size is None or digest is None:
        return None
    if name.startswith(f"{LOOSE}/"):
        return _Lines(StoredObject(name, LOOSE, size, [Slice(digest, 0, size, size, CODEC_RAW)]), [])
    lines = read_pack_index(objects, name, size)
    if objects.read(name, 0, len(MAGIC)) != MAGIC:
        raise CorruptData(f"pack {name} is damaged: it does not begin as one", code="corrupt-object")
    return _Lines(
        StoredObject(name, PACK, size, [line for line in lines if line.codec != CODEC_RECIPE]),
        [line for line in lines if line.codec == CODEC_RECIPE],
    )


class _Recipes:
    """Turns ranges of objects back into chunks with digests."""

    def __init__(self, objects: ObjectStore, found: Scanned) -> None:
        self._objects = objects
        self._found = found
        #: The slice that begins at an offset of an object; an empty one is part of nothing.
        self._slices: dict[tuple[str, int], Slice] = {
            (stored.name, part.offset): part
            for stored in found.objects.values()
            for part in stored.slices
            if part.stored
        }
        self._hashed: dict[_Range, bytes] = {}

    def add(self, lines: list[tuple[str, Slice]]) -> None:
        """Add the recipes of all packs; of several for one blob, one that can be followed."""
        for pack, line in lines:
            if line.digest in self._found.recipes:
                continue
            try:
                parts = self._parts(read_recipe(pack, self._objects.read(pack, line.offset, line.stored), line.size))
            except (CorruptData, NotFound) as err:
                words = f"the blob {line.digest.hex()[:16]}… is made of chunks that are not all there: {err}"
                self._found.damaged[line.digest.hex()] = CorruptData(words, code="corrupt-recipe", digest=line.digest)
                continue
            self._found.damaged.pop(line.digest.hex(), None)
            recipe = self._found.recipes[line.digest] = Recipe(line.size, parts)
            self._found.objects[pack].recipes[line.digest] = recipe

    def _parts(self, pieces: list[Location]) -> tuple[bytes, ...]:
        for piece in pieces:
            stored = self._found.objects.get(piece.object)
            if stored is None or piece.offset + piece.stored > stored.size:
                raise CorruptData(f"object {piece.object} does not hold them", code="missing-object")
        return tuple(digest for piece in pieces for digest in self._digests(piece))

    def _digests(self, piece: Location) -> Iterator[bytes]:
        """Yield the digests of the chunks of which a piece is made: slices of a pack, or a range of a loose object."""
        if piece.object.startswith(f"{LOOSE}/"):
            yield self._of_range(piece)
            return
        at, end = piece.offset, piece.offset + piece.stored
        while at < end:
            part = self._slices.get((piece.object, at))
            if part is None or part.codec != piece.codec or at + part.stored > end:
                raise CorruptData(f"object {piece.object} has no such slice", code="corrupt-recipe")
            yield part.digest
            at += part.stored

    def _of_range(self, piece: Location) -> bytes:
        """Return the digest of a range of a loose object, which becomes one of its slices."""
        where = (piece.object, piece.offset, piece.stored)
        digest = self._hashed.get(where)
        if digest is None:
            digest = self._hashed[where] = self._hash(piece)
            slices = self._found.objects[piece.object].slices
            if all(part.digest != digest for part in slices):
                slices.append(Slice(digest, piece.offset, piece.stored, piece.size, CODEC_RAW))
        return digest

    def _hash(self, piece: Location) -> bytes:
        hasher = Hasher()
        for start in range(0, piece.stored, WINDOW_BYTES):
            length = min(WINDOW_BYTES, piece.stored - start)
            hasher.update(self._objects.read(piece.object, piece.offset + start, length))
        return hasher.digest()


def with_recipes_of(objects: Iterable[StoredObject], held: Container[bytes]) -> list[StoredObject]:
    """Return objects with those of their recipes whose parts are all in them, or ``held``."""
    stored = list(objects)
    here = {part.digest for each in stored for part in each.slices}
    return [
        StoredObject(
            each.name,
            each.kind,
            each.size,
            each.slices,
            {d: r for d, r in each.recipes.items() if all(part in here or part in held for part in r.parts)},
        )
        for each in stored
    ]
