"""Two tables, ``nodes.csv`` and ``edges.csv`` (RFC 4180), together in one zip file.

Columns are `NODE_FIELDS` and `EDGE_FIELDS`; the columns ``source`` and ``target`` of the second hold ids of the first.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebear.lineage.export.rows import EDGE_FIELDS, NODE_FIELDS, REPLACEMENT, rows_of, utf8_text

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

#: Earliest time that a zip file can hold, so that the same graph gives the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(graph: GraphData) -> bytes:
    """Return ``graph`` as a zip file of the two tables."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in zip(("nodes.csv", "edges.csv"), tables(graph), strict=True):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Readable by everybody once unpacked; the default of a ZipInfo is readable by nobody.
            entry.external_attr = 0o644 << 16
            file.writestr(entry, text)
    return archive.getvalue()


def tables(graph: GraphData) -> tuple[str, str]:
    """Return the text of the table of nodes and of the table of edges."""
    nodes, edges = rows_of(graph, _cell)
    return _table(NODE_FIELDS, nodes), _table(EDGE_FIELDS, edges)


def _cell(text: str) -> str:
    # Many readers end the text at a NUL; nothing else is forbidden in a quoted cell.
    return utf8_text(text).replace("\0", REPLACEMENT)


def _table(fields: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    # Line ends of RFC 4180; with bare line feeds the module would leave a carriage return in a cell unquoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(fields)
    writer.writerows(rows)
    return text.getvalue()
