"""From draft to version: bytes first, then one transaction that names them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from forebear.artifacts.manifest import Built, Load, Manifest, build, parse_page
from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.errors import Conflict, CorruptData
from forebear.records.artifacts import Collection, Committed, NewVersion

if TYPE_CHECKING:
    from forebear.artifacts.draft import Draft
    from forebear.artifacts.rows import InOrder
    from forebear.store.store import Store


#: How often a commit is tried anew because others were faster.
_TRIES = 1_000


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
    looked = False
    for again in range(_TRIES):
        collection = store.catalog.collection(labels.entity, labels.project, labels.name)
        new = _new_version(draft, labels, run_key, rows, built, collection, looked=looked)
        commit = partial(_commit, store, new)
        try:
            if not again and (gone := draft.intake.gone(new.needs)):
                raise MissingBlobs(sorted(gone))
            committed = draft.intake.write(new.objects, commit)
        except TipMoved:
            continue  # somebody else made progress; the difference to their version is computed anew
        except MissingBlobs as err:
            # A page that was there is garbage by now, or a file is gone that was taken for known.
            looked = True
            lost = draft.intake.take_again(set(err.digests) - built.pages.keys())
            if lost or again + 1 == _TRIES:
                raise _lost(store, sorted(lost) or err.digests) from err
            continue
        draft.intake.remember()
        store.write_records()
        return committed
    raise Conflict(
        f"{_TRIES} others logged a version of {labels.name!r} while this one was to be; log it again",
        code="tip-moved",
    )


def _commit(store: Store, new: NewVersion, lease: str | None) -> Committed:
    return store.catalog.commit_version(replace(new, lease=lease))


def _new_version(
    draft: Draft,
    labels: Labels,
    run_key: int | None,
    rows: InOrder,
    built: Built,
    collection: Collection | None,
    *,
    looked: bool,
) -> NewVersion:
    """Say what a commit needs; unless somebody ``looked`` already, the newest version is trusted to be there."""
    store = draft.store
    tip = collection.tip if collection else None
    needs: list[bytes] = []
    trusts: list[bytes] = [built.root]
    gained: set[bytes] = set()
    lost: set[bytes] = set()
    if tip != built.root or looked:
        # A page that is no garbage was committed together with everything it names.
        firm = store.catalog.firm(built.pages)
        firm -= draft.intake.gone(firm)
        fresh = {digest: page for digest, page in built.pages.items() if digest not in firm}
        draft.intake.add_pages(fresh)
        if tip != built.root:
            gained, lost = _difference(store, rows, built, collection)
        draft.objects += draft.intake.finish()
        trusts = [digest for digest in built.pages if digest in firm]
        needs += _named_by(rows, built, fresh)
        arriving = {part.digest for stored in draft.objects for part in stored.slices}
        arriving.update(digest for stored in draft.objects for digest in stored.recipes)
        needs = [digest for digest in needs if digest not in arriving]
    else:
        # The version is there; what a damaged disk took of it may have come with the draft.
        draft.objects += draft.intake.finish()
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
        trusts=trusts,
    )


def _difference(
    store: Store, rows: InOrder, built: Built, collection: Collection | None
) -> tuple[set[bytes], set[bytes]]:
    """Return the content digests that the new version has and the tip has not, and the other way round."""
    everything = {row[2] for row in rows if row[2] is not None}
    if collection is None or collection.tip is None:
        return everything, set()
    here = Manifest(built.root, _overlaid(built.pages, page_loader(store)))
    try:
        only_here, only_there = here.changed_rows(Manifest(collection.tip, page_loader(store)))
    except CorruptData:
        # The newest version was deleted, and its pages with it; what was in it is still known.
        there = store.catalog.tip_contents(collection.id)
        return everything - there, there - everything
    gained = {row[2] for row in only_here if row[2] is not None}
    lost = {row[2] for row in only_there if row[2] is not None} - everything
    return gained, lost


def _named_by(rows: InOrder, built: Built, fresh: dict[bytes, bytes]) -> Iterable[bytes]:
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
        f"does not hold them any more (first: {digests[0].hex()[:16]}…), and they are not where they came from. Add "
        "them again, as a new artifact",
        code="missing-blob",
        digest=digests[0],
    )
