"""Bounding boxes on an image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from forebear.errors import InvalidInput
from forebear.media.arrays import plain
from forebear.media.base import Keep, Media, Read, file_json
from forebear.media.labels import class_labels_of

_CORNERS = ("minX", "maxX", "minY", "maxY")
_DOMAINS = {None, "percentage", "pixel"}
_FIELDS = {"position", "class_id", "box_caption", "scores", "domain"}


class BoundingBoxes2D(Media):
    """Boxes on one image, of one origin such as ``ground_truth``.

    Args:
        val: ``{"box_data": [box, …], "class_labels": {0: "car", …}}``. A box has

            - ``position``: ``{"minX", "maxX", "minY", "maxY"}`` or ``{"middle": [x, y], "width", "height"}``,
            - ``class_id``: a whole number,
            - ``domain``: ``"pixel"``, or nothing for shares of the image between 0 and 1,
            - ``box_caption``: text, if any,
            - ``scores``: ``{name: number}``, if any,
            - further fields that are text or numbers.
        key: Name of the layer, for messages.

    Raises:
        InvalidInput: a box is not as above; the message names it.
    """

    kind: ClassVar[str] = "boxes2D"

    def __init__(self, val: Any, key: str = "boxes") -> None:
        if not isinstance(val, Mapping) or "box_data" not in val:
            raise InvalidInput(f"boxes {key!r} are given as {{'box_data': […]}}, not {val!r:.100}", code="media-boxes")
        boxes = plain(val["box_data"])
        if not isinstance(boxes, (list, tuple)):
            raise InvalidInput(f"box_data of {key!r} is a list of boxes, not {boxes!r:.100}", code="media-boxes")
        self.box_data: list[dict[str, Any]] = [_box(box, f"box {n} of {key!r}") for n, box in enumerate(boxes)]
        self.class_labels = class_labels_of(val.get("class_labels"), f"the boxes {key!r}")

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return where the boxes are: a JSON file with ``box_data`` and ``class_labels``."""
        content = msgspec.json.encode({"box_data": self.box_data, "class_labels": self.class_labels})
        return file_json(self.kind, keep(content, "metadata/boxes2D", ".boxes2D.json"))

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the boxes."""
        return cls(msgspec.json.decode(read(value["path"])))

    def __repr__(self) -> str:
        return f"BoundingBoxes2D({len(self.box_data)} boxes)"


def _box(box: object, where: str) -> dict[str, Any]:
    if not isinstance(box, Mapping):
        raise InvalidInput(f"{where} is a mapping with 'position' and 'class_id', not {box!r:.100}", code="media-boxes")
    number = plain(box.get("class_id"))
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidInput(f"class_id of {where} is a whole number, not {number!r:.100}", code="media-boxes")
    domain = box.get("domain")
    if domain not in _DOMAINS:
        raise InvalidInput(
            f"domain of {where} is 'pixel', or left out for shares of the image, not {domain!r:.100}",
            code="media-boxes",
        )
    checked: dict[str, Any] = {"position": _position(box.get("position"), where), "class_id": number}
    if domain == "pixel":
        checked["domain"] = domain
    if box.get("box_caption") is not None:
        checked["box_caption"] = str(box["box_caption"])
    if box.get("scores") is not None:
        checked["scores"] = _scores(box["scores"], where)
    for name in box.keys() - _FIELDS:
        checked[str(name)] = _extra(box[name], f"{name!r} of {where}")
    return checked


def _extra(value: object, what: str) -> Any:
    """Return a field that nothing here reads, such as a track number."""
    value = plain(value)
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise InvalidInput(f"{what} is kept only if it is text or a finite number, not {value!r:.100}", code="media-boxes")


def _position(position: object, where: str) -> dict[str, Any]:
    if isinstance(position, Mapping) and position.keys() == set(_CORNERS):
        return {name: _number(position[name], f"{name} of {where}") for name in _CORNERS}
    if isinstance(position, Mapping) and position.keys() == {"middle", "width", "height"}:
        middle = plain(position["middle"])
        if isinstance(middle, (list, tuple)) and len(middle) == 2:
            return {
                "middle": [_number(part, f"middle of {where}") for part in middle],
                "width": _number(position["width"], f"width of {where}"),
                "height": _number(position["height"], f"height of {where}"),
            }
    raise InvalidInput(
        f"position of {where} is {{'minX', 'maxX', 'minY', 'maxY'}} or {{'middle': [x, y], 'width', 'height'}}, "
        f"not {position!r:.100}",
        code="media-boxes",
    )


def _scores(scores: object, where: str) -> dict[str, float]:
    if not isinstance(scores, Mapping):
        raise InvalidInput(f"scores of {where} map names to numbers, not {scores!r:.100}", code="media-boxes")
    return {str(name): _number(score, f"score {name!r} of {where}") for name, score in scores.items()}


def _number(value: object, what: str) -> float:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{what} is a finite number, not {value!r:.100}", code="media-boxes")
    return value
