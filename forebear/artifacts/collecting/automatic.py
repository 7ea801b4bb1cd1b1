"""Collecting by itself: at the end of a run, now and then, and never for long."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from forebear.errors import ForebearError

if TYPE_CHECKING:
    from forebear.store.store import Store

#: From one collection of a store to the next, whoever does it.
EVERY = timedelta(hours=24)
#: What one may take, in seconds; what is left waits for the next one.
BUDGET_SECONDS = 2.0


def collect_now_and_then(store: Store) -> bool:
    """Collect a store if nobody did so for `EVERY`; tell whether it was tried. Never raises for what goes wrong.

    Cost: one look at the catalog; once in a while about `BUDGET_SECONDS`.
    """
    with contextlib.suppress(ForebearError, OSError):
        if store.catalog.collect_due(EVERY):
            from forebear.artifacts.collecting.collecting import collect  # 3 ms, once a day
            from forebear.artifacts.collecting.rules import Rules

            collect(store, Rules(budget_seconds=BUDGET_SECONDS))
            return True
    return False
