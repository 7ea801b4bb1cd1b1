"""Three-dimensional scenes: clouds of points, and models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from forebear.errors import InvalidInput
from forebear.media.arrays import is_array, plain, to_numpy
from forebear.media.base import content_of
from forebear.media.files import FileMedia, Source, is_path, path_source

#: Suffixes of files that are kept as they are.
FILE_TYPES = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
#: What the columns of a cloud may be: place; place and class 1 to 14; place and colour; place, class and more.
_COLUMNS = (3, 4, 6)
_CLOUD = "lidar/beta"


class Object3D(FileMedia):
    """One scene.

    Args:
        data_or_path: Points as an array of shape (points, 3), with x, y, z; (points, 4), with a class from 1 to 14
            besides; or (points, 6), with red, green and blue from 0 to 255. Or
            ``{"type": "lidar/beta", "points": …, "boxes": …, "vectors": …}``. Or the path, an open file or the bytes of
            a model: obj, gltf, glb, babylon, stl, pts.json.
        caption: Text beside the scene.
        file_type: Which of these an open file or bytes are.

    Raises:
        InvalidInput: the shape is another, a number is not finite, or the type of the file is unknown.
    """

    kind: ClassVar[str] = "object3D-file"
    folder: ClassVar[str] = "object3D"
    SUPPORTED_TYPES: ClassVar[frozenset[str]] = frozenset(FILE_TYPES)

    def __init__(self, data_or_path: Any, caption: object = None, file_type: str | None = None) -> None:
        source: Source
        if is_path(data_or_path):
            source, suffix = path_source(data_or_path, "a 3D object")
            suffix = f".{_file_type(suffix)}"
        elif isinstance(data_or_path, (bytes, bytearray, memoryview)) or hasattr(data_or_path, "read"):
            suffix = f".{_file_type(file_type)}"
            source = content_of(data_or_path, "a 3D object")
        elif isinstance(data_or_path, Mapping):
            source, suffix = msgspec.json.encode(_scene(data_or_path)), ".pts.json"
        elif is_array(data_or_path) or isinstance(data_or_path, (list, tuple)):
            source, suffix = msgspec.json.encode(_points(data_or_path)), ".pts.json"
        else:
            raise InvalidInput(
                f"a 3D object is an array of points, a dict of a scene, or a path, not a {type(data_or_path).__name__}",
                code="media-type",
            )
        super().__init__(source, suffix, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Return the scene in a file: its path, an open file, or its bytes."""
        if isinstance(data_or_path, (Mapping, list, tuple)) or is_array(data_or_path):
            raise InvalidInput("from_file takes a path or an open file; use from_numpy for points", code="media-type")
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Return a cloud of points given as an array."""
        if not is_array(data):
            raise InvalidInput(f"from_numpy takes an array of points, not a {type(data).__name__}", code="media-type")
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Sequence[Mapping[str, Any]] = (),
        vectors: Sequence[Mapping[str, Any]] | None = None,
        point_cloud_type: str = _CLOUD,
    ) -> Object3D:
        """Return a cloud of points with boxes and arrows in it.

        Args:
            points: As an array, see the class.
            boxes: Each ``{"corners": eight [x, y, z], "label": text, "color": [r, g, b]}``, maybe with a ``"score"``.
            vectors: Each ``{"start": [x, y, z], "end": [x, y, z]}``.
            point_cloud_type: ``"lidar/beta"`` is the only one.
        """
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})

    @property
    def scene(self) -> Any:
        """The points as a list of rows, or the dict of a scene with ``points``, ``boxes`` and ``vectors``.

        Raises:
            InvalidInput: this is a model, whose bytes are `content`.
        """
        if self._suffix != ".pts.json":
            raise InvalidInput(f"this is a {self._suffix[1:]} model, not a cloud; take its content", code="media-type")
        return msgspec.json.decode(self.content)


def _file_type(name: str | None) -> str:
    found = (name or "").lower().lstrip(".")
    if found not in FILE_TYPES:
        raise InvalidInput(
            f"a 3D object is a file of type {', '.join(FILE_TYPES)}, not {name!r}"
            + ("; pass file_type" if not name else ""),
            code="media-format",
        )
    return found


def _points(points: Any) -> Any:
    """Return a cloud as a list of rows.

    Raises:
        InvalidInput: it has another shape, or a number is not finite.
    """
    import numpy as np  # 100 ms; whoever has clouds has paid them

    cloud = to_numpy(points)
    if cloud.ndim != 2 or cloud.shape[1] not in _COLUMNS or cloud.dtype.kind not in "iuf":
        raise InvalidInput(
            f"points of shape {tuple(cloud.shape)} and type {cloud.dtype} are no cloud: that is numbers of shape "
            "(points, 3), (points, 4) or (points, 6)",
            code="media-shape",
        )
    strange = int(np.count_nonzero(~np.isfinite(cloud).all(axis=1)))
    if strange:
        raise InvalidInput(
            f"{strange:,} of {len(cloud):,} points have a coordinate that is not finite; leave them out",
            code="media-number",
        )
    return cloud.tolist()


def _scene(scene: Mapping[str, Any]) -> dict[str, Any]:
    if scene.get("type") != _CLOUD:
        raise InvalidInput(f"the type of a scene is {_CLOUD!r}, not {scene.get('type')!r}", code="media-scene")
    points = plain(scene.get("points", []))
    return {
        "type": _CLOUD,
        "points": _points(points) if len(points) else [],
        "boxes": [_box(plain(box), f"box {n}") for n, box in enumerate(_list(scene, "boxes"))],
        "vectors": [_vector(plain(arrow), f"vector {n}") for n, arrow in enumerate(_list(scene, "vectors"))],
    }


def _list(scene: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = plain(scene.get(name))
    if found is None:
        return []
    if not isinstance(found, (list, tuple)):
        raise InvalidInput(f"the {name} of a scene are a list, not {found!r:.100}", code="media-scene")
    return found


def _box(box: Any, where: str) -> dict[str, Any]:
    if not isinstance(box, Mapping) or "corners" not in box:
        raise InvalidInput(f"{where} of a scene is a dict with 'corners', not {box!r:.100}", code="media-scene")
    corners = plain(box["corners"])
    if not isinstance(corners, (list, tuple)) or len(corners) != 8:
        raise InvalidInput(f"corners of {where} are eight points, not {corners!r:.100}", code="media-scene")
    checked: dict[str, Any] = {"corners": [_triple(corner, f"a corner of {where}") for corner in corners]}
    checked["label"] = str(box.get("label", ""))
    checked["color"] = _triple(box.get("color", (255, 255, 255)), f"color of {where}")
    if box.get("score") is not None:
        checked["score"] = _number(box["score"], f"score of {where}")
    return checked


def _vector(arrow: Any, where: str) -> dict[str, Any]:
    if not isinstance(arrow, Mapping) or not {"start", "end"} <= arrow.keys():
        raise InvalidInput(
            f"{where} of a scene is a dict with 'start' and 'end', not {arrow!r:.100}", code="media-scene"
        )
    checked = {name: _triple(arrow[name], f"{name} of {where}") for name in ("start", "end")}
    if arrow.get("color") is not None:
        checked["color"] = _triple(arrow["color"], f"color of {where}")
    return checked


def _triple(values: Any, what: str) -> list[float]:
    values = plain(values)
    if not isinstance(values, (list, tuple)) or len(values) != 3:
        raise InvalidInput(f"{what} is three numbers, not {values!r:.100}", code="media-scene")
    return [_number(value, what) for value in values]


def _number(value: Any, what: str) -> float:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{what} is finite, not {value!r:.100}", code="media-scene")
    return value
