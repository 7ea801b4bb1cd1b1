"""The work of ``forebear sweep pause``, ``resume``, ``stop``, ``cancel``, ``rerun-failed`` and ``rm``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forebear.cli.asking import agreed
from forebear.cli.sweep_reading import find
from forebear.cli.views.sweeps import ChangedView, RerunView
from forebear.errors import ForebearError, InvalidInput, NotFound
from forebear.sweeps.lifecycle import rerun_failed

if TYPE_CHECKING:
    from forebear.cli.session import Session
    from forebear.records.sweeps import SweepRecord
    from forebear.store.store import Store
    from forebear.sweeps.places import Found


def change(session: Session, paths: Sequence[str], to: Callable[[Store, SweepRecord], SweepRecord]) -> None:
    """Change the state of sweeps. Every id is looked up before the first one is changed.

    Raises:
        Conflict: a sweep is in a state from which there is no way to the other.
    """
    changed = [to(found.store, found.sweep) for found in _all(session, paths)]
    counts = session.api.store.catalog.trial_counts([sweep.key for sweep in changed])
    session.output.show(ChangedView([(sweep, counts[sweep.key]) for sweep in changed]))


def _all(session: Session, paths: Sequence[str]) -> list[Found]:
    found = [find(session, path) for path in paths]
    return list({one.sweep.key: one for one in found}.values())


def rerun(session: Session, path: str, numbers: Sequence[str] | None) -> RerunView:
    """Let trials wait for another attempt.

    Raises:
        InvalidInput: what was given is no number.
        NotFound: the sweep has no such trial.
    """
    found = find(session, path)
    wanted = None if numbers is None else [_number(text) for text in numbers]
    if wanted is not None:
        there = {trial.number for trial in found.store.catalog.trials(found.sweep.key, numbers=wanted)}
        for number in wanted:
            if number not in there:
                raise NotFound(f"sweep {found.sweep.id} has no trial {number}", code="trial-not-found")
    count = rerun_failed(found.store, found.sweep, wanted)
    return RerunView(found.sweep, count)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no number of a trial", code="invalid-trial") from None


def remove(session: Session, paths: Sequence[str], *, yes: bool) -> int:
    """Delete sweeps; return the exit status."""
    found = _all(session, paths)
    names = ", ".join(one.sweep.qualified_name for one in found)
    if not (yes or agreed(f"delete {names} with all trials? Their runs stay.")):
        session.output.note("nothing was deleted")
        return ForebearError.exit_status
    counts = session.api.store.catalog.trial_counts([one.sweep.key for one in found])
    for one in found:
        one.store.catalog.delete_sweep(one.sweep.key)
    session.output.show(ChangedView([(one.sweep, counts[one.sweep.key]) for one in found], deleted=True))
    return 0
