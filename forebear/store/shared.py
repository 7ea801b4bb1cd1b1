"""The stores that this process has open: each folder once, and the one that drafts go to."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from forebear.settings import load_settings
from forebear.store.opening import open_store
from forebear.store.urls import parse_store_url

if TYPE_CHECKING:
    from forebear.store.store import Store

_lock = threading.Lock()
_stores: dict[str, Store] = {}
#: Store, entity and project of each active run, innermost last.
_active: list[tuple[Store, str, str]] = []


def shared_store(url: str | None = None, *, create: bool = True) -> Store:
    """Return the process's one store at ``url``, opening it the first time; by default where the settings say."""
    wanted = url if url is not None else load_settings().store
    place = parse_store_url(wanted)
    key = place.address if place.folder is None or place.tail else os.path.realpath(place.folder)
    with _lock:
        store = _stores.get(key)
        if store is None:
            store = _stores[key] = open_store(wanted, create=create)
        return store


def active_store() -> Store:
    """Return the store of the innermost active run, else the one the settings name."""
    return _active[-1][0] if _active else shared_store()


def active_scope() -> tuple[str, str]:
    """Return entity and project of the innermost active run, else those the settings name."""
    if _active:
        return _active[-1][1:]
    settings = load_settings()
    return settings.entity, settings.project


def push_active(store: Store, entity: str, project: str) -> None:
    """Let drafts go to ``store`` from now on, and belong to a project."""
    _active.append((store, entity, project))


def pop_active(store: Store, entity: str, project: str) -> None:
    """Undo the newest such `push_active`."""
    for index in range(len(_active) - 1, -1, -1):
        if _active[index] == (store, entity, project):
            del _active[index]
            return


@atexit.register
def close_stores() -> None:
    """Let go of every open store; the next call of `shared_store` opens it again."""
    with _lock:
        _active.clear()
        while _stores:
            _stores.popitem()[1].close()


def _forget_after_fork() -> None:
    # Another thread of the parent may have held the lock; the stores themselves reopen on first use.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
