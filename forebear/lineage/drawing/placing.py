"""How high each vertex of a layered drawing stands, so that edges run straight and nothing overlaps."""

from __future__ import annotations

from collections.abc import Sequence

Neighbours = list[list[int]]
#: Passes over graphs of up to so many vertices; larger ones get the last number.
PASSES = ((2_000, 12), (10_000, 6), (40_000, 4))
FEWEST_PASSES = 2
#: How strongly a bend pulls the bends beside it: long edges shall be straight.
BEND_PULL = 6.0


def place_layers(
    layers: list[list[int]],
    before: Neighbours,
    after: Neighbours,
    heights: Sequence[float],
    gaps: Sequence[float],
    first_bend: int,
) -> list[float]:
    """Return the middle of each vertex, in pixels from the top.

    Each pass moves a layer to the weighted means of its neighbours, as near as order and distance allow in the sense
    of least squares.

    Args:
        heights: Of each vertex.
        gaps: Free space that each vertex wants above and below; two neighbours get the larger half of each.
        first_bend: Vertices from this number on are bends of edges.

    Cost: linear in vertices and edges for each of a few passes.
    """
    size = sum(map(len, layers))
    passes = next((number for limit, number in PASSES if size <= limit), FEWEST_PASSES)
    offsets = [_offsets(layer, heights, gaps) for layer in layers]
    middle = [0.0] * len(heights)
    for layer, offset in zip(layers, offsets, strict=True):
        for vertex, least in zip(layer, offset, strict=True):
            middle[vertex] = least - offset[-1] / 2
    both = [left + right for left, right in zip(before, after, strict=True)]
    for number in range(passes):
        last = number >= passes - 2
        forward = number % 2 == 0
        around = both if last else before if forward else after
        for index in range(len(layers)) if forward else range(len(layers) - 1, -1, -1):
            _move(layers[index], offsets[index], around, middle, first_bend)
    top = min(middle[v] - heights[v] / 2 for layer in layers for v in layer)
    return [value - top for value in middle]


def _offsets(layer: list[int], heights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return the least distance of each middle from that of the layer's first vertex."""
    offsets = [0.0]
    for upper, lower in zip(layer, layer[1:], strict=False):
        distance = (heights[upper] + heights[lower]) / 2 + max(gaps[upper], gaps[lower])
        offsets.append(offsets[-1] + distance)
    return offsets


def _move(layer: list[int], offsets: list[float], around: Neighbours, middle: list[float], first_bend: int) -> None:
    wishes = []
    weights = []
    for vertex, offset in zip(layer, offsets, strict=True):
        pull = 0.0
        total = 0.0
        is_bend = vertex >= first_bend
        for other in around[vertex]:
            weight = BEND_PULL if is_bend and other >= first_bend else 1.0
            pull += middle[other] * weight
            total += weight
        wishes.append((pull / total if total else middle[vertex]) - offset)
        # What nothing pulls at gives way to what has a reason to stand where it wants to.
        weights.append(total or 0.1)
    for vertex, offset, value in zip(layer, offsets, _isotonic(wishes, weights), strict=True):
        middle[vertex] = value + offset


def _isotonic(wishes: list[float], weights: list[float]) -> list[float]:
    """Return the non-decreasing values nearest to ``wishes`` in weighted least squares (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        value, total, members = wish, weight, 1
        while pools and pools[-1][0] > value:
            other, mass, number = pools.pop()
            value = (other * mass + value * total) / (mass + total)
            total += mass
            members += number
        pools.append((value, total, members))
    return [value for value, _, members in pools for _ in range(members)]
