"""The formats a graph can be exported to, by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from forebear.errors import InvalidInput

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData


class HasGraph(Protocol):
    """`GraphData`, and every answer about lineage that can be drawn."""

    @property
    def graph(self) -> GraphData:
        """The nodes and edges to export."""
        ...


class Format(msgspec.Struct, frozen=True):
    """A way to write a graph.

    Attributes:
        suffix: Usual ending of a file, with its dot.
        module: Module below this package whose ``write(graph)`` gives the text or bytes.
        binary: Whether that is bytes.
    """

    name: str
    suffix: str
    media_type: str
    module: str
    binary: bool = False


FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format("mermaid", ".mmd", "text/vnd.mermaid", "mermaid"),
        Format("dot", ".dot", "text/vnd.graphviz", "dot"),
        Format("graphml", ".graphml", "application/graphml+xml", "graphml"),
        Format("gexf", ".gexf", "application/gexf+xml", "gexf"),
        Format("node-link", ".json", "application/json", "nodelink"),
        Format("cytoscape", ".cyjs", "application/json", "cytoscape"),
        Format("csv", ".zip", "application/zip", "csv_tables", binary=True),
        Format("svg", ".svg", "image/svg+xml", "svg"),
        Format("png", ".png", "image/png", "png", binary=True),
    )
}


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        InvalidInput: there is none; the message names them all.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise InvalidInput(
            f"there is no export format {name!r}; there are {', '.join(FORMATS)}", code="unknown-format"
        ) from None


def export(answer: HasGraph, format: str) -> str | bytes:
    """Write a graph, or the graph of an answer about lineage, in a format of `FORMATS`.

    Nodes go by their ``id``. Text that a format cannot hold (control characters, mostly) is replaced by U+FFFD.

    Returns:
        Bytes for a binary format (``csv`` is a zip of two tables), otherwise text to be written as UTF-8.

    Raises:
        InvalidInput: there is no such format.
        Unsupported: ``png`` without the extra that draws it.
    """
    # A module is loaded when its format is asked for; the command line never needs more than one.
    module = import_module(f"forebear.lineage.export.{find_format(format).module}")
    return cast("Callable[[GraphData], str | bytes]", module.write)(answer.graph)
