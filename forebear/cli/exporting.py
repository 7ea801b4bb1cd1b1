"""The work of ``forebear lineage export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from forebear.cli.session import Session
from forebear.cli.views.lineage import ExportView, TextView
from forebear.errors import InvalidInput
from forebear.lineage.export.registry import FORMATS, Format, find_format
from forebear.lineage.model import GraphData
from forebear.lineage.queries import EVERY_KIND
from forebear.names import parse_time

if TYPE_CHECKING:
    from forebear.api.api import Api

DEFAULT_FORMAT = "mermaid"
#: Endings that people write besides those of `FORMATS`.
_ENDINGS = {".mermaid": "mermaid", ".gv": "dot", ".md": "mermaid"}


def chosen_format(name: str | None, output: str | None) -> Format:
    """Return the format that was named, else the one that the file's ending means.

    Raises:
        InvalidInput: there is no such format; the message names them all.
    """
    if name is not None:
        return find_format(name)
    endings = {format.suffix: format.name for format in reversed(FORMATS.values())} | _ENDINGS
    return find_format(endings.get(Path(output or "").suffix.lower(), DEFAULT_FORMAT))


def graph_of_all(api: Api, as_of: str | None) -> GraphData:
    """Return every run and version of the store that has an edge."""
    lineage = api.lineage(as_of)
    edges = list(api.store.catalog.all_edges(EVERY_KIND, parse_time(as_of) if as_of else None))
    nodes = lineage.describe({key for edge in edges for key in (edge.source, edge.target)})
    shown = tuple(edge for edge in edges if edge.source in nodes and edge.target in nodes)
    return GraphData(tuple(nodes[key] for key in sorted(nodes)), shown)


def write(session: Session, content: str | bytes, format: Format, output: str | None, graph: GraphData) -> None:
    """Write an export to a file, or to standard output.

    Raises:
        InvalidInput: it is binary and would go to a terminal, or into JSON.
    """
    if output is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        Path(output).write_bytes(raw)
        session.output.show(ExportView(output, format.name, graph, len(raw)))
    elif isinstance(content, str):
        session.output.show(TextView(content, format.name, graph))
    elif session.output.as_json or sys.stdout.isatty():
        raise InvalidInput(f"{format.name} is binary; name a file with --output", code="binary-output")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
