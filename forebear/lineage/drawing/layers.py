"""Which layer each node stands in, counted from the left."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

Pairs = Sequence[tuple[int, int]]


def assign_layers(count: int, edges: Pairs, loose: Pairs) -> list[int]:
    """Return the layer of each of ``count`` nodes; an edge leads to the right unless it closes a circle.

    A node stands as far left as the longest path to it allows, and moves right to what it feeds where that shortens
    more edges than it lengthens.

    Args:
        loose: Edges that may lead anywhere. They only place nodes that have no other edge.

    Cost: linear in nodes and edges.
    """
    tied = bytearray(count)
    for source, target in edges:
        tied[source] = tied[target] = 1
    # Two nodes that hang on nothing but each other need an edge to be placed by.
    firm = [*edges, *(pair for pair in loose if not (tied[pair[0]] or tied[pair[1]]))]
    layers = _longest_paths(count, firm)
    for source, target in loose:
        if tied[source] and not tied[target]:
            layers[target] = layers[source] + 1
        elif tied[target] and not tied[source]:
            layers[source] = layers[target] - 1
    return layers


def _longest_paths(count: int, edges: Pairs) -> list[int]:
    after: list[list[int]] = [[] for _ in range(count)]
    entering = [0] * count
    for source, target in edges:
        after[source].append(target)
        entering[target] += 1
    order = _topological_order(after, list(entering))
    rank = [0] * count
    for place, node in enumerate(order):
        rank[node] = place
    layers = [0] * count
    for node in order:
        for target in after[node]:
            if rank[target] > rank[node]:
                layers[target] = max(layers[target], layers[node] + 1)
    for node in reversed(order):
        right = [layers[target] for target in after[node] if rank[target] > rank[node]]
        if right and len(right) > entering[node]:
            layers[node] = min(right) - 1
    return layers


def _topological_order(after: list[list[int]], entering: list[int]) -> list[int]:
    """Return the nodes so that edges lead forward; a circle is broken at its node of the lowest number."""
    order: list[int] = []
    placed = bytearray(len(after))
    ready = deque(node for node, number in enumerate(entering) if not number)
    next_forced = 0
    while len(order) < len(after):
        if not ready:
            while placed[next_forced]:
                next_forced += 1
            ready.append(next_forced)
        node = ready.popleft()
        placed[node] = 1
        order.append(node)
        for target in after[node]:
            entering[target] -= 1
            if not entering[target] and not placed[target]:
                ready.append(target)
    return order
