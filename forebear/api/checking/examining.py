"""Looking for what is wrong with a store: catalog, objects, manifests, and records against each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forebear.api.checking.hits import Hits
from forebear.api.checking.recorded import Recorded, look_at_records
from forebear.api.checking.report import (
    BAD_MANIFEST,
    BAD_RECIPE,
    CATALOG,
    DANGLING,
    MISSING_BLOB,
    WRONG_TOTALS,
    Checkup,
    Trouble,
)
from forebear.api.checking.walking import Below, Lost, Walk
from forebear.blobs.assembly import stream_blob
from forebear.blobs.reader import several
from forebear.errors import CorruptData
from forebear.records.artifacts import DELETED, Version
from forebear.records.content import LOOSE, PACK, Location, Recipe, StoredObject
from forebear.store.checking.aside import really
from forebear.store.checking.blobs import threads_for
from forebear.store.checking.objects import Verdict, look_at, read_through
from forebear.store.records import Records

if TYPE_CHECKING:
    from forebear.store.checking.blobs import Progress
    from forebear.store.checking.shares import Share
    from forebear.store.store import Store


class Examination:
    """One look at a store. What it found stays with it, for who mends it."""

    def __init__(self, store: Store, *, deep: bool = False, share: Share | None = None, progress: Progress) -> None:
        """Look at ``store``.

        Args:
            store: What is looked at.
            deep: Read every byte, or those of a ``share``.
            share: See ``deep``.
            progress: Called with the objects and bytes that were looked at since its last call.
        """
        self.store = store
        #: Objects as they are in the store, past what is kept of them on this machine.
        self.objects = really(store.objects)
        self.checkup = Checkup(store.url)
        #: What is wrong with objects, by their name.
        self.verdicts: dict[str, Verdict] = {}
        #: Digest of what cannot be read → name of the object that is to blame.
        self.bad: dict[bytes, str] = {}
        #: Recipes of which the parts are there and do not make up the blob.
        self.bad_recipes: dict[bytes, CorruptData] = {}
        #: Objects that no index knows.
        self.unknown: list[str] = []
        self.recorded = Recorded(Records({}, [], {}), [], 0, [])
        self._deep, self._share = deep, share
        self._progress = progress
        self._hits = Hits(store.catalog)

    def run(self) -> Checkup:
        """Look at everything; return what was found. A catalog that cannot be read ends it."""
        try:
            for words in self.store.catalog.integrity():
                self._tell(CATALOG, "catalog", words)
            for row in self.store.catalog.dangling():
                self._tell(DANGLING, f"{row.table}: {row.name}", row.words)
            self._look_at_objects()
            self._look_at_recipes()
            followed = self._follow_manifests()
            if self._look_closer(followed):
                self._look_at_recipes()
                followed = self._follow_manifests()
            self._look_at_versions(followed)
            self._tell_objects()
            self._look_at_records()
        except CorruptData as err:
            if err.code != CATALOG:
                raise
            self._tell(CATALOG, "catalog", str(err))
        return self.checkup

    def _tell(self, kind: str, name: str, words: str) -> None:
        self.checkup.troubles.append(Trouble(kind, name, words))

    # -- objects --------------------------------------------------------------------------------------------------

    def _look_at_objects(self) -> None:
        known: set[str] = set()

        def look(stored: StoredObject) -> tuple[StoredObject, bool, Verdict]:
            deep = self._deep and (self._share is None or self._share.has(stored.name))
            return stored, deep, (read_through if deep else look_at)(self.objects, stored)

        for stored, deep, verdict in several(threads_for(self.objects), look, self.store.catalog.objects()):
            known.add(stored.name)
            self.checkup.objects += 1
            self.checkup.bytes += stored.size
            if deep:
                self.checkup.read_objects += 1
                self.checkup.read_bytes += stored.size
            if verdict.kind is not None:
                self.verdicts[stored.name] = verdict
            self._progress(1, stored.size if deep else 0)
        self._find_unknown(known)
        if self.verdicts:
            self._look_again()

    def _find_unknown(self, known: set[str]) -> None:
        trash = self.store.catalog.trash()
        self.checkup.trash_objects, self.checkup.trash_bytes = len(trash), sum(each.size for each in trash)
        known |= {each.name for each in trash}
        for kind in (LOOSE, PACK):
            self.unknown += [name for name in self.objects.names(f"{kind}/") if name not in known]
        for size in several(threads_for(self.objects), self.objects.size, self.unknown):
            if size is not None:
                self.checkup.unknown_objects += 1
                self.checkup.unknown_bytes += size

    def _look_again(self) -> None:
        """Forget what was collected meanwhile, and find what of the rest lies elsewhere too."""
        still: set[str] = set()
        wanted = {digest for verdict in self.verdicts.values() for digest in verdict.hit}
        elsewhere: set[bytes] = set()
        for stored in self.store.catalog.objects():
            if stored.name in self.verdicts:
                still.add(stored.name)
            else:
                elsewhere.update(part.digest for part in stored.slices if part.digest in wanted)
        self.verdicts = {name: verdict for name, verdict in self.verdicts.items() if name in still}
        for name, verdict in self.verdicts.items():
            sound = {part.digest for part in verdict.stored.slices} - verdict.hit
            elsewhere.update(sound & wanted)
            self.bad.update(dict.fromkeys(verdict.hit, name))
        for digest in elsewhere:
            self.bad.pop(digest, None)

    def _look_at_recipes(self) -> None:
        """Find the blobs that lost a chunk, and those of which the chunks make up something else."""
        catalog = self.store.catalog

        def look(item: tuple[bytes, Recipe]) -> tuple[bytes, Recipe, CorruptData | None]:
            digest, recipe = item
            places = catalog.locate(recipe.parts)
            if len(places) < len(set(recipe.parts)):
                return digest, recipe, None  # told as a dangling row
            size = sum(places[part].size for part in recipe.parts)
            if size != recipe.size:
                words = f"the blob {digest.hex()[:16]}… has {recipe.size:,} bytes, its chunks {size:,}"
                return digest, recipe, CorruptData(words, code="corrupt-recipe", digest=digest)
            if self._deep and self._share is None and not any(part in self.bad for part in recipe.parts):
                return digest, recipe, self._stream(digest, recipe, places)
            return digest, recipe, None

        whole, blamed = self.bad.copy(), {}
        for digest, recipe, err in several(threads_for(self.objects), look, catalog.recipes()):
            blame = next((self.bad[part] for part in recipe.parts if part in self.bad), None)
            if err is not None:
                self.bad_recipes[digest] = err
            elif blame is not None:
                blamed[digest] = blame
            else:
                whole.pop(digest, None)  # its object is damaged, its chunks are sound elsewhere
        for digest, where in catalog.locate(blamed).items():
            if not (isinstance(where, Location) and where.object not in self.verdicts):
                whole[digest] = blamed[digest]
        self.bad = whole

    def _stream(self, digest: bytes, recipe: Recipe, places: dict[bytes, Location | Recipe]) -> CorruptData | None:
        try:
            for _ in stream_blob(self.objects, digest, recipe, places):
                pass
        except CorruptData as err:
            return err
        return None

    def _look_closer(self, followed: list[tuple[Version, Below]]) -> bool:
        """Read the objects of which a page of a manifest could not be read; tell whether there are any."""
        pages = {each.digest for _, below in followed for each in below.lost if each.path is None}
        located = self.store.catalog.locate(pages - self.bad.keys())
        names = {where.object for where in located.values() if isinstance(where, Location)} - self.verdicts.keys()
        if not names:
            return False
        for stored in self.store.catalog.objects():
            if stored.name in names:
                verdict = read_through(self.objects, stored)
                if verdict.kind is not None:
                    self.verdicts[stored.name] = verdict
        self._look_again()
        return True

    # -- versions and runs ----------------------------------------------------------------------------------------

    @property
    def _all_bad(self) -> dict[bytes, str]:
        return {**self.bad, **dict.fromkeys(self.bad_recipes, "")}

    def _follow_manifests(self) -> list[tuple[Version, Below]]:
        walk = Walk(self.store, self._all_bad)
        followed = [(version, walk.below(version.root)) for version in self._live_versions()]
        self.checkup.versions, self.checkup.pages = len(followed), walk.pages
        return followed

    def _still_live(self, followed: list[tuple[Version, Below]]) -> Iterator[tuple[Version, Below]]:
        """Leave out what was deleted and collected while it was looked at."""
        suspects = [version.id for version, below in followed if below.lost]
        now = self.store.catalog.versions_by_id(suspects) if suspects else {}
        gone = {key for key in suspects if key not in now or now[key].state == DELETED}
        return (each for each in followed if each[0].id not in gone)

    def _look_at_versions(self, followed: list[tuple[Version, Below]]) -> None:
        bad = self._all_bad
        for version, below in self._still_live(followed):
            self._hits.add(version, below.lost)
            if below.lost:
                self._tell_lost(version, below.lost, bad)
            elif (below.rows, below.size) != (version.file_count, version.size):
                self._tell(
                    WRONG_TOTALS,
                    version.qualified_name,
                    f"the catalog says {version.file_count:,} files and {version.size:,} bytes, its manifest "
                    f"{below.rows:,} and {below.size:,}",
                )
        lost = self.store.catalog.lost_run_files()
        self._hits.add_files_of_runs({*lost, *bad})
        if lost:
            words = f"{len(lost):,} files of runs are in no object"
            self.checkup.troubles.append(self._hits.trouble(MISSING_BLOB, "files of runs", words, lost))

    def _live_versions(self) -> Iterator[Version]:
        for collection in self.store.catalog.collections():
            yield from reversed(self.store.catalog.versions(collection.id))

    def _tell_lost(self, version: Version, lost: tuple[Lost, ...], bad: dict[bytes, str]) -> None:
        """Tell of what no object is to blame for; the rest is told object by object."""
        nobody = [each for each in lost if each.digest not in bad]
        files = [each for each in nobody if each.path is not None]
        if files:
            words = f"{len(files):,} of its {version.file_count:,} files are in no object"
            self._tell_own(MISSING_BLOB, version, words, files)
        pages = [each for each in nobody if each.path is None]
        if pages:
            words = f"its manifest cannot be read: {pages[0].words}"
            self._tell_own(BAD_MANIFEST, version, words, pages)

    def _tell_own(self, kind: str, version: Version, words: str, lost: list[Lost]) -> None:
        hits = Hits(self.store.catalog)
        hits.add(version, lost)
        self.checkup.troubles.append(
            hits.trouble(kind, version.qualified_name, words, dict.fromkeys(each.digest for each in lost))
        )

    def _tell_objects(self) -> None:
        blamed: dict[str, list[bytes]] = {}
        for digest, name in self.bad.items():
            blamed.setdefault(name, []).append(digest)
        for name, verdict in self.verdicts.items():
            assert verdict.kind is not None
            digests = blamed.get(name, [])
            words = verdict.words
            if verdict.lost and not digests:
                words += "; all that is in it is elsewhere too"
            elif not verdict.lost:
                words += "; all that is in it can be had back"
            self.checkup.troubles.append(self._hits.trouble(verdict.kind, name, words, digests))
        for digest, err in self.bad_recipes.items():
            self.checkup.troubles.append(self._hits.trouble(BAD_RECIPE, digest.hex(), str(err), [digest]))

    # -- records --------------------------------------------------------------------------------------------------

    def _look_at_records(self) -> None:
        self.recorded = look_at_records(self.store.catalog, self.objects)
        self.checkup.records = len(self.recorded.records.newest)
        self.checkup.outdated_records = self.recorded.outdated
        self.checkup.troubles += self.recorded.troubles
