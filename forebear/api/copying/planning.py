"""What a copy would do, found out without writing anything anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from forebear.api.copying.contents import lacking_pages
from forebear.api.copying.copying import chosen_projects, runs_of
from forebear.api.copying.freight import locate
from forebear.api.copying.prints import print_of_version
from forebear.api.copying.report import CONFLICT, DAMAGED, NEWER, Copied
from forebear.api.copying.runs import Looked, is_ahead, look_at
from forebear.artifacts.commit import page_loader
from forebear.errors import CorruptData
from forebear.records.artifacts import COMMITTED
from forebear.records.content import Location, Recipe
from forebear.records.lineage import Node
from forebear.records.runs import DELETED

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.records.artifacts import Collection, Version
    from forebear.records.copies import Copy
    from forebear.records.runs import RunRecord
    from forebear.store.store import Store


def plan_copy(source: Store, target: Store | None, *, entity: str | None = None, project: str | None = None) -> Copied:
    """Return what `forebear.api.copying.copying.copy_store` would do now.

    Args:
        target: ``None`` where there is no store yet.

    Objects are not counted, because it shows on the way which go whole; bytes are those of the blobs that are wanted.
    """
    plan = _Plan(source, None if target is None else target.catalog)
    projects = chosen_projects(source, entity, project)
    plan.copied.projects = len(projects)
    wanted = {(each.entity, each.name) for each in projects}
    for looked in look_at(source.catalog, runs_of(source.catalog, wanted)):
        plan.add_run(looked)
    for collection in source.catalog.collections():
        if (collection.entity, collection.project) in wanted:
            plan.add_collection(collection)
    plan.copied.sweeps = sum(
        (sweep.entity, sweep.project) in wanted and not plan.has_sweep(sweep.entity, sweep.project, sweep.id)
        for sweep in source.catalog.sweeps()
    )
    return plan.copied


class _Plan:
    """Counts what a copy would bring."""

    def __init__(self, source: Store, target: Catalog | None) -> None:
        self.copied = Copied(dry=True)
        self._source = source
        self._target = target
        self._known: dict[int, Copy] = {} if target is None else target.copies(source.id)
        self._load = page_loader(source)
        self._counted: set[bytes] = set()
        #: Keys of runs that would be left out.
        self._refused: set[int] = set()

    def has_sweep(self, entity: str, project: str, sweep_id: str) -> bool:
        """Whether the target has a sweep of that id."""
        return self._target is not None and self._target.sweep(entity, project, sweep_id) is not None

    # -- runs -----------------------------------------------------------------------------------------------------

    def add_run(self, looked: Looked) -> None:
        """Count one run."""
        run, copy = looked.run, self._known.get(Node.of_run(looked.run.key).key)
        if run.state == DELETED:
            return
        if copy is not None and copy.print == looked.print:
            self.copied.runs_same += 1
            return
        here = self._run_there(run, copy)
        if here is not None and here.created_at != run.created_at:
            self._refuse(run, "is another run there, which began at another time")
            return
        if self._refused & {branch.parent_run for branch in looked.branches}:
            self._refuse(run, "goes on from a run that is not there")
            return
        if here is not None and is_ahead(here, run):
            self.copied.tell(NEWER, run.qualified_name, "went on there, and would stay as it is there")
            return
        if here is None:
            self.copied.runs += 1
        else:
            self.copied.runs_changed += 1
        self._count_bytes(run.qualified_name, [file.digest for file in looked.files])

    def _refuse(self, run: RunRecord, words: str) -> None:
        self._refused.add(run.key)
        self.copied.tell(CONFLICT, run.qualified_name, words)

    def _run_there(self, run: RunRecord, copy: Copy | None) -> RunRecord | None:
        if self._target is None:
            return None
        if copy is not None:
            return self._target.runs_by_key([Node(copy.node).row_id]).get(Node(copy.node).row_id)
        return self._target.run(run.entity, run.project, run.id)

    # -- versions -------------------------------------------------------------------------------------------------

    def add_collection(self, collection: Collection) -> None:
        """Count the versions of one collection."""
        here = None
        if self._target is not None:
            here = self._target.collection(collection.entity, collection.project, collection.name)
        if here is not None and here.type != collection.type:
            self.copied.tell(CONFLICT, collection.qualified_name, f"has type {here.type!r} there")
            return
        roots = set()
        if self._target is not None and here is not None:
            roots = {version.root for version in self._target.versions(here.id)}
        for whole in self._source.catalog.whole_versions(collection.id):
            self._add_version(whole.version, roots)

    def _add_version(self, version: Version, roots: set[bytes]) -> None:
        copy = self._known.get(Node.of_version(version.id).key)
        if copy is not None and copy.print != print_of_version(version) and version.state == COMMITTED:
            self.copied.versions_changed += 1
        elif copy is not None or (version.root in roots and version.state == COMMITTED):
            self.copied.versions_same += 1
        else:
            self.copied.versions += 1
            if version.state == COMMITTED:
                roots.add(version.root)
                self._count_version(version)

    def _count_version(self, version: Version) -> None:
        try:
            for batch in lacking_pages(self._missing, self._load, version.root):
                files = [digest for page in batch for digest in page.files]
                self._count_bytes(version.qualified_name, [*files, *(page.digest for page in batch)])
        except CorruptData as err:
            self.copied.tell(DAMAGED, version.qualified_name, str(err))

    # -- bytes ----------------------------------------------------------------------------------------------------

    def _missing(self, digests: Iterable[bytes]) -> list[bytes]:
        wanted = dict.fromkeys(digest for digest in digests if digest not in self._counted)
        known = set() if self._target is None else self._target.known(wanted)
        return [digest for digest in wanted if digest not in known]

    def _count_bytes(self, name: str, digests: list[bytes]) -> None:
        wanted = self._missing(digests)
        self._counted.update(wanted)
        try:
            located = locate(self._source, wanted)
        except CorruptData as err:
            self.copied.tell(DAMAGED, name, str(err))
            return
        self.copied.bytes += sum(where.stored for where in located.values() if isinstance(where, Location))
        parts = [part for where in located.values() if isinstance(where, Recipe) for part in where.parts]
        if parts:
            self._count_bytes(name, parts)
