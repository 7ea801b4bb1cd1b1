"""Images."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

from forebear.errors import ForebearError, InvalidInput
from forebear.media.base import Keep, Read, content_of
from forebear.media.boxes import BoundingBoxes2D
from forebear.media.figures import figure_of, figure_png
from forebear.media.files import FileMedia, Source, is_path, path_source
from forebear.media.labels import named, with_labels
from forebear.media.masks import ImageMask
from forebear.media.pixels import check_size, encode, picture_of, pillow

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from forebear.media.classes import Classes


class Image(FileMedia):
    """One picture.

    It is encoded at once, so an array may be changed afterwards; a file is kept byte for byte, and read when the image
    is logged.

    Args:
        data_or_path: An array of shape (height, width) or (height, width, 1 to 4 channels), or a torch tensor with its
            channels first; a batch becomes one grid. Or a PIL image, a matplotlib figure, the path or the bytes of a
            picture, another image, or a URL, which is kept as a reference.
        mode: PIL mode to convert to, such as ``"L"``.
        caption: Text below the picture.
        grouping: How many images of a list belong together.
        classes: `Classes`, or ``[{"id": 0, "name": "road"}, …]``, for boxes and masks that have no labels.
        boxes: By name: ``{"box_data": …, "class_labels": …}``, see `BoundingBoxes2D`.
        masks: By name: ``{"mask_data": …, "class_labels": …}``, see `ImageMask`.
        file_type: ``"png"`` (default), ``"jpg"``, ``"gif"``, ``"bmp"``, ``"webp"`` or ``"tiff"``.
        normalize: Spread numbers from 0 to 1 and from -1 to 1 over 0 to 255; without it they are only clipped.

    Raises:
        InvalidInput: what is given is no picture; the message says what was found.
        Unsupported: Pillow is not installed.
    """

    kind: ClassVar[str] = "image-file"
    folder: ClassVar[str] = "images"

    width: int | None = None
    height: int | None = None
    grouping: int | None
    classes: Classes | None
    boxes: dict[str, BoundingBoxes2D]
    masks: dict[str, ImageMask]

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: object = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        if isinstance(other := data_or_path, Image):
            caption = other.caption if caption is None else caption
            grouping = other.grouping if grouping is None else grouping
            classes, boxes, masks = classes or other.classes, boxes or other.boxes, masks or other.masks
        source, suffix = self._source_of(data_or_path, mode, file_type, normalize)
        super().__init__(source, suffix, caption)
        self.grouping = grouping
        self.classes = _classes(classes)
        labels = self.classes.names if self.classes is not None else None
        self.boxes = {
            name: layer if isinstance(layer, BoundingBoxes2D) else BoundingBoxes2D(with_labels(layer, labels), name)
            for name, layer in named(boxes, "boxes").items()
        }
        self.masks = {
            name: layer if isinstance(layer, ImageMask) else ImageMask(with_labels(layer, labels), name)
            for name, layer in named(masks, "masks").items()
        }

    # -- from what was given --------------------------------------------------------------------------------------

    def _source_of(self, data: Any, mode: str | None, file_type: str | None, normalize: bool) -> tuple[Source, str]:
        """Return content and suffix, and note the size of the picture."""
        wanted = _file_type(file_type)
        if isinstance(data, Image):
            source, suffix = data._source, data._suffix
            self.width, self.height = data.width, data.height
        elif is_path(data):
            source, suffix = path_source(data, "an image")
        elif isinstance(data, (bytes, bytearray, memoryview)) or hasattr(data, "read"):
            source, suffix = content_of(data, "an image"), ""
        elif (figure := figure_of(data)) is not None:
            source, suffix = figure_png(figure), ".png"
        else:
            return self._encoded(picture_of(data, normalize), mode, wanted or "png")
        if isinstance(source, str):
            if mode or wanted:
                raise InvalidInput(
                    f"{source} is kept as a reference, so it cannot get another mode or file_type", code="media-url"
                )
            return source, suffix
        if mode or (wanted and wanted != _file_type(suffix.lstrip("."))):
            with _opened(source, load=True) as picture:
                return self._encoded(picture, mode, wanted or _file_type(suffix.lstrip(".")) or "png")
        if self.width is None:
            with _opened(source) as picture:
                self.width, self.height = picture.size
                suffix = suffix or f".{_file_type((picture.format or 'png').lower())}"
        return source, suffix

    def _encoded(self, picture: Picture, mode: str | None, file_type: str) -> tuple[bytes, str]:
        if mode and picture.mode != mode:
            try:
                picture = picture.convert(mode)
            except ValueError as err:
                raise InvalidInput(f"an image cannot get the mode {mode!r}: {err}", code="media-mode") from err
        self.width, self.height = picture.size
        return encode(picture, file_type), f".{file_type}"

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def format(self) -> str:
        """Suffix of the file without its dot, such as ``"png"``."""
        return self._suffix.lstrip(".")

    @property
    def image(self) -> Picture:
        """The picture as a PIL image, read from its file.

        Raises:
            Unsupported: it is a reference, or Pillow is not installed.
        """
        picture: Picture = pillow().open(io.BytesIO(self.content))
        picture.load()
        return picture

    def save(self, path: str | Path) -> None:
        """Write the content to a file."""
        with open(path, "wb") as file:
            file.write(self.content)

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return the form of an ``image-file``, with boxes, masks and classes where there are some."""
        value = super().to_json(keep)
        if self.classes is not None:
            value["classes"] = self.classes.to_json(keep)
        if self.boxes:
            value["boxes"] = {name: layer.to_json(keep) for name, layer in self.boxes.items()}
        if self.masks:
            value["masks"] = {name: layer.to_json(keep) for name, layer in self.masks.items()}
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the image; its bytes are read when they are asked for."""
        image = super().from_json(value, read)
        image.classes = None
        if value.get("classes"):
            from forebear.media.classes import Classes  # few images have classes of their own

            image.classes = Classes.from_json(value["classes"], read)
        image.boxes = {name: BoundingBoxes2D.from_json(part, read) for name, part in value.get("boxes", {}).items()}
        image.masks = {name: ImageMask.from_json(part, read) for name, part in value.get("masks", {}).items()}
        return image

    def _details(self) -> dict[str, Any]:
        details = {"format": self.format, "width": self.width, "height": self.height, "grouping": self.grouping}
        return {name: detail for name, detail in details.items() if detail is not None}

    def _set_details(self, value: Mapping[str, Any]) -> None:
        self.width, self.height = value.get("width"), value.get("height")
        self.grouping = value.get("grouping")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """What a notebook shows."""
        kind = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}.get(self.format)
        if self.url is not None or kind is None:
            return {"text/plain": repr(self)}
        return {"text/plain": repr(self), kind: self.content}


def _file_type(name: str | None) -> str | None:
    """Return the suffix of a format by any of its names, ``None`` for none."""
    name = name.lower().lstrip(".") if name else None
    return "jpg" if name == "jpeg" else name


@contextlib.contextmanager
def _opened(source: Source, *, load: bool = False) -> Iterator[Picture]:
    """Give the picture in a file or in bytes; its header read, or all of it with ``load``.

    Raises:
        InvalidInput: it is no picture, or one too large.
    """
    assert not isinstance(source, str)
    with _open(source) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of its size: check_size says more
                picture: Picture = pillow().open(file)
            check_size(*picture.size)
            if load:
                picture.load()
        except ForebearError:
            raise
        except Exception as err:  # Pillow's readers let through what their parsers raise
            shown = source if isinstance(source, Path) else "what is given as an image"
            raise InvalidInput(f"{shown} is no picture: {err}", code="media-file") from err
        yield picture


def _open(source: bytes | Path | Callable[[], bytes]) -> IO[bytes]:
    if isinstance(source, Path):
        return source.open("rb")
    return io.BytesIO(source if isinstance(source, bytes) else source())


def _classes(classes: Any) -> Classes | None:
    if classes is None:
        return None
    from forebear.media.classes import Classes  # few images have classes of their own

    return classes if isinstance(classes, Classes) else Classes(classes)
