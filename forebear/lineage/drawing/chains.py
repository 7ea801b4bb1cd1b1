"""Bends: what a long edge is cut into, so that it has a place of its own in every layer that it crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from forebear.lineage.drawing.layers import Pairs

#: Bends for each node and edge; the longest edges of a graph that wants more run straight, behind the boxes.
BENDS_EACH = 3


class Chains(NamedTuple):
    """Vertices are the nodes and, numbered after them, the bends.

    Attributes:
        layer_of: The layer of each vertex.
        before: The neighbours of each vertex in the layer to its left.
        after: The neighbours of each vertex in the layer to its right.
        bends: For each edge its bends from left to right, ``None`` where it leads back.
        owner: The node that each vertex belongs to: itself, or the source of the bend's edges.
    """

    layer_of: list[int]
    before: list[list[int]]
    after: list[list[int]]
    bends: list[tuple[int, ...] | None]
    owner: list[int]


def chain(layers: list[int], edges: Pairs) -> Chains:
    """Return the vertices of a layered graph and how they follow each other.

    Edges of one source share their bends as long as they go the same way, like a trunk that branches late: there are
    fewer lines, and never more bends than a source's longest edge needs.

    Cost: linear in nodes and edges, by the limit on bends.
    """
    count = len(layers)
    chains = Chains(list(layers), [[] for _ in layers], [[] for _ in layers], [None] * len(edges), list(range(count)))
    budget = BENDS_EACH * (count + len(edges))
    made: dict[tuple[int, int], int] = {}
    linked: set[tuple[int, int]] = set()
    for number in sorted(range(len(edges)), key=lambda n: layers[edges[n][1]] - layers[edges[n][0]]):
        source, target = edges[number]
        first, last = layers[source] + 1, layers[target]
        if last < first:
            continue
        chains.bends[number] = ()
        if len(chains.owner) - count + last - first > budget:
            continue
        path = [_bend(chains, made, source, layer) for layer in range(first, last)]
        chains.bends[number] = tuple(path)
        for pair in zip([source, *path], [*path, target], strict=True):
            if pair not in linked:
                linked.add(pair)
                chains.after[pair[0]].append(pair[1])
                chains.before[pair[1]].append(pair[0])
    return chains


def _bend(chains: Chains, made: dict[tuple[int, int], int], source: int, layer: int) -> int:
    vertex = made.get((source, layer))
    if vertex is None:
        vertex = made[source, layer] = len(chains.owner)
        chains.layer_of.append(layer)
        chains.before.append([])
        chains.after.append([])
        chains.owner.append(source)
    return vertex
