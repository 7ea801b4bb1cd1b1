"""A drawing of the graph from left to right as SVG 1.1, with colours for light and dark.

Versions are rounded boxes with a bar in the colour of their type and their aliases as pills; runs are pointed boxes.
Every node is a ``<g class="node" data-id="…">`` and every edge a ``<path class="edge" data-source data-target>``, so
that a page can find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forebear.lineage.drawing.layout import Layout, Route, lay_out
from forebear.lineage.drawing.text import fit, text_width
from forebear.lineage.export import svg_style as style
from forebear.lineage.export.rows import EdgeRow, rows_of, xml_escaped, xml_text
from forebear.lineage.export.svg_box import Card, card_of, draw_card
from forebear.records.lineage import WALKED, Edge

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

#: Space around the drawing, and height of the legend, in pixels.
MARGIN = 36.0
LEGEND = 40.0
#: Narrowest drawing, so that a single box still has a legend beneath it.
LEAST_WIDTH = 260.0
_RADIUS = 8.0


class Drawing(NamedTuple):
    """The text of an SVG document, and its size in pixels."""

    svg: str
    width: float
    height: float


def write(graph: GraphData) -> str:
    """Return the drawing of ``graph`` as an SVG document."""
    return draw(graph).svg


def draw(graph: GraphData) -> Drawing:
    """Draw ``graph``.

    Cost: near linear; large graphs get fewer passes of straightening, and none is refused.
    """
    nodes, edges = rows_of(graph, xml_text)
    cards = [card_of(info, row, graph) for info, row in zip(graph.nodes, nodes, strict=True)]
    layout, order = _lay_out(graph, cards)
    body = ['<g class="edges">']
    body += [_edge(graph, graph.edges[n], edges[n], route) for n, route in zip(order, layout.routes, strict=True)]
    body.append('</g>\n<g class="nodes">')
    places = zip(cards, layout.x, layout.y, layout.widths, strict=True)
    body += [draw_card(card, x + MARGIN, y + MARGIN, width) for card, x, y, width in places]
    body.append("</g>")
    legend = _legend(graph, cards)
    width = max(layout.width + 2 * MARGIN, LEAST_WIDTH, legend.width + 2 * MARGIN)
    height = layout.height + 2 * MARGIN + (LEGEND if legend.items else 0)
    body.append(f'<g class="legend" transform="translate({MARGIN:g} {height - 26:g})">{legend.items}</g>')
    head = style.head(width, height, sorted({round(w) for w in layout.widths}), len(nodes), len(edges))
    return Drawing("\n".join([head, *body, "</svg>\n"]), width, height)


def _lay_out(graph: GraphData, cards: list[Card]) -> tuple[Layout, list[int]]:
    """Return the layout, and the number of the edge that each of its routes is for."""
    index = {node.key: number for number, node in enumerate(graph.nodes)}
    firm = [n for n, edge in enumerate(graph.edges) if edge.kind in WALKED]
    loose = [n for n, edge in enumerate(graph.edges) if edge.kind not in WALKED]
    pairs = [(index[edge.source], index[edge.target]) for edge in graph.edges]
    if not cards:
        return Layout([], [], [], [], 0.0, 0.0), []
    layout = lay_out(
        [card.width for card in cards],
        [card.height for card in cards],
        [pairs[n] for n in firm],
        [pairs[n] for n in loose],
    )
    return layout, [*firm, *loose]


def _edge(graph: GraphData, edge: Edge, row: EdgeRow, route: Route) -> str:
    look = style.edge_class(graph, edge)
    words = f"{row.source} → {row.target} · {row.kind}" + (f" as {row.use_as}" if row.use_as else "")
    return (
        f'<path class="edge {look}" data-id="{row.id}" data-source="{xml_escaped(row.source)}" '
        f'data-target="{xml_escaped(row.target)}" data-kind="{row.kind}" d="{_path(route)}" '
        f'marker-end="url(#arrow-{look})"><title>{xml_escaped(words)}</title></path>'
    )


def _path(route: Route) -> str:
    x, y = route.start[0] + MARGIN, route.start[1] + MARGIN
    # The tip of the arrow, not the end of the line, shall touch the box.
    end_x, end_y = route.end[0] + MARGIN - style.ARROW, route.end[1] + MARGIN
    parts = [f"M{x:.1f} {y:.1f}"]
    if route.lane:
        right, left, low = (value + MARGIN for value in route.lane)
        return parts[0] + _lane(right, left, low, y, end_x, end_y)
    for stretch in route.stretches:
        parts.append(_curve(x, y, stretch.left + MARGIN, stretch.y + MARGIN))
        x, y = stretch.right + MARGIN, stretch.y + MARGIN
        parts.append(f"H{x:.1f}")
    parts.append(_curve(x, y, end_x, end_y))
    return "".join(parts)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if abs(to_y - y) < 0.5:
        return f"L{to_x:.1f} {to_y:.1f}"
    half = (to_x - x) / 2
    return f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _lane(right: float, left: float, low: float, y: float, end_x: float, end_y: float) -> str:
    """Return the path from the right side of a box at ``y`` down, back in the lane and up to the other box."""
    r = _RADIUS
    return (
        f"H{right - r:.1f}Q{right:.1f} {y:.1f} {right:.1f} {y + r:.1f}V{low - r:.1f}"
        f"Q{right:.1f} {low:.1f} {right - r:.1f} {low:.1f}H{left + r:.1f}"
        f"Q{left:.1f} {low:.1f} {left:.1f} {low - r:.1f}V{end_y + r:.1f}"
        f"Q{left:.1f} {end_y:.1f} {left + r:.1f} {end_y:.1f}H{end_x:.1f}"
    )


class _Legend(NamedTuple):
    items: str
    width: float


def _legend(graph: GraphData, cards: list[Card]) -> _Legend:
    """Return a line that explains the colours and dashes that are in the drawing, and only those."""
    swatches: dict[str, str] = {}
    for card in cards:
        name = "run" if card.is_run else (card.type or "artifact")
        swatches.setdefault(name, style.RUN_SWATCH if card.is_run else style.version_swatch(card.hue))
    for edge in graph.edges:
        look = style.edge_class(graph, edge)
        if look != "flow":
            words = "built on an old version" if look == "stale" else edge.kind.name.lower()
            swatches.setdefault(words, style.line_swatch(look))
    parts = []
    x = 0.0
    for name, swatch in swatches.items():
        words = fit(name, 150.0, style.SMALL)
        parts.append(
            f'<g transform="translate({x:.1f} 0)">{swatch}'
            f'<text class="key" x="24" y="4">{xml_escaped(words)}</text></g>'
        )
        x += 24 + text_width(words, style.SMALL) + 20
        if len(parts) == style.LEGEND_ITEMS:
            break
    return _Legend("".join(parts), max(0.0, x - 20))
