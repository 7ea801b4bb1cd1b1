"""``forebear sync``: takes in what processes that are gone have left, and sends what was logged offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from forebear.cli.declare import Argument, Command
from forebear.cli.session import Session
from forebear.cli.views.copying import CopyView
from forebear.errors import CorruptData, NotFound
from forebear.settings import offline_folder

if TYPE_CHECKING:
    from forebear.store.store import Store


def sync(
    session: Session,
    path: Annotated[
        str | None, Argument("ID", "Only the journals of this run; entity/project/ may come first.")
    ] = None,
) -> int:
    """Recover the journals of runs whose process was killed, and send runs that were logged offline to their store.

    Everything that looks at runs recovers journals by itself; this says what it finds. It exits with 4 where a journal
    was damaged in its middle; the sound parts were taken all the same.

    Runs of mode offline, whose store is on another machine, are in .forebear/offline with their artifacts. Without an
    ID they are copied as by forebear store copy: sending them twice is the same as once.
    """
    from forebear.api.scopes import split_path
    from forebear.cli.views.sync import SyncView
    from forebear.tracking.recovery import recover_journals  # 20 ms, only here

    api = session.api
    run = None if path is None else split_path(path, api.settings, "id")
    waiting = None if run else _offline_store(session, api.store)
    found = recover_journals(api.store, run=run)
    if waiting is None:
        session.output.show(SyncView(found))
        status = 0
    else:
        from forebear.cli.copying import copied_stores, exit_status

        found += recover_journals(waiting)
        copied = copied_stores(session, waiting, api.store)
        session.output.show(SyncView(found, CopyView(copied, waiting.url, api.store.url)))
        status = exit_status(copied)
    return CorruptData.exit_status if any(not one.torn for each in found for one in each.damage) else status


def _offline_store(session: Session, store: Store) -> Store | None:
    """Return the store of what was logged offline, where there is one besides ``store``."""
    from forebear.store.shared import shared_store

    folder = str(offline_folder(session.settings))
    try:
        waiting = shared_store(folder, create=False)
    except NotFound:
        return None
    return None if waiting is store else waiting


entry = Command("sync", sync)
