"""JSON of Cytoscape and Cytoscape.js (https://js.cytoscape.org/#notation/elements-json)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from forebear.lineage.export.rows import rows_of, utf8_text

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData


def write(graph: GraphData) -> str:
    """Return ``graph`` as one JSON object with ``elements.nodes`` and ``elements.edges``.

    ``value`` and ``name`` of a node, and ``key`` of an edge, are there for networkx, which reads them.
    """
    nodes, edges = rows_of(graph, utf8_text)
    document = {
        "data": [["name", "lineage"]],
        "directed": True,
        "multigraph": True,
        "elements": {
            "nodes": [
                {
                    "data": row._asdict()
                    | {"value": row.id, "name": row.label, "aliases": list(map(utf8_text, info.aliases))},
                    "classes": row.kind,
                }
                for row, info in zip(nodes, graph.nodes, strict=True)
            ],
            "edges": [{"data": row._asdict() | {"key": row.id}, "classes": row.kind} for row in edges],
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
