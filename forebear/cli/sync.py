"""``forebear sync``: takes in what processes that are gone have left."""

from __future__ import annotations

from typing import Annotated

from forebear.cli.declare import Argument, Command
from forebear.cli.session import Session
from forebear.errors import CorruptData


def sync(
    session: Session,
    path: Annotated[
        str | None, Argument("ID", "Only the journals of this run; entity/project/ may come first.")
    ] = None,
) -> int:
    """Recover the journals of runs whose process was killed, and say what was damaged.

    Everything that looks at runs does the same by itself; this says what it finds. It exits with 4 where a journal was
    damaged in its middle; the sound parts were taken all the same.
    """
    from forebear.api.scopes import split_path
    from forebear.cli.views.sync import SyncView
    from forebear.tracking.recovery import recover_journals  # 20 ms, only here

    api = session.api
    run = None if path is None else split_path(path, api.settings, "id")
    found = recover_journals(api.store, run=run)
    session.output.show(SyncView(found))
    return CorruptData.exit_status if any(not one.torn for each in found for one in each.damage) else 0


entry = Command("sync", sync)
