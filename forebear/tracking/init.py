"""`init`: beginning a run."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.artifacts.metadata import normal_metadata
from forebear.errors import AlreadyExists, InvalidInput, NotFound
from forebear.names import check_run_id, check_tag
from forebear.records.runs import NewRun, RunRecord
from forebear.settings import Settings, load_settings
from forebear.store.shared import close_stores, pop_active, push_active, shared_store
from forebear.tracking import current
from forebear.tracking.exits import install_hooks
from forebear.tracking.naming import new_run_id, new_run_name
from forebear.tracking.origin import current_origin
from forebear.tracking.run import Run, note

if TYPE_CHECKING:
    from forebear.store.store import Store

#: What ``reinit`` may be, and the booleans that W&B still takes.
RETURN_PREVIOUS, FINISH_PREVIOUS, CREATE_NEW = "return_previous", "finish_previous", "create_new"
_REINIT: dict[str | bool | None, str] = {
    None: RETURN_PREVIOUS,
    "default": RETURN_PREVIOUS,
    False: RETURN_PREVIOUS,
    True: FINISH_PREVIOUS,
}
#: Stores of disabled runs: the process that made each, and its folder.
_throwaway: list[tuple[int, str]] = []
#: Random ids drawn before an id that is taken is taken for something else than chance.
_DRAWS = 5


def init(
    project: str | None = None,
    entity: str | None = None,
    name: str | None = None,
    job_type: str | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    group: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    dir: str | os.PathLike[str] | None = None,
    mode: str | None = None,
    reinit: str | bool | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | Settings | None = None,
    **others: Any,
) -> Run:
    """Begin a run, and make it the current one.

    Args:
        project: Namespace of the run and of what it logs.
        entity: Person or team.
        name: Display name; drawn if not given.
        job_type: Role of the run in its pipeline, such as ``train``.
        config: Settings of the run.
        id: Identity within the project; drawn if not given.
        group: Group of runs that belong together.
        notes: Free text.
        tags: Free labels.
        dir: Folder whose store and settings count, instead of the current one.
        mode: ``offline``, ``online`` and ``shared`` mean the same for a local store; ``disabled`` keeps nothing.
        reinit: While another run is active: ``return_previous`` (default), ``finish_previous`` or ``create_new``.
        store: Folder or URL of the store.
        settings: Further settings by name.
        others: Options of W&B that mean nothing here; they are accepted with a note.

    Raises:
        InvalidInput: a name or setting is not allowed.
        AlreadyExists: the project has a run with this ``id``.
        StorageFailure: the store cannot be opened or written.
    """
    previous = current.current_run()
    policy = _REINIT.get(reinit, reinit)
    if policy not in {RETURN_PREVIOUS, FINISH_PREVIOUS, CREATE_NEW}:
        raise InvalidInput(
            f"reinit={reinit!r} is not known; use {RETURN_PREVIOUS}, {FINISH_PREVIOUS} or {CREATE_NEW}",
            code="invalid-setting",
        )
    if previous is not None and policy == RETURN_PREVIOUS:
        return previous
    if previous is not None and policy == FINISH_PREVIOUS:
        previous.finish()
    chosen = _settings(
        settings,
        {"project": project, "entity": entity, "name": name, "job_type": job_type, "run_id": id, "group": group,
         "notes": notes, "tags": tags, "mode": mode,
         "store": None if store is None else os.fspath(store)},
        dir,
    )  # fmt: skip
    if others:
        note(chosen, f"init() takes no notice of {', '.join(sorted(others))}")
    place = _store_of(chosen)
    run = Run(place, _register(place, chosen, normal_metadata(config)), chosen, _leave)
    install_hooks()
    push_active(place, run.entity, run.project)
    current.enter(run)
    note(chosen, f"run {run.name} ({run.id}) in project {run.project}, store {place.url}")
    return run


def _leave(run: Run) -> None:
    current.leave(run)
    pop_active(run.store, run.entity, run.project)


def _settings(
    given: Mapping[str, Any] | Settings | None, named: dict[str, Any], dir: str | os.PathLike[str] | None
) -> Settings:
    if isinstance(given, Settings):
        given = {field: getattr(given, field) for field in given.__struct_fields__}
    if named["tags"] is not None:
        tags = [named["tags"]] if isinstance(named["tags"], str) else list(named["tags"])
        named["tags"] = tuple(check_tag(tag) for tag in tags)
    overrides = dict(given or {}) | {key: value for key, value in named.items() if value is not None}
    return load_settings(overrides, cwd=None if dir is None else Path(dir).absolute())


def _store_of(settings: Settings) -> Store:
    if settings.mode == "disabled":
        import tempfile  # 8 ms, only for this mode

        # Everything works, in a place that goes with the process.
        folder = tempfile.mkdtemp(prefix="forebear-disabled-")
        _throwaway.append((os.getpid(), folder))
        return shared_store(folder)
    return shared_store(settings.store)


@atexit.register
def _drop_throwaway() -> None:
    """Remove what disabled runs wrote; registered before the hook that ends runs, so it is called after that."""
    mine = [folder for pid, folder in _throwaway if pid == os.getpid()]
    if mine:
        import shutil  # 3 ms, only for this mode

        close_stores()
        for folder in mine:
            shutil.rmtree(folder, ignore_errors=True)


def _register(store: Store, settings: Settings, config: dict[str, Any]) -> RunRecord:
    origin = current_origin()
    for draw in range(_DRAWS):
        run_id = check_run_id(settings.run_id or new_run_id())
        new = NewRun(
            entity=settings.entity,
            project=settings.project,
            id=run_id,
            name=settings.name or new_run_name(),
            job_type=settings.job_type,
            group=settings.group,
            notes=settings.notes,
            tags=settings.tags,
            config=config,
            origin=origin,
        )
        try:
            return store.catalog.add_run(new)
        except AlreadyExists:
            if settings.run_id is not None or draw == _DRAWS - 1:
                raise
    raise NotFound("no free run id was found", code="run-id")
