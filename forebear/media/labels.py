"""Checks that boxes and masks share: their names, and what their class numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.errors import InvalidInput
from forebear.media.arrays import plain


def class_labels_of(labels: object, what: str) -> dict[int, str]:
    """Return ``{class number: label}`` with plain types.

    Raises:
        InvalidInput: it is no mapping from whole numbers to text.
    """
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise InvalidInput(
            f"class_labels of {what} map numbers to text, such as {{0: 'road'}}, not {labels!r:.100}",
            code="media-labels",
        )
    found: dict[int, str] = {}
    for key, label in labels.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() else plain(key)
        if isinstance(number, bool) or not isinstance(number, int) or not isinstance(label, str):
            raise InvalidInput(
                f"class_labels of {what} map numbers to text, such as {{0: 'road'}}, not {key!r} to {label!r:.100}",
                code="media-labels",
            )
        found[number] = label
    return found


def named(layers: object, what: str) -> dict[str, Any]:
    """Return the layers of an image by name, such as ``{"predictions": …}``.

    Raises:
        InvalidInput: they are no mapping with text as keys.
    """
    if layers is None:
        return {}
    if not isinstance(layers, Mapping) or not all(isinstance(name, str) and name for name in layers):
        raise InvalidInput(
            f"{what} of an image are given by name, such as {{'predictions': …}}, not {layers!r:.100}",
            code="media-layers",
        )
    return dict(layers)


def with_labels(layer: Any, labels: Mapping[int, str] | None) -> Any:
    """Return what is given as one layer with the labels of the image, unless it has its own."""
    if labels and isinstance(layer, Mapping) and not layer.get("class_labels"):
        return {**layer, "class_labels": labels}
    return layer
