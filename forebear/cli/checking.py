"""The work of ``forebear fsck`` and ``forebear recover``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.cli.progress import Watch
from forebear.cli.views.checking import CheckView, RecoveredView
from forebear.errors import CorruptData
from forebear.store.shared import close_stores, shared_store

if TYPE_CHECKING:
    from forebear.cli.session import Session


def check(session: Session, *, read_data: bool | str, repair: bool, rebuild_index: bool, source: str | None) -> int:
    """Check the store and say what was found; return the exit status."""
    from forebear.api.checking.checking import check_store  # 60 ms that --help is spared

    other = None if source is None else shared_store(source, create=False)
    with Watch("reading" if read_data else "checking", unit="object", hidden=session.output.quiet) as watch:
        found = check_store(
            session.api.store,
            read_data=read_data,
            repair=repair,
            rebuild_index=rebuild_index,
            source=other,
            progress=watch,
        )
    session.output.show(CheckView(found))
    return 0 if found.ok else CorruptData.exit_status


def recovered(session: Session) -> int:
    """Make the catalog again and say what came back; return the exit status."""
    from forebear.api.checking.recovering import recover_store  # 60 ms that --help is spared

    close_stores()
    with Watch("recovering", unit="object", hidden=session.output.quiet) as watch:
        done = recover_store(session.settings.store, progress=watch)
    session.output.show(RecoveredView(done))
    return CorruptData.exit_status if done.damaged else 0
