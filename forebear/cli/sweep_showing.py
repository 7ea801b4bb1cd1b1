"""The work of ``forebear sweep show``: how a sweep stands, once or over and over."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forebear.cli.sweep_reading import by_merit, find, run_paths
from forebear.cli.views.sweep import SweepView
from forebear.errors import NotFound
from forebear.records.sweeps import CRASHED, FAILED, OPEN_SWEEPS, PAUSED, TRIAL_RUNNING, WAITING
from forebear.sweeps.declaration import read_declaration
from forebear.sweeps.progress import progress_of
from forebear.sweeps.reading import best_trial, front

if TYPE_CHECKING:
    from forebear.cli.session import Session
    from forebear.sweeps.places import Found

#: Seconds between two looks.
POLL_SECONDS = 1.0
#: Lines of a terminal that the table leaves to what stands around it.
_AROUND = 16


def show_sweep(session: Session, path: str | None, *, limit: int, watch: bool, chart: str | None) -> None:
    """Show a sweep; with ``watch``, until it is over. A picture is drawn of how it stands at the end."""
    found = find(session, path)
    if watch:
        view = _watched(session, found, limit)
    else:
        view = look(found, limit)
        session.output.show(view)
    if chart is not None:
        from forebear.sweeps.charts import sweep_chart  # what draws is large

        sweep_chart(found.store, view.sweep).save(chart)
        session.output.note(f"wrote {chart}")


def look(found: Found, limit: int) -> SweepView:
    """Return how a sweep stands now, with at most ``limit`` trials (0: all). Cost: all its trials are read.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    known = found.sweep
    sweep = found.store.catalog.sweep(known.entity, known.project, known.id)
    if sweep is None:
        raise NotFound(f"sweep {known.qualified_name} was deleted", code="sweep-not-found")
    trials = found.store.catalog.trials(sweep.key)
    declaration = read_declaration(sweep.config)
    now = datetime.now(UTC)
    running = [trial for trial in trials if trial.state == TRIAL_RUNNING]
    ended = by_merit(declaration, (trial for trial in trials if trial.state not in (TRIAL_RUNNING, WAITING)))
    waiting = [trial for trial in trials if trial.state == WAITING]
    ordered = [*running, *ended, *waiting]
    shown = ordered if limit == 0 else ordered[:limit]
    failed = [trial for trial in trials if trial.state in (FAILED, CRASHED)]
    best = best_trial(declaration, trials) if declaration.objectives else None
    return SweepView(
        sweep,
        declaration,
        progress_of(sweep, trials, now),
        shown,
        best=best,
        front=len(front(declaration, trials)),
        failed=failed,
        runs=run_paths(found.store, [*shown, *([best] if best else [])]),
        more=len(ordered) - len(shown),
    )


def is_over(view: SweepView) -> bool:
    """Whether nothing changes any more by itself."""
    return view.sweep.state not in (*OPEN_SWEEPS, PAUSED) and not view.progress.counts.get(TRIAL_RUNNING)


def _watched(session: Session, found: Found, limit: int) -> SweepView:
    if sys.stdout.isatty() and not (session.output.as_json or session.output.quiet):
        return _live(found, limit)
    shown = None
    while True:
        view = look(found, limit)
        # Scripts are told of each change once; that time passes is none.
        if (state := (view.sweep.state, view.progress.counts, view.best)) != shown:
            session.output.show(view)
            shown = state
        if is_over(view):
            return view
        time.sleep(POLL_SECONDS)


def _live(found: Found, limit: int) -> SweepView:
    """Draw how the sweep stands over and over in one place of the terminal."""
    from rich.console import Console
    from rich.live import Live

    from forebear.cli.output import painted

    console = Console(highlight=False, markup=False)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            room = max(3, console.height - _AROUND)
            view = look(found, min(limit or room, room))
            live.update(painted(view, console.width), refresh=True)
            if is_over(view):
                return view
            time.sleep(POLL_SECONDS)
