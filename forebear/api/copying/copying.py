"""Copying a store: projects and runs, versions, sweeps, and then the lineage between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from forebear.api.copying.report import CONFLICT, Copied
from forebear.api.copying.runs import RunCopier, deleted_runs
from forebear.api.settling import settle
from forebear.errors import AlreadyExists, InvalidInput
from forebear.records.lineage import Edge, EdgeKind, Node
from forebear.store.records import write_records

if TYPE_CHECKING:
    from forebear.api.copying.freight import Progress
    from forebear.catalog.port import Catalog
    from forebear.records.copies import Copy
    from forebear.records.runs import Project, RunRecord
    from forebear.records.sweeps import SweepRecord, Trial
    from forebear.store.store import Store

#: Tells which projects are copied.
Wanted = Callable[[str, str], bool]


def copy_store(
    source: Store,
    target: Store,
    *,
    entity: str | None = None,
    project: str | None = None,
    progress: Progress | None = None,
) -> Copied:
    """Copy what is new in ``source`` to ``target``, as it was there: with ids, numbers, aliases and times.

    Nothing of the target is deleted. What a copy that was cut off had brought is not sent again. Journals that dead
    processes left in the source are taken in first.

    Args:
        entity: Only projects of this one.
        project: Only projects of this name.
        progress: See `forebear.api.copying.freight.Progress`.

    Raises:
        InvalidInput: the source has no such project.
        StorageFailure: one of them cannot be read or written; what was copied by then is there.

    Memory: bounded by constants, and by the records (not the histories) of runs and the digests of one version.
    """
    from forebear.api.copying.freight import Freight  # 10 ms, only where something is copied
    from forebear.api.copying.versions import VersionCopier

    settle(source)
    copied = Copied()
    projects = chosen_projects(source, entity, project)
    wanted = {(each.entity, each.name) for each in projects}
    known = target.catalog.copies(source.id)
    freight = Freight(source, target, copied, progress or (lambda objects, size: None))
    target.catalog.adopt_projects(projects)
    copied.projects = len(projects)
    RunCopier(source, target, freight, known, copied).copy(runs_of(source.catalog, wanted))
    copier = VersionCopier(source, target, freight, known, copied)
    for collection in source.catalog.collections():
        if (collection.entity, collection.project) in wanted:
            copier.copy(collection)
    _copy_sweeps(source, target, wanted, known, copied)
    freight.close()
    fresh = lacking_edges(source.catalog, target.catalog, known)
    copied.edges = target.catalog.adopt_edges(source.id, fresh)
    while write_records(target.catalog, target.objects):
        pass
    return copied


def chosen_projects(source: Store, entity: str | None, project: str | None) -> list[Project]:
    """Return the projects that are to be copied.

    Raises:
        InvalidInput: there is none, though one was named.
    """
    found = [each for each in source.catalog.projects(entity) if project in (None, each.name)]
    if not found and (entity is not None or project is not None):
        named = "/".join(part or "*" for part in (entity, project))
        there = ", ".join(sorted(f"{each.entity}/{each.name}" for each in source.catalog.projects())) or "none"
        raise InvalidInput(f"{source.url} has no project {named}; it has {there}", code="project-not-found")
    return found


def runs_of(catalog: Catalog, wanted: set[tuple[str, str]]) -> list[RunRecord]:
    """Return the runs of projects, deleted ones as far as the lineage knows them, in the order in which they began."""
    live = [run for entity, project in sorted(wanted) for run in catalog.runs(entity, project)]
    gone = [run for run in deleted_runs(catalog, live) if (run.entity, run.project) in wanted]
    return sorted([*live, *gone], key=lambda run: run.key)


def lacking_edges(source: Catalog, target: Catalog, known: dict[int, Copy]) -> Iterator[Edge]:
    """Yield the edges whose ends are in the target, and that are not there themselves.

    Memory: two integers for each edge of the target.
    """
    there = {(edge.source, edge.target) for edge in target.all_edges(EdgeKind)}
    for edge in source.all_edges(EdgeKind):
        start, end = known.get(edge.source), known.get(edge.target)
        if start is not None and end is not None and (start.node, end.node) not in there:
            yield edge


def _copy_sweeps(
    source: Store, target: Store, wanted: set[tuple[str, str]], known: dict[int, Copy], copied: Copied
) -> None:
    for sweep in reversed(source.catalog.sweeps()):
        if (sweep.entity, sweep.project) not in wanted:
            continue
        trials = source.catalog.trials(sweep.key)
        if _is_there(sweep, trials, target.catalog, known):
            continue
        try:
            reports = source.catalog.trial_reports(sweep.key)
            copied.sweeps += target.catalog.adopt_sweep(source.id, sweep, trials, reports)
        except AlreadyExists:
            copied.tell(CONFLICT, sweep.qualified_name, "is another sweep there; it stays as it is")


def _is_there(sweep: SweepRecord, trials: list[Trial], target: Catalog, known: dict[int, Copy]) -> bool:
    """Whether a sweep stands there as it stands here."""
    here = target.sweep(sweep.entity, sweep.project, sweep.id)
    if here is None or repr(replace(here, key=0)) != repr(replace(sweep, key=0)):
        return False
    keys = {node >> 1: copy.node >> 1 for node, copy in known.items() if Node(node).is_run}
    mine = [replace(trial, sweep_key=0, run_key=keys.get(trial.run_key or 0)) for trial in trials]
    # By text, because not-a-number is equal to nothing.
    return repr(mine) == repr([replace(trial, sweep_key=0) for trial in target.trials(here.key)])
