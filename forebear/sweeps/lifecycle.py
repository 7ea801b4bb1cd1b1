"""Beginning a sweep, and halting it: `sweep`, and what people do to one that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from forebear.errors import AlreadyExists, InvalidInput, NotFound
from forebear.records.sweeps import (
    CANCELLED,
    CRASHED,
    FAILED,
    FINISHED,
    OPEN_SWEEPS,
    PAUSED,
    RUNNING,
    STOPPED,
    TRIAL_FINISHED,
    NewSweep,
    NewTrial,
    SweepChanges,
)
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import GRID, declare, read_declaration
from forebear.sweeps.objectives import achieved
from forebear.tracking.configuration import config_from
from forebear.tracking.naming import new_run_id
from forebear.tracking.terminal import termlog

if TYPE_CHECKING:
    import os

    from forebear.records.runs import RunRecord
    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store
    from forebear.sweeps.declaration import Declaration

#: Ids drawn before one that is taken is taken for something else than chance.
_DRAWS = 5


def sweep(
    sweep: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | os.PathLike[str],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Iterable[str] | None = None,
) -> str:
    """Declare a sweep and return its id, by which agents find it.

    Args:
        sweep: The declaration: a dictionary, a function that returns one, or the path of a YAML file.
        entity: Person or team; by default as the declaration or the settings say.
        project: Namespace of the sweep and its runs; likewise.
        prior_runs: Ids of runs of that project that count as trials that were made.

    Raises:
        InvalidInput: the declaration is wrong; the message names the key and what is allowed.
        NotFound: a prior run is not there.
    """
    config = read_config(sweep)
    settings = load_settings({"entity": entity or config.get("entity"), "project": project or config.get("project")})
    store = shared_store(settings.store)
    record = begin_sweep(store, config, settings.entity, settings.project, prior_runs or ())
    if not settings.silent:
        trials = "" if record.limit is None else f", at most {record.limit:,} trials"
        termlog(f"sweep {record.id} in project {record.project}, store {store.url}{trials}")
    return record.id


def read_config(given: Any) -> dict[str, Any]:
    """Return the declaration that somebody gave: a mapping, a function, or a file."""
    if isinstance(given, Mapping):
        return dict(given)
    if callable(given):
        return read_config(given())
    return config_from(given)


def begin_sweep(
    store: Store, config: Mapping[str, Any], entity: str, project: str, prior_runs: Iterable[str] = ()
) -> SweepRecord:
    """Check a declaration and write it into the catalog; errors as in `sweep`."""
    runs = [_prior(store, entity, project, run_id) for run_id in dict.fromkeys(prior_runs)]
    declaration = declare(config, tried=[run.config for run in runs])
    trials = [_tried(declaration, run) for run in runs]
    for draw in range(_DRAWS):
        new = NewSweep(
            entity=entity,
            project=project,
            id=new_run_id(),
            name=declaration.name,
            config=declaration.config,
            limit=declaration.limit,
            retry=declaration.retry,
        )
        try:
            return store.catalog.add_sweep(new, trials)
        except AlreadyExists:
            if draw == _DRAWS - 1:
                raise
    raise AssertionError


def _prior(store: Store, entity: str, project: str, run_id: str) -> RunRecord:
    run = store.catalog.run(entity, project, run_id)
    if run is None:
        raise NotFound(
            f"prior_runs names {run_id!r}, which project {entity}/{project} does not have", code="run-not-found"
        )
    return run


def _tried(declaration: Declaration, run: RunRecord) -> NewTrial:
    params = declaration.space.nested(declaration.space.flat(run.config))
    values = achieved(declaration.objectives, run.summary).values
    return NewTrial(params, state=TRIAL_FINISHED, run_key=run.key, values=values)


def pause(store: Store, sweep: SweepRecord) -> SweepRecord:
    """Give no trials until the sweep is resumed; agents wait, and trials that run go on."""
    return store.catalog.update_sweep(sweep.key, SweepChanges(state=PAUSED), expect=(*OPEN_SWEEPS, PAUSED))


def resume(store: Store, sweep: SweepRecord) -> SweepRecord:
    """Give trials again, however the sweep was halted."""
    halted = (PAUSED, STOPPED, CANCELLED, FINISHED, *OPEN_SWEEPS)
    # One that was finished before its end, because its target was reached, has that end again.
    changes = SweepChanges(state=RUNNING, limit=read_declaration(sweep.config).limit)
    return store.catalog.update_sweep(sweep.key, changes, expect=halted)


def stop(store: Store, sweep: SweepRecord) -> SweepRecord:
    """Give no more trials; those that run come to their end, and agents end after them."""
    return store.catalog.update_sweep(sweep.key, SweepChanges(state=STOPPED), expect=(*OPEN_SWEEPS, PAUSED, STOPPED))


def cancel(store: Store, sweep: SweepRecord) -> SweepRecord:
    """Give no more trials, and ask those that run to end now."""
    halted = (*OPEN_SWEEPS, PAUSED, STOPPED, CANCELLED)
    return store.catalog.update_sweep(sweep.key, SweepChanges(state=CANCELLED), expect=halted)


def rerun_failed(store: Store, sweep: SweepRecord, numbers: Iterable[int] | None = None) -> int:
    """Let trials that failed or crashed wait for another attempt, all or some, and return how many."""
    return store.catalog.rerun_trials(sweep.key, (FAILED, CRASHED), numbers)


def change_cap(store: Store, sweep: SweepRecord, run_cap: int | None) -> SweepRecord:
    """Let a sweep have so many trials at most; one that was finished goes on where there are more.

    Raises:
        InvalidInput: it is no such number, or the values of a grid follow from the cap that it was declared with.
    """
    if run_cap is not None and run_cap < 1:
        raise InvalidInput(f"run_cap {run_cap} is no whole number of at least 1", code="invalid-sweep")
    declaration = read_declaration(sweep.config | {"run_cap": run_cap})
    if declaration.method == GRID and declaration.space.size is None:
        raise InvalidInput(
            f"sweep {sweep.id} is a grid over continuous parameters, whose values follow from its run_cap; declare "
            "another sweep",
            code="invalid-sweep",
        )
    changes = SweepChanges(config=declaration.config, limit=declaration.limit)
    changed = store.catalog.update_sweep(sweep.key, changes)
    return resume(store, changed) if changed.state == FINISHED and not changed.exhausted else changed
