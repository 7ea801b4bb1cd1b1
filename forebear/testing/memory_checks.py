"""The part of the reference model that is asked by a check. Nothing in a model refers to what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from threading import RLock

    from forebear.records.checks import Dangling
    from forebear.records.content import Location, Recipe, StoredObject
    from forebear.testing.memory_histories import MemoryHistories


class MemoryChecks:
    """Methods of `forebear.testing.memory_catalog.MemoryCatalog`, which has all that they use."""

    _lock: RLock
    _objects: dict[str, StoredObject]
    _recipes: dict[bytes, Recipe]
    _histories: MemoryHistories

    def integrity(self) -> list[str]:
        """See `Catalog.integrity`."""
        return []

    def dangling(self) -> list[Dangling]:
        """See `Catalog.dangling`."""
        return []

    def drop_dangling(self) -> list[Dangling]:
        """See `Catalog.drop_dangling`."""
        return []

    def recipes(self) -> Iterator[tuple[bytes, Recipe]]:
        """See `Catalog.recipes`."""
        with self._lock:
            return iter(list(self._recipes.items()))

    def forget_recipes(self, digests: Iterable[bytes]) -> None:
        """See `Catalog.forget_recipes`."""
        with self._lock:
            for digest in digests:
                self._recipes.pop(digest, None)

    def replace_objects(self, gone: Iterable[str], objects: Iterable[StoredObject]) -> None:
        """See `Catalog.replace_objects`."""
        with self._lock:
            arriving = list(objects)
            names = {*gone, *(stored.name for stored in arriving)}
            kept = {name: stored for name, stored in self._objects.items() if name not in names}
            self._check_parts(
                {d: r for stored in arriving for d, r in stored.recipes.items()}, [*kept.values(), *arriving]
            )
            self._objects = kept
            self._register(arriving)
            self._drop_broken_recipes()

    def _drop_broken_recipes(self) -> None:
        slices = self._locations(self._objects.values())
        self._recipes = {d: recipe for d, recipe in self._recipes.items() if all(p in slices for p in recipe.parts)}

    def lost_run_files(self) -> list[bytes]:
        """See `Catalog.lost_run_files`."""
        with self._lock:
            held = self._held()
            return [digest for digest in self._files_of_runs() if digest not in held]

    def runs_with_files(self, digests: Iterable[bytes]) -> dict[bytes, list[int]]:
        """See `Catalog.runs_with_files`."""
        with self._lock:
            files = self._files_of_runs()
            return {digest: sorted(files[digest]) for digest in set(digests) if digest in files}

    def _files_of_runs(self) -> dict[bytes, set[int]]:
        found: dict[bytes, set[int]] = {}
        for key, files in self._histories.files.items():
            for file in files.values():
                found.setdefault(file.digest, set()).add(key)
        return found

    # -- what the catalog has -------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def _held(self, more: Iterable[StoredObject] = ()) -> set[bytes]: ...
        def _register(self, objects: Iterable[StoredObject]) -> int: ...
        def _locations(self, objects: Iterable[StoredObject]) -> dict[bytes, Location]: ...
        def _check_parts(self, recipes: dict[bytes, Recipe], objects: Iterable[StoredObject]) -> None: ...
