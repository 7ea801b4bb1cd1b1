"""Sounds: the samples that come back from the WAV."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.errors import InvalidInput
from forebear.media.audio import Audio
from forebear.media.registry import revive
from tests.media.kept_files import Files
from tests.media.tensors import Tensor

WIDTHS = {1: "uint8", 2: "<i2", 4: "<i4"}


def decoded(audio: Audio) -> tuple[int, np.ndarray[Any, Any]]:
    """Rate and samples (samples, channels) as the standard library reads them."""
    with wave.open(io.BytesIO(audio.content)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=WIDTHS[sound.getsampwidth()])
        return sound.getframerate(), samples.reshape(-1, sound.getnchannels())


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_tone_comes_back(dtype: str) -> None:
    tone = np.sin(np.linspace(0, 100, 4000)).astype(dtype)
    rate, samples = decoded(Audio(tone, sample_rate=8000))
    assert rate == 8000
    assert np.abs(samples[:, 0] / 32767 - tone).max() < 1e-4
    assert decoded(Audio(np.array([-1.0, 1.0]), 8000))[1].ravel().tolist() == [-32767, 32767]


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", ">i2"])
def test_whole_numbers_stay_what_they_are(dtype: str) -> None:
    samples = np.array([0, 1, 127, 100], dtype=dtype)
    audio = Audio(samples, 44_100)
    assert decoded(audio)[1].ravel().tolist() == samples.tolist()
    with wave.open(io.BytesIO(audio.content)) as sound:
        assert sound.getsampwidth() == samples.dtype.itemsize


def test_other_whole_numbers_take_sixteen_bits_where_they_fit() -> None:
    assert decoded(Audio([0, -32_768, 32_767], 8000))[1].ravel().tolist() == [0, -32_768, 32_767]
    assert decoded(Audio(np.array([-128, 0, 127], dtype="int8"), 8000))[1].ravel().tolist() == [0, 128, 255]
    with pytest.raises(InvalidInput, match="not int64"):
        Audio([0, 32_768], 8000)


def test_channels_come_first_or_last() -> None:
    stereo = np.stack([np.arange(100), -np.arange(100)], axis=1).astype("int16")
    for given in (stereo, stereo.T, Tensor(stereo.T)):
        assert np.array_equal(decoded(Audio(given, 8000))[1], stereo)


def test_clipping_and_silence_are_said() -> None:
    with pytest.warns(UserWarning, match="samples up to 3 are clipped"):
        assert decoded(Audio([0.0, 3.0, -2.0], 8000))[1].ravel().tolist() == [0, 32767, -32767]
    with pytest.warns(UserWarning, match="1 of 2 samples are NaN"):
        assert decoded(Audio([np.nan, 1.0], 8000))[1].ravel().tolist() == [0, 32767]
    with pytest.warns(UserWarning, match="up to inf are clipped"):
        assert decoded(Audio([np.inf, 0.0], 8000))[1].ravel().tolist() == [32767, 0]


@pytest.mark.parametrize("shape", [(0,), (100, 100), (2, 3, 4), (), (5, 0)])
def test_shapes_of_no_sound(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="are no sound: that is"):
        Audio(np.zeros(shape), 8000)


@pytest.mark.parametrize("rate", [None, 0, -1, 44_100.5, "44100", 2**31, np.float64("nan")])
def test_samples_need_a_rate(rate: Any) -> None:
    with pytest.raises(InvalidInput, match="sample_rate"):
        Audio(np.zeros(10), rate)


def test_a_rate_may_be_any_whole_number() -> None:
    assert decoded(Audio(np.zeros(10), np.int64(8000)))[0] == 8000
    assert decoded(Audio(np.zeros(10), 8000.0))[0] == 8000  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [3, None, {"a": 1}])
def test_what_is_no_sound(value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"not a {type(value).__name__}"):
        Audio(value, 8000)
    with pytest.raises(InvalidInput, match="not complex128"):
        Audio(np.zeros(3, dtype=complex), 8000)


def test_a_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "tone.wav"
    file.write_bytes(Audio(np.zeros(4000), 8000).content)
    files = Files()
    audio = Audio(str(file), caption="tone")
    value = audio.to_json(files)
    assert value["_type"] == "audio-file"
    assert files.read(value["path"]) == file.read_bytes()
    assert (value["caption"], value["sample_rate"], value["duration"]) == ("tone", 8000, 0.5)
    back = revive(value, files.read)
    assert back == audio
    assert isinstance(back, Audio)
    assert back.duration == 0.5


def test_what_is_in_other_files_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"mp3")
    (tmp_path / "b.wav").write_bytes(b"not really")
    assert Audio(tmp_path / "a.mp3", sample_rate=44_100).to_json(Files())["sample_rate"] == 44_100
    assert Audio(tmp_path / "b.wav").duration is None
    assert Audio(io.BytesIO(b"RIFF")).content == b"RIFF"
    assert Audio("gs://bucket/a.flac").url == "gs://bucket/a.flac"


def test_the_same_sound_gives_the_same_bytes() -> None:
    tone = np.sin(np.linspace(0, 100, 4000))
    assert Audio(tone, 8000) == Audio(tone.copy(), 8000)
    assert Audio(tone, 8000) != Audio(tone, 8001)
