"""In which order the nodes of a layer stand, so that few edges cross."""

from __future__ import annotations

from bisect import bisect_right, insort

#: Sweeps over graphs of up to so many vertices (nodes and bends); larger ones get the last number.
SWEEPS = ((2_000, 16), (10_000, 6), (40_000, 3))
FEWEST_SWEEPS = 2
#: Up to so many vertices crossings are counted, so that the best order met is kept.
COUNTED = 4_000

Neighbours = list[list[int]]


def reduce_crossings(layers: list[list[int]], before: Neighbours, after: Neighbours) -> None:
    """Sort each layer in place by barycentres of neighbours, sweeping right and left in turn.

    Args:
        before: For each vertex its neighbours in the layer to the left.
        after: For each vertex its neighbours in the layer to the right.

    Cost: a sweep is ``n log n`` in the vertices; counting, where it is done, ``e log e`` in the edges.
    """
    size = sum(map(len, layers))
    sweeps = next((number for limit, number in SWEEPS if size <= limit), FEWEST_SWEEPS)
    place = [0.0] * len(before)
    for layer in layers:
        _number(layer, place)
    counted = size <= COUNTED
    best, kept = (_crossings(layers, after), [list(layer) for layer in layers]) if counted else (0, [])
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        for layer in layers[1:] if forward else layers[-2::-1]:
            _sort_layer(layer, before if forward else after, place)
        if counted:
            crossings = _crossings(layers, after)
            if crossings < best:
                best, kept = crossings, [list(layer) for layer in layers]
            if not best:
                break
    if counted:
        layers[:] = kept


def _number(layer: list[int], place: list[float]) -> None:
    # As a fraction of the layer, so that layers of different length compare.
    step = 1.0 / len(layer)
    for number, vertex in enumerate(layer):
        place[vertex] = (number + 0.5) * step


def _sort_layer(layer: list[int], neighbours: Neighbours, place: list[float]) -> None:
    wish = {}
    for vertex in layer:
        around = neighbours[vertex]
        wish[vertex] = sum([place[other] for other in around]) / len(around) if around else place[vertex]
    layer.sort(key=wish.__getitem__)
    _number(layer, place)


def _crossings(layers: list[list[int]], after: Neighbours) -> int:
    total = 0
    for left, right in zip(layers, layers[1:], strict=False):
        rank = {vertex: number for number, vertex in enumerate(right)}
        seen: list[int] = []
        for vertex in left:
            ends = sorted(rank[other] for other in after[vertex])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total
