"""The work of ``forebear sweep ls``, ``best`` and ``importance``, and how every command finds a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebear.cli.views.sweeps import SweepRow, SweepsView
from forebear.errors import InvalidInput, NotFound
from forebear.records.sweeps import SWEEP_STATES
from forebear.settings import load_settings
from forebear.store.shared import shared_store
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.findings import importance_of
from forebear.sweeps.places import Found, sweep_at
from forebear.sweeps.reading import best_trial, front

if TYPE_CHECKING:
    from forebear.cli.session import Session
    from forebear.cli.views.best import BestView
    from forebear.records.sweeps import Trial
    from forebear.store.store import Store
    from forebear.sweeps.declaration import Declaration


def find(session: Session, path: str | None) -> Found:
    """Return the sweep that somebody named; without a name, the one that the project declared last.

    Raises:
        NotFound: there is no store, or no such sweep in it.
        InvalidInput: the id alone names several.
    """
    settings = load_settings(session.options)
    store = shared_store(settings.store, create=False)
    if path is None:
        latest = store.catalog.sweeps(settings.entity, settings.project)[:1]
        if not latest:
            raise NotFound(
                f"no sweep in project {settings.entity}/{settings.project} yet; forebear sweep FILE declares one, and "
                "forebear sweep ls --all lists those of other projects",
                code="sweep-not-found",
            )
        return Found(store, latest[0], settings)
    said = session.options["project"] is not None or session.options["entity"] is not None
    return Found(store, sweep_at(store, path, settings, said=said), settings)


def listed(session: Session, states: Sequence[str] | None, *, everywhere: bool) -> SweepsView:
    """Return the sweeps of the project, or of all. Cost: a look at the trials of each that has any."""
    for state in states or ():
        if state not in SWEEP_STATES:
            raise InvalidInput(
                f"a sweep is never {state!r}; states are {', '.join(SWEEP_STATES)}", code="unknown-state"
            )
    settings = load_settings(session.options)
    store = shared_store(settings.store, create=False)
    entity, project = (None, None) if everywhere else (settings.entity, settings.project)
    sweeps = store.catalog.sweeps(entity, project, states)
    counts = store.catalog.trial_counts([sweep.key for sweep in sweeps])
    rows = []
    for sweep in sweeps:
        declaration = read_declaration(sweep.config)
        best = best_trial(declaration, store.catalog.trials(sweep.key)) if declaration.objectives else None
        rows.append(SweepRow(sweep, declaration, counts[sweep.key], best))
    place = "the store" if everywhere else f"project {settings.project}"
    return SweepsView(rows, where=place, qualified=everywhere, filtered=bool(states))


def best_of(session: Session, path: str | None, metric: str | None) -> BestView:
    """Return the best trials of a sweep, with what their runs made.

    Raises:
        InvalidInput: the sweep has no such metric, or none at all.
    """
    from forebear.cli.views.best import BestRow, BestView

    found = find(session, path)
    declaration = read_declaration(found.sweep.config)
    trials = found.store.catalog.trials(found.sweep.key)
    chosen = front(declaration, trials) if metric is None and len(declaration.objectives) > 1 else None
    if chosen is None:
        best = best_trial(declaration, trials, metric)
        chosen = [] if best is None else [best]
    paths = run_paths(found.store, chosen)
    rows = [BestRow(trial, paths.get(trial.number), _made(session, paths.get(trial.number))) for trial in chosen]
    return BestView(found.sweep, declaration, rows)


def _made(session: Session, path: str | None) -> list[str]:
    if path is None:
        return []
    made = session.api.run(path).logged_artifacts()
    return [artifact.qualified_name for artifact in made]


def show_importance(session: Session, path: str | None, metric: str | None, chart: str | None) -> None:
    """Show what the parameters of a sweep did, and draw it.

    Raises:
        InvalidInput: the sweep has no such metric, or too few trials; or the picture's file has another ending.
        Unsupported: what it computes with is not installed.
    """
    from forebear.cli.views.best import ImportanceView

    found = find(session, path)
    trials = found.store.catalog.trials(found.sweep.key)
    view = ImportanceView(found.sweep, importance_of(read_declaration(found.sweep.config), trials, metric))
    session.output.show(view)
    if chart is not None:
        from forebear.sweeps.charts import importance_chart

        importance_chart(found.store, found.sweep, metric).save(chart)
        session.output.note(f"wrote {chart}")


def run_paths(store: Store, trials: Iterable[Trial]) -> dict[int, str]:
    """Return the paths of the runs of trials, by number. Cost: one catalog call."""
    keys = {trial.number: trial.run_key for trial in trials if trial.run_key is not None}
    runs = store.catalog.runs_by_key(keys.values()) if keys else {}
    return {number: runs[key].qualified_name for number, key in keys.items() if key in runs}


def by_merit(declaration: Declaration, trials: Iterable[Trial]) -> list[Trial]:
    """Return trials in the order of the first metric, the best first; those without a number of it come last."""
    trials = list(trials)
    if not declaration.objectives:
        return sorted(trials, key=lambda trial: -trial.number)
    goal = declaration.objectives[0]

    def merit(trial: Trial) -> tuple[bool, float, int]:
        loss = goal.as_loss(trial.values.get(goal.name, float("nan")))
        return loss != loss, 0.0 if loss != loss else loss, trial.number

    return sorted(trials, key=merit)
