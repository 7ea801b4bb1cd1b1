"""Figures of matplotlib, recognised without importing it, as PNG."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.pixels import COMPRESS_LEVEL


def figure_of(value: object) -> Any:
    """Return the matplotlib figure that ``value`` is, belongs to or draws on; ``None`` if it has none.

    That is a figure, axes or another artist, a grid of seaborn, or the module ``matplotlib.pyplot`` with its current
    figure.
    """
    if "matplotlib.figure" not in sys.modules:  # whoever has a figure has loaded it
        return None
    if isinstance(value, ModuleType):
        return value.gcf() if value.__name__ == "matplotlib.pyplot" else None
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    if isinstance(value, Figure):
        return value
    if not isinstance(value, Artist) and not type(value).__module__.startswith("seaborn"):
        return None
    # Of a figure within a figure, this is the outer one.
    drawn_on = getattr(value, "figure", None)
    return None if drawn_on is value else figure_of(drawn_on)


def figure_png(figure: Any) -> bytes:
    """Return a figure as the content of a PNG file, drawn with its own dpi; the figure stays as it is.

    Raises:
        InvalidInput: nothing is drawn on it, or matplotlib cannot draw it.
    """
    if not figure.axes and not figure.get_children()[1:]:
        raise InvalidInput(
            "the matplotlib figure is empty; log it before plt.show() or plt.close()", code="media-empty"
        )
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": COMPRESS_LEVEL})
    except (ValueError, RuntimeError) as err:  # mathtext that does not parse, images of NaN, sizes beyond all pixels
        raise InvalidInput(f"the matplotlib figure cannot be drawn: {err}", code="media-figure") from err
    return buffer.getvalue()
