"""Boxes and masks: what they take, what they refuse and where, and that they come back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from forebear.errors import InvalidInput
from forebear.media.boxes import BoundingBoxes2D
from forebear.media.masks import ImageMask
from forebear.media.registry import revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

CORNERS = {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.4}


def box(**fields: Any) -> dict[str, Any]:
    return {"position": CORNERS, "class_id": 0, **fields}


# -- boxes ----------------------------------------------------------------------------------------------------------


def test_boxes_come_back_with_plain_numbers() -> None:
    given = {
        "box_data": [
            box(box_caption="car 98 %", scores={"confidence": np.float32(0.5)}, class_id=np.int64(2)),
            box(position={"middle": np.array([20.0, 30.0]), "width": np.float64(4), "height": 6}, domain="pixel"),
            box(domain="percentage", track=7),
        ],
        "class_labels": {0: "road", "2": "car", np.int64(3): "tree"},
    }
    files = Files()
    boxes = BoundingBoxes2D(given, "truth")
    value = boxes.to_json(files)
    kept = json.loads(files.read(value["path"]))
    assert kept["box_data"] == [
        {"position": CORNERS, "class_id": 2, "box_caption": "car 98 %", "scores": {"confidence": 0.5}},
        {"position": {"middle": [20.0, 30.0], "width": 4.0, "height": 6}, "class_id": 0, "domain": "pixel"},
        {"position": CORNERS, "class_id": 0, "track": 7},
    ]
    assert value["path"].startswith("media/metadata/boxes2D/")
    back = revive(value, files.read)
    assert isinstance(back, BoundingBoxes2D)
    assert back == boxes
    assert back.class_labels == {0: "road", 2: "car", 3: "tree"}
    assert repr(back) == "BoundingBoxes2D(3 boxes)"


def test_a_picture_may_have_no_boxes() -> None:
    assert BoundingBoxes2D({"box_data": []}).box_data == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (7, "box 1 of 'truth' is a mapping"),
        (box(class_id="car"), "class_id of box 1 of 'truth' is a whole number, not 'car'"),
        (box(class_id=True), "class_id of box 1"),
        (box(class_id=1.5), "class_id of box 1"),
        ({"position": CORNERS}, "class_id of box 1 of 'truth' is a whole number, not None"),
        (box(domain="inches"), "domain of box 1 of 'truth' is 'pixel'"),
        (box(position=[0, 0, 1, 1]), "position of box 1 of 'truth' is {'minX'"),
        (box(position={"minX": 0, "maxX": 1}), "position of box 1"),
        (box(position={"middle": [1], "width": 1, "height": 1}), "position of box 1"),
        (box(position={**CORNERS, "minX": float("nan")}), "minX of box 1 of 'truth' is a finite number, not nan"),
        (box(position={**CORNERS, "maxY": "1"}), "maxY of box 1 of 'truth' is a finite number, not '1'"),
        (box(scores=[0.5]), "scores of box 1 of 'truth' map names to numbers"),
        (box(scores={"p": None}), "score 'p' of box 1"),
        (box(scores={"p": float("inf")}), "score 'p' of box 1 of 'truth' is a finite number"),
        (box(extra=object()), "'extra' of box 1 of 'truth' is kept only if"),
    ],
)
def test_a_bad_box_is_named(bad: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        BoundingBoxes2D({"box_data": [box(), bad]}, "truth")


@pytest.mark.parametrize("given", [[box()], {"boxes": []}, None, {"box_data": 5}, {"box_data": "x"}])
def test_what_are_no_boxes(given: Any) -> None:
    with pytest.raises(InvalidInput, match="'truth'"):
        BoundingBoxes2D(given, "truth")


@pytest.mark.parametrize("labels", [["car"], {"car": 0}, {0: 1}, {1.5: "x"}, {True: "x"}])
def test_labels_are_text_by_number(labels: Any) -> None:
    with pytest.raises(InvalidInput, match="class_labels of the boxes 'truth' map numbers to text"):
        BoundingBoxes2D({"box_data": [], "class_labels": labels}, "truth")


# -- masks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "bool"])
def test_a_mask_comes_back(dtype: str) -> None:
    numbers = (np.arange(12).reshape(3, 4) % 2).astype(dtype)
    files = Files()
    mask = ImageMask({"mask_data": numbers, "class_labels": {0: "road", 1: "car"}})
    value = mask.to_json(files)
    with PIL.Image.open(io.BytesIO(files.read(value["path"]))) as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.array(picture), numbers)
    assert value["class_labels"] == {"0": "road", "1": "car"}
    assert value["path"].startswith("media/images/mask/")
    back = revive(value, files.read)
    assert isinstance(back, ImageMask)
    assert back == mask
    assert back.class_labels == {0: "road", 1: "car"}
    assert np.array_equal(back.mask_data, numbers)


def test_many_classes_take_sixteen_bits() -> None:
    numbers = np.array([[0, 255], [256, 65_535]])
    mask = ImageMask({"mask_data": numbers})
    assert mask.mask_data.tolist() == numbers.tolist()
    assert mask.class_labels == {n: f"class_{n}" for n in (0, 255, 256, 65_535)}


def test_a_mask_of_one_channel_or_of_a_tensor() -> None:
    numbers = np.array([[0, 1], [2, 3]])
    for given in (numbers[None], numbers[:, :, None], Tensor(numbers), numbers.tolist()):
        assert ImageMask({"mask_data": given}).mask_data.tolist() == numbers.tolist()


def test_a_mask_in_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mask.png"
    PIL.Image.fromarray(np.array([[0, 7]], dtype=np.uint8)).save(file)
    files = Files()
    mask = ImageMask({"path": file, "class_labels": {7: "car"}})
    assert files.read(mask.to_json(files)["path"]) == file.read_bytes()
    assert mask.mask_data.tolist() == [[0, 7]]
    with pytest.raises(InvalidInput, match="the mask 'pred', but nothing is there"):
        ImageMask({"path": tmp_path / "no.png"}, "pred")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (np.zeros((2, 2, 3)), r"its shape is \(height, width\), not \(2, 2, 3\)"),
        (np.zeros(4), "its shape is"),
        (np.zeros((1, 4, 1, 1)), "its shape is"),
        (np.zeros((0, 2)), "2 x 0 pixels is empty"),
        (np.array([[-1, 0]]), "from -1 to 0"),
        (np.array([[0, 70_000]]), "from 0 to 70000"),
        (np.array([[0.5, 1]]), "whole and from 0 to 65,535; this one is of float64"),
        (np.array([[np.nan, 1]]), "whole and from 0"),
        (np.array([[np.inf, 1]]), "whole and from 0"),
        (np.array([["a"]]), "this one is of <U1"),
    ],
)
def test_what_is_no_mask(numbers: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ImageMask({"mask_data": numbers}, "pred")


@pytest.mark.parametrize("given", [np.zeros((2, 2)), {}, {"mask_data": [[1]], "path": "x"}, None])
def test_a_mask_is_data_or_a_path(given: Any) -> None:
    with pytest.raises(InvalidInput, match="the mask 'pred' is given as"):
        ImageMask(given, "pred")
