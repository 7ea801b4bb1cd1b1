"""Pictures: what is taken for one, and that its pixels come back."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from forebear.errors import InvalidInput, Unsupported
from forebear.media import pixels
from forebear.media.classes import Classes
from forebear.media.image import Image
from forebear.media.pixels import MAX_PIXELS, to_bytes
from forebear.media.registry import revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

RNG = np.random.default_rng(7)


def colours(height: int = 6, width: int = 8, channels: int = 3) -> np.ndarray[Any, Any]:
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def decoded(image: Image) -> np.ndarray[Any, Any]:
    """The pixels in an image's file, as Pillow alone reads them."""
    with PIL.Image.open(io.BytesIO(image.content)) as picture:
        return np.array(picture)


# -- arrays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        ((6, 8), "L"),
        ((6, 8, 1), "L"),
        ((1, 6, 8), "L"),
        ((6, 8, 2), "LA"),
        ((6, 8, 3), "RGB"),
        ((6, 8, 4), "RGBA"),
        ((1, 1), "L"),
        ((1, 6, 8, 3), "RGB"),
    ],
)
def test_bytes_come_back_as_they_were(shape: tuple[int, ...], mode: str) -> None:
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    image = Image(array)
    assert image.image.mode == mode
    assert np.array_equal(decoded(image), array.squeeze() if shape != (1, 1) else array)
    assert (image.height, image.width) == decoded(image).shape[:2]


def test_arrays_in_any_order_of_memory_and_nested_lists() -> None:
    array = colours()
    assert np.array_equal(decoded(Image(np.asfortranarray(array))), array)
    assert np.array_equal(decoded(Image(array[::-1, ::2])), array[::-1, ::2])
    assert np.array_equal(decoded(Image(array.tolist())), array)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], dtype="float16"), [0, 128, 255]),
        (np.array([[-1.0, 0.0, 1.0]]), [0, 128, 255]),
        (np.array([[0.0, 127.4, 255.0]]), [0, 127, 255]),
        (np.array([[True, False]]), [255, 0]),
        (np.array([[0, 1]]), [0, 255]),
        (np.array([[0, 7, 255]], dtype="int64"), [0, 7, 255]),
        (np.array([[0, 1]], dtype="uint8"), [0, 1]),
    ],
)
def test_numbers_become_bytes(values: Any, expected: list[int]) -> None:
    assert decoded(Image(values))[0].tolist() == expected


def test_without_normalizing_numbers_are_only_clipped() -> None:
    assert decoded(Image(np.array([[0.0, 1.0, 200.0]]), normalize=False))[0].tolist() == [0, 1, 200]
    assert decoded(Image(np.array([[0.0, 1.0]]), normalize=False))[0].tolist() == [0, 1]


def test_clipping_is_said() -> None:
    with pytest.warns(UserWarning, match="pixels from -3 to 900 are clipped to 0 to 255"):
        image = Image(np.array([[-3.0, 20.0, 900.0]]))
    assert decoded(image)[0].tolist() == [0, 20, 255]


def test_pixels_that_are_no_numbers_are_counted() -> None:
    with pytest.warns(UserWarning, match="2 of 4 pixels are not finite"):
        image = Image(np.array([[np.nan, 1.0, 0.5, np.inf]]))
    assert decoded(image)[0].tolist() == [0, 255, 128, 255]
    with pytest.warns(UserWarning, match="4 of 4 pixels are not finite"):
        assert decoded(Image(np.full((2, 2), np.nan))).tolist() == [[0, 0], [0, 0]]
    with pytest.warns(UserWarning, match="1 of 2 pixels are not finite"):
        assert decoded(Image(np.array([[1e300, 0.0]])))[0].tolist() == [0, 0], "no infinity for want of others"


def test_sixteen_bits_are_kept() -> None:
    array = np.array([[0, 300, 65_535]], dtype="uint16")
    for dtype in ("uint16", "int32", "int64"):
        assert decoded(Image(array.astype(dtype))).tolist() == array.tolist()
    assert decoded(Image(np.stack([array] * 3, axis=-1)))[0, :, 0].tolist() == [0, 1, 255]
    with PIL.Image.open(io.BytesIO(Image(array, file_type="jpg").content)) as picture:
        assert picture.mode == "L"
        assert np.abs(np.array(picture)[0].astype(int) - [0, 1, 255]).max() < 25, "JPEG loses a little"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 6, 8), r"shape \(3, 6, 8\) is no image.*pass array.transpose\(1, 2, 0\)"),
        ((5,), r"shape \(5,\) is no image"),
        ((6, 8, 5), r"shape \(6, 8, 5\) is no image"),
        ((2, 6, 8, 9), "is no image"),
        ((0, 8), "is no image"),
        ((6, 8, 0), "is no image"),
        ((1, 1, 1, 1, 1), "is no image"),
        ((), "is no image"),
    ],
)
def test_shapes_of_no_picture(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Image(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2), dtype=complex), np.full((2, 2), "x"), np.array([[object()]]), np.zeros((2, 2), "M8[s]")]
)
def test_types_of_no_pixel(array: Any) -> None:
    with pytest.raises(InvalidInput, match="the pixels of an image are numbers, not"):
        Image(array)


@pytest.mark.parametrize("value", [3, None, {"a": 1}, object(), {1, 2}])
def test_what_is_no_picture(value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"not a {type(value).__name__}"):
        Image(value)


def test_a_picture_that_nobody_would_read_back_is_refused() -> None:
    huge = np.broadcast_to(np.uint8(0), (10_000, 10_000))
    with pytest.raises(InvalidInput, match=f"100{''}00 x 10000 pixels has more than the {MAX_PIXELS:,}"):
        Image(huge)


def test_a_batch_becomes_a_grid() -> None:
    batch = np.stack([np.full((2, 3, 3), n + 1, dtype=np.uint8) for n in range(10)])
    found = decoded(Image(batch))
    assert found.shape == (2 * 2 + 2, 8 * 3 + 7 * 2, 3)
    assert (found[:2, :3] == 1).all()
    assert (found[:2, 5:8] == 2).all()
    assert (found[4:, :3] == 9).all()
    assert not found[:, 3:5].any()
    assert not found[4:, 10:].any(), "the last row is filled up with black"
    assert decoded(Image(batch[:2])).shape == (2, 8, 3)


# -- tensors --------------------------------------------------------------------------------------------------------


def test_tensors_have_their_channels_first() -> None:
    array = colours()
    for tensor in (Tensor(array.transpose(2, 0, 1)), Tensor(array.transpose(2, 0, 1)[None])):
        assert np.array_equal(decoded(Image(tensor)), array)
    assert np.array_equal(decoded(Image(Tensor(array[:, :, 0]))), array[:, :, 0])
    assert np.array_equal(decoded(Image(Tensor(array[None, :, :, 0]))), array[:, :, 0])
    floats = array.transpose(2, 0, 1).astype("float32") / 255
    assert np.array_equal(decoded(Image(Tensor(floats))), array)


def test_a_tensor_with_its_channels_last_is_seen() -> None:
    array = colours(6, 8, 3)
    assert np.array_equal(decoded(Image(Tensor(array))), array)


def test_a_batch_of_tensors_becomes_a_grid() -> None:
    batch = np.stack([np.full((1, 2, 3), n + 1, dtype=np.uint8) for n in range(3)])
    found = decoded(Image(Tensor(batch)))
    assert found.shape == (2, 3 * 3 + 2 * 2)
    assert (found[:, 5:8] == 2).all()


# -- pictures of Pillow, files, other images --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"])
def test_pictures_of_pillow_keep_their_mode(mode: str) -> None:
    picture = PIL.Image.fromarray(colours()).convert("L" if mode == "I;16" else "RGB").convert(mode)
    found = Image(picture).image
    assert found.mode == (mode if mode != "I" else "L"), "values decide how many bits whole numbers take"
    assert np.array_equal(np.array(found), np.array(picture))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_that_a_png_has_not_become_rgb(mode: str) -> None:
    picture = PIL.Image.new(mode, (3, 2))
    assert Image(picture).image.mode == "RGB"


def test_a_picture_of_floats_is_spread_as_an_array_is() -> None:
    picture = PIL.Image.fromarray(np.array([[0.0, 1.0]], dtype="float32"))
    assert decoded(Image(picture)).tolist() == [[0, 255]]


def test_mode_and_file_type_convert() -> None:
    array = colours()
    assert Image(array, mode="L").image.mode == "L"
    assert Image(np.dstack([array, array[:, :, :1]]), file_type="jpg").image.mode == "RGB"
    for name, form in [("jpeg", "JPEG"), (".JPG", "JPEG"), ("gif", "GIF"), ("bmp", "BMP"), ("webp", "WEBP")]:
        image = Image(array, file_type=name)
        with PIL.Image.open(io.BytesIO(image.content)) as picture:
            assert picture.format == form
            assert picture.size == (8, 6)
        assert image.format == ("jpg" if form == "JPEG" else name)
    with pytest.raises(InvalidInput, match="cannot be written as 'doc'; choose from png, jpg"):
        Image(array, file_type="doc")
    with pytest.raises(InvalidInput, match="cannot get the mode 'XYZ'"):
        Image(array, mode="XYZ")


def test_a_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "Cat.JPEG"
    PIL.Image.fromarray(colours()).save(file, quality=50)
    files = Files()
    image = Image(file, caption="cat")
    value = image.to_json(files)
    assert files.read(value["path"]) == file.read_bytes()
    assert value["path"].endswith(".jpeg")
    assert (value["width"], value["height"], value["format"], value["caption"]) == (8, 6, "jpeg", "cat")
    assert Image(str(file)) == Image(file)
    assert Image(file, file_type="jpg") == Image(file), "it is one already"
    assert Image(file, file_type="png").format == "png"
    assert Image(file, mode="L").image.mode == "L"


def test_the_bytes_of_a_picture_are_one() -> None:
    content = Image(colours(), file_type="webp").content
    for given in (content, io.BytesIO(content)):
        image = Image(given)
        assert image.content == content
        assert image.format == "webp"
        assert image.width == 8


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"text")
    with pytest.raises(InvalidInput, match=r"a\.png is no picture"):
        Image(file)
    with pytest.raises(InvalidInput, match="what is given as an image is no picture"):
        Image(b"text")
    whole = Image(colours(64, 64)).content
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match=r"a\.png is no picture"):
        Image(file, mode="L")


def test_a_bomb_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    picture = PIL.Image.new("1", (20_000, 5_000))
    picture.save(file)
    with pytest.raises(InvalidInput, match="20000 x 5000 pixels"):
        Image(file)


def test_an_image_of_an_image_may_say_more() -> None:
    first = Image(colours(), caption="a", grouping=2, boxes={"b": {"box_data": []}})
    assert Image(first) == first
    second = Image(first, caption="b")
    assert second.caption == "b"
    assert second.content == first.content
    assert second.boxes == first.boxes
    assert Image(first, file_type="jpg").format == "jpg"


def test_a_reference_cannot_be_converted() -> None:
    with pytest.raises(InvalidInput, match="kept as a reference"):
        Image("https://example.org/cat.png", mode="L")


def test_an_array_may_change_after_it_was_given() -> None:
    array = colours()
    image, before = Image(array), array.copy()
    array[:] = 0
    assert np.array_equal(decoded(image), before)


# -- the stored form --------------------------------------------------------------------------------------------------


def test_all_of_an_image_comes_back() -> None:
    files = Files()
    image = Image(
        colours(),
        caption="street",
        grouping=3,
        classes=[{"id": 1, "name": "car"}, {"id": 2, "name": "tree"}],
        boxes={"truth": {"box_data": [{"position": {"middle": [4, 3], "width": 2, "height": 1}, "class_id": 1}]}},
        masks={"pred": {"mask_data": np.eye(6, 8, dtype=int)}},
    )
    value = image.to_json(files)
    assert value["_type"] == "image-file"
    assert value["boxes"]["truth"]["_type"] == "boxes2D"
    assert value["masks"]["pred"]["_type"] == "mask"
    back = revive(value, files.read)
    assert isinstance(back, Image)
    assert back == image
    assert back.classes == Classes([{"id": 1, "name": "car"}, {"id": 2, "name": "tree"}])
    assert back.boxes["truth"].class_labels == {1: "car", 2: "tree"}, "labels come from the classes of the image"
    assert back.masks["pred"].mask_data.tolist() == np.eye(6, 8, dtype=int).tolist()
    assert np.array_equal(np.array(back.image), decoded(image))
    assert back.to_json(Files()) == value


@pytest.mark.parametrize("name", ["boxes", "masks"])
@pytest.mark.parametrize("value", [[1], {1: {}}, {"": {}}])
def test_layers_have_names(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{name} of an image are given by name"):
        Image(colours(), **{name: value})


def test_an_image_can_be_saved_and_shown(tmp_path: Path) -> None:
    image = Image(colours(), caption="cat")
    image.save(tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == image.content
    assert repr(image) == "Image(caption='cat', format='png', width=8, height=6)"
    assert image._repr_mimebundle_()["image/png"] == image.content
    assert Image(colours(), file_type="jpg")._repr_mimebundle_().keys() == {"text/plain", "image/jpeg"}
    assert Image("s3://b/c.png")._repr_mimebundle_().keys() == {"text/plain"}


def test_without_pillow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Unsupported, match=r"pip install 'forebear\[media\]'"):
        Image(colours())


def test_the_encoder_is_the_quick_one(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[0:200, 0:300]
    noise = RNG.normal(0, 4, y.shape)
    photo = (120 + 60 * np.sin(x / 30) + 40 * np.cos(y / 20) + noise).clip(0, 255).astype(np.uint8)
    quick = Image(photo)
    monkeypatch.setattr(pixels, "COMPRESS_LEVEL", 6)
    assert len(Image(photo).content) < len(quick.content) < 1.3 * len(Image(photo).content)


def test_bytes_are_not_copied_to_be_normalized() -> None:
    array = colours()
    assert to_bytes(array, normalize=True) is array
