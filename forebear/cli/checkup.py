"""The examination that ``forebear doctor`` makes. It reads only, but to see whether a bucket can be written."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forebear._version import __version__
from forebear.blobs.local import LocalObjects
from forebear.catalog.schema import SCHEMA_VERSION
from forebear.catalog.sqlite_driver import SOUND_WAL, library_version, wal_is_sound
from forebear.cli.halves import halves_of
from forebear.cli.session import Session
from forebear.cli.text import count, size
from forebear.cli.views.store import DEFAULT_SOURCE, Checkup, Setting, Totals
from forebear.errors import ForebearError, NotFound
from forebear.records.lineage import Node
from forebear.settings import cache_folder, offline_folder, setting_sources
from forebear.store.marks import FORMAT
from forebear.store.opening import CATALOG_FILE, NETWORK_FILE_SYSTEMS, file_system_of
from forebear.store.shared import shared_store
from forebear.store.urls import parse_store_url, shown_url
from forebear.tracking.journal.place import JOURNALS
from forebear.tracking.recovery import DAMAGED, NEWER, ORPHANED, kept_journals

if TYPE_CHECKING:
    from forebear.store.store import Store

#: Versions without a record that are counted; more are not told apart.
_UNRECORDED = 1_000
#: Temporary files are left behind by a killed process, and swept by the next that writes.
_MANY_LEFTOVERS = 1 << 30
#: Journals that were put aside, of which each is named.
_NAMED_JOURNALS = 10
#: What became of a journal that was put aside, and what to do with it.
_JOURNALS = {
    DAMAGED: "was damaged; all that could be read was taken. Delete it once nobody wants to look into it",
    ORPHANED: "belongs to a run that is not in this store. Delete it, or move it to the store of its run",
    NEWER: f"was written by a newer forebear: upgrade, take {NEWER} from its name, and type forebear sync",
}


def examine(session: Session) -> Checkup:
    """Look at the store that the settings name, whether it is there or not."""
    try:
        store = session.api.store
    except NotFound as err:
        return _checkup(session, None, None, [err.message])
    totals = _totals(store)
    return _checkup(session, store, totals, [*_findings(store, totals), *_waiting(session, store)])


def _checkup(session: Session, store: Store | None, totals: Totals | None, findings: list[str]) -> Checkup:
    place = parse_store_url(session.settings.store if store is None else store.url)
    halves = None if store is None else halves_of(store)
    folder = str(store.local if store is not None else place.folder or cache_folder(session.settings))
    return Checkup(
        forebear=__version__,
        python=platform.python_version(),
        store=place.shown,
        catalog=str(place.folder / CATALOG_FILE) if place.folder else place.shown.partition("?")[0],
        blobs=str(place.folder) if place.blobs is None else place.blobs,
        local=folder,
        exists=store is not None,
        id=None if store is None else store.id,
        format=FORMAT,
        schema=SCHEMA_VERSION,
        sqlite=".".join(map(str, library_version())),
        wal_sound=wal_is_sound(),
        file_system=file_system_of(Path(folder)),
        writable=os.access(_nearest(folder), os.W_OK),
        totals=totals,
        settings=_settings(session),
        findings=(*findings, *(halves.findings if halves else ())),
        halves=halves,
    )


def _waiting(session: Session, store: Store) -> Iterator[str]:
    """Say what was logged offline and is not in the store yet."""
    folder = str(offline_folder(session.settings))
    if folder == store.url:
        return
    try:
        offline = shared_store(folder, create=False)
    except ForebearError:  # there is none, or it is not ours to read
        return
    sent = store.catalog.copies(offline.id)
    runs = sum(Node.of_run(run.key).key not in sent for run in offline.catalog.runs())
    if runs:
        yield f"{count(runs, 'run')} of mode offline in {folder}: forebear sync sends what is there"


def _nearest(folder: str) -> str:
    """Return the folder, or the nearest above it that is there."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return folder


def _settings(session: Session) -> tuple[Setting, ...]:
    settings, sources = session.settings, setting_sources(session.options)
    values = settings.to_dict() | {"store": shown_url(settings.store)}
    return tuple(Setting(name, values[name], sources.get(name, DEFAULT_SOURCE)) for name in settings.FIELDS)


def _totals(store: Store) -> Totals:
    projects = store.catalog.projects()
    collections = store.catalog.collections()
    loose, packs, total = 0, 0, 0
    # Far away each size would be a request; what the catalog says of them is one.
    known = (
        None if isinstance(store.objects, LocalObjects) else {each.name: each.size for each in store.catalog.objects()}
    )
    for name in store.objects.names():
        loose += name.startswith("loose/")
        packs += name.startswith("pack/")
        total += (store.objects.size(name) if known is None else known.get(name)) or 0
    leftovers = [file.stat().st_size for folder in store.folders for file in (folder / "tmp").glob("write-*")]
    return Totals(
        projects=len(projects),
        collections=len(collections),
        versions=sum(collection.version_count for collection in collections),
        runs=sum(project.run_count for project in projects),
        objects=loose + packs,
        object_bytes=total,
        loose_objects=loose,
        packs=packs,
        leftovers=len(leftovers),
        leftover_bytes=sum(leftovers),
        unrecorded_versions=len(store.catalog.unrecorded_versions(_UNRECORDED)),
        kept_journals=len(kept_journals(store)),
    )


def _named(folder: Path, store: Store) -> str:
    return "the store" if str(folder) == store.url else f"the folder {folder} of the store"


def _findings(store: Store, totals: Totals):  # type: ignore[no-untyped-def]
    if not wal_is_sound() and parse_store_url(store.url).catalog is None:
        yield (
            f"SQLite is older than {'.'.join(map(str, SOUND_WAL))}, whose write-ahead log can lose data, so a slower "
            "rollback journal is used; pip install pysqlite3 brings a sound one where it has wheels"
        )
    if parse_store_url(store.url).catalog is None and file_system_of(store.local) in NETWORK_FILE_SYSTEMS:
        yield "the store is on a network file system, where SQLite's locks cannot be trusted"
    for folder in store.folders:
        if not os.access(folder, os.W_OK):
            yield f"{_named(folder, store)} cannot be written: check who owns it"
    if totals.leftover_bytes >= _MANY_LEFTOVERS:
        yield f"{size(totals.leftover_bytes)} of leftovers are in tmp; the next artifact that is logged sweeps them"
    kept = kept_journals(store)
    for path in kept[:_NAMED_JOURNALS]:
        yield f"the journal {path} {_JOURNALS[path.suffix]}"
    if len(kept) > _NAMED_JOURNALS:
        yield f"{len(kept) - _NAMED_JOURNALS:,} more journals were put aside in {store.local / JOURNALS}"
    if totals.unrecorded_versions:
        yield (
            f"{count(totals.unrecorded_versions, 'version')} have no record beside the blobs yet; "
            "the next artifact that is logged writes it"
        )
