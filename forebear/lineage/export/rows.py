"""A graph as rows of clean text, the common ground of all exports."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

REPLACEMENT = "\ufffd"
#: Lone surrogates have no UTF-8 form, so no format can hold them.
_SURROGATES = re.compile("[\ud800-\udfff]")
#: What XML 1.0 (production 2, Char) cannot hold in any way.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

#: What parsers alter unless it is written as a character reference: white space in attributes becomes a blank, and a
#: line end of any kind a line feed; parsers of XML 1.1 know two kinds more.
_ALTERED = re.compile("[\t\n\r\x7f-\x9f\u2028\u2029]")


class NodeRow(NamedTuple):
    """A node; ``created_at`` is ISO 8601 and an absent type is empty."""

    id: str
    kind: str
    label: str
    type: str
    state: str
    created_at: str
    aliases: str


class EdgeRow(NamedTuple):
    """An edge; ``id`` is unique in the graph, ``source`` and ``target`` are ids of nodes."""

    id: str
    source: str
    target: str
    kind: str
    at: str
    use_as: str


NODE_FIELDS = NodeRow._fields
EDGE_FIELDS = EdgeRow._fields


def utf8_text(text: str) -> str:
    """Return ``text`` with what UTF-8 cannot hold replaced."""
    return text if text.isascii() else _SURROGATES.sub(REPLACEMENT, text)


def xml_text(text: str) -> str:
    """Return ``text`` with what XML 1.0 cannot hold replaced. Nothing is escaped yet."""
    return text if text.isascii() and text.isprintable() else _NOT_XML.sub(REPLACEMENT, text)


def xml_escaped(text: str) -> str:
    """Return ``text`` clean and escaped for an attribute or an element of XML, line ends and tabs kept."""
    text = xml_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    if text.isprintable():
        return text
    return _ALTERED.sub(lambda match: f"&#{ord(match[0])};", text)


def rows_of(graph: GraphData, clean: Callable[[str], str]) -> tuple[list[NodeRow], list[EdgeRow]]:
    """Return the nodes and edges of ``graph`` in its order, each text passed through ``clean``."""
    ids = clean_ids(graph, clean)
    nodes = [
        NodeRow(
            ids[node.key],
            node.kind,
            clean(node.label),
            clean(node.type or ""),
            clean(node.state),
            node.created_at.isoformat(),
            clean(",".join(node.aliases)),
        )
        for node in graph.nodes
    ]
    edges = [
        EdgeRow(
            f"e{number}",
            ids[edge.source],
            ids[edge.target],
            edge.kind.name.lower(),
            edge.at.isoformat(),
            clean(edge.use_as or ""),
        )
        for number, edge in enumerate(graph.edges)
    ]
    return nodes, edges


def clean_ids(graph: GraphData, clean: Callable[[str], str]) -> dict[int, str]:
    """Return the clean id of each node by its key; where cleaning made two equal, the later gets a number."""
    ids: dict[int, str] = {}
    taken: set[str] = set()
    for node in graph.nodes:
        text = unique = clean(node.id)
        number = 1
        while unique in taken:
            number += 1
            unique = f"{text}~{number}"
        taken.add(unique)
        ids[node.key] = unique
    return ids
