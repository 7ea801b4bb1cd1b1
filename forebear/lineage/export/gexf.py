"""GEXF 1.2 (https://gexf.net/1.2/gexf-12draft-primer.pdf), the format of Gephi.

Written here because a control character makes a file that nothing parses, and so that the attribute ``type`` stays:
the format has a ``type`` of its own on an edge, hence ours is declared as an attribute with a number as its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebear.lineage.export.rows import EDGE_FIELDS, NODE_FIELDS, EdgeRow, NodeRow, rows_of, xml_escaped

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">\n'
#: Position in the row → name of the attribute; what XML attributes of their own hold is left out.
_NODE_DATA = {place: name for place, name in enumerate(NODE_FIELDS) if name not in {"id", "label"}}
_EDGE_DATA = {place: name for place, name in enumerate(EDGE_FIELDS) if name not in {"id", "source", "target"}}


def write(graph: GraphData) -> str:
    """Return ``graph`` as a static, directed GEXF graph, every attribute as a string."""
    nodes, edges = rows_of(graph, xml_escaped)
    parts = [_HEAD, '  <graph mode="static" defaultedgetype="directed">\n']
    for owner, data in (("node", _NODE_DATA), ("edge", _EDGE_DATA)):
        parts.append(f'    <attributes class="{owner}" mode="static">\n')
        parts += [f'      <attribute id="{place}" title="{name}" type="string"/>\n' for place, name in data.items()]
        parts.append("    </attributes>\n")
    parts.append(f'    <nodes count="{len(nodes)}">\n')
    parts += [f'      <node id="{node.id}" label="{node.label}">{_values(_NODE_DATA, node)}</node>\n' for node in nodes]
    parts.append(f'    </nodes>\n    <edges count="{len(edges)}">\n')
    parts += [
        f'      <edge id="{edge.id}" source="{edge.source}" target="{edge.target}">{_values(_EDGE_DATA, edge)}</edge>\n'
        for edge in edges
    ]
    parts.append("    </edges>\n  </graph>\n</gexf>\n")
    return "".join(parts)


def _values(fields: dict[int, str], row: NodeRow | EdgeRow) -> str:
    values = "".join(f'<attvalue for="{place}" value="{row[place]}"/>' for place in fields if row[place])
    return f"<attvalues>{values}</attvalues>"
