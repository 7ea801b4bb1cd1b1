"""Versions of one store on their way into another: bytes first, then their names."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from forebear.api.copying.contents import difference, lacking_pages, loader
from forebear.api.copying.prints import print_of_version
from forebear.api.copying.report import CONFLICT, DAMAGED, DELETED, Renumbered
from forebear.catalog.port import MissingBlobs, TipMoved
from forebear.errors import CorruptData, NotFound
from forebear.records.artifacts import COMMITTED, Collection, Version
from forebear.records.copies import Adopted, AdoptedVersion, AliasStep, Copy, WholeVersion
from forebear.records.lineage import Node

if TYPE_CHECKING:
    from forebear.api.copying.freight import Freight
    from forebear.api.copying.report import Copied
    from forebear.store.store import Store


class VersionCopier:
    """Copies collections, with all that is known of their versions."""

    def __init__(self, source: Store, target: Store, freight: Freight, known: dict[int, Copy], copied: Copied) -> None:
        """Copy from ``source`` to ``target``; ``known`` is what became of earlier copies, and is added to."""
        self._source = source
        self._target = target
        self._freight = freight
        self._known = known
        self._copied = copied
        self._load = loader(source, target)

    def copy(self, collection: Collection) -> None:
        """Copy one collection; what cannot be copied of it is told."""
        catalog = self._target.catalog
        here = catalog.collection(collection.entity, collection.project, collection.name)
        if here is not None and here.type != collection.type:
            self._copied.tell(
                CONFLICT,
                collection.qualified_name,
                f"has type {collection.type!r}, and there it has type {here.type!r}; log it under another name",
            )
            return
        roots = {version.root for version in catalog.versions(here.id)} if here else set()
        steps = sorted(self._source.catalog.alias_steps(collection.id), key=lambda step: step.at)
        versions = self._source.catalog.whole_versions(collection.id)
        for whole, own in _with_steps(versions, steps):
            try:
                self._copy_version(collection, whole, own, roots)
            except CorruptData as err:
                self._copied.tell(DAMAGED, whole.version.qualified_name, str(err))
        here = here or catalog.collection(collection.entity, collection.project, collection.name)
        if here is not None:
            self._copy_steps(here.id, steps)
            self._tell_numbers(collection, [whole.version for whole in versions])

    # -- one version ----------------------------------------------------------------------------------------------

    def _copy_version(
        self, collection: Collection, whole: WholeVersion, steps: list[AliasStep], roots: set[bytes]
    ) -> None:
        version = whole.version
        node, mark = Node.of_version(version.id).key, print_of_version(version)
        copy = self._known.get(node)
        if copy is not None:
            self._bring_up_to_date(version, node, copy, mark)
            return
        new = AdoptedVersion(collection, version, whole.origin, tuple(steps), print=mark)
        adopted = self._adopt(new, roots)
        self._known[node] = Copy(Node.of_version(adopted.version.id).key, mark)
        self._copied.moves += adopted.moves
        if adopted.created:
            self._copied.versions += 1
            if version.state == COMMITTED:
                roots.add(version.root)
        else:
            self._copied.versions_same += 1

    def _adopt(self, new: AdoptedVersion, roots: set[bytes]) -> Adopted:
        source, catalog = self._source.id, self._target.catalog
        if new.version.state != COMMITTED:
            return catalog.adopt_version(source, new)
        if new.version.root in roots:
            try:
                return catalog.adopt_version(source, _onto(new, None))
            except TipMoved:  # it was deleted there a moment ago, so it is new
                roots.discard(new.version.root)
        tip = None
        while True:
            collection = new.collection
            here = catalog.collection(collection.entity, collection.project, collection.name)
            tip = here.tip if here else None
            try:
                return catalog.adopt_version(source, self._filled(new, tip))
            except TipMoved:
                continue  # somebody else made progress; the difference to their version is computed anew
            except MissingBlobs as err:
                digest = err.digests[0]
                raise CorruptData(
                    f"{len(err.digests)} blobs went missing there while it was copied (first: {digest.hex()[:16]}…)",
                    code="missing-blob",
                    digest=digest,
                ) from err

    def _filled(self, new: AdoptedVersion, tip: bytes | None) -> AdoptedVersion:
        """Bring all bytes of a version, and say what it needs and changes."""
        root = new.version.root
        pages: list[bytes] = []
        needs: list[bytes] = []
        trusts: list[bytes] = []

        def lacking(digests: Iterable[bytes]) -> list[bytes]:
            # A page that is garbage there vouches for nothing.
            wanted = list(dict.fromkeys(digests))
            firm = self._target.catalog.firm(wanted)
            trusts.extend(firm)
            return [digest for digest in wanted if digest not in firm]

        for batch in lacking_pages(lacking, self._load, root):
            files = [digest for page in batch for digest in page.files]
            self._freight.bring(files)
            pages += [page.digest for page in batch]
            needs += files
        # Pages are made known with the version alone: whoever knows one takes it that all it names is there.
        objects = self._freight.bring_unnamed(pages)
        gained, lost = self._difference(new.collection, root, tip)
        return _onto(new, tip, gained=gained, lost=lost, objects=objects, needs=[*pages, *needs], trusts=trusts)

    def _difference(self, collection: Collection, root: bytes, tip: bytes | None) -> tuple[list[bytes], list[bytes]]:
        try:
            return difference(root, self._load, tip, self._load)
        except CorruptData:
            # The newest version there was deleted, and its pages with it; what was in it is still known.
            here = self._target.catalog.collection(collection.entity, collection.project, collection.name)
            contents = set(difference(root, self._load, None, self._load)[0])
            there = set() if here is None else self._target.catalog.tip_contents(here.id)
            return list(contents - there), list(there - contents)

    def _bring_up_to_date(self, version: Version, node: int, copy: Copy, mark: bytes) -> None:
        if copy.print == mark:
            self._copied.versions_same += 1
            return
        here = self._target.catalog.versions_by_id([Node(copy.node).row_id])[Node(copy.node).row_id]
        if version.state != COMMITTED:
            if here.state == COMMITTED:
                self._copied.tell(DELETED, version.qualified_name, "was deleted here, and is still there")
            self._copied.versions_same += 1
            return
        try:
            self._target.catalog.update_version(
                here.id,
                description=version.description or "",
                metadata=version.metadata,
                tags=tuple({*here.tags, *version.tags}),
            )
        except NotFound:  # deleted there, and that stays so
            self._copied.versions_same += 1
        else:
            self._copied.versions_changed += 1
        self._target.catalog.mark_copied(self._source.id, {node: mark})

    # -- names ----------------------------------------------------------------------------------------------------

    def _copy_steps(self, collection_id: int, steps: list[AliasStep]) -> None:
        """Bring the moves of aliases that did not come with a version."""
        there = {step[:3] for step in self._target.catalog.alias_steps(collection_id)}
        lacking = [step for step in steps if (place := self._place_of(step)) is not None and place not in there]
        if lacking:
            self._copied.moves += self._target.catalog.adopt_steps(self._source.id, collection_id, lacking)

    def _place_of(self, step: AliasStep) -> tuple[object, ...] | None:
        if step.version_id is None:
            return step[:3]
        copy = self._known.get(Node.of_version(step.version_id).key)
        return None if copy is None else (step.alias, Node(copy.node).row_id, step.at)

    def _tell_numbers(self, collection: Collection, versions: list[Version]) -> None:
        copies = {v.id: self._known.get(Node.of_version(v.id).key) for v in versions}
        ids = {here: Node(copy.node).row_id for here, copy in copies.items() if copy is not None}
        there = self._target.catalog.versions_by_id(ids.values())
        for version in versions:
            if version.id in ids and there[ids[version.id]].number != version.number:
                number = there[ids[version.id]].number
                self._copied.renumbered.append(Renumbered(collection.qualified_name, version.number, number))


def _with_steps(versions: list[WholeVersion], steps: list[AliasStep]) -> Iterator[tuple[WholeVersion, list[AliasStep]]]:
    """Yield each version with the moves of aliases up to the next one, so that none appears without its names."""
    begun = 0
    for index, whole in enumerate(versions):
        end = len(steps)
        if index + 1 < len(versions):
            following = versions[index + 1].version.created_at
            end = max(begun, bisect_left(steps, following, key=lambda step: step.at))
        yield whole, steps[begun:end]
        begun = end


def _onto(new: AdoptedVersion, tip: bytes | None, **changes: Any) -> AdoptedVersion:
    return replace(new, tip=tip, **changes)
