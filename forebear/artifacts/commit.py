"""From draft to version: bytes first, then one transaction that names them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.artifacts.manifest import Built, Load, Manifest, Row, build, parse_page
from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.errors import CorruptData, StorageFailure
from forebear.records.artifacts import Committed, NewVersion

if TYPE_CHECKING:
    from forebear.artifacts.draft import Draft
    from forebear.store.store import Store


class Labels(msgspec.Struct, frozen=True):
    """What a version is called and said of it. See `NewVersion` for the fields."""

    entity: str
    project: str
    name: str
    type: str
    description: str | None = None
    metadata: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    expect: str | None = None


def commit_draft(draft: Draft, labels: Labels, run_key: int | None) -> Committed:
    """Make a draft a version of its collection, durably, and leave its record beside the blobs.

    Raises:
        Conflict: the collection has another type, or ``labels.expect`` does not hold.
        InvalidInput: a path is both a file and a folder.

    Cost: writes the pages that no version has yet; reads the pages of the collection's newest version that differ.
    """
    store = draft.store
    rows = draft.rows()
    built = build(rows)
    while True:
        collection = store.catalog.collection(labels.entity, labels.project, labels.name)
        tip = collection.tip if collection else None
        new = _new_version(draft, labels, run_key, rows, built, tip)
        try:
            committed = store.catalog.commit_version(new)
        except TipMoved:
            continue  # somebody else made progress; the difference to their version is computed anew
        except MissingBlobs as err:
            raise _lost(store, err.digests) from err
        draft.intake.remember()
        # The version is there; a record that finds no room now is written by the next commit.
        with contextlib.suppress(StorageFailure):
            store.write_records()
        return committed


def _new_version(
    draft: Draft,
    labels: Labels,
    run_key: int | None,
    rows: list[Row],
    built: Built,
    tip: bytes | None,
) -> NewVersion:
    store = draft.store
    needs: list[bytes] = [built.root]
    gained: set[bytes] = set()
    lost: set[bytes] = set()
    if tip != built.root:
        # A page that the store knows was committed together with everything it names.
        known = store.catalog.known(built.pages)
        fresh = {digest: page for digest, page in built.pages.items() if digest not in known}
        draft.intake.add_pages(fresh)
        gained, lost = _difference(store, rows, built, tip)
        draft.objects += draft.intake.finish()
        needs += _named_by(rows, built, fresh)
        arriving = {part.digest for stored in draft.objects for part in stored.slices}
        arriving.update(digest for stored in draft.objects for digest in stored.recipes)
        needs = [digest for digest in needs if digest not in arriving]
    return NewVersion(
        entity=labels.entity,
        project=labels.project,
        name=labels.name,
        type=labels.type,
        root=built.root,
        size=built.size,
        file_count=built.rows,
        description=labels.description,
        metadata=labels.metadata,
        aliases=labels.aliases,
        tags=labels.tags,
        run_key=run_key,
        tip=tip,
        gained=list(gained),
        lost=list(lost),
        objects=draft.objects,
        needs=needs,
        expect=labels.expect,
    )


def _difference(store: Store, rows: list[Row], built: Built, tip: bytes | None) -> tuple[set[bytes], set[bytes]]:
    """Return the content digests that the new version has and the tip has not, and the other way round."""
    everything = {row[2] for row in rows if row[2] is not None}
    if tip is None:
        return everything, set()
    here = Manifest(built.root, _overlaid(built.pages, page_loader(store)))
    only_here, only_there = here.changed_rows(Manifest(tip, page_loader(store)))
    gained = {row[2] for row in only_here if row[2] is not None}
    lost = {row[2] for row in only_there if row[2] is not None} - everything
    return gained, lost


def _named_by(rows: list[Row], built: Built, fresh: dict[bytes, bytes]) -> Iterable[bytes]:
    """Digests of the files that fresh pages name; those of other pages are known to be there."""
    if len(fresh) == len(built.pages):
        return {row[2] for row in rows if len(row) == 3}
    leaves = (parse_page(digest, page) for digest, page in fresh.items())
    return {row[2] for level, page in leaves if level == 0 for row in page if len(row) == 3}


def page_loader(store: Store) -> Load:
    """Return what reads manifest pages from a store."""

    def load(digests: list[bytes]) -> dict[bytes, bytes]:
        return {digest: bytes(content) for digest, content in store.read_many(digests)}

    return load


def _overlaid(pages: dict[bytes, bytes], load: Load) -> Load:
    def overlaid(digests: list[bytes]) -> dict[bytes, bytes]:
        found = {digest: pages[digest] for digest in digests if digest in pages}
        rest = [digest for digest in digests if digest not in pages]
        return found | load(rest) if rest else found

    return overlaid


def _lost(store: Store, digests: list[bytes]) -> CorruptData:
    return CorruptData(
        f"{len(digests)} files of the draft were taken as known from an earlier version, but the store at {store.url} "
        f"does not hold them (first: {digests[0].hex()[:16]}…). Delete {store.local}/cache and log again",
        code="missing-blob",
        digest=digests[0],
    )
