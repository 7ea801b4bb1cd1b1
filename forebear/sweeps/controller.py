"""What an agent asks: the next trial of a sweep, and what becomes of one that ended.

There is no process that controls a sweep. Whoever wants a trial works out what it would be, and the catalog gives it
in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forebear.records.sweeps import SweepRecord, Taken, Trial, TrialEnding
    from forebear.store.store import Store


def next_trial(store: Store, sweep: SweepRecord, agent: str, *, gone: Iterable[str] = ()) -> Taken:
    """Take the next trial of a sweep for an agent.

    Returns:
        ``trial`` is ``None`` where there is none now: ask ``sweep.state`` of it (paused, stopped, cancelled,
        finished), and ``sweep.exhausted`` whether only others' trials are left.
    """
    raise NotImplementedError


def end_trial(store: Store, trial: Trial, ending: TrialEnding) -> Trial | None:
    """End a trial with the objectives that its run logged. See `Catalog.end_trial`."""
    raise NotImplementedError
