"""Mermaid flowcharts (https://mermaid.js.org/syntax/flowchart.html).

Mermaid allows few characters in the id of a node, and words such as ``end`` not at all, so ids are written reversibly:
letters and digits stay, ``_`` becomes ``__``, any other character its code point as ``_2f_``, and ``n_`` goes in front.
Viewers refuse more than 500 edges or 50,000 characters unless their ``maxEdges`` and ``maxTextSize`` are raised; a
chart cannot raise them by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forebear.lineage.export.rows import NodeRow, rows_of, xml_text

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

_ESCAPE = re.compile(r"__|_([0-9a-f]+)_")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9]")
#: What does not stand for itself in a quoted label: quotes, brackets, markup, and the beginnings of Markdown lists.
_NOT_IN_LABEL = re.compile(r"[^\w \-/,.:=^%$\x7f-\U0010ffff]|^\d+(?=\.)|^-(?= )")
#: Mermaid cuts a character off lines that look like ``style …:…#…;``; a label of such a line goes without colons.
_STYLE_LIKE = re.compile("style|classDef")
_ARROWS = {"used": "-->", "logged": "-->"} | {
    kind: f"-. {kind} .->" for kind in ("reproduced", "feedback", "forked", "rewound")
}
_STYLES = (
    "classDef artifact fill:#eff6ff,stroke:#3b82f6,color:#0f172a",
    "classDef run fill:#f1f5f9,stroke:#64748b,color:#0f172a",
    "classDef stale stroke:#d97706,stroke-dasharray:5 4",
)


def write(graph: GraphData) -> str:
    """Return ``graph`` as a left-to-right flowchart."""
    nodes, edges = rows_of(graph, xml_text)
    stale = [node.id for node, info in zip(nodes, graph.nodes, strict=True) if info.key in graph.stale]
    lines = ["flowchart LR"]
    lines += [f"    {encode_id(node.id)}{_shape(node)}:::{node.kind}" for node in nodes]
    lines += [f"    {encode_id(edge.source)} {_ARROWS[edge.kind]} {encode_id(edge.target)}" for edge in edges]
    lines += [f"    {style}" for style in _STYLES]
    lines += [f"    class {encode_id(key)} stale" for key in stale]
    return "\n".join(lines) + "\n"


def encode_id(text: str) -> str:
    """Return ``text`` as the id of a Mermaid node; `decode_id` gives it back."""
    return "n_" + _NOT_IN_ID.sub(_encode_char, text)


def decode_id(text: str) -> str:
    """Return what `encode_id` was given."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else "_", text.removeprefix("n_"))


def _encode_char(match: re.Match[str]) -> str:
    return "__" if match[0] == "_" else f"_{ord(match[0]):x}_"


def _shape(node: NodeRow) -> str:
    text = "<br/>".join(_label(part) for part in (node.label or node.id, node.type) if part)
    if _STYLE_LIKE.search(node.id + text):
        text = text.replace(":", _code(":"))
    return f'(["{text}"])' if node.kind == "run" else f'["{text}"]'


def _label(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "<br/>".join(_NOT_IN_LABEL.sub(lambda match: "".join(map(_code, match[0])), line) for line in lines)


def _code(char: str) -> str:
    return f"#{ord(char)};"
