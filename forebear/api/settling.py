"""Before runs are read: what processes that are gone have left is taken in, and their runs said to have crashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.errors import ForebearError
from forebear.records.runs import CRASHED, RUNNING, RunChanges
from forebear.store.liveness import process_is_gone

if TYPE_CHECKING:
    from forebear.store.store import Store


def settle(store: Store) -> None:
    """Take in what dead processes left, and give their runs the state that they have.

    A store that cannot be written, or a journal that cannot be read, does not keep anybody from reading the rest.

    Cost: a listing of the folder of journals, and one question for the runs that say they are running.
    """
    from forebear.tracking.recovery import recover_journals  # 5 ms that looking up an artifact is spared

    try:
        recover_journals(store)
        for run in store.catalog.runs(states=[RUNNING]):
            if process_is_gone(run.origin):
                store.catalog.update_run(run.key, RunChanges(state=CRASHED))
    except ForebearError:
        # Whoever reads is shown what is there; `forebear sync` tells what stands in the way.
        return
