"""GraphML (http://graphml.graphdrawing.org/specification.html), written here because ids of edges must be unique."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.lineage.export.rows import EDGE_FIELDS, NODE_FIELDS, EdgeRow, NodeRow, rows_of, xml_escaped

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)
#: Position in the row → name of the attribute; what XML attributes of their own hold is left out.
_NODE_DATA = {place: name for place, name in enumerate(NODE_FIELDS) if name != "id"}
_EDGE_DATA = {place: name for place, name in enumerate(EDGE_FIELDS) if name not in {"id", "source", "target"}}


def write(graph: GraphData) -> str:
    """Return ``graph`` as GraphML, every attribute as a string."""
    nodes, edges = rows_of(graph, xml_escaped)
    parts = [_HEAD]
    for owner, data in (("node", _NODE_DATA), ("edge", _EDGE_DATA)):
        parts += [
            f'  <key id="{owner}_{name}" for="{owner}" attr.name="{name}" attr.type="string"/>\n'
            for name in data.values()
        ]
    parts.append('  <graph id="lineage" edgedefault="directed">\n')
    parts += [f'    <node id="{node.id}">{_data("node", _NODE_DATA, node)}</node>\n' for node in nodes]
    parts += [
        f'    <edge id="{edge.id}" source="{edge.source}" target="{edge.target}">'
        f"{_data('edge', _EDGE_DATA, edge)}</edge>\n"
        for edge in edges
    ]
    parts.append("  </graph>\n</graphml>\n")
    return "".join(parts)


def _data(owner: str, fields: dict[int, str], row: NodeRow | EdgeRow) -> str:
    return "".join(f'<data key="{owner}_{name}">{row[place]}</data>' for place, name in fields.items() if row[place])
