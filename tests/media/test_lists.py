"""Several values under one name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forebear.errors import InvalidInput
from forebear.media.audio import Audio
from forebear.media.histogram import Histogram
from forebear.media.html import Html
from forebear.media.image import Image
from forebear.media.lists import ImageList, MediaList, list_of
from forebear.media.molecule import Molecule
from forebear.media.object3d import Object3D
from forebear.media.registry import revive
from forebear.media.video import Video
from tests.media.kept_files import Files


def picture(value: int, height: int = 2, width: int = 3, **words: Any) -> Image:
    return Image(np.full((height, width), value, dtype=np.uint8), **words)


def test_images_are_one_value_with_a_list_for_each_field() -> None:
    files = Files()
    images = list_of([picture(n, caption=f"image {n}") for n in range(3)])
    value = images.to_json(files)
    assert isinstance(images, ImageList)
    assert value["_type"] == "images/separated"
    assert (value["count"], value["width"], value["height"], value["format"]) == (3, 3, 2, "png")
    assert value["captions"] == ["image 0", "image 1", "image 2"]
    assert [len(files.read(path)) for path in value["filenames"]] == value["sizes"]
    assert len(value["digests"]) == 3
    assert not value.keys() & {"all_boxes", "all_masks", "all_classes", "widths", "heights", "grouping"}
    back = revive(value, files.read)
    assert back == images
    assert isinstance(back, MediaList)
    assert [np.array(image.image)[0, 0] for image in back] == [0, 1, 2]  # type: ignore[attr-defined]


def test_images_that_differ_in_all_come_back() -> None:
    files = Files()
    images = list_of(
        [
            picture(0, 4, 5, caption="first"),
            picture(1, boxes={"b": {"box_data": []}}),
            picture(2, masks={"m": {"mask_data": [[1, 0]]}}, classes=[{"id": 1, "name": "x"}]),
            Image("s3://bucket/cat.png"),
        ]
    )
    value = images.to_json(files)
    assert value["captions"] == ["first", None, None, None]
    assert value["widths"] == [5, 3, 3, None]
    assert value["heights"] == [4, 2, 2, None]
    assert value["all_boxes"][0] is None
    assert value["digests"][3] is None
    back = revive(value, files.read)
    assert back == images
    assert isinstance(back, ImageList)
    assert back[0].width == 5  # type: ignore[attr-defined]
    assert back[1].width == 3  # type: ignore[attr-defined]
    assert back[3].width is None  # type: ignore[attr-defined]
    assert back[2].masks["m"].class_labels == {1: "x"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("items", "word", "field"),
    [
        ([Audio([0.0, 0.5], 8000), Audio([0.5], 8000)], "audio", "audio"),
        ([Html("a"), Html("b")], "html", "html"),
        ([Video(np.zeros((2, 3, 4, 4), dtype=np.uint8))], "videos", "videos"),
        ([Object3D(np.zeros((1, 3)))], "object3D", "objects"),
        ([Molecule(b"ATOM", file_type="pdb")], "molecule", "molecules"),
        ([Histogram([1, 2])], "media", "media"),
        ([Html("a"), picture(1)], "media", "media"),
    ],
)
def test_other_values_keep_their_forms(items: list[Any], word: str, field: str) -> None:
    files = Files()
    value = list_of(items).to_json(files)
    assert value["_type"] == word
    assert value["count"] == len(items)
    assert [one["_type"] for one in value[field]] == [item.kind for item in items]
    back = revive(value, files.read)
    assert isinstance(back, MediaList)
    assert list(back) == items
    assert len(back) == len(items)
    assert back[0] == items[0]


def test_a_list_of_nothing_or_of_others_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not nothing"):
        list_of([])
    with pytest.raises(InvalidInput, match="not int"):
        MediaList([Html("a"), 3])


def test_a_list_says_what_is_in_it() -> None:
    assert repr(list_of([picture(1)])) == "ImageList([Image(format='png', width=3, height=2)])"
