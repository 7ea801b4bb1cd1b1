"""Questions about lineage, answered by the catalog with a handful of queries each."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from forebear.errors import InvalidInput, NotFound
from forebear.lineage.model import GraphData, Impact, Reason, Stale, Step, Touch, Walk
from forebear.names import parse_time
from forebear.records.content import check_digest
from forebear.records.lineage import WALKED, Direction, Edge, EdgeKind, Node, NodeInfo, StaleUse

if TYPE_CHECKING:
    from forebear.catalog.port import Catalog
    from forebear.lineage.model import AncestryDiff, CommonAncestors

EVERY_KIND = tuple(EdgeKind)
#: Kinds of node.
KINDS = ("artifact", "run")


class Lineage:
    """Answers over one catalog, now or as of a time.

    Nodes are the integer keys of `Node`. Only *used* and *logged* edges are walked; the others (*reproduced*,
    *feedback*, *forked*, *rewound*) and what hangs on them are shown where a walk meets them. An object holds no state
    but its arguments, so threads may share it.

    Args:
        before: Only edges and nodes written before this time count. States and aliases are those of today.
    """

    def __init__(self, catalog: Catalog, *, before: datetime | None = None) -> None:
        self._catalog = catalog
        self._before = before.replace(tzinfo=UTC) if before is not None and before.tzinfo is None else before

    def as_of(self, moment: datetime | str) -> Lineage:
        """Return the same lineage as it stood just before ``moment`` (UTC unless it says otherwise)."""
        return Lineage(self._catalog, before=parse_time(moment) if isinstance(moment, str) else moment)

    # -- walks --------------------------------------------------------------------------------------------------

    def upstream(
        self, node: int, *, depth: int | None = None, types: Iterable[str] | None = None, kind: str | None = None
    ) -> Walk:
        """Return what ``node`` was made from.

        Args:
            depth: Longest distance in edges; ``None`` walks to the roots.
            types: Artifact types and job types to show; others are hidden, and walked through all the same.
            kind: ``"artifact"`` or ``"run"`` shows only these, in the same way.

        Raises:
            NotFound: there is no such node (at that time).
            InvalidInput: a negative depth or an unknown kind.

        Cost: four or five catalog calls; as of a time, one more for each level.
        """
        return self._walk(node, Direction.UPSTREAM, depth, types, kind)

    def downstream(
        self, node: int, *, depth: int | None = None, types: Iterable[str] | None = None, kind: str | None = None
    ) -> Walk:
        """Return what was made from ``node``; arguments, errors and cost as in `upstream`."""
        return self._walk(node, Direction.DOWNSTREAM, depth, types, kind)

    def reach(self, starts: Iterable[int], direction: Direction, depth: int | None = None) -> dict[int, int]:
        """Return the keys reached from any of ``starts`` and their distances in edges, without ``starts``.

        Cost: one catalog call for a single start; otherwise, or as of a time, one for each level.
        """
        if depth is not None and depth < 0:
            raise InvalidInput(f"depth is a number of edges and may not be {depth}; 0 is the least", code="bad-depth")
        keys = list(dict.fromkeys(starts))
        if len(keys) == 1 and self._before is None:
            return self._catalog.walk(keys[0], direction, depth=depth)
        return self._reach_by_levels(keys, direction, depth)

    def leaves(self, node: int) -> list[Step]:
        """Return the versions downstream of ``node`` that no run used, nearest first: where its lines end.

        A *feedback* use leads back up a line, so it does not keep a version from being a leaf.
        """
        self.info(node)
        found = self.reach([node], Direction.DOWNSTREAM)
        versions = [key for key in found if not Node(key).is_run]
        used = {edge.source for edge in self.edges(versions, Direction.DOWNSTREAM, (EdgeKind.USED,))}
        ends = {key: found[key] for key in versions if key not in used}
        infos = self.describe(ends)
        return [Step(infos[key], ends[key]) for key in _nearest_first(ends) if key in infos]

    # -- staleness ----------------------------------------------------------------------------------------------

    def stale(
        self, *, collection_id: int | None = None, entity: str | None = None, project: str | None = None
    ) -> list[Stale]:
        """Return runs and versions built on an old version of what has a newer one, nearest to the cause first.

        The arguments narrow where the *old version* lies; its consumers may be anywhere. As of a time, versions
        deleted since then do not count as newer.

        Cost: one catalog call for each level downstream of the stale runs, and three more.
        """
        reasons = self._reasons(self._stale_uses(collection_id), entity, project)
        distances = dict.fromkeys(reasons, 0) | self.reach(reasons, Direction.DOWNSTREAM)
        through: dict[int, list[int]] = {}
        for edge in self.edges(distances, Direction.DOWNSTREAM, WALKED):
            if edge.target in distances:
                through.setdefault(edge.target, []).append(edge.source)
        infos = self.describe(distances)
        stale = []
        for key in _nearest_first(distances):
            parents = through.get(key, [])
            if key not in reasons:
                reasons[key] = _inherited(reasons, [p for p in parents if distances[p] < distances[key]])
            if key in infos:
                stale.append(Stale(infos[key], distances[key], reasons[key], tuple(sorted(parents))))
        return stale

    def mark_stale(self, graph: GraphData) -> GraphData:
        """Return ``graph`` with its stale nodes and the old versions behind them marked, for a drawing.

        Staleness is carried along the edges of ``graph`` only: a cause outside of it is not seen.
        """
        keys = {node.key for node in graph.nodes}
        uses = [use for use in self._stale_uses(None) if use.run in keys and use.used in keys]
        after: dict[int, list[int]] = {}
        for edge in graph.edges:
            if edge.kind in WALKED:
                after.setdefault(edge.source, []).append(edge.target)
        stale = {use.run for use in uses}
        queue = list(stale)
        while queue:
            fresh = [key for key in after.get(queue.pop(), ()) if key not in stale]
            stale.update(fresh)
            queue.extend(fresh)
        return msgspec.structs.replace(
            graph, stale=frozenset(stale), outdated=frozenset(use.used for use in uses) - stale
        )

    # -- two nodes ----------------------------------------------------------------------------------------------

    def shortest_path(self, a: int, b: int) -> GraphData | None:
        """Return a shortest path between two nodes; see `forebear.lineage.graph.shortest_path`."""
        from forebear.lineage.graph import shortest_path  # above this module; networkx is loaded by the call

        return shortest_path(self._catalog, a, b, before=self._before)

    def all_paths(self, a: int, b: int, *, cutoff: int | None = None, limit: int | None = None) -> Iterator[GraphData]:
        """Yield every path between two nodes; see `forebear.lineage.graph.all_paths`."""
        from forebear.lineage.graph import all_paths

        return all_paths(self._catalog, a, b, cutoff=cutoff, limit=limit, before=self._before)

    def common_ancestors(self, a: int, b: int) -> CommonAncestors:
        """Return what two nodes both came from; see `forebear.lineage.graph.common_ancestors`."""
        from forebear.lineage.graph import common_ancestors

        return common_ancestors(self._catalog, a, b, before=self._before)

    def diff(self, old: int, new: int) -> AncestryDiff:
        """Return how two ancestries differ in data, code and configuration; see `forebear.lineage.ancestry`."""
        from forebear.lineage.ancestry import diff_ancestry

        return diff_ancestry(self._catalog, old, new, before=self._before)

    # -- files --------------------------------------------------------------------------------------------------

    def impact(self, digest: bytes) -> Impact:
        """Return who used this file: the versions that hold it, the runs at them, and everything made from them.

        A digest that no version holds gives an empty answer.

        Raises:
            InvalidInput: ``digest`` is not one.

        Cost: five catalog calls and one for each level downstream; nothing is read of what the answer does not hold.
        """
        holders = tuple(self._catalog.file_uses(check_digest(digest)))
        held = self.describe(key for use in holders for key in use.versions)
        makers = list(self.edges(held, Direction.UPSTREAM, (EdgeKind.LOGGED, EdgeKind.REPRODUCED)))
        distances = self.reach(held, Direction.DOWNSTREAM) if held else {}
        found = list(self.edges([*held, *distances], Direction.DOWNSTREAM, EVERY_KIND))
        users = [edge for edge in found if edge.source in held]
        runs = {edge.source for edge in makers} | {edge.target for edge in users}
        infos = held | self.describe(runs.union(distances) - held.keys())
        return Impact(
            digest=digest,
            holders=holders,
            versions=tuple(held[key] for key in sorted(held)),
            touches=tuple(_touches(makers, users, infos)),
            reached=tuple(Step(infos[key], distances[key]) for key in _nearest_first(distances) if key in infos),
            # What leaves a run that was reached is in both.
            edges=_among([*found, *(edge for edge in makers if edge.source not in distances)], infos),
        )

    # -- what the questions are made of ---------------------------------------------------------------------------

    def info(self, node: int) -> NodeInfo:
        """Return what is known of one node.

        Raises:
            NotFound: there is none of that key, or it came later than the time that counts.
        """
        found = self._catalog.describe([node]).get(node)
        if found is None:
            kind = "run" if Node(node).is_run else "version"
            raise NotFound(f"the catalog has no {kind} of key {Node(node).row_id}", code="node-not-found")
        if self._before is not None and found.created_at >= self._before:
            raise NotFound(
                f"{found.id} did not exist before {self._before.isoformat()}; it is of {found.created_at.isoformat()}",
                code="node-not-found",
            )
        return found

    def describe(self, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """Return what is known of nodes; those unknown, or newer than the time that counts, are left out."""
        infos = self._catalog.describe(nodes)
        if self._before is None:
            return infos
        return {key: info for key, info in infos.items() if info.created_at < self._before}

    def edges(self, nodes: Iterable[int], direction: Direction, kinds: Iterable[EdgeKind]) -> Iterator[Edge]:
        """Return the edges that leave ``nodes`` in a direction, as far as they were written before the time."""
        edges, before = self._catalog.edges(nodes, direction, kinds), self._before
        return edges if before is None else (edge for edge in edges if edge.at < before)

    def _reach_by_levels(self, keys: list[int], direction: Direction, depth: int | None) -> dict[int, int]:
        distances = dict.fromkeys(keys, 0)
        frontier, level = keys, 0
        while frontier and (depth is None or level < depth):
            level += 1
            fresh: dict[int, int] = {}
            for edge in self.edges(frontier, direction, WALKED):
                far = edge.target if direction == Direction.DOWNSTREAM else edge.source
                if far not in distances:
                    fresh[far] = level
            distances |= fresh
            frontier = list(fresh)
        return {key: distance for key, distance in distances.items() if distance}

    def _walk(
        self, node: int, direction: Direction, depth: int | None, types: Iterable[str] | None, kind: str | None
    ) -> Walk:
        shows = _filter(types, kind)
        start = self.info(node)
        found = {node: 0, **self.reach([node], direction, depth)}
        # No edge comes twice, because each is asked for by one of its ends, and no node is asked twice.
        edges = list(self.edges(found, direction, EVERY_KIND))
        asides = _asides(found, edges, direction, depth)
        if asides:
            edges += self.edges(asides, direction, EVERY_KIND)
        infos = self.describe([*found, *asides])
        steps = [Step(infos[key], found[key]) for key in found if key in infos and key != node]
        steps += [Step(infos[key], distance, via) for key, (distance, via) in asides.items() if key in infos]
        steps = sorted((step for step in steps if shows(step.node)), key=lambda step: (step.distance, step.node.key))
        return Walk(start, direction, tuple(steps), _among(edges, {node, *(step.node.key for step in steps)}))

    def _stale_uses(self, collection_id: int | None) -> list[StaleUse]:
        uses = self._catalog.stale_uses(collection_id)
        return uses if self._before is None else self._stale_before(uses, self._before)

    def _stale_before(self, uses: list[StaleUse], before: datetime) -> list[StaleUse]:
        """Keep of today's stale uses those of an earlier time, each with what was newest then."""
        written = {(e.source, e.target) for e in self.edges({use.run for use in uses}, Direction.UPSTREAM, WALKED)}
        versions = self._catalog.versions_by_id({Node(use.used).row_id for use in uses})
        newest = {}
        for collection_id in {version.collection_id for version in versions.values()}:
            then = [v for v in self._catalog.versions(collection_id) if v.created_at < before]
            newest[collection_id] = max(then, key=lambda version: version.number, default=None)
        kept = []
        for use in uses:
            used = versions[Node(use.used).row_id]
            best = newest[used.collection_id]
            if best is not None and best.number > used.number and (use.used, use.run) in written:
                kept.append(StaleUse(use.run, use.used, Node.of_version(best.id).key))
        return kept

    def _reasons(self, uses: list[StaleUse], entity: str | None, project: str | None) -> dict[int, tuple[Reason, ...]]:
        """Return the reasons of each run that used an old version within the scope."""
        infos = self.describe({key for use in uses for key in (use.run, use.used, use.newest)})
        reasons: dict[int, list[Reason]] = {}
        for use in uses:
            if not {use.run, use.used, use.newest} <= infos.keys():
                continue
            scope = infos[use.used].id.split("/")
            if entity in (None, scope[0]) and project in (None, scope[1]):
                reasons.setdefault(use.run, []).append(Reason(infos[use.run], infos[use.used], infos[use.newest]))
        return {run: tuple(found) for run, found in reasons.items()}


def _filter(types: Iterable[str] | None, kind: str | None) -> Callable[[NodeInfo], bool]:
    """Return the test of whether a node is shown."""
    if kind not in (None, *KINDS):
        raise InvalidInput(f"kind {kind!r} is unknown; there are {', '.join(KINDS)}", code="bad-kind")
    if isinstance(types, str):
        # A single word is an iterable of letters, and would silently show nothing.
        types = (types,)
    wanted = None if types is None else frozenset(types)
    return lambda node: kind in (None, node.kind) and (wanted is None or node.type in wanted)


def _nearest_first(distances: dict[int, int]) -> list[int]:
    return sorted(distances, key=lambda key: (distances[key], key))


def _among(edges: Iterable[Edge], shown: Container[int]) -> tuple[Edge, ...]:
    """Return the edges with both ends shown, in the order of source, target and kind."""
    inside = [edge for edge in edges if edge.source in shown and edge.target in shown]
    return tuple(sorted(inside, key=attrgetter("source", "target", "kind")))


def _asides(
    found: dict[int, int], edges: Iterable[Edge], direction: Direction, depth: int | None
) -> dict[int, tuple[int, EdgeKind]]:
    """Return nodes that hang on a walk by an edge that is not walked: key → (distance, kind of that edge)."""
    asides: dict[int, tuple[int, EdgeKind]] = {}
    for edge in edges:
        if edge.kind in WALKED:
            continue
        near, far = edge.source, edge.target
        if direction == Direction.UPSTREAM:
            near, far = far, near
        if far in found or (depth is not None and found[near] >= depth):
            continue
        asides[far] = min(asides.get(far, (found[near] + 1, edge.kind)), (found[near] + 1, edge.kind))
    return asides


def _inherited(reasons: dict[int, tuple[Reason, ...]], parents: list[int]) -> tuple[Reason, ...]:
    if len(parents) == 1:
        # The common case shares one tuple down a whole line instead of building it again at every node.
        return reasons[parents[0]]
    merged = {(reason.run.key, reason.used.key): reason for parent in parents for reason in reasons[parent]}
    return tuple(merged[pair] for pair in sorted(merged))


def _touches(makers: list[Edge], users: list[Edge], infos: dict[int, NodeInfo]) -> Iterator[Touch]:
    pairs = [(edge.source, edge.target, edge.kind) for edge in makers]
    pairs += [(edge.target, edge.source, edge.kind) for edge in users]
    for run, version, kind in sorted(pairs):
        if run in infos and version in infos:
            yield Touch(infos[run], infos[version], kind)
