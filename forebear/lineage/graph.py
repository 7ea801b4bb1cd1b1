"""The graph for algorithms: the only module that knows networkx.

No question here loads more of the catalog than the ancestors of the nodes it is about, except `build` without nodes
and `find_cycle`, which are about all of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from forebear.errors import InvalidInput
from forebear.lineage.model import CommonAncestors, GraphData, Step
from forebear.lineage.queries import Lineage
from forebear.records.lineage import WALKED, Direction, Edge, EdgeKind, NodeInfo

if TYPE_CHECKING:
    import networkx as nx

    from forebear.catalog.port import Catalog

#: Nodes described in one catalog call while a whole store is built.
DESCRIBE_BATCH = 10_000


def build(
    catalog: Catalog,
    nodes: Iterable[int] | None = None,
    *,
    kinds: Iterable[EdgeKind] = WALKED,
    before: datetime | None = None,
) -> nx.MultiDiGraph:
    """Return ``nodes`` and the edges among them, or everything that has an edge, for use with networkx.

    Nodes of the graph are the integer keys, with attributes ``id kind label type state created_at aliases``
    (``created_at`` as ISO 8601 text, ``type`` absent where there is none). Edges are keyed by the name of their kind,
    with attributes ``kind at use_as``. Over the default ``kinds`` the graph is acyclic.

    Args:
        before: Only edges and nodes written before this time.
    """
    import networkx as nx  # 344 ms that only algorithms need

    lineage = Lineage(catalog, before=before)
    if nodes is None:
        edges = list(catalog.all_edges(kinds, before))
        keys = {edge.source for edge in edges} | {edge.target for edge in edges}
    else:
        keys = set(nodes)
        edges = [e for e in lineage.edges(keys, Direction.DOWNSTREAM, kinds) if e.target in keys]
    graph = nx.MultiDiGraph()
    remaining = iter(sorted(keys))
    while batch := list(islice(remaining, DESCRIBE_BATCH)):
        graph.add_nodes_from((key, _node_attributes(info)) for key, info in lineage.describe(batch).items())
    for edge in edges:
        if edge.source in graph and edge.target in graph:
            name = edge.kind.name.lower()
            attributes = {"kind": name, "at": edge.at.isoformat()}
            graph.add_edge(edge.source, edge.target, key=name, **attributes | _present(use_as=edge.use_as))
    return graph


def shortest_path(catalog: Catalog, a: int, b: int, *, before: datetime | None = None) -> GraphData | None:
    """Return a shortest path between two nodes along the flow of data, or ``None`` where neither made the other.

    The order of the arguments does not matter: the path is found whichever of the two is upstream, and its nodes are
    always listed upstream first.

    Raises:
        NotFound: a node does not exist.

    Cost: at most two walks upstream, and the edges among the ancestors of the lower node.
    """
    lineage = Lineage(catalog, before=before)
    between = _between(lineage, a, b)
    if between is None:
        return None
    import networkx as nx  # 344 ms that only algorithms need

    graph, upper, lower = between
    return _as_path(lineage, graph, nx.shortest_path(graph, upper, lower))


def all_paths(
    catalog: Catalog,
    a: int,
    b: int,
    *,
    cutoff: int | None = None,
    limit: int | None = None,
    before: datetime | None = None,
) -> Iterator[GraphData]:
    """Yield every path between two nodes along the flow of data; the order of the arguments does not matter.

    Their number can grow exponentially with the graph, so they come one at a time.

    Args:
        cutoff: Longest path in edges.
        limit: Largest number of paths.

    Raises:
        NotFound: a node does not exist.
        InvalidInput: ``cutoff`` or ``limit`` is negative.
    """
    for name, value in (("cutoff", cutoff), ("limit", limit)):
        if value is not None and value < 0:
            raise InvalidInput(f"{name} may not be negative, and is {value}", code="bad-limit")
    return islice(_paths(Lineage(catalog, before=before), a, b, cutoff), limit)


def common_ancestors(catalog: Catalog, a: int, b: int, *, before: datetime | None = None) -> CommonAncestors:
    """Return what both nodes came from, nearest first, and the nearest of them in the order of descent.

    Raises:
        NotFound: a node does not exist.

    Cost: two walks upstream, and the edges among the common ancestors.
    """
    lineage = Lineage(catalog, before=before)
    above_a, above_b = ({lineage.info(node).key: 0, **lineage.reach([node], Direction.UPSTREAM)} for node in (a, b))
    common = {key: min(above_a[key], above_b[key]) for key in above_a.keys() & above_b.keys()}
    # Whatever is above a common ancestor is one too, so a source of any of their incoming edges has one below it.
    higher = {edge.source for edge in lineage.edges(common, Direction.UPSTREAM, WALKED)}
    infos = lineage.describe(common)
    order = [key for key in sorted(common, key=lambda key: (common[key], key)) if key in infos]
    return CommonAncestors(
        all=tuple(Step(infos[key], common[key]) for key in order),
        nearest=tuple(infos[key] for key in order if key not in higher),
    )


def find_cycle(catalog: Catalog) -> GraphData | None:
    """Return a circle among the edges that are walked, or ``None``: a sound catalog has none.

    Cost: one pass over every edge of the store, all of them held as integers.
    """
    after: dict[int, list[int]] = {}
    entering: dict[int, int] = {}
    for edge in catalog.all_edges(WALKED):
        after.setdefault(edge.source, []).append(edge.target)
        entering[edge.target] = entering.get(edge.target, 0) + 1
    ready = deque(key for key in after if key not in entering)
    while ready:
        for target in after.pop(ready.popleft(), ()):
            entering[target] -= 1
            if not entering[target]:
                del entering[target]
                ready.append(target)
    if not entering:
        return None
    import networkx as nx  # 344 ms, and only an unsound catalog comes here

    # What is left holds every circle, and is small; a million nodes of a sound store never become networkx objects.
    graph = nx.DiGraph((source, target) for source, targets in after.items() for target in targets)
    circle = [source for source, _ in nx.find_cycle(graph)]
    infos = catalog.describe(circle)
    steps = set(pairwise([*circle, circle[0]]))
    edges = [e for e in catalog.edges(circle, Direction.DOWNSTREAM, WALKED) if (e.source, e.target) in steps]
    return GraphData(tuple(infos[key] for key in circle), tuple(edges))


def _between(lineage: Lineage, a: int, b: int) -> tuple[nx.DiGraph, int, int] | None:
    """Return the graph of the lower node's ancestors, and which of the two is upper and which lower."""
    lineage.info(a)
    lineage.info(b)
    for upper, lower in ((a, b), (b, a)):
        above = lineage.reach([lower], Direction.UPSTREAM)
        if upper in above or upper == lower:
            return _simple_graph(lineage, {lower, *above}), upper, lower
    return None


def _simple_graph(lineage: Lineage, keys: set[int]) -> nx.DiGraph:
    """Return the walked edges into ``keys``, each with its record as attribute ``edge``."""
    import networkx as nx  # 344 ms that only algorithms need

    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(keys))
    for edge in sorted(lineage.edges(keys, Direction.UPSTREAM, WALKED), key=lambda e: (e.source, e.target)):
        graph.add_edge(edge.source, edge.target, edge=edge)
    return graph


def _paths(lineage: Lineage, a: int, b: int, cutoff: int | None) -> Iterator[GraphData]:
    between = _between(lineage, a, b)
    if between is None:
        return
    import networkx as nx  # 344 ms that only algorithms need

    graph, upper, lower = between
    # A search that leaves the nodes between the two would wander through dead ends before it comes back.
    graph = graph.subgraph({upper, *nx.descendants(graph, upper)})
    for keys in nx.all_simple_paths(graph, upper, lower, cutoff):
        yield _as_path(lineage, graph, keys)


def _as_path(lineage: Lineage, graph: nx.DiGraph, keys: list[int]) -> GraphData:
    infos = lineage.describe(keys)
    edges: list[Edge] = [graph.edges[pair]["edge"] for pair in pairwise(keys)]
    return GraphData(tuple(infos[key] for key in keys), tuple(edges))


def _node_attributes(info: NodeInfo) -> dict[str, str]:
    return {
        "id": info.id,
        "kind": info.kind,
        "label": info.label,
        "state": info.state,
        "created_at": info.created_at.isoformat(),
        "aliases": ",".join(info.aliases),
    } | _present(type=info.type)


def _present(**attributes: str | None) -> dict[str, str]:
    """Leave out what is not there: most graph formats cannot write ``None``."""
    return {name: value for name, value in attributes.items() if value is not None}
