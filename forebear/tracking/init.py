"""`init`: beginning a run."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.artifacts.artifact import Artifact
from forebear.names import check_tag
from forebear.settings import Settings, load_settings, offline_folder
from forebear.store.shared import close_stores, pop_active, push_active, shared_store
from forebear.store.urls import parse_store_url, shown_url
from forebear.tracking import current
from forebear.tracking.configuration import chosen, config_defaults, config_from, storable
from forebear.tracking.exits import install_hooks
from forebear.tracking.journal.place import JOURNALS
from forebear.tracking.reinit import FINISH_PREVIOUS, RETURN_PREVIOUS, in_notebook, reinit_policy
from forebear.tracking.resume import begin, recover
from forebear.tracking.run import Run, note
from forebear.tracking.trial_context import trial_of

if TYPE_CHECKING:
    from forebear.store.store import Store
    from forebear.tracking.resume import Begun

#: Stores of disabled runs: the process that made each, and its folder.
_throwaway: list[tuple[int, str]] = []


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Iterable[str] | None = None,
    config: Any = None,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: str | bool | None = None,
    resume: str | bool | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Mapping[str, Any] | Settings | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    **others: Any,
) -> Run:
    """Begin a run, and make it the current one.

    Args:
        entity: Person or team.
        project: Namespace of the run and of what it logs.
        dir: Folder whose store and settings count, instead of the current one.
        id: Identity within the project; drawn if not given.
        name: Display name; drawn if not given.
        notes: Free text.
        tags: Free labels.
        config: Settings of the run: a dictionary, an argparse namespace, a dataclass, a model of pydantic, flags of
            absl, or the path of a YAML file. What `config-defaults.yaml` in the current folder says stands behind it.
        config_exclude_keys: Keys of ``config`` to leave out.
        config_include_keys: The only keys of ``config`` to take.
        allow_val_change: Whether config values may be replaced later; by default only in notebooks.
        group: Group of runs that belong together.
        job_type: Role of the run in its pipeline, such as ``train``.
        mode: ``offline`` keeps the run on this machine where the store is elsewhere, until ``forebear sync`` sends it;
            for a store of this machine ``online`` means the same. ``disabled`` keeps nothing; with ``shared``
            several processes write to the run of one ``id``.
        force: Accepted; there is no login to be forced.
        reinit: While another run is active: ``return_previous`` (default in scripts), ``finish_previous`` (default in
            notebooks) or ``create_new``.
        resume: What to do where the run of ``id`` is there: ``allow`` goes on with it or begins it, ``must`` goes on
            with it, ``never`` refuses; ``auto`` goes on with the last run of this folder if it did not end well.
        resume_from: ``id?_step=N``: go on with that run after step N; what followed stays readable as a branch.
        fork_from: ``id?_step=N``: begin a run whose history goes on from step N of that run.
        save_code: Keep the code of the script.
        tensorboard: The same as ``sync_tensorboard``.
        sync_tensorboard: Take in what TensorBoard writers of this process write.
        monitor_gym: Accepted with a note.
        settings: Further settings by name.
        store: Folder or URL of the store.
        others: Options of W&B that mean nothing here; they are accepted with a note.

    Raises:
        InvalidInput: a name or setting is not allowed, or settings contradict each other.
        AlreadyExists: the project has a run with this ``id``, and ``resume`` does not allow to go on with it.
        NotFound: the run to go on with is not there.
        StorageFailure: the store cannot be opened or written.
    """
    given = _settings(
        settings,
        {"entity": entity, "project": project, "dir": dir, "run_id": id, "name": name, "notes": notes,
         "tags": _tags(tags), "allow_val_change": allow_val_change, "group": group, "job_type": job_type, "mode": mode,
         "reinit": reinit, "resume": resume, "resume_from": resume_from, "fork_from": fork_from,
         "save_code": save_code, "store": None if store is None else os.fspath(store),
         "sync_tensorboard": sync_tensorboard if sync_tensorboard is not None else tensorboard},
    )  # fmt: skip
    previous = current.current_run()
    if previous is not None and not previous.began_here:
        previous = None  # a worker that was forked begins a run of its own
    policy = reinit_policy(given.reinit)
    if previous is not None and policy == RETURN_PREVIOUS:
        return previous
    values = config_defaults(Path(given.dir or ".")) | chosen(
        config_from(config), config_include_keys, config_exclude_keys
    )
    if previous is not None and policy == FINISH_PREVIOUS:
        previous.finish()
    _note_ignored(given, others, monitor_gym)
    return _begin(given, values)


def _begin(settings: Settings, config: dict[str, Any]) -> Run:
    trial = trial_of(settings)
    if trial is not None:
        config = trial.prepare(settings, config)
    place = _store_of(settings)
    if os.path.isdir(place.local / JOURNALS):
        recover(place)
    artifacts = {key: value for key, value in config.items() if _holds_artifact(value)}
    plain = {key: value for key, value in config.items() if key not in artifacts}

    def register() -> Begun:
        return begin(place, settings, storable(plain, lambda artifact, key: None))

    record, start = register() if trial is None else trial.patiently(register)
    allow = settings.allow_val_change
    run = Run(place, record, settings, _leave, start=start, allow_val_change=in_notebook() if allow is None else allow)
    settings.run_id = run.id
    install_hooks()
    push_active(place, run.entity, run.project)
    current.enter(run)
    if artifacts:
        run.config.update(artifacts, allow_val_change=True)
    if trial is not None:
        trial.began(run)
        run.end_by(trial.patiently)
    _tell(run, settings)
    _capture(run, settings)
    return run


def _tell(run: Run, settings: Settings) -> None:
    goes_on = f", from step {run.starting_step}" if run.starting_step else ""
    note(settings, f"run {run.name} ({run.id}) in project {run.project}, store {run.store.url}{goes_on}")
    if _is_to_be_sent(settings):
        note(settings, f"forebear sync sends it to {shown_url(settings.store)}")


def _capture(run: Run, settings: Settings) -> None:
    """Begin to take down what is not logged: output, machine, code."""
    from forebear.tracking.capture.start import start_capture  # 5 ms that importing `init` alone is spared

    start_capture(run)
    if settings.sync_tensorboard and not run.disabled:
        from forebear.tracking.tensorboard import sync  # 3 ms, only where it was asked for

        sync(run)


def _leave(run: Run) -> None:
    current.leave(run)
    pop_active(run.store, run.entity, run.project)


def _settings(given: Mapping[str, Any] | Settings | None, named: dict[str, Any]) -> Settings:
    base = given if isinstance(given, Settings) else Settings(**(given or {}))
    overrides = base.given() | {key: value for key, value in named.items() if value is not None}
    return load_settings(overrides, ignored=base.ignored)


def _tags(tags: Iterable[str] | None) -> tuple[str, ...] | None:
    if tags is None:
        return None
    return tuple(check_tag(tag) for tag in ([tags] if isinstance(tags, str) else tags))


def _note_ignored(settings: Settings, others: dict[str, Any], monitor_gym: bool | None) -> None:
    ignored = sorted({*others, *settings.ignored, *(["monitor_gym"] if monitor_gym else [])})
    if ignored:
        note(settings, f"init() takes no notice of {', '.join(ignored)}")


def _holds_artifact(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_artifact(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_artifact(item) for item in value)
    return isinstance(value, Artifact)


def _store_of(settings: Settings) -> Store:
    if settings.mode == "disabled":
        import tempfile  # 8 ms, only for this mode

        # Everything works, in a place that goes with the process.
        folder = tempfile.mkdtemp(prefix="forebear-disabled-")
        _throwaway.append((os.getpid(), folder))
        return shared_store(folder)
    if _is_to_be_sent(settings):
        return shared_store(str(offline_folder(settings)))
    return shared_store(settings.store)


def _is_to_be_sent(settings: Settings) -> bool:
    """Whether a run is kept on this machine until somebody sends it to the store that it is meant for."""
    return settings.mode == "offline" and parse_store_url(settings.store).is_far


@atexit.register
def _drop_throwaway() -> None:
    """Remove what disabled runs wrote; registered before the hook that ends runs, so it is called after that."""
    mine = [folder for pid, folder in _throwaway if pid == os.getpid()]
    if mine:
        import shutil  # 3 ms, only for this mode

        close_stores()
        for folder in mine:
            shutil.rmtree(folder, ignore_errors=True)
