"""Videos: the frames that players read from them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from forebear.errors import InvalidInput, StorageFailure, Unsupported
from forebear.media import video as video_module
from forebear.media.registry import revive
from forebear.media.video import Video, ffmpeg
from tests.media.kept_files import Files
from tests.media.tensors import Tensor


def plain_frames(count: int = 5, height: int = 32, width: int = 48) -> np.ndarray[Any, Any]:
    """Frames of one colour each (time, channels, height, width), which every codec keeps nearly as they are."""
    frames = np.zeros((count, 3, height, width), dtype=np.uint8)
    frames[:, 0] = np.linspace(0, 250, count).astype(np.uint8)[:, None, None]
    frames[:, 2] = 128
    return frames


def decoded(content: bytes, suffix: str, tmp_path: Path, width: int, height: int) -> np.ndarray[Any, Any]:
    """All frames as ffmpeg reads them, (time, height, width, channels)."""
    file = tmp_path / f"v.{suffix}"
    file.write_bytes(content)
    command = [
        ffmpeg(),
        "-v",
        "error",
        "-i",
        str(file),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-fps_mode",
        "passthrough",
    ]
    raw = subprocess.run([*command, "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, dtype=np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize("form", ["gif", "mp4", "webm", "ogg"])
def test_frames_come_back(form: str, tmp_path: Path) -> None:
    frames = plain_frames()
    video = Video(frames, caption="c", fps=5, format=form)
    found = decoded(video.content, form, tmp_path, 48, 32)
    assert len(found) == 5
    assert np.abs(found.astype(int) - frames.transpose(0, 2, 3, 1)).max() <= 14
    assert Video(frames, caption="c", fps=5, format=form) == video, "the same frames give the same bytes"
    files = Files()
    value = video.to_json(files)
    expected = {"_type": "video-file", "format": form, "width": 48, "height": 32, "fps": 5, "caption": "c"}
    assert expected.items() <= value.items()
    assert value["path"].endswith(f".{form}")
    assert revive(value, files.read) == video


def test_sides_that_codecs_do_not_take_are_filled_up(tmp_path: Path) -> None:
    found = decoded(Video(plain_frames(2, 31, 47), format="mp4").content, "mp4", tmp_path, 48, 32)
    assert len(found) == 2
    assert np.abs(found[1].astype(int) - [250, 0, 128]).max() <= 14, "by what stands beside it"


def test_a_gif_is_endless_and_keeps_its_time() -> None:
    with PIL.Image.open(io.BytesIO(Video(plain_frames(), fps=10).content)) as picture:
        assert picture.n_frames == 5  # type: ignore[attr-defined]
        assert picture.info["duration"] == 100
        assert picture.info["loop"] == 0


def test_numbers_become_bytes_as_those_of_images_do() -> None:
    floats = plain_frames() / 255
    assert Video(floats).content == Video(plain_frames()).content
    assert Video(Tensor(floats)).content == Video(plain_frames()).content
    with pytest.warns(UserWarning, match="not finite"):
        Video(np.full((2, 3, 4, 4), np.nan))


def test_one_channel_is_grey() -> None:
    frames = plain_frames()[:, :1]
    assert Video(frames).content == Video(np.repeat(frames, 3, axis=1)).content


def test_a_batch_becomes_a_grid() -> None:
    batch = np.stack([plain_frames()] * 3)
    video = Video(batch)
    assert (video.width, video.height) == (3 * 48 + 2 * 2, 32)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 32, 48, 3), "is no video.*its channels seem to come last"),
        ((5, 4, 32, 48), "is no video"),
        ((32, 48, 3), "is no video"),
        ((0, 3, 32, 48), "is no video"),
        ((2, 3, 0, 4), "is no video"),
    ],
)
def test_shapes_of_no_video(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Video(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("fps", [0, -1, "5", float("nan"), 5000, True])
def test_rates_of_no_video(fps: Any) -> None:
    with pytest.raises(InvalidInput, match="fps is a number of frames per second"):
        Video(plain_frames(), fps=fps)


def test_formats_are_named() -> None:
    with pytest.raises(InvalidInput, match="a video is gif, mp4, webm, ogg, not 'avi'"):
        Video(plain_frames(), format="avi")
    with pytest.raises(InvalidInput, match="not a int"):
        Video(3)


def test_a_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "a.MP4"
    file.write_bytes(b"film")
    files = Files()
    value = Video(file).to_json(files)
    assert files.read(value["path"]) == b"film"
    assert value["format"] == "mp4"
    assert Video(io.BytesIO(b"film"), format="webm").format == "webm"
    assert Video("https://example.org/a.mp4").url == "https://example.org/a.mp4"


def test_an_encoder_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(video_module._CODECS, "mp4", ["-c:v", "no-such-codec"])
    with pytest.raises(StorageFailure, match="ffmpeg could not make the mp4: .*no-such-codec"):
        Video(plain_frames(), format="mp4")


def test_an_encoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(video_module, "ffmpeg", lambda: str(hanging))
    monkeypatch.setattr(video_module, "TIMEOUT", 0.3)
    with pytest.raises(StorageFailure, match="did not end within"):
        Video(plain_frames(), format="mp4")


def test_without_ffmpeg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(Unsupported, match=r"pip install 'forebear\[media\]'"):
        Video(plain_frames(), format="mp4")
    assert Video(plain_frames()).format == "gif", "which Pillow makes"
