r"""The DOT language of Graphviz (https://graphviz.org/doc/info/lang.html).

Everything is quoted, since ``a:b`` unquoted is port ``b`` of node ``a``. In a quoted string only ``\"`` is an escape,
so a backslash cannot stand before a quote or at the end; ids have none, and elsewhere it becomes U+FFFD. In labels a
backslash, a line end and what looks like an HTML entity are escapes of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forebear.lineage.export.rows import REPLACEMENT, NodeRow, rows_of, xml_text

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

_ENTITY = re.compile(r"&(?=#?\w+;)")
_EDGE_STYLE = {
    "used": "",
    "logged": "",
    "reproduced": ', style="dashed", constraint="false"',
    "feedback": ', style="dashed", constraint="false"',
    "forked": ', style="dotted", constraint="false"',
    "rewound": ', style="dotted", constraint="false"',
}


def write(graph: GraphData) -> str:
    """Return ``graph`` as a directed graph drawn from left to right."""
    nodes, edges = rows_of(graph, xml_text)
    lines = [
        'digraph "lineage" {',
        '    graph [rankdir="LR"];',
        '    node [fontname="Helvetica", fontsize="11", style="filled,rounded", fillcolor="#eff6ff", color="#3b82f6"];',
        '    edge [color="#64748b", arrowsize="0.7"];',
    ]
    lines += [_node(node) for node in nodes]
    for edge in edges:
        use_as = f', use_as="{_plain(edge.use_as)}"' if edge.use_as else ""
        lines.append(
            f'    "{_plain(edge.source)}" -> "{_plain(edge.target)}" '
            f'[id="{edge.id}", kind="{edge.kind}", at="{edge.at}"{use_as}{_EDGE_STYLE[edge.kind]}];'
        )
    lines.append("}")
    return "\n".join(lines) + "\n"


def _node(node: NodeRow) -> str:
    label = _label(node.label or node.id) + (rf"\n{_label(node.type)}" if node.type else "")
    shape = (
        'shape="hexagon", style="filled", fillcolor="#f1f5f9", color="#64748b"' if node.kind == "run" else 'shape="box"'
    )
    known = {"type": node.type, "aliases": node.aliases}
    rest = "".join(f', {name}="{_plain(value)}"' for name, value in known.items() if value)
    return (
        f'    "{_plain(node.id)}" [label="{label}", {shape}, kind="{node.kind}", title="{_plain(node.label)}", '
        f'state="{_plain(node.state)}", created_at="{node.created_at}"{rest}];'
    )


def _plain(text: str) -> str:
    """Return ``text`` as the inside of a quoted string without escapes."""
    return text.replace("\\", REPLACEMENT).replace('"', r"\"")


def _label(text: str) -> str:
    """Return ``text`` as the inside of a quoted label, which Graphviz unescapes once more."""
    text = text.replace("\\", r"\\").replace('"', r"\"")
    text = text.replace("\r\n", r"\n").replace("\r", r"\n").replace("\n", r"\n")
    return _ENTITY.sub("&amp;", text)
