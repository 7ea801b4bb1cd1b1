"""Mending what a look at a store found.

Nothing that can still be read is lost by it, and nothing is deleted: damaged objects are put aside, what is sound in
them is written anew, and what is not is taken from wherever else it is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from forebear.api.checking.report import Repair
from forebear.api.checking.walking import Walk, contents_of
from forebear.api.copying.freight import Freight
from forebear.api.copying.report import Copied
from forebear.blobs.digest import Hasher
from forebear.blobs.objects import SupportsForgetting
from forebear.blobs.pack import PACK_BYTES, PackWriter
from forebear.blobs.reader import read_range
from forebear.errors import CorruptData
from forebear.records.content import LOOSE, Location, Slice, StoredObject
from forebear.store.checking.aside import PREFIX, aside, put_aside
from forebear.store.checking.index import scan, with_recipes_of
from forebear.store.checking.objects import MISMATCH, MISSING, WINDOW_BYTES, Verdict, digest_in, look_at, read_through
from forebear.store.records import write_record, write_records

if TYPE_CHECKING:
    from forebear.api.checking.examining import Examination
    from forebear.store.checking.blobs import Progress
    from forebear.store.store import Store


class Mender:
    """Mends one store after one look at it."""

    def __init__(self, seen: Examination, source: Store | None, progress: Progress) -> None:
        """Mend what ``seen`` found; what is lost is taken from ``source``, where that has it."""
        self._seen = seen
        self._store = seen.store
        self._objects = seen.objects
        self._source = source
        self._progress = progress
        self._lease = seen.store.writer_lease()
        self._moved = False
        self._used: set[bytes] | None = None
        self.repairs: list[Repair] = []

    def mend(self) -> list[Repair]:
        """Do all that can be done; return what that was."""
        try:
            self._mend()
        finally:
            self._lease.end()
        return self.repairs

    def _mend(self) -> None:
        for row in self._store.catalog.drop_dangling():
            self._say("row", f"{row.table}: {row.name}", "put right" if row.table == "collections" else "dropped")
        for verdict in self._seen.verdicts.values():
            self._mend_object(verdict)
        self._drop_bad_recipes()
        self._find_lost()
        if self._moved:
            self._write_recipes()
        self._mend_records()
        if self.repairs:
            # What is lost is written again once its files are logged again; so they must be read then.
            self._store.fingerprints.clear()

    def _say(self, kind: str, name: str, words: str) -> None:
        self.repairs.append(Repair(kind, name, words))

    # -- objects --------------------------------------------------------------------------------------------------

    def _mend_object(self, verdict: Verdict) -> None:
        name = verdict.stored.name
        if verdict.kind == MISMATCH:
            assert verdict.mended is not None
            self._replace([], [verdict.mended])
            self._say("index", name, "indexed anew")
            return
        if verdict.kind == MISSING:
            self._replace_missing(verdict)
            return
        if verdict.lost and not _is_whole(verdict):
            # What is sound has a new place before the old one goes; and the index forgets that last, for a repair that
            # is cut off must not leave a damaged object that nobody knows where a sound one is to be.
            self._replace([], self._write_sound(verdict, name))
            put_aside(self._store.objects, name)
            self._register(name, [])
        else:
            where = put_aside(self._store.objects, name)
            fresh = self._write_sound(verdict, where) if where else []
            self._register(name, fresh)
        self._tell_put_aside(verdict)

    def _replace_missing(self, verdict: Verdict) -> None:
        """An object that is gone may have been put aside by a repair that was cut off: then that is looked at."""
        name = verdict.stored.name
        found = self._look_aside(verdict)
        fresh = self._write_sound(found, aside(name)) if found is not None else []
        self._register(name, fresh)
        self._say("index", name, "forgotten by the index: it is gone" if not fresh else "what is sound of it is back")

    def _look_aside(self, verdict: Verdict) -> Verdict | None:
        stored = verdict.stored
        kept = StoredObject(aside(stored.name), stored.kind, stored.size, stored.slices)
        found = look_at(self._objects, kept)
        if found.kind == MISSING:
            return None
        found = found if found.kind is not None else read_through(self._objects, kept)
        return found._replace(stored=stored)

    def _tell_put_aside(self, verdict: Verdict) -> None:
        sound = len({part.digest for part in verdict.stored.slices}) - len(verdict.lost)
        kept = f"; {sound:,} of the blobs in it were sound and have a new place" if sound else ""
        self._say("object", verdict.stored.name, f"put aside as {aside(verdict.stored.name)}{kept}")

    def _register(self, name: str, fresh: list[StoredObject]) -> None:
        if isinstance(self._store.objects, SupportsForgetting):
            self._store.objects.forget(name)
        self._replace([name], fresh)
        self._moved = True

    def _replace(self, gone: list[str], fresh: list[StoredObject]) -> None:
        """Let the index know what was written, under a lease, in place of something else."""
        catalog = self._store.catalog

        def write(lease: str | None) -> None:
            catalog.replace_objects(gone, fresh)
            if lease is not None:
                catalog.end_lease(lease)

        self._lease.announce()
        self._lease.write(fresh, self._objects, write)

    def _add(self, objects: list[StoredObject]) -> None:
        self._lease.announce()
        self._lease.write(objects, self._objects, lambda lease: self._store.catalog.add_objects(objects, lease=lease))

    def _write_sound(self, verdict: Verdict, where: str) -> list[StoredObject]:
        """Write what can be read of an object, which lies at ``where``, into new ones."""
        self._lease.announce()
        stored = verdict.stored
        sound = [part for part in stored.slices if part.digest not in verdict.lost]
        if _is_whole(verdict):
            return self._write_loose(StoredObject(stored.name, LOOSE, stored.size, sound), where)
        if stored.kind == LOOSE:
            # Chunks that no recipe is made of are only there to be found again.
            sound = [part for part in sound if part.digest in self._chunks_in_use()]
        return self._write_packs(sound, where)

    def _chunks_in_use(self) -> set[bytes]:
        if self._used is None:
            self._used = {part for _, recipe in self._store.catalog.recipes() for part in recipe.parts}
        return self._used

    def _write_loose(self, stored: StoredObject, where: str) -> list[StoredObject]:
        """Write a loose object again that has too many bytes, without these."""
        hasher, sink = Hasher(), self._objects.sink()
        expected = digest_in(stored.name) or b""
        try:
            for offset in range(0, stored.size, WINDOW_BYTES):
                content = read_range(self._objects, (where, offset, min(WINDOW_BYTES, stored.size - offset)), expected)
                hasher.update(content)
                sink.write(content)
            if hasher.digest() != expected:
                return []
            self._lease.settle(stored.name)
            sink.finish(stored.name)
        finally:
            sink.abort()
        return [stored]

    def _write_packs(self, sound: list[Slice], where: str) -> list[StoredObject]:
        waiting = sorted(set(sound), key=lambda part: part.offset, reverse=True)
        written = []
        while waiting:
            sink = self._objects.sink()
            try:
                pack = PackWriter(sink, self._lease.settle)
                while waiting and pack.size < PACK_BYTES:
                    part = waiting.pop()
                    stored = read_range(self._objects, (where, part.offset, part.stored), part.digest)
                    pack.append(part.digest, stored, part.size, part.codec)
                written.append(pack.finish())
            finally:
                sink.abort()
        return written

    def _drop_bad_recipes(self) -> None:
        """Let go of recipes that make up something else: what they are of is lost unless it is elsewhere."""
        digests = self._seen.bad_recipes
        self._store.catalog.forget_recipes(digests)
        for digest in digests:
            self._say("recipe", digest.hex(), "dropped")

    def _write_recipes(self) -> None:
        """Note again in a pack of what blobs are made: their chunks have other places now."""
        catalog = self._store.catalog
        recipes = dict(catalog.recipes())
        if not recipes:
            return
        self._lease.announce()
        places = catalog.locate(part for recipe in recipes.values() for part in recipe.parts)
        sink = self._objects.sink()
        try:
            pack = PackWriter(sink, self._lease.settle)
            for digest, recipe in recipes.items():
                here = {part: places[part] for part in recipe.parts}
                pack.add_recipe(digest, recipe, {k: v for k, v in here.items() if isinstance(v, Location)})
            self._add([pack.finish()])
        finally:
            sink.abort()

    # -- what is lost ---------------------------------------------------------------------------------------------

    def _find_lost(self) -> None:
        """Look for what is lost: in objects that no index knows, in what was put aside, then in the other store."""
        lost = self._lost()
        if lost:
            lost = self._from_trash(lost)
        if lost:
            lost = self._from_unknown(lost)
        tried: set[bytes] = set()
        while self._source is not None and (there := self._source.catalog.known(lost - tried)):
            tried |= there
            self._bring(self._source, there)
            lost = self._lost()  # a page that is back names others

    def _lost(self) -> set[bytes]:
        catalog = self._store.catalog
        walk = Walk(self._store, ())
        lost = set(catalog.lost_run_files())
        for collection in catalog.collections():
            for version in catalog.versions(collection.id):
                lost |= contents_of(walk.below(version.root).lost)
        return lost - catalog.known(lost)

    def _from_trash(self, lost: set[bytes]) -> set[bytes]:
        """Take back what was thrown out and not deleted yet."""
        while back := self._store.catalog.rescue(lost):
            self._say("trash", self._store.url, f"{len(back):,} blobs were taken back")
            lost = self._lost()
        return lost

    def _from_unknown(self, lost: set[bytes]) -> set[bytes]:
        """Let the index know those unknown objects that hold something lost; again as long as that shows more."""
        catalog, unknown = self._store.catalog, scan(self._objects, self._seen.unknown).objects
        while lost:
            wanted = lost | {
                part
                for stored in unknown.values()
                for digest, recipe in stored.recipes.items()
                for part in (recipe.parts if digest in lost else ())
            }
            fitting = [stored for stored in unknown.values() if _digests_of(stored) & wanted]
            for stored in fitting:
                del unknown[stored.name]
            sound = [stored for stored in fitting if self._is_sound(stored)]
            if not sound:
                break
            parts = (part for stored in sound for recipe in stored.recipes.values() for part in recipe.parts)
            self._add(with_recipes_of(sound, catalog.known(parts)))
            for stored in sound:
                self._say("index", stored.name, "known to the index again")
            lost = self._lost()
        return lost

    def _is_sound(self, stored: StoredObject) -> bool:
        return read_through(self._objects, stored).kind is None

    def _bring(self, source: Store, digests: set[bytes]) -> None:
        copied = Copied()
        freight = Freight(source, self._store, copied, self._progress)
        with contextlib.closing(freight):
            wanted = freight.missing(sorted(digests))
            try:
                freight.bring(wanted)
            except CorruptData:
                for digest in wanted:
                    with contextlib.suppress(CorruptData):
                        freight.bring([digest])
        held = self._store.catalog.known(digests)
        if held:
            self._say("healed", source.url, f"{len(held):,} blobs were taken from there ({copied.bytes:,} bytes)")
        for digest in sorted(digests - held):
            self._say("not healed", digest.hex(), f"the copy at {source.url} is damaged too")

    # -- records --------------------------------------------------------------------------------------------------

    def _mend_records(self) -> None:
        store, seen = self._store, self._seen
        for name in seen.recorded.records.damaged:
            put_aside(store.objects, name)
            self._say("record", name, f"put aside as {PREFIX}{name}")
        for version, run in seen.recorded.unrecorded:
            write_record(store.objects, version, run)
        if seen.recorded.unrecorded:
            self._say("record", f"{len(seen.recorded.unrecorded):,} versions", "recorded anew")
        while write_records(store.catalog, store.objects):
            pass
        for name in seen.recorded.records.replaced:
            store.objects.delete(name)


def _is_whole(verdict: Verdict) -> bool:
    """Whether all of a loose object can be read, so that it is written again under its name."""
    stored, whole = verdict.stored, digest_in(verdict.stored.name)
    return stored.kind == LOOSE and whole not in verdict.lost and any(part.digest == whole for part in stored.slices)


def _digests_of(stored: StoredObject) -> set[bytes]:
    return {*(part.digest for part in stored.slices), *stored.recipes}
