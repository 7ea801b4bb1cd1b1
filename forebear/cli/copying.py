"""The work of ``forebear store copy``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.cli.progress import Watch
from forebear.cli.session import Session
from forebear.cli.views.copying import CopyView
from forebear.errors import Conflict, CorruptData, InvalidInput, NotFound
from forebear.store.shared import shared_store
from forebear.store.urls import parse_store_url

if TYPE_CHECKING:
    from forebear.api.copying.report import Copied
    from forebear.store.store import Store


def copy_stores(session: Session, source: str, target: str, *, dry_run: bool = False) -> int:
    """Copy the store at one place to another, and say what was done; return the exit status."""
    from forebear.api.copying.planning import plan_copy  # 60 ms that --help is spared

    if _place(source) == _place(target):
        raise InvalidInput("a store cannot be copied to itself: SRC and DST are the same", code="same-store")
    scope = {"entity": session.options["entity"], "project": session.options["project"]}
    origin = shared_store(source, create=False)
    if dry_run:
        copied = plan_copy(origin, _there(target), **scope)
    else:
        copied = copied_stores(session, origin, shared_store(target), **scope)
    session.output.show(CopyView(copied, origin.url, parse_store_url(target).shown))
    return exit_status(copied)


def copied_stores(session: Session, source: Store, target: Store, **scope: str | None) -> Copied:
    """Copy an open store to another one, and let whoever watches see it."""
    from forebear.api.copying.copying import copy_store

    with Watch("copying", unit="object", hidden=session.output.quiet) as watch:
        return copy_store(source, target, progress=watch, **scope)


def exit_status(copied: Copied) -> int:
    """Return how a copy ended, as every command tells it."""
    from forebear.api.copying.report import CONFLICT, DAMAGED

    kinds = {trouble.kind for trouble in copied.troubles}
    return CorruptData.exit_status if DAMAGED in kinds else Conflict.exit_status if CONFLICT in kinds else 0


def _place(url: str) -> str:
    place = parse_store_url(url)
    return os.path.realpath(place.folder) if place.folder is not None else place.address


def _there(target: str) -> Store | None:
    try:
        return shared_store(target, create=False)
    except NotFound:
        return None
