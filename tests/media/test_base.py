"""What all values share: equality by content, their files, and the words that find their class."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.errors import CorruptData, InvalidInput, NotFound, Unsupported
from forebear.media import registry
from forebear.media.arrays import is_array, plain, size_of, to_numpy
from forebear.media.audio import Audio
from forebear.media.base import Media, content_of, existing_file, warn
from forebear.media.html import Html
from forebear.media.image import Image
from forebear.media.registry import KINDS, class_of, is_media, register, revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

# -- equality -------------------------------------------------------------------------------------------------------


def test_values_are_equal_when_all_they_would_keep_is() -> None:
    page = Html("<p>1</p>", caption="a")
    assert page == Html("<p>1</p>", caption="a")
    assert hash(page) == hash(Html("<p>1</p>", caption="a"))
    assert page != Html("<p>1</p>", caption="b")
    assert page != Html("<p>2</p>", caption="a")
    assert page != "<p>1</p>"
    assert {page: 1}[Html("<p>1</p>", caption="a")] == 1


def test_values_of_two_classes_differ_though_their_files_do_not(tmp_path: Path) -> None:
    class Page(Html):
        pass

    assert Html("x") != Page("x")


def test_a_value_that_was_read_back_equals_the_one_that_was_kept(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>1</p>")
    files = Files()
    page = Html(tmp_path / "a.html")
    assert revive(page.to_json(files), files.read) == page


# -- files ----------------------------------------------------------------------------------------------------------


def test_the_same_content_is_kept_under_one_path() -> None:
    files = Files()
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    first, second = Image(pixels).to_json(files), Image(pixels.copy()).to_json(files)
    assert first == second
    assert len(files) == 1


def test_a_file_is_kept_without_being_read_before(tmp_path: Path) -> None:
    file = tmp_path / "a.mp3"
    file.write_bytes(b"sound")
    given: list[object] = []

    def keep(content: bytes | Path, folder: str, suffix: str) -> Any:
        given.append((content, folder, suffix))
        return Files()(content, folder, suffix)

    Audio(file).to_json(keep)
    assert given == [(file, "audio", ".mp3")]


def test_a_file_that_went_away_before_it_was_kept_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.mp3"
    file.write_bytes(b"sound")
    sound = Audio(file)
    file.unlink()
    with pytest.raises(InvalidInput, match=r"a\.mp3' is given as the file of this Audio, but nothing is there"):
        sound.to_json(Files())
    with pytest.raises(InvalidInput, match="nothing is there"):
        _ = sound.content


def test_content_is_read_when_it_is_asked_for_and_once() -> None:
    files = Files()
    value = Html("<p>1</p>").to_json(files)
    reads: list[str] = []

    def read(path: str) -> bytes:
        reads.append(path)
        return files.read(path)

    page = revive(value, read)
    assert isinstance(page, Html)
    assert reads == []
    assert page.content == page.content
    assert reads == [value["path"]]


def test_a_reference_stays_where_it_is() -> None:
    files = Files()
    image = Image("s3://bucket/Cat.PNG?version=1", caption="cat")
    value = image.to_json(files)
    assert value == {"_type": "image-file", "path": "s3://bucket/Cat.PNG?version=1", "caption": "cat", "format": "png"}
    assert not files
    back = revive(value, files.read)
    assert back == image
    assert isinstance(back, Image)
    assert back.url == "s3://bucket/Cat.PNG?version=1"
    with pytest.raises(Unsupported, match="is a reference: its bytes are not kept here"):
        _ = back.content


@pytest.mark.parametrize("cls", [Image, Audio])
def test_missing_files_and_folders_are_named(cls: type[Media], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no\.png' is given as an? \w+, but nothing is there"):
        cls(str(tmp_path / "no.png"))  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="but a folder is there"):
        cls(tmp_path)  # type: ignore[call-arg]


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_what_no_system_takes_for_a_path_is_no_file(path: str) -> None:
    with pytest.raises(InvalidInput, match="an image"):
        existing_file(path, "an image")


def test_content_of_bytes_files_and_paths(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    opened = io.BytesIO(b"abc")
    opened.read()
    assert content_of(opened, "a page") == b"abc", "whoever wrote it stands at its end"
    assert content_of(io.StringIO("abc"), "a page") == b"abc"
    assert content_of(bytearray(b"abc"), "a page") == content_of(tmp_path / "f", "a page") == b"abc"
    with pytest.raises(InvalidInput, match="a page is a path, bytes or an open file, not int"):
        content_of(3, "a page")


def test_captions_become_text() -> None:
    assert Html("x", caption=7).caption == "7"
    assert "caption" not in Html("x").to_json(Files())


# -- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, target in KINDS.items() if target.startswith("forebear.media.")])
def test_every_word_finds_a_class_that_knows_it(kind: str) -> None:
    assert class_of(kind).kind == kind or class_of(kind).__name__ == "MediaList"


def test_layers_above_add_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "KINDS", dict(KINDS))
    register("page", "forebear.media.html:Html")
    register("page", "forebear.media.html:Html")
    assert class_of("page") is Html
    with pytest.raises(InvalidInput, match="'page' is forebear.media.html:Html already"):
        register("page", "elsewhere:Page")


def test_an_unknown_word_is_named() -> None:
    assert not is_media({"_type": "page"})
    assert not is_media({"x": 1})
    assert not is_media([1])
    with pytest.raises(InvalidInput, match="no media of kind 'page'; there are audio, "):
        revive({"_type": "page"}, Files().read)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"custom-chart"}))
def test_a_form_without_its_fields_is_corrupt(kind: str) -> None:
    with pytest.raises(CorruptData, match=kind.partition("-")[0]):
        revive({"_type": kind}, Files().read)


def test_a_file_that_is_gone_is_not_found_rather_than_corrupt() -> None:
    value = {"_type": "boxes2D", "path": "gone.json"}
    with pytest.raises(NotFound, match=r"gone\.json"):
        revive(value, Files().read)


# -- arrays ---------------------------------------------------------------------------------------------------------


def test_arrays_are_known_by_what_they_can_do() -> None:
    assert is_array(np.zeros(3))
    assert is_array(np.float32(1))
    assert is_array(Tensor([1.0]))
    assert not is_array([1])
    assert not is_array("text")
    assert size_of(np.zeros((2, 3))) == 6
    assert size_of(np.float32(1)) == 1


def test_tensors_leave_their_graph() -> None:
    assert to_numpy(Tensor([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]
    assert to_numpy(Tensor([1.5], dtype="bfloat16")).dtype == np.float32
    assert plain(Tensor([1.5])) == [1.5]
    assert plain(np.int64(3)) == 3
    assert type(plain(np.int64(3))) is int
    assert plain("text") == "text"


def test_a_library_without_tolist_is_read_through_numpy() -> None:
    class Eager:
        shape, dtype = (2,), "float32"

        def numpy(self) -> Any:
            return np.array([1.0, 2.0])

    assert is_array(Eager())
    assert to_numpy(Eager()).tolist() == plain(Eager()) == [1.0, 2.0]


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(InvalidInput, match="differ in length"):
        to_numpy([[1, 2], [3]])


# -- warnings and imports -------------------------------------------------------------------------------------------


def test_a_warning_points_at_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("odd")
        Image(np.full((2, 2), 300.0))
    assert [Path(one.filename).name for one in caught] == ["test_base.py"] * 2


def test_numbers_need_no_library() -> None:
    code = (
        "import sys\n"
        "from forebear.media.convert import media_of\n"
        "from forebear.media.histogram import Histogram\n"
        "from forebear.media.html import Html\n"
        "import forebear.media.image, forebear.media.audio, forebear.media.video, forebear.media.lists\n"
        "assert media_of(1.5) is None and media_of([1, 2]) is None and media_of({'a': 1}) is None\n"
        "Histogram([1, 2, 3]).to_json(None), Html('x')\n"
        "print([name for name in ('numpy', 'PIL', 'matplotlib', 'pandas', 'plotly') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
