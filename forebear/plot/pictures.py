"""Pictures and pages of Vega-Lite specifications."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forebear.errors import InvalidInput, Unsupported

if TYPE_CHECKING:
    import os

#: Version of Vega-Lite that pictures are drawn with; any of 5 draws the specifications.
VEGALITE = "5.21"
MIME = "application/vnd.vegalite.v5+json"


class Picture:
    """What a complete Vega-Lite specification, its data in it, looks like.

    Attributes:
        spec: The specification.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def to_svg(self) -> str:
        """Return it as an SVG picture.

        Raises:
            Unsupported: the package vl-convert-python is not installed.
        """
        return str(_renderer().vegalite_to_svg(self.spec, vl_version=VEGALITE))

    def to_png(self, scale: float = 2.0) -> bytes:
        """Return it as a PNG picture; errors as in `to_svg`.

        Args:
            scale: Pixels for each unit of the chart; 2 is sharp on a dense screen.
        """
        return bytes(_renderer().vegalite_to_png(self.spec, vl_version=VEGALITE, scale=scale))

    def to_html(self) -> str:
        """Return it as a page without need of a network, 1 MB because what draws it is in it; errors as in `to_svg`."""
        return str(_renderer().vegalite_to_html(self.spec, vl_version=VEGALITE, bundle=True))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file: a picture as ``.svg`` or ``.png``, a page as ``.html``, the specification as ``.json``.

        Raises:
            InvalidInput: the path ends in something else.
            Unsupported: the package vl-convert-python is not installed, and it is not ``.json``.
        """
        target = Path(path)
        if target.suffix == ".svg":
            target.write_text(self.to_svg(), encoding="utf-8")
        elif target.suffix == ".png":
            target.write_bytes(self.to_png())
        elif target.suffix == ".html":
            target.write_text(self.to_html(), encoding="utf-8")
        elif target.suffix == ".json":
            target.write_bytes(msgspec.json.encode(self.spec))
        else:
            raise InvalidInput(
                f"a chart is saved as .svg, .png, .html or .json, not as {target.name!r}", code="chart-file"
            )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {MIME: self.spec, "text/plain": repr(self)}


def _renderer() -> Any:
    try:
        import vl_convert  # 40 MB and 15 ms, only for people who want pictures
    except ImportError as err:
        raise Unsupported(
            "a picture of a chart needs the package vl-convert-python, which is not installed; "
            "pip install vl-convert-python brings it, and spec() needs nothing",
            code="missing-extra",
        ) from err
    return vl_convert
