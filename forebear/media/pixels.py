"""From arrays to pictures: which shape means what, and how other numbers become 0 to 255."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from forebear.errors import InvalidInput, Unsupported
from forebear.media.arrays import is_array, is_torch, to_numpy
from forebear.media.base import warn

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as Picture

    Array = np.ndarray[Any, Any]

#: Pixels of the largest picture: a larger one is refused as hostile by the library that would read it back.
MAX_PIXELS = 89_478_485
#: Effort of zlib. On photographs and plots 1 takes half the time of Pillow's 6 and gives 5 to 20 % more bytes.
COMPRESS_LEVEL = 1
#: Pictures of a batch that stand in one row of its grid, and pixels between them.
GRID_COLUMNS, GRID_GAP = 8, 2

#: What Pillow calls the format that people name by a suffix.
FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "webp": "WEBP", "tiff": "TIFF"}
#: Modes that a PNG holds as they are.
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
#: Modes of the other formats that have fewer.
_MODES = {
    "JPEG": frozenset({"L", "RGB"}),
    "BMP": frozenset({"1", "L", "P", "RGB"}),
    "GIF": frozenset({"1", "L", "P", "RGB", "RGBA"}),
    "WEBP": frozenset({"RGB", "RGBA"}),
}


def pillow() -> Any:
    """Return the module ``PIL.Image``.

    Raises:
        Unsupported: Pillow is not installed.
    """
    try:
        from PIL import Image  # 35 ms that runs without pictures do not need
    except ImportError as err:
        raise Unsupported(
            "making or reading a picture needs Pillow: pip install 'forebear[media]'", code="needs-pillow"
        ) from err
    return Image


def picture_of(data: Any, normalize: bool) -> Picture:
    """Return what is given as pixels (an array, a tensor, nested lists, a PIL image) as a PIL image.

    Raises:
        InvalidInput: it has no shape or type of a picture.
    """
    image = pillow()
    picture: Picture
    if isinstance(data, image.Image):
        picture = data
        check_size(picture.width, picture.height)
        return picture_of(to_numpy(picture), normalize) if picture.mode in {"F", "I"} else picture
    if not (is_array(data) or isinstance(data, (list, tuple))):
        raise InvalidInput(
            f"an image is a path, an array, a PIL image or a matplotlib figure, not a {type(data).__name__}",
            code="media-type",
        )
    pixels = arranged(to_numpy(data), channels_first=is_torch(data))
    check_size(pixels.shape[1], pixels.shape[0])
    picture = image.fromarray(to_bytes(pixels, normalize))
    return picture


def check_size(width: int, height: int) -> None:
    """Raise `InvalidInput` for a picture without pixels or with too many."""
    if width * height == 0:
        raise InvalidInput(f"an image of {width} x {height} pixels is empty", code="media-shape")
    if width * height > MAX_PIXELS:
        raise InvalidInput(
            f"an image of {width} x {height} pixels has more than the {MAX_PIXELS:,} that programs will read back; "
            "make it smaller, or add the file to an artifact",
            code="media-size",
        )


def arranged(pixels: Array, *, channels_first: bool = False) -> Array:
    """Return an array as (height, width) or (height, width, channels); a batch becomes one grid.

    Raises:
        InvalidInput: the shape is none of a picture.
    """
    shape = pixels.shape
    if pixels.ndim not in {2, 3, 4} or 0 in shape:
        raise _wrong_shape(shape)
    if pixels.ndim == 2:
        return pixels
    if channels_first and (shape[-3] <= 4 or shape[-1] > 4):  # nothing else can be meant where only the last fits
        pixels = pixels.swapaxes(-3, -2).swapaxes(-2, -1)
    elif pixels.ndim == 3 and shape[0] == 1 and shape[-1] > 4:
        pixels = pixels[0, :, :, None]
    if pixels.shape[-1] > 4:
        raise _wrong_shape(shape)
    if pixels.ndim == 4:
        pixels = grid(pixels)
    return pixels[:, :, 0] if pixels.shape[-1] == 1 else pixels


def _wrong_shape(shape: tuple[int, ...]) -> InvalidInput:
    hint = ""
    if len(shape) == 3 and 0 < shape[0] <= 4 < shape[2]:
        hint = "; the channels seem to come first, so pass array.transpose(1, 2, 0)"
    return InvalidInput(
        f"an array of shape {tuple(shape)} is no image: that is (height, width) or (height, width, 1 to 4 channels), "
        f"and (channels, height, width) for a torch tensor{hint}",
        code="media-shape",
    )


def grid(batch: Array) -> Array:
    """Lay the pictures of a batch (count, height, width, channels) out in rows on black."""
    import numpy as np  # loaded: the batch is of it

    count, height, width, channels = batch.shape
    if count == 1:
        return np.asarray(batch[0])
    columns = min(count, GRID_COLUMNS)
    rows = -(-count // columns)
    step_y, step_x = height + GRID_GAP, width + GRID_GAP
    grid = np.zeros((rows * step_y - GRID_GAP, columns * step_x - GRID_GAP, channels), dtype=batch.dtype)
    for index in range(count):
        y, x = index // columns * step_y, index % columns * step_x
        grid[y : y + height, x : x + width] = batch[index]
    return grid


def to_bytes(values: Array, normalize: bool) -> Array:
    """Return numbers as bytes 0 to 255, or as 16 bits.

    Bytes stay, booleans become 0 and 255. Of other numbers, 0 to 1 is spread over 0 to 255, and so is -1 to 1. Whole
    numbers up to 65,535 stay what they are where there is one channel; where there are more, those of a 16-bit array
    keep their upper byte. What is outside 0 to 255 otherwise is clipped, and NaN is 0: both with a warning.

    Args:
        normalize: Without it nothing is spread, only clipped.

    Raises:
        InvalidInput: the values are no real numbers.
    """
    import numpy as np  # loaded: the values are of it

    kind = values.dtype.kind
    if values.dtype == np.uint8:
        return values
    if kind == "b":
        return values.astype(np.uint8) * 255
    if kind not in "iuf":
        raise InvalidInput(f"the pixels of an image are numbers, not {values.dtype}", code="media-type")
    if kind == "f":
        values = _finite(values)
    low, high = float(values.min()), float(values.max())
    if normalize and kind != "f" and low >= 0 and 255 < high <= 65_535:
        if values.ndim == 2:
            return values.astype(np.uint16)
        if values.dtype == np.uint16:
            return (values >> 8).astype(np.uint8)
    if normalize and low >= 0 and high <= 1:
        values = values * 255.0
    elif normalize and low >= -1 and high <= 1:
        values = (values + 1) * 127.5
    elif low < 0 or high > 255:
        warn(f"pixels from {low:g} to {high:g} are clipped to 0 to 255; scale them to 0 to 1 to keep them apart")
        values = values.clip(0, 255)
    return np.rint(values).astype(np.uint8)


def _finite(values: Array) -> Array:
    """Return floats with NaN as 0 and infinities at the ends of the others."""
    import numpy as np  # loaded: the values are of it

    if values.dtype.itemsize != 4:  # halves would overflow at 255 * 255, doubles cost twice the time for nothing
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    missing = int(np.count_nonzero(~np.isfinite(values)))
    if not missing:
        return values
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    warn(f"{missing:,} of {values.size:,} pixels are not finite: NaN is drawn as 0, infinity as the end of the range")
    return np.nan_to_num(values, nan=0.0, posinf=high, neginf=low)


def encode(picture: Picture, file_type: str) -> bytes:
    """Return a picture as the content of a file; the same picture gives the same bytes.

    Raises:
        InvalidInput: ``file_type`` is none of `FORMATS`.
    """
    form = FORMATS.get(file_type)
    if form is None:
        raise InvalidInput(
            f"an image cannot be written as {file_type!r}; choose from {', '.join(FORMATS)}", code="media-format"
        )
    modes = _MODES.get(form, _PNG_MODES)
    if picture.mode == "I;16" and "I;16" not in modes:
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode not in modes:
        picture = picture.convert("RGBA" if picture.has_transparency_data and "RGBA" in modes else "RGB")
    buffer = io.BytesIO()
    picture.save(buffer, form, **({"compress_level": COMPRESS_LEVEL} if form == "PNG" else {}))
    return buffer.getvalue()
