"""Random operations on a catalog and on the reference model at once; after each, both must say the same.

Ids and keys are an adapter's own affair, so both sides are asked and compared by names and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from forebear.catalog.port import Catalog, TipMoved
from forebear.errors import ForebearError
from forebear.names import LATEST, ArtifactRef
from forebear.records.artifacts import Committed, Version
from forebear.records.lineage import Direction, EdgeKind, Node
from forebear.records.runs import RUN_STATES, RunChanges
from forebear.testing.builders import ENTITY, PROJECT, Author, ManualClock, digest_of, new_run
from forebear.testing.memory_catalog import MemoryCatalog

#: Makes an empty catalog that takes its time from the given clock.
MakeCatalog = Callable[[Callable[[], datetime]], Catalog]

# Few names of each kind, so that operations meet.
NAMES = ("data", "model")
FILES = "abc"
ALIASES = ("prod", "best", LATEST)
RUN_IDS = ("r0", "r1", "r2")
#: Moments at which aliases are resolved: the latest so many.
MOMENTS = 4

names = st.sampled_from(NAMES)
types = st.sampled_from(["dataset"] * 5 + ["weights"])
contents = st.frozensets(st.sampled_from(FILES))
numbers = st.integers(0, 4)
aliases = st.sampled_from(ALIASES)
run_ids = st.sampled_from(RUN_IDS)
loggers = st.one_of(run_ids, st.none())
tags = st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple)
expectations = st.one_of(st.none(), st.none(), st.just(""), st.builds("v{}".format, numbers), st.just("best"))


class Side:
    """One of the two catalogs, spoken to by names."""

    def __init__(self, catalog: Catalog) -> None:
        """Drive ``catalog``, which is empty."""
        self.catalog = catalog
        self.author = Author(catalog)
        self.runs = {run_id: catalog.add_run(new_run(run_id)) for run_id in RUN_IDS}
        #: (collection, number) → id, of deleted versions too.
        self.ids: dict[tuple[str, int], int] = {}

    def id_of(self, name: str, number: int) -> int:
        """The id of a version, or now and then one that no version has; any number means something."""
        given = sum(collection == name for collection, _ in self.ids)
        return self.ids.get((name, number % (given + 1)), 10**6)

    def collection_id(self, name: str) -> int:
        """The id of a collection, or one that no collection has."""
        collection = self.catalog.collection(ENTITY, PROJECT, name)
        return collection.id if collection else 10**6

    def run_key(self, run_id: str | None) -> int | None:
        """The key of a run."""
        return None if run_id is None else self.runs[run_id].key

    def commit(self, files: frozenset[str], name: str, run_id: str | None, **changes: Any) -> Committed:
        """Commit a version, and remember its id."""
        run = None if run_id is None else self.runs[run_id]
        made = self.author.commit(*files, name=name, run=run, **changes)
        self.ids[name, made.version.number] = made.version.id
        return Committed(bare(made.version), made.created)

    def text_of(self, node: int) -> str:
        """The name by which both sides know a node."""
        return self.catalog.describe([node])[node].id

    def collections(self) -> Iterator[object]:
        """All collections with their versions and the moves of their aliases, each alias by itself."""
        for collection in self.catalog.collections():
            yield replace(collection, id=0)
            yield [bare(version) for version in self.catalog.versions(collection.id)]
            yield sorted(self.catalog.alias_moves(collection.id), key=lambda move: move.alias)

    def resolved(self, moments: list[datetime]) -> Iterator[object]:
        """What every alias, number and digest names, now and then."""
        for name in NAMES:
            refs = [ArtifactRef(name, alias=alias, at=at) for alias in ALIASES for at in (None, *moments)]
            refs += [ArtifactRef(name, number=number) for number in range(3)]
            refs += [ArtifactRef(name, digest=root.hex()[:12]) for root in self.roots(name)]
            yield [outcome(partial(self.resolve, ref)) for ref in refs]

    def resolve(self, ref: ArtifactRef) -> Version:
        """The version that a reference names."""
        return bare(self.catalog.resolve(ENTITY, PROJECT, ref))

    def roots(self, name: str) -> list[bytes]:
        """The roots that the collection has had, the oldest first."""
        known = [id_ for (collection, _), id_ in sorted(self.ids.items()) if collection == name]
        return [version.root for _, version in sorted(self.catalog.versions_by_id(known).items())]

    def graph(self) -> Iterator[object]:
        """All nodes and edges, and what lies above and below each node."""
        edges = list(self.catalog.all_edges(EdgeKind))
        nodes = {edge.source for edge in edges} | {edge.target for edge in edges}
        infos = self.catalog.describe(nodes)
        yield {info.id: replace(info, key=0) for info in infos.values()}
        yield {(infos[e.source].id, infos[e.target].id, e.kind, e.at, e.use_as) for e in edges}
        for direction in Direction:
            walks = {node: self.catalog.walk(node, direction) for node in nodes}
            yield {infos[n].id: {infos[far].id: steps for far, steps in w.items()} for n, w in walks.items()}

    def questions(self) -> Iterator[object]:
        """Stale uses, and where each file is."""
        stale = self.catalog.stale_uses()
        yield {(self.text_of(use.run), self.text_of(use.used), self.text_of(use.newest)) for use in stale}
        for file in FILES:
            for use in self.catalog.file_uses(digest_of(file)):
                yield (use.collection, use.first, use.until, [self.text_of(node) for node in use.versions])


class CatalogMachine(RuleBasedStateMachine):
    """Drives the catalog that ``make_catalog`` makes beside a `MemoryCatalog`."""

    make_catalog: MakeCatalog
    side: type[Side] = Side

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.moments: list[datetime] = [self.clock.now]
        self.model = self.side(MemoryCatalog(self.clock))
        self.real = self.side(self.make_catalog(self.clock))

    def teardown(self) -> None:
        """Close the catalog that was made for this example."""
        self.real.catalog.close()

    def both(self, operation: Callable[[Side], object]) -> None:
        """Do the same on both sides; the answers, or the errors and their words, must be equal."""
        expected, found = outcome(lambda: operation(self.model)), outcome(lambda: operation(self.real))
        assert found == expected

    # -- operations -----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1e-6, 1.0, 86_400.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.moments.append(self.clock.tick(seconds))

    @rule(
        files=contents,
        name=names,
        run_id=loggers,
        type=types,
        labels=st.lists(aliases, max_size=2).map(tuple),
        tags=tags,
        expect=expectations,
    )
    def log(
        self,
        files: frozenset[str],
        name: str,
        run_id: str | None,
        type: str,
        labels: tuple[str, ...],
        tags: tuple[str, ...],
        expect: str | None,
    ) -> None:
        """Commit a version on top of the tip."""
        fields = {"type": type, "aliases": labels, "tags": tags, "expect": expect}
        self.both(lambda side: side.commit(files, name, run_id, **fields))

    @rule(files=contents, name=names)
    def log_late(self, files: frozenset[str], name: str) -> None:
        """Commit against a tip that is not the collection's."""
        self.both(lambda side: side.commit(files, name, None, tip=digest_of("an older tip")))

    @rule(name=names, number=numbers, alias=aliases, expect=expectations, run_id=loggers)
    def move(self, name: str, number: int, alias: str, expect: str | None, run_id: str | None) -> None:
        """Move an alias."""
        self.both(
            lambda side: side.catalog.move_alias(
                side.id_of(name, number), alias, expect=expect, run_key=side.run_key(run_id)
            )
        )

    @rule(name=names, alias=aliases, expect=expectations, run_id=loggers)
    def remove(self, name: str, alias: str, expect: str | None, run_id: str | None) -> None:
        """Take an alias away."""
        self.both(
            lambda side: side.catalog.remove_alias(
                side.collection_id(name), alias, expect=expect, run_key=side.run_key(run_id)
            )
        )

    @precondition(lambda self: self.model.ids)
    @rule(name=names, number=numbers, delete_aliases=st.booleans())
    def delete(self, name: str, number: int, delete_aliases: bool) -> None:
        """Delete a version."""
        self.both(lambda side: side.catalog.delete_version(side.id_of(name, number), delete_aliases=delete_aliases))

    @rule(
        name=names,
        number=numbers,
        description=st.sampled_from([None, "", "text"]),
        metadata=st.sampled_from([None, {}, {"n": [1, None]}]),
        tags=st.none() | tags,
    )
    def update(
        self,
        name: str,
        number: int,
        description: str | None,
        metadata: dict[str, Any] | None,
        tags: tuple[str, ...] | None,
    ) -> None:
        """Change what is said of a version."""
        self.both(
            lambda side: bare(
                side.catalog.update_version(
                    side.id_of(name, number), description=description, metadata=metadata, tags=tags
                )
            )
        )

    @precondition(lambda self: self.model.ids)
    @rule(run_id=run_ids, name=names, number=numbers, use_as=st.sampled_from([None, "role"]))
    def use(self, run_id: str, name: str, number: int, use_as: str | None) -> None:
        """Let a run use a version."""
        self.both(lambda side: side.catalog.add_use(side.runs[run_id].key, side.id_of(name, number), use_as))

    @rule(run_id=run_ids, state=st.sampled_from(RUN_STATES))
    def finish(self, run_id: str, state: str) -> None:
        """Change the state of a run."""
        self.both(lambda side: side.catalog.update_run(side.runs[run_id].key, RunChanges(state=state)))

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def collections_agree(self) -> None:
        """Both hold the same collections, versions, aliases and histories of aliases."""
        assert list(self.real.collections()) == list(self.model.collections())

    @invariant()
    def references_agree(self) -> None:
        """Both resolve every reference to the same version, or refuse it in the same words."""
        moments = self.moments[-MOMENTS:]
        assert list(self.real.resolved(moments)) == list(self.model.resolved(moments))

    @invariant()
    def graphs_agree(self) -> None:
        """Both hold the same edges, and walk them to the same nodes."""
        assert list(self.real.graph()) == list(self.model.graph())

    @invariant()
    def questions_agree(self) -> None:
        """Both give the same stale uses and places of files."""
        assert list(self.real.questions()) == list(self.model.questions())

    @invariant()
    def ancestry_has_no_circle(self) -> None:
        """Nothing is above and below the same run."""
        for run in self.real.runs.values():
            node = Node.of_run(run.key).key
            above, below = (self.real.catalog.walk(node, direction) for direction in Direction)
            assert not above.keys() & below.keys()


def catalog_machine(make_catalog: MakeCatalog, machine: type[CatalogMachine] = CatalogMachine) -> type[CatalogMachine]:
    """Return a state machine for the catalogs that ``make_catalog`` makes, one for each example.

    Its ``TestCase`` runs it under pytest.
    """
    return type("Machine", (machine,), {"make_catalog": staticmethod(make_catalog)})


def bare(version: Version) -> Version:
    """A version without the ids that are its adapter's own."""
    return replace(version, id=0, collection_id=0)


def outcome(operation: Callable[[], object]) -> object:
    """What an operation returns; or, as a tuple, how it was refused."""
    try:
        return operation()
    except ForebearError as err:
        return type(err), err.code, re.sub(r"(with (?:id|key)) \d+", r"\1 N", str(err))
    except TipMoved as moved:
        return TipMoved, moved.tip
