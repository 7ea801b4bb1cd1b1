"""Media values in artifacts: their files go in with them, and come back from the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import forebear
from forebear.errors import Conflict
from forebear.media.audio import Audio
from forebear.media.classes import Classes
from forebear.media.histogram import Histogram
from forebear.media.html import Html
from forebear.media.image import Image
from forebear.media.joined_table import JoinedTable
from forebear.media.lists import ImageList, MediaList, list_of
from forebear.media.object3d import Object3D
from forebear.media.plotly import Plotly
from forebear.media.table import Table


def picture(value: int = 1, **words: Any) -> Image:
    return Image(np.full((2, 3), value, dtype=np.uint8), **words)


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> forebear.Artifact:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOREBEAR_STORE", str(tmp_path / "store"))
    return forebear.Artifact("values", "dataset")


def logged(artifact: forebear.Artifact) -> forebear.Artifact:
    """The version as another process finds it."""
    with forebear.init(project="p", id="one") as run:
        run.log_artifact(artifact).wait()
    with forebear.init(project="p", id="two") as run:
        return run.use_artifact("values:latest")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (picture(caption="cat", boxes={"b": {"box_data": []}}), "v.image-file.json"),
        (picture(masks={"m": {"mask_data": [[0, 1]]}}), "v.image-file.json"),
        (list_of([picture(1), picture(2)]), "v.images-separated.json"),
        (list_of([Html("a"), Html("b")]), "v.html.json"),
        (Html("<p>a</p>"), "v.html-file.json"),
        (Histogram([1, 2, 3]), "v.histogram.json"),
        (Audio([0.0, 0.5], 8000), "v.audio-file.json"),
        (Object3D(np.zeros((2, 3))), "v.object3D-file.json"),
        (Plotly({"data": []}), "v.plotly-file.json"),
        (Classes([{"id": 0, "name": "a"}]), "v.classes.json"),
        (Table(columns=["i", "p"], data=[[1, picture(1)], [2, picture(2)]]), "v.table.json"),
        (JoinedTable(Table(columns=["i"], data=[[1]]), Table(columns=["i"], data=[[1]]), "i"), "v.joined-table.json"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_value_comes_back_from_the_store(artifact: forebear.Artifact, value: Any, path: str) -> None:
    assert artifact.add(value, "v").path == path
    version = logged(artifact)
    assert version.get("v") == value
    assert version.get(path) == value
    others = [file.path for file in version.files() if file.path != path]
    assert all(other.startswith("media/") for other in others)


def test_a_picture_of_two_values_is_one_file(artifact: forebear.Artifact) -> None:
    artifact.add(picture(1, caption="a"), "first")
    artifact.add(picture(1, caption="b"), "second")
    artifact.add(Table(columns=["p"], data=[[picture(1)], [picture(1)]]), "table")
    version = logged(artifact)
    assert len([file for file in version.files() if file.path.startswith("media/images/")]) == 1
    assert version.get("second").caption == "b"


def test_pictures_and_lists_need_no_wrapping(artifact: forebear.Artifact) -> None:
    artifact.add(PIL.Image.new("RGB", (3, 2)), "picture")
    artifact.add([picture(1), picture(2)], "pictures")
    artifact.add((Html("a"), Html("b")), "pages")
    version = logged(artifact)
    assert isinstance(version.get("picture"), Image)
    assert isinstance(version.get("pictures"), ImageList)
    assert isinstance(version.get("pages"), MediaList)


def test_a_file_of_an_image_is_taken_in_as_it_is(artifact: forebear.Artifact, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(picture(5).content)
    artifact.add(Image(file), "cat")
    file.unlink()
    version = logged(artifact)
    assert np.array(version.get("cat").image).tolist() == [[5, 5, 5]] * 2
    folder = Path(version.download())
    form = json.loads((folder / "cat.image-file.json").read_text())
    assert (folder / form["path"]).read_bytes() == picture(5).content


def test_another_value_of_that_name_is_refused_and_leaves_nothing(artifact: forebear.Artifact) -> None:
    artifact.add(picture(1), "v")
    artifact.add(picture(1), "v")
    before = [file.path for file in artifact.files()]
    with pytest.raises(Conflict, match=r"different 'v\.image-file\.json'"):
        artifact.add(picture(2), "v")
    assert [file.path for file in artifact.files()] == before
    artifact.add(picture(2), "v", overwrite=True)
    assert np.array(logged(artifact).get("v").image)[0, 0] == 2


def test_json_of_ones_own_stays_json(artifact: forebear.Artifact) -> None:
    own = {"_type": "image-file", "path": "x.png"}
    artifact.add(own, "own")
    artifact.add({"a": 1}, "v.image-file")
    version = logged(artifact)
    assert version.get("own") == own
    assert version.get("v.image-file") == {"a": 1}
    assert version.get("nothing") is None


def test_a_suffix_is_given_once(artifact: forebear.Artifact) -> None:
    assert artifact.add(Html("a"), "v.html-file.json").path == "v.html-file.json"
    assert artifact.add(Html("a"), "folder/v").path == "folder/v.html-file.json"
    assert logged(artifact).get("folder/v") == Html("a")
