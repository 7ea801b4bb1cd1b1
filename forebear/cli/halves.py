"""What `forebear doctor` finds out about a store whose halves are apart: its server, its bucket and the cache here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from forebear.blobs.local import LocalObjects
from forebear.cli.views.store import Halves
from forebear.errors import ForebearError
from forebear.store.urls import parse_store_url

if TYPE_CHECKING:
    from forebear.store.store import Store


def halves_of(store: Store) -> Halves | None:
    """Look at both halves; ``None`` where the store is whole in one folder.

    Only writing shows whether a bucket can be written, so an empty object is put there and deleted again.
    """
    place = parse_store_url(store.url)
    if place.catalog is None and place.blobs is None:
        return None
    server, writable, findings = _catalog(store)
    trouble = _trouble_with_blobs(store)
    if trouble is not None:
        findings.append(trouble)
    used, limit = _cache(store)
    return Halves(server, writable, trouble is None, used, limit, tuple(findings))


def _catalog(store: Store) -> tuple[str | None, bool, list[str]]:
    """Return what serves the catalog, whether it takes writes, and what somebody should know of it."""
    if parse_store_url(store.url).catalog is None:
        return None, os.access(store.local, os.W_OK), []  # a finding of every store in a folder
    from forebear.catalog.postgres import PostgresCatalog

    assert isinstance(store.catalog, PostgresCatalog)
    state = store.catalog.server_state()
    place = store.url.partition("?")[0]
    told = f"the catalog {place} cannot be written: the server takes no writes, or the user lacks the right to"
    return f"PostgreSQL {state.version}, schema {state.schema}", state.writable, [] if state.writable else [told]


def _trouble_with_blobs(store: Store) -> str | None:
    """Return why nothing can be written beside the blobs, ``None`` where it can."""
    if isinstance(store.objects, LocalObjects):
        root = store.objects.root
        return None if os.access(root, os.W_OK) else f"{root} cannot be written: check who owns it"
    name = f"doctor/{os.urandom(8).hex()}"
    try:
        store.objects.put(name, b"")
    except ForebearError as err:
        return f"blobs cannot be written: {err.message}"
    try:
        store.objects.delete(name)
    except ForebearError as err:
        return f"blobs can be written but not deleted, which removing versions for good needs: {err.message}"
    return None


def _cache(store: Store) -> tuple[int | None, int | None]:
    from forebear.blobs.cache import CachedObjects

    objects = store.objects
    return (objects.used(), objects.limit) if isinstance(objects, CachedObjects) else (None, None)
