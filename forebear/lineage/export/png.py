"""The drawing of `svg` as a PNG picture."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from forebear.errors import Unsupported
from forebear.lineage.export.svg import draw

if TYPE_CHECKING:
    from forebear.lineage.model import GraphData

#: Pixels for each unit of the drawing: sharp on a dense screen.
ZOOM = 2.0
#: Largest picture, in pixels; a larger drawing is scaled down to it. Four bytes each are held while it is made.
MAX_PIXELS = 64_000_000
#: Longest side in pixels that common viewers open.
MAX_SIDE = 30_000


def write(graph: GraphData) -> bytes:
    """Return ``graph`` as a PNG picture.

    Raises:
        Unsupported: the package that draws it is not installed.
    """
    try:
        import resvg_py  # an optional extra of 4 MB
    except ImportError as err:
        raise Unsupported(
            "a PNG needs the package resvg_py, which is not installed; "
            "pip install 'forebear[media]' brings it, and the format svg needs nothing",
            code="missing-extra",
        ) from err
    drawing = draw(graph)
    zoom = min(
        ZOOM,
        sqrt(MAX_PIXELS / (drawing.width * drawing.height)),
        MAX_SIDE / max(drawing.width, drawing.height),
    )
    return bytes(resvg_py.svg_to_bytes(svg_string=drawing.svg, width=max(1, int(drawing.width * zoom))))
