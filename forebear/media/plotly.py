"""Figures of plotly, kept as their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from forebear.errors import InvalidInput, Unsupported
from forebear.media.arrays import module_of
from forebear.media.files import FileMedia, Source, is_path, path_source


class Plotly(FileMedia):
    """An interactive figure.

    Args:
        val: A figure of plotly, its JSON form as a dict, or the path of a file with that.
        caption: Text below the figure.

    Raises:
        InvalidInput: it is none of them.
    """

    kind: ClassVar[str] = "plotly-file"
    folder: ClassVar[str] = "plotly"

    def __init__(self, val: Any, caption: object = None) -> None:
        super().__init__(_source_of(val), ".plotly.json", caption)

    @property
    def spec(self) -> dict[str, Any]:
        """The figure as a dict with ``data`` and ``layout``."""
        found: dict[str, Any] = msgspec.json.decode(self.content)
        return found

    @property
    def figure(self) -> Any:
        """The figure as an object of plotly.

        Raises:
            Unsupported: plotly is not installed.
        """
        try:
            from plotly.io import from_json  # 150 ms, only for people who look at figures
        except ImportError as err:
            raise Unsupported("a plotly figure needs plotly: pip install plotly", code="needs-plotly") from err
        return from_json(self.content.decode())


def _source_of(val: Any) -> Source:
    if is_path(val):
        source, _ = path_source(val, "a plotly figure")
        if not isinstance(source, str):
            _check(source.read_bytes() if not callable(source) and not isinstance(source, bytes) else b"", str(val))
        return source
    if module_of(val) == "plotly" or hasattr(val, "to_plotly_json"):
        # Of plotly's own, because a figure holds arrays and dates that only it knows how to write.
        return str(val.to_json()).encode()
    if isinstance(val, Mapping):
        try:
            content = msgspec.json.encode(val)
        except (TypeError, ValueError) as err:
            raise InvalidInput(f"the plotly figure is a dict that is no JSON: {err}", code="media-plotly") from err
        return _check(content, "the dict")
    raise InvalidInput(
        f"a plotly figure is one of plotly, its dict or a path, not a {type(val).__name__}; "
        "log a matplotlib figure as forebear.Image",
        code="media-type",
    )


def _check(content: bytes, what: str) -> bytes:
    try:
        spec = msgspec.json.decode(content)
    except ValueError as err:
        raise InvalidInput(f"{what} is no plotly figure: {err}", code="media-plotly") from err
    if not isinstance(spec, dict) or "data" not in spec:
        raise InvalidInput(f"{what} is no plotly figure: it has no 'data'", code="media-plotly")
    return content
