"""From boxes and edges to places and routes: the drawing without its ink."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import sqrt
from typing import NamedTuple

from forebear.lineage.drawing.chains import Chains, chain
from forebear.lineage.drawing.layers import Pairs, assign_layers
from forebear.lineage.drawing.ordering import reduce_crossings
from forebear.lineage.drawing.placing import place_layers

#: Free space in pixels: above and below a box, above and below a bend, between components.
BOX_GAP = 26.0
BEND_GAP = 13.0
COMPONENT_GAP = 48.0
#: Space between two layers, least and most, and the share that it has in the steepest rise between them.
LEAST_LAYER_GAP = 68.0
MOST_LAYER_GAP = 180.0
RISE_SHARE = 0.18
#: Distance of two lanes below a component, in which edges lead back, and of a lane's ends from the boxes.
LANE = 14.0
LANE_END = 20.0
#: Most space between two ends of edges at one side of a box.
PORT_STEP = 9.0
PORT_MARGIN = 10.0
#: Width over height that several components are packed to, as long as none is wider.
ASPECT = 1.7

Point = tuple[float, float]


class Stretch(NamedTuple):
    """A level part of a route, where it passes a layer."""

    left: float
    right: float
    y: float


class Lane(NamedTuple):
    """The part of a route below the boxes: down at ``right``, back at height ``y``, up at ``left``."""

    right: float
    left: float
    y: float


class Route(NamedTuple):
    """Where an edge runs, from the right side of one box to the left side of another."""

    start: Point
    stretches: tuple[Stretch, ...]
    end: Point
    lane: Lane | None = None


class Layout(NamedTuple):
    """Left, top and width of each box (boxes of a layer are equally wide), and the route of each edge."""

    x: list[float]
    y: list[float]
    widths: list[float]
    routes: list[Route]
    width: float
    height: float


class _Part(NamedTuple):
    """A component: its vertices, and its size."""

    vertices: list[int]
    width: float
    height: float


def lay_out(widths: Sequence[float], heights: Sequence[float], edges: Pairs, loose: Pairs) -> Layout:
    """Place boxes of these sizes so that edges lead to the right.

    Args:
        loose: Edges that may lead back; their routes follow those of ``edges``.

    Cost: near linear in nodes and edges; no number of either is refused.
    """
    every = [*edges, *loose]
    draft = _Draft(widths, heights, every, chain(assign_layers(len(widths), edges, loose), every))
    draft.pack([draft.place(vertices, back) for vertices, back in draft.components()])
    return draft.finish()


class _Draft:
    """A drawing in the making; ``x`` is the left of a vertex, ``y`` its middle, ``w`` the width of its layer."""

    def __init__(self, widths: Sequence[float], heights: Sequence[float], edges: Pairs, chains: Chains) -> None:
        bends = len(chains.owner) - len(widths)
        self.count = len(widths)
        self.edges = edges
        self.chains = chains
        self.w = [*widths, *[0.0] * bends]
        self.h = [*heights, *[2.0] * bends]
        self.x = [0.0] * len(self.w)
        self.y = [0.0] * len(self.w)
        self.lanes: dict[int, Lane] = {}
        self.width = self.height = 0.0

    def components(self) -> list[tuple[list[int], list[int]]]:
        """Return the vertices of each component, and the edges of it that lead back."""
        root = list(range(self.count))

        def find(node: int) -> int:
            while root[node] != node:
                root[node] = node = root[root[node]]
            return node

        for source, target in self.edges:
            root[find(target)] = find(source)
        parts: dict[int, tuple[list[int], list[int]]] = {}
        for vertex, owner in enumerate(self.chains.owner):
            parts.setdefault(find(owner), ([], []))[0].append(vertex)
        for number, bends in enumerate(self.chains.bends):
            if bends is None:
                parts[find(self.edges[number][0])][1].append(number)
        return list(parts.values())

    def place(self, vertices: list[int], back: list[int]) -> _Part:
        """Place the vertices of one component around an origin of its own."""
        layers = self._order(vertices)
        left = 0.0
        for index, layer in enumerate(layers):
            if index:
                left += self._gap(layer)
            width = max((self.w[v] for v in layer if v < self.count), default=8.0)
            for vertex in layer:
                self.x[vertex], self.w[vertex] = left, width
            left += width
        height = max(self.y[v] + self.h[v] / 2 for v in vertices)
        return _Part(vertices, left, self._assign_lanes(back, height))

    def _order(self, vertices: list[int]) -> list[list[int]]:
        """Set ``y`` of the vertices and return them by layer, each layer from top to bottom."""
        # Numbers of their own, so that the cost of a component is that of its size and not of the whole graph.
        local = {vertex: number for number, vertex in enumerate(vertices)}
        before = [[local[other] for other in self.chains.before[vertex]] for vertex in vertices]
        after = [[local[other] for other in self.chains.after[vertex]] for vertex in vertices]
        layers = _by_layer([self.chains.layer_of[vertex] for vertex in vertices], before, after)
        reduce_crossings(layers, before, after)
        is_box = [vertex < self.count for vertex in vertices]
        gaps = [BOX_GAP if box else BEND_GAP for box in is_box]
        middles = place_layers(layers, before, after, [self.h[v] for v in vertices], gaps, is_box.count(True))
        for vertex, middle in zip(vertices, middles, strict=True):
            self.y[vertex] = middle
        return [[vertices[number] for number in layer] for layer in layers]

    def _gap(self, layer: list[int]) -> float:
        """Return the space to the left of a layer: steep edges get more."""
        rises = (abs(self.y[v] - self.y[other]) for v in layer for other in self.chains.before[v])
        return min(MOST_LAYER_GAP, max(LEAST_LAYER_GAP, max(rises, default=0.0) * RISE_SHARE))

    def _assign_lanes(self, back: list[int], bottom: float) -> float:
        """Give each edge that leads back a lane below the component; return the height with lanes."""
        spans = []
        for number in back:
            source, target = self.edges[number]
            spans.append((self.x[target] - LANE_END, self.x[source] + self.w[source] + LANE_END, number))
        free: list[tuple[float, int]] = []
        lanes = 0
        for left, right, number in sorted(spans):
            lane = heappop(free)[1] if free and free[0][0] < left else lanes
            lanes = max(lanes, lane + 1)
            heappush(free, (right, lane))
            self.lanes[number] = Lane(right, left, bottom + LANE * (lane + 1.3))
        return bottom + (LANE * (lanes + 1) if lanes else 0.0)

    def pack(self, parts: list[_Part]) -> None:
        """Put the components in rows, the tallest first, and move them to where they stand."""
        area = sum((part.width + COMPONENT_GAP) * (part.height + COMPONENT_GAP) for part in parts)
        limit = max([sqrt(area * ASPECT), *(part.width for part in parts)])
        left = top = row = 0.0
        shift: dict[int, Point] = {}
        for part in sorted(parts, key=lambda part: (-part.height, -part.width)):
            if left and left + part.width > limit:
                left, top, row = 0.0, top + row + COMPONENT_GAP, 0.0
            for vertex in part.vertices:
                self.x[vertex] += left
                self.y[vertex] += top
                shift[vertex] = (left, top)
            self.width, row = max(self.width, left + part.width), max(row, part.height)
            left += part.width + COMPONENT_GAP
        self.height = top + row
        for number, lane in self.lanes.items():
            dx, dy = shift[self.edges[number][0]]
            self.lanes[number] = Lane(lane.right + dx, lane.left + dx, lane.y + dy)

    def finish(self) -> Layout:
        """Return the finished layout; boxes by their tops."""
        tops = [middle - height / 2 for middle, height in zip(self.y, self.h, strict=True)]
        count = self.count
        return Layout(self.x[:count], tops[:count], self.w[:count], self._routes(), self.width, self.height)

    def _routes(self) -> list[Route]:
        leaving = self._ports(outgoing=True)
        entering = self._ports(outgoing=False)
        routes = []
        for number, (source, target) in enumerate(self.edges):
            start = (self.x[source] + self.w[source], self.y[source] + leaving[source, self._next(number, True)])
            end = (self.x[target], self.y[target] + entering[target, self._next(number, False)])
            bends = self.chains.bends[number] or ()
            stretches = tuple(Stretch(self.x[v], self.x[v] + self.w[v], self.y[v]) for v in bends)
            routes.append(Route(start, stretches, end, self.lanes.get(number)))
        return routes

    def _next(self, number: int, outgoing: bool) -> int:
        """Return the vertex that follows an edge's source, or comes before its target; -1 below in a lane."""
        bends = self.chains.bends[number]
        if bends is None:
            return -1
        if bends:
            return bends[0 if outgoing else -1]
        return self.edges[number][1 if outgoing else 0]

    def _ports(self, *, outgoing: bool) -> dict[tuple[int, int], float]:
        """Return where on a side of its box each edge ends, by (node, next vertex), relative to the middle."""
        sides: dict[int, set[int]] = {}
        for number, edge in enumerate(self.edges):
            sides.setdefault(edge[0 if outgoing else 1], set()).add(self._next(number, outgoing))
        ports = {}
        for node, others in sides.items():
            # In the order of where they lead, so that they do not cross at the box; lanes lie below all.
            order = sorted(others, key=lambda v: (v < 0, self.y[v], v))
            step = min(PORT_STEP, (self.h[node] - 2 * PORT_MARGIN) / max(1, len(order) - 1))
            for place, other in enumerate(order):
                ports[node, other] = (place - (len(order) - 1) / 2) * step
        return ports


def _by_layer(layer_of: list[int], before: list[list[int]], after: list[list[int]]) -> list[list[int]]:
    """Return the vertices by layer, in the order in which a walk from the left meets them."""
    first = min(layer_of)
    layers: list[list[int]] = [[] for _ in range(max(layer_of) - first + 1)]
    seen = bytearray(len(layer_of))
    for root in sorted(range(len(layer_of)), key=lambda v: (len(before[v]) > 0, layer_of[v])):
        stack = [root]
        while stack:
            vertex = stack.pop()
            if not seen[vertex]:
                seen[vertex] = 1
                layers[layer_of[vertex] - first].append(vertex)
                stack.extend(reversed(after[vertex]))
    return [layer for layer in layers if layer]
