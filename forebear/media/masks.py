"""Masks on an image: a class number for each pixel."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from forebear.errors import InvalidInput
from forebear.media.arrays import to_numpy
from forebear.media.files import FileMedia, path_source
from forebear.media.labels import class_labels_of
from forebear.media.pixels import check_size, encode, pillow

if TYPE_CHECKING:
    import numpy as np


class ImageMask(FileMedia):
    """A segmentation of one image, of one origin such as ``predictions``.

    Args:
        val: ``{"mask_data": class numbers as a two-dimensional array, "class_labels": {0: "road", …}}``, or
            ``{"path": a picture whose pixels are the class numbers}``. Without labels, classes that occur are called
            ``class_0`` and so on.
        key: Name of the layer, for messages.

    Raises:
        InvalidInput: the array has another shape, or numbers outside 0 to 65,535.
    """

    kind: ClassVar[str] = "mask"
    folder: ClassVar[str] = "images/mask"

    def __init__(self, val: Any, key: str = "mask") -> None:
        if not isinstance(val, Mapping) or ("mask_data" in val) == ("path" in val):
            raise InvalidInput(
                f"the mask {key!r} is given as {{'mask_data': array}} or {{'path': file}}, not {val!r:.100}",
                code="media-mask",
            )
        labels = class_labels_of(val.get("class_labels"), f"the mask {key!r}")
        if "path" in val:
            source, suffix = path_source(val["path"], f"the mask {key!r}")
            super().__init__(source, suffix)
        else:
            numbers = _class_numbers(val["mask_data"], key)
            super().__init__(encode(pillow().fromarray(numbers), "png"), ".png")
            labels = labels or {number: f"class_{number}" for number in _occurring(numbers)}
        self.class_labels = labels

    @property
    def mask_data(self) -> np.ndarray[Any, Any]:
        """The class numbers as an array of shape (height, width)."""
        import numpy as np  # 100 ms, only for people who read masks

        with pillow().open(io.BytesIO(self.content)) as picture:
            return np.array(picture)

    def _details(self) -> dict[str, Any]:
        # The keys of JSON are text.
        return {"class_labels": {str(number): label for number, label in self.class_labels.items()}}

    def _set_details(self, value: Mapping[str, Any]) -> None:
        self.class_labels = class_labels_of(value.get("class_labels"), "a stored mask")


def _class_numbers(mask_data: Any, key: str) -> np.ndarray[Any, Any]:
    """Return class numbers as bytes, or as 16-bit numbers where there are more than 256 classes."""
    import numpy as np  # 100 ms; whoever has masks has paid them

    numbers = to_numpy(mask_data)
    if numbers.ndim == 3 and numbers.shape[0] == 1:
        numbers = numbers[0]
    elif numbers.ndim == 3 and numbers.shape[2] == 1:
        numbers = numbers[:, :, 0]
    if numbers.ndim != 2:
        raise InvalidInput(
            f"the mask {key!r} has one class number a pixel, so its shape is (height, width), not {numbers.shape}",
            code="media-mask",
        )
    check_size(numbers.shape[1], numbers.shape[0])
    whole = numbers.dtype.kind in "biu" or (numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all()))
    if not whole or float(numbers.min()) < 0 or float(numbers.max()) > 65_535:
        raise InvalidInput(
            f"the mask {key!r} holds class numbers, whole and from 0 to 65,535; this one is of {numbers.dtype}"
            + (f" from {numbers.min()} to {numbers.max()}" if numbers.dtype.kind in "biuf" else ""),
            code="media-mask",
        )
    return numbers.astype(np.uint8 if int(numbers.max()) < 256 else np.uint16)


def _occurring(numbers: np.ndarray[Any, Any]) -> list[int]:
    import numpy as np  # loaded: the numbers are of it

    return [int(number) for number in np.flatnonzero(np.bincount(numbers.ravel()))]
