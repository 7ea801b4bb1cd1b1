"""The boxes of the SVG drawing."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from forebear.lineage.drawing.text import fit, text_width
from forebear.lineage.export import svg_style as style
from forebear.lineage.export.rows import NodeRow, xml_escaped, xml_text
from forebear.records import artifacts, runs

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData
    from forebear.records.lineage import NodeInfo

#: Widths of a box in pixels.
LEAST = 112.0
MOST = 250.0
#: Heights: one line, two lines, and what a row of pills adds.
ONE_LINE = 34.0
TWO_LINES = 48.0
PILL_ROW = 22.0
#: Free space left and right of the text of a version, and of a run with its points.
PADDING = (18.0, 14.0)
POINT = 12.0
RUN_PADDING = (20.0, 30.0)
_GONE = (artifacts.DELETED, runs.DELETED)
_PILL_PADDING = 7.0
_PILL_GAP = 5.0
_LONGEST_PILL = 96.0


class Card(NamedTuple):
    """What a box shows, not yet cut to its width; texts are clean and not yet escaped."""

    id: str
    is_run: bool
    label: str
    keep: str
    type: str
    state: str
    aliases: tuple[str, ...]
    classes: str
    hue: int
    width: float
    height: float


def card_of(info: NodeInfo, row: NodeRow, graph: GraphData) -> Card:
    """Return what the box of a node shows, and the size that it wants."""
    is_run = info.kind == "run"
    # One line a label: a line end would be drawn as nothing at all.
    label = " ".join((row.label or row.id).split()) or row.id
    kind = " ".join(row.type.split())
    aliases = tuple(" ".join(xml_text(alias).split()) for alias in info.aliases)
    left, right = RUN_PADDING if is_run else PADDING
    text = max(text_width(label, style.NAME, bold=True), text_width(kind, style.SMALL), _pills_width(aliases))
    height = (TWO_LINES if kind else ONE_LINE) + (PILL_ROW if aliases else 0)
    marks = {"old": info.key in graph.stale, "focus": info.key == graph.focus, "gone": info.state in _GONE}
    _, colon, number = label.rpartition(":")
    return Card(
        id=row.id,
        is_run=is_run,
        label=label,
        keep=f":{number}" if colon and not is_run else "",
        type=kind,
        state=row.state,
        aliases=aliases,
        classes="".join(f" {name}" for name, holds in marks.items() if holds),
        hue=style.hue_of(info.type),
        width=float(min(MOST, max(LEAST, ceil(text + left + right)))),
        height=height,
    )


def draw_card(card: Card, x: float, y: float, width: float) -> str:
    """Return the box of a node with its left upper corner at a place, as wide as its layer."""
    left, right = RUN_PADDING if card.is_run else PADDING
    room = width - left - right
    words = " · ".join(part for part in (card.id, card.type, card.state, ", ".join(card.aliases)) if part)
    name = fit(card.label, room, style.NAME, bold=True, keep=card.keep)
    lines = [f'<text class="name" x="{left:g}" y="21.5">{xml_escaped(name)}</text>']
    if card.type:
        lines.append(f'<text class="sub" x="{left:g}" y="38">{xml_escaped(fit(card.type, room, style.SMALL))}</text>')
    if card.aliases:
        lines.append(_pills(card, left, card.height - PILL_ROW - 2, room))
    kind = "run" if card.is_run else "artifact"
    return (
        f'<g class="node {kind}{card.classes}" data-id="{xml_escaped(card.id)}" '
        f'transform="translate({x:.1f} {y:.1f})"><title>{xml_escaped(words)}</title>{_outline(card, width)}'
        f'<g clip-path="url(#clip-{round(width)})">{"".join(lines)}</g></g>'
    )


def _outline(card: Card, width: float) -> str:
    height = card.height
    if not card.is_run:
        return (
            f'<rect class="box" width="{width:g}" height="{height:g}" rx="9"/>'
            f'<path class="bar h{card.hue}" d="M8.5 12V{height - 12:g}"/>'
        )
    state = card.state if card.state.isalpha() else ""
    middle = height / 2
    return (
        f'<path class="hull" stroke-linejoin="round" d="M{POINT:g} 0H{width - POINT:g}L{width:g} {middle:g}'
        f'L{width - POINT:g} {height:g}H{POINT:g}L0 {middle:g}Z"/>'
        f'<circle class="dot {state}" cx="{width - 19:g}" cy="{middle:g}" r="3.6"/>'
    )


def _pills_width(aliases: tuple[str, ...]) -> float:
    widths = [min(_LONGEST_PILL, text_width(alias, style.PILL) + 2 * _PILL_PADDING) for alias in aliases]
    return sum(widths) + _PILL_GAP * max(0, len(widths) - 1)


def _pills(card: Card, left: float, top: float, room: float) -> str:
    """Return as many aliases as there is room for, and the number of the others."""
    pills = []
    x = 0.0
    for place, alias in enumerate(card.aliases):
        others = len(card.aliases) - place - 1
        more = text_width(f"+{others}", style.PILL) + 2 * _PILL_PADDING + _PILL_GAP if others else 0.0
        free = room - x - more - 2 * _PILL_PADDING
        if free < 2 * style.PILL and place and others:
            pills.append(_pill(f"+{others + 1}", left + x, top, card.hue)[0])
            break
        words = fit(alias, min(free, _LONGEST_PILL - 2 * _PILL_PADDING), style.PILL)
        pill, width = _pill(words, left + x, top, card.hue)
        pills.append(pill)
        x += width + _PILL_GAP
    return "".join(pills)


def _pill(words: str, x: float, top: float, hue: int) -> tuple[str, float]:
    width = text_width(words, style.PILL) + 2 * _PILL_PADDING
    return (
        f'<g class="pill h{hue}"><rect x="{x:.1f}" y="{top:g}" width="{width:.1f}" height="16" rx="8"/>'
        f'<text x="{x + width / 2:.1f}" y="{top + 11.5:g}" text-anchor="middle">{xml_escaped(words)}</text></g>',
        width,
    )
