"""Figures of bokeh, kept as the JSON of their document."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import msgspec

from forebear.errors import InvalidInput
from forebear.media.arrays import module_of
from forebear.media.files import FileMedia, Source, is_path, path_source


class Bokeh(FileMedia):
    """An interactive figure of bokeh.

    Args:
        data_or_path: A document or a model of bokeh, or the path of a document's JSON.
        caption: Text below the figure.

    Raises:
        InvalidInput: it is neither.
    """

    kind: ClassVar[str] = "bokeh-file"
    folder: ClassVar[str] = "bokeh"

    def __init__(self, data_or_path: Any, caption: object = None) -> None:
        super().__init__(_source_of(data_or_path), ".bokeh.json", caption)

    @property
    def spec(self) -> dict[str, Any]:
        """The document as a dict; ``bokeh.document.Document.from_json`` makes it one again."""
        found: dict[str, Any] = msgspec.json.decode(self.content)
        return found


def _source_of(data: Any) -> Source:
    if is_path(data):
        return path_source(data, "a bokeh figure")[0]
    if module_of(data) == "bokeh":
        return _document_json(data) if hasattr(data, "add_root") else _model_json(data)
    raise InvalidInput(
        f"a bokeh figure is a document or model of bokeh or a path, not a {type(data).__name__}", code="media-type"
    )


def _model_json(model: Any) -> bytes:
    """Return a model as the JSON of the document it is in, or of one that is made for it."""
    if model.document is not None:
        return _document_json(model.document)
    document = import_module("bokeh.document").Document()  # loaded: the model is of bokeh
    document.add_root(model)
    try:
        return _document_json(document)
    finally:
        document.clear()


def _document_json(document: Any) -> bytes:
    form = document.to_json(deferred=False)  # so that arrays are in the JSON, not in buffers beside it
    return msgspec.json.encode(getattr(form, "content", form))
