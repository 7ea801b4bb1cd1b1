"""Sounds."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forebear.errors import InvalidInput
from forebear.media.arrays import is_array, to_numpy
from forebear.media.base import content_of, warn
from forebear.media.files import FileMedia, Source, is_path, path_source

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: More channels than this are taken for samples that lie the other way round.
MAX_CHANNELS = 32
#: Samples per second that the head of a WAV file has room for.
MAX_RATE = 2**31 - 1


class Audio(FileMedia):
    """One sound.

    Args:
        data_or_path: Samples of shape (samples,), (samples, channels) or (channels, samples) as an array or list,
            written as WAV; or the path or the bytes of a sound file, kept as it is; or a URL, kept as a reference.
            Floats lie between -1 and 1, become 16 bits, and are clipped with a warning outside; whole numbers of 8, 16
            and 32 bits stay what they are.
        sample_rate: Samples per second; needed for samples, and read from a WAV file.
        caption: Text beside the sound.

    Raises:
        InvalidInput: the samples have another shape or type, or no sample rate is given.
    """

    kind: ClassVar[str] = "audio-file"
    folder: ClassVar[str] = "audio"
    sample_rate: int | None
    duration: float | None

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: object = None) -> None:
        source: Source
        self.sample_rate, self.duration = sample_rate, None
        if is_path(data_or_path):
            source, suffix = path_source(data_or_path, "a sound")
        elif isinstance(data_or_path, (bytes, bytearray, memoryview)) or hasattr(data_or_path, "read"):
            source, suffix = content_of(data_or_path, "a sound"), ".wav"
        elif is_array(data_or_path) or isinstance(data_or_path, (list, tuple)):
            source, suffix = wav_of(to_numpy(data_or_path), sample_rate), ".wav"
        else:
            raise InvalidInput(
                f"a sound is an array of samples, a path or bytes, not a {type(data_or_path).__name__}",
                code="media-type",
            )
        if suffix == ".wav" and not isinstance(source, str) and not callable(source):
            self._read_head(source)
        super().__init__(source, suffix, caption)

    def _read_head(self, source: bytes | Path) -> None:
        """Note rate and duration; a WAV with compressed samples is kept without them."""
        try:
            with wave.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as sound:
                self.sample_rate = sound.getframerate()
                self.duration = sound.getnframes() / sound.getframerate()
        except (wave.Error, EOFError, ZeroDivisionError):
            return

    def _details(self) -> dict[str, Any]:
        details = {"sample_rate": self.sample_rate, "duration": self.duration}
        return {name: detail for name, detail in details.items() if detail is not None}

    def _set_details(self, value: Mapping[str, Any]) -> None:
        self.sample_rate, self.duration = value.get("sample_rate"), value.get("duration")


def wav_of(samples: Array, sample_rate: Any) -> bytes:
    """Return samples as the content of a WAV file.

    Raises:
        InvalidInput: shape, type or rate are none of a sound.
    """
    rate = _rate(sample_rate)
    samples = _frames_first(samples)
    samples, width = _as_pcm(samples)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return buffer.getvalue()


def _rate(rate: Any) -> int:
    if rate is None:
        raise InvalidInput("samples need a sample_rate, such as 44100", code="media-rate")
    whole = hasattr(rate, "__index__") or (isinstance(rate, float) and rate.is_integer())
    if not whole or not 0 < int(rate) <= MAX_RATE:
        raise InvalidInput(f"sample_rate is a whole number of samples per second, not {rate!r}", code="media-rate")
    return int(rate)


def _frames_first(samples: Array) -> Array:
    """Return samples as (samples,) or (samples, channels)."""
    shape = samples.shape
    if 0 not in shape and (samples.ndim == 1 or (samples.ndim == 2 and min(shape) <= MAX_CHANNELS)):
        return samples.T if samples.ndim == 2 and shape[1] > MAX_CHANNELS else samples
    raise InvalidInput(
        f"samples of shape {tuple(shape)} are no sound: that is (samples,), (samples, channels) or (channels, samples) "
        f"with up to {MAX_CHANNELS} channels",
        code="media-shape",
    )


def _as_pcm(samples: Array) -> tuple[Array, int]:
    """Return samples as whole numbers, lowest byte first, and the bytes of each."""
    import numpy as np  # loaded: the samples are of it

    if samples.dtype.kind == "f":
        # Halves have too few digits to be multiplied.
        return np.rint(_within_one(samples.astype(np.float64)) * 32767).astype("<i2"), 2
    if samples.dtype == np.uint8:
        return samples, 1
    if samples.dtype == np.int8:  # eight bits are unsigned in WAV
        return (samples.astype(np.int16) + 128).astype(np.uint8), 1
    if samples.dtype in (np.int16, np.int32):
        return samples.astype(samples.dtype.newbyteorder("<")), samples.dtype.itemsize
    if samples.dtype.kind in "iu" and int(samples.min()) >= -32768 and int(samples.max()) <= 32767:
        return samples.astype("<i2"), 2
    raise InvalidInput(
        f"samples are floats between -1 and 1 or whole numbers of 8, 16 or 32 bits, not {samples.dtype}",
        code="media-type",
    )


def _within_one(samples: Array) -> Array:
    import numpy as np  # loaded: the samples are of it

    missing = int(np.count_nonzero(np.isnan(samples)))
    if missing:
        warn(f"{missing:,} of {samples.size:,} samples are NaN: they are silent")
        samples = np.nan_to_num(samples, nan=0.0, posinf=np.inf, neginf=-np.inf)
    loudest = float(np.abs(samples).max())
    if loudest > 1:
        warn(f"samples up to {loudest:g} are clipped to -1 to 1; divide them by their largest")
    return samples.clip(-1, 1)
