"""Whatever array comes, a value is made of it or it is refused in words of ours: no other error, nothing lost."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forebear.errors import InvalidInput
from forebear.media.audio import Audio
from forebear.media.convert import media_of
from forebear.media.image import Image
from forebear.media.masks import ImageMask
from forebear.media.object3d import Object3D
from forebear.media.registry import revive
from forebear.media.video import Video
from tests.media.kept_files import Files

TYPES = ["u1", "i1", "u2", "i2", ">i2", "i4", "i8", "u8", "f2", "f4", "f8", "?", "c8", "U3", "S3", "M8[s]", "m8[s]"]
ANY_ARRAY = st.sampled_from(TYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6))
)
MAKERS: list[Any] = [
    Image,
    lambda array: Image(array, normalize=False),
    lambda array: Audio(array, 8000),
    Video,
    Object3D,
    lambda array: ImageMask({"mask_data": array}),
    media_of,
]


@pytest.mark.parametrize("make", MAKERS)
@given(array=ANY_ARRAY)
@settings(max_examples=60)
def test_it_is_kept_or_refused(make: Any, array: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of pixels and samples that are clipped
        try:
            media = make(array)
        except InvalidInput:
            return
    if media is None:
        return
    files = Files()
    assert revive(media.to_json(files), files.read) == media


@given(array=arrays.arrays("u1", arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
@settings(max_examples=60)
def test_every_picture_of_bytes_is_kept_exactly(array: Any) -> None:
    with PIL.Image.open(io.BytesIO(Image(array).content)) as picture:
        assert np.array_equal(np.array(picture), array)
