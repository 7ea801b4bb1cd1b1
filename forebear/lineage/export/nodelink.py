"""Node-link JSON, as ``networkx.node_link_graph(data, edges="edges")`` and D3 read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from forebear.lineage.export.rows import rows_of, utf8_text

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData


def write(graph: GraphData) -> str:
    """Return ``graph`` as one JSON object; each edge has its id as ``key``, so parallel edges stay apart."""
    nodes, edges = rows_of(graph, utf8_text)
    document = {
        "directed": True,
        "multigraph": True,
        "graph": {"name": "lineage"},
        "nodes": [
            row._asdict() | {"type": info.type and row.type, "aliases": list(map(utf8_text, info.aliases))}
            for row, info in zip(nodes, graph.nodes, strict=True)
        ],
        "edges": [
            {"key": row.id, "source": row.source, "target": row.target, "kind": row.kind, "at": row.at}
            | ({"use_as": row.use_as} if row.use_as else {})
            for row in edges
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
