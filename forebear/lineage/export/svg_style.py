"""Colours, classes and the head of the SVG drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from forebear.records.lineage import WALKED, Edge, EdgeKind

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
#: Font sizes in pixels: names, second lines, pills.
NAME = 13.0
SMALL = 11.0
PILL = 10.0
#: Length of the tip of an arrow, in pixels.
ARROW = 7.0
#: Most keys in the legend; a graph of many types shows the first.
LEGEND_ITEMS = 9
#: Types that have a colour by custom; any other gets one of the rest by its name.
_KNOWN = {"dataset": 0, "model": 1, "checkpoint": 1, "job": 5, "code": 5, "table": 2, "run_table": 2}
#: (bar and text on light, fill of pills on light, bar and text on dark, fill of pills on dark)
_HUES = (
    ("#2563eb", "#e4edfe", "#7aa7fb", "#1d2f55"),
    ("#7c3aed", "#efe8fd", "#b294fa", "#33265c"),
    ("#0d8a7d", "#dcf3f0", "#4fcabb", "#123c3a"),
    ("#c2410c", "#fdeade", "#f59a67", "#4a2413"),
    ("#be185d", "#fce5ef", "#f17fb0", "#4a1a33"),
    ("#4d7c0f", "#ebf4da", "#a3cf55", "#2a3a12"),
    ("#0e7490", "#dcf2f8", "#56c1dc", "#123845"),
    ("#a16207", "#faf0d2", "#e0b44a", "#403210"),
)
RUN_SWATCH = '<path class="hull" d="M4 -6H14L18 0L14 6H4L0 0Z"/>'


def hue_of(type: str | None) -> int:
    """Return the number of the colour of an artifact type; the same in every drawing."""
    if type is None:
        return 0
    return _KNOWN.get(type, 2 + crc32(type.encode("utf-8", "replace")) % (len(_HUES) - 2))


def edge_class(graph: GraphData, edge: Edge) -> str:
    """Return how an edge is drawn: ``flow``, ``stale``, or by the name of a kind that is not walked."""
    if edge.kind not in WALKED:
        return edge.kind.name.lower()
    old = edge.source in graph.stale or edge.source in graph.outdated
    return "stale" if old and edge.target in graph.stale else "flow"


def version_swatch(hue: int) -> str:
    """Return the key of a colour in the legend."""
    return f'<rect class="box" x="0" y="-6" width="18" height="12" rx="4"/><path class="bar h{hue}" d="M4 -3V3"/>'


def line_swatch(look: str) -> str:
    """Return the key of a kind of line in the legend."""
    return f'<path class="edge {look}" d="M0 0H18"/>'


def head(width: float, height: float, box_widths: list[int], nodes: int, edges: int) -> str:
    """Return everything up to the drawing itself: size, styles, arrows, clips and background."""
    arrows = "".join(
        f'<marker id="arrow-{look}" viewBox="0 0 8 8" refX="0.5" refY="4" markerWidth="{ARROW:g}" '
        f'markerHeight="{ARROW:g}" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path class="tip {look}" d="M0 0.6L8 4L0 7.4Z"/></marker>'
        for look in ("flow", "stale", *(kind.name.lower() for kind in EdgeKind if kind not in WALKED))
    )
    # Widths of text are estimates; the clip is what keeps text of a strange font in its box.
    clips = "".join(
        f'<clipPath id="clip-{w}"><rect x="0" y="-2" width="{w}" height="200"/></clipPath>' for w in box_widths
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{FONT}">\n'
        f"<title>lineage: {nodes} nodes, {edges} edges</title>\n"
        f"<style>{_css()}</style>\n<defs>{arrows}{clips}</defs>\n"
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>'
    )


def _css() -> str:
    light = {
        ".paper": "fill:#fafbfd",
        ".box": "fill:#ffffff;stroke:#d5dce8;stroke-width:1.2",
        ".hull": "fill:#eceff5;stroke:#b6c0d1;stroke-width:1.2",
        ".name": f"fill:#172033;font-size:{NAME:g}px;font-weight:600",
        ".sub,.key": f"fill:#64708a;font-size:{SMALL:g}px",
        ".pill text": f"font-size:{PILL:g}px",
        ".edge": "fill:none;stroke:#a3aec2;stroke-width:1.5",
        ".edge.stale": "stroke:#d58a12;stroke-dasharray:6 4",
        ".edge.reproduced": "stroke:#7d8aa5;stroke-dasharray:2 4;stroke-linecap:round",
        ".edge.feedback": "stroke:#c2417c;stroke-dasharray:7 4 2 4",
        ".edge.forked": "stroke:#5a79c7;stroke-dasharray:1.5 3.5;stroke-linecap:round",
        ".edge.rewound": "stroke:#5a79c7;stroke-dasharray:8 3",
        ".tip": "fill:#a3aec2",
        ".tip.stale": "fill:#d58a12",
        ".tip.reproduced": "fill:#7d8aa5",
        ".tip.feedback": "fill:#c2417c",
        ".tip.forked,.tip.rewound": "fill:#5a79c7",
        ".bar": "fill:none;stroke-width:4;stroke-linecap:round",
        ".old .box,.old .hull": "stroke:#e0a23c;stroke-width:1.6",
        ".focus .box,.focus .hull": "stroke:#172033;stroke-width:2.4",
        ".gone": "opacity:0.55",
        ".dot": "fill:#94a3b8",
        ".finished": "fill:#22a565",
        ".running": "fill:#2f7df0",
        ".failed,.crashed,.killed": "fill:#dc3d3d",
    }
    dark = {
        ".paper": "fill:#12161f",
        ".box": "fill:#1b2130;stroke:#36405a",
        ".hull": "fill:#252c3d;stroke:#48546f",
        ".name": "fill:#e9edf6",
        ".sub,.key": "fill:#98a4bd",
        ".edge": "stroke:#5b6883",
        ".tip": "fill:#5b6883",
        ".focus .box,.focus .hull": "stroke:#e9edf6",
    }
    for number, (ink, tint, dark_ink, dark_tint) in enumerate(_HUES):
        light |= {f".bar.h{number}": f"stroke:{ink}", f".pill.h{number} rect": f"fill:{tint}"}
        light |= {f".pill.h{number} text": f"fill:{ink}"}
        dark |= {f".bar.h{number}": f"stroke:{dark_ink}", f".pill.h{number} rect": f"fill:{dark_tint}"}
        dark |= {f".pill.h{number} text": f"fill:{dark_ink}"}
    return f"{_rules(light)}@media (prefers-color-scheme:dark){{{_rules(dark)}}}"


def _rules(styles: dict[str, str]) -> str:
    return "".join(f"{selector}{{{style}}}" for selector, style in styles.items())
