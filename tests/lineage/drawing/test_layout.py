"""Layers, order and places: no overlap, nothing backwards, few crossings, and no square of anything."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.lineage.drawing.chains import BENDS_EACH, chain
from forebear.lineage.drawing.layers import assign_layers
from forebear.lineage.drawing.layout import Layout, lay_out
from forebear.lineage.drawing.ordering import reduce_crossings
from forebear.lineage.drawing.placing import _isotonic
from forebear.lineage.drawing.text import fit, text_width

#: Seconds for what takes tenths of one on a quiet machine.
SLOWEST = 6.0

WIDTH, HEIGHT = 100.0, 40.0


def laid(count: int, edges: list[tuple[int, int]], loose: list[tuple[int, int]] | None = None) -> Layout:
    return lay_out([WIDTH] * count, [HEIGHT] * count, edges, loose or [])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
    count = draw(st.integers(1, 14))
    ends = st.integers(0, count - 1)
    pairs = st.lists(st.tuples(ends, ends), max_size=24, unique=True)
    firm = draw(pairs)
    if draw(st.booleans()):
        firm = [(min(pair), max(pair)) for pair in firm if pair[0] != pair[1]]
    return count, list(dict.fromkeys(firm)), draw(pairs)


class TestLayers:
    def test_a_line_is_one_node_a_layer(self):
        assert assign_layers(4, [(0, 1), (1, 2), (2, 3)], []) == [0, 1, 2, 3]

    def test_the_longest_path_counts(self):
        assert assign_layers(4, [(0, 1), (1, 2), (2, 3), (0, 3)], []) == [0, 1, 2, 3]

    def test_what_feeds_a_late_node_stands_beside_it(self):
        assert assign_layers(5, [(0, 1), (1, 2), (2, 3), (4, 3)], [])[4] == 2

    def test_a_loose_edge_places_what_nothing_else_places(self):
        assert assign_layers(3, [(0, 1)], [(2, 1), (1, 0)]) == [0, 1, 0]
        assert assign_layers(3, [(0, 1)], [(1, 2)]) == [0, 1, 2]
        assert assign_layers(2, [], [(0, 1)]) == [0, 1]

    def test_a_circle_is_drawn_all_the_same(self):
        layers = assign_layers(3, [(0, 1), (1, 2), (2, 0)], [])
        assert sorted(layers) == [0, 1, 2]

    @given(graphs())
    def test_edges_of_a_graph_without_circles_lead_right(self, graph):
        count, edges, loose = graph
        forward = [(a, b) for a, b in edges if a < b]
        layers = assign_layers(count, forward, loose)
        assert all(layers[a] < layers[b] for a, b in forward)


class TestChains:
    def test_edges_of_one_source_share_their_bends(self):
        chains = chain([0, 1, 2, 3, 3], [(0, 1), (1, 2), (2, 3), (0, 3), (0, 4)])
        assert chains.bends == [(), (), (), (5, 6), (5, 6)]
        assert chains.owner[5:] == [0, 0]

    def test_the_number_of_bends_is_bounded(self):
        count = 400
        edges = [(n, n + 1) for n in range(count - 1)] + [(n, count - 1) for n in range(count - 2)]
        chains = chain(list(range(count)), edges)
        assert len(chains.owner) <= count + BENDS_EACH * (count + len(edges))
        assert None not in chains.bends


class TestOrder:
    def test_crossings_that_need_not_be_are_removed(self):
        layers = [[0, 1, 2], [3, 4, 5]]
        before = [[], [], [], [2], [1], [0]]
        after = [[5], [4], [3], [], [], []]
        reduce_crossings(layers, before, after)
        first, second = layers
        assert [after[vertex][0] for vertex in first] == second


class TestPlaces:
    @given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 5)), min_size=1, max_size=20))
    def test_isotonic_is_the_nearest_that_never_falls(self, points):
        wishes, weights = map(list, zip(*points, strict=True))
        values = _isotonic(wishes, weights)
        assert all(a <= b + 1e-9 for a, b in zip(values, values[1:], strict=False))

        def cost(guess: list[float]) -> float:
            return sum(w * (g - x) ** 2 for g, x, w in zip(guess, wishes, weights, strict=True))

        flat = [sum(map(float.__mul__, wishes, weights)) / sum(weights)] * len(wishes)
        assert cost(values) <= cost(flat) + 1e-6
        assert cost(values) <= cost(sorted(wishes)) + 1e-6

    @given(graphs())
    def test_boxes_do_not_overlap_and_lie_inside(self, graph):
        count, edges, loose = graph
        layout = laid(count, edges, loose)
        for a in range(count):
            assert layout.x[a] >= -1e-6
            assert layout.y[a] >= -1e-6
            assert layout.x[a] + WIDTH <= layout.width + 1e-6
            assert layout.y[a] + HEIGHT <= layout.height + 1e-6
            for b in range(a):
                beside = layout.x[a] >= layout.x[b] + WIDTH or layout.x[b] >= layout.x[a] + WIDTH
                apart = abs(layout.y[a] - layout.y[b]) >= HEIGHT + 10
                assert beside or apart

    @given(graphs())
    def test_routes_lead_from_box_to_box_and_never_through_one(self, graph):
        count, edges, loose = graph
        layout = laid(count, edges, loose)
        for (source, target), route in zip([*edges, *loose], layout.routes, strict=True):
            assert route.start[0] == pytest.approx(layout.x[source] + WIDTH)
            assert layout.y[source] <= route.start[1] <= layout.y[source] + HEIGHT
            assert route.end[0] == pytest.approx(layout.x[target])
            assert layout.y[target] <= route.end[1] <= layout.y[target] + HEIGHT
            assert (route.lane is None) == (route.end[0] > route.start[0])
            if route.lane:
                assert route.lane.y > max(layout.y[source], layout.y[target]) + HEIGHT
            for stretch in route.stretches:
                for box in range(count):
                    in_column = layout.x[box] < stretch.right and stretch.left < layout.x[box] + WIDTH
                    assert not in_column or not layout.y[box] < stretch.y < layout.y[box] + HEIGHT

    def test_a_straight_line_is_drawn_straight(self):
        layout = laid(5, [(0, 1), (1, 2), (2, 3), (3, 4)])
        assert len({round(y, 3) for y in layout.y}) == 1

    def test_a_fork_is_even(self):
        layout = laid(3, [(0, 1), (0, 2)])
        assert layout.y[0] == pytest.approx((layout.y[1] + layout.y[2]) / 2)

    def test_lanes_of_edges_that_lead_back_lie_apart(self):
        layout = laid(4, [(0, 1), (1, 2), (2, 3)], [(3, 0), (2, 1)])
        first, second = (route.lane for route in layout.routes[3:])
        assert first.y != second.y

    def test_strangers_stand_beside_each_other_and_not_in_one_tower(self):
        layout = laid(60, [])
        assert layout.width > layout.height / 2


@pytest.mark.parametrize("shape", ["line", "star", "ladder", "strangers", "feedback"])
def test_cost_grows_with_the_graph_and_not_with_its_square(shape: str):
    count = 8_000
    nodes = range(count - 1)
    edges, loose = {
        "line": ([(n, n + 1) for n in nodes], []),
        "star": ([(0, n + 1) for n in nodes], []),
        # Everything is used once more at the very end, so that edges are as long as the drawing.
        "ladder": ([(n, n + 1) for n in nodes] + [(n, count - 1) for n in range(count - 2)], []),
        "strangers": ([], []),
        "feedback": ([(n, n + 1) for n in nodes], [(n + 1, n) for n in nodes]),
    }[shape]
    started = time.perf_counter()
    layout = laid(count, edges, loose)
    assert time.perf_counter() - started < SLOWEST
    assert len(layout.routes) == len(edges) + len(loose)


class TestText:
    @given(st.text(max_size=60), st.floats(40, 300), st.booleans())
    def test_what_is_cut_fits(self, text: str, width: float, bold: bool):
        assert text_width(fit(text, width, 13.0, bold=bold), 13.0, bold=bold) <= width + 0.5

    def test_short_text_stays(self):
        assert fit("data:v1", 200, 13.0) == "data:v1"

    def test_the_ending_stays(self):
        assert fit("a-very-long-name-indeed:v12", 120, 13.0, keep=":v12").endswith("…:v12")
        assert fit("a-very-long-name-indeed:v12", 40, 13.0, keep=":" + "v" * 40).endswith("…")

    def test_wide_and_combined_letters_are_measured(self):
        assert text_width("狐", 10) > text_width("a", 10)
        assert text_width("e\u0301", 10) == text_width("e", 10)
