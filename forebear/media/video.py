"""Videos."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forebear.errors import InvalidInput, StorageFailure, Unsupported
from forebear.media.arrays import is_array, plain, to_numpy
from forebear.media.base import content_of
from forebear.media.files import FileMedia, Source, is_path, path_source
from forebear.media.pixels import FORMATS, check_size, grid, pillow, to_bytes

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: Frames per second where nobody says how many.
FPS = 4
#: Options for ffmpeg by format: widely played codecs, and nothing in the file that differs from one run to the next.
_CODECS = {
    "mp4": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
    "webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "30", "-b:v", "0"],
    "ogg": ["-c:v", "libtheora", "-q:v", "7", "-f", "ogg"],
}
_FORMATS = ("gif", *_CODECS)
#: Seconds for one video; an encoder that hangs must not stop a training for ever.
TIMEOUT = 600


class Video(FileMedia):
    """One video.

    Args:
        data_or_path: Frames as an array or tensor of shape (time, channels, height, width) with 1 or 3 channels, or
            (batch, time, channels, height, width), which becomes one grid; or the path or the bytes of a video, kept as
            it is; or a URL, kept as a reference. Numbers become 0 to 255 as those of an `Image` do.
        caption: Text below the video.
        fps: Frames per second of an array; 4 by default.
        format: ``"gif"`` (default), ``"mp4"``, ``"webm"`` or ``"ogg"``. All but gif are made by ffmpeg.

    Raises:
        InvalidInput: the array has another shape, or there is no such format.
        Unsupported: what makes the format (Pillow, ffmpeg) is not installed.
    """

    kind: ClassVar[str] = "video-file"
    folder: ClassVar[str] = "videos"
    width: int | None = None
    height: int | None = None
    fps: float | None = None

    def __init__(
        self, data_or_path: Any, caption: object = None, fps: float | None = None, format: str | None = None
    ) -> None:
        wanted = format.lower().lstrip(".") if format else "gif"
        if wanted not in _FORMATS:
            raise InvalidInput(f"a video is {', '.join(_FORMATS)}, not {format!r}", code="media-format")
        source: Source
        if is_path(data_or_path):
            source, suffix = path_source(data_or_path, "a video")
        elif isinstance(data_or_path, (bytes, bytearray, memoryview)) or hasattr(data_or_path, "read"):
            source, suffix = content_of(data_or_path, "a video"), f".{wanted}"
        elif is_array(data_or_path) or isinstance(data_or_path, (list, tuple)):
            frames = _frames(to_numpy(data_or_path))
            self.fps = _rate(fps)
            self.height, self.width = frames.shape[1:3]
            source, suffix = _encode(frames, self.fps, wanted), f".{wanted}"
        else:
            raise InvalidInput(
                f"a video is an array of frames, a path or bytes, not a {type(data_or_path).__name__}",
                code="media-type",
            )
        super().__init__(source, suffix, caption)

    @property
    def format(self) -> str:
        """Suffix of the file without its dot, such as ``"mp4"``."""
        return self._suffix.lstrip(".")

    def _details(self) -> dict[str, Any]:
        details = {"format": self.format, "width": self.width, "height": self.height, "fps": self.fps}
        return {name: detail for name, detail in details.items() if detail is not None}

    def _set_details(self, value: Mapping[str, Any]) -> None:
        self.width, self.height, self.fps = value.get("width"), value.get("height"), value.get("fps")


def _rate(fps: Any) -> float:
    rate = plain(fps) if fps is not None else FPS
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
        raise InvalidInput(f"fps is a number of frames per second up to 1000, not {fps!r}", code="media-rate")
    return rate


def _frames(video: Array) -> Array:
    """Return an array of bytes (time, height, width, 3) from one with its channels before the height.

    Raises:
        InvalidInput: it has another shape.
    """
    import numpy as np  # loaded: the video is of it

    shape = video.shape
    if video.ndim not in {4, 5} or 0 in shape or shape[-3] not in {1, 3}:
        hint = "; its channels seem to come last" if video.ndim in {4, 5} and shape[-1] in {1, 3} else ""
        raise InvalidInput(
            f"an array of shape {tuple(shape)} is no video: that is (time, channels, height, width) or "
            f"(batch, time, channels, height, width) with 1 or 3 channels{hint}",
            code="media-shape",
        )
    check_size(shape[-1], shape[-2])
    video = np.moveaxis(to_bytes(video, normalize=True), -3, -1)
    if video.ndim == 5:
        video = np.stack([grid(frame) for frame in video.swapaxes(0, 1)])
    return np.ascontiguousarray(np.broadcast_to(video, (*video.shape[:-1], 3)))


def _encode(frames: Array, fps: float, form: str) -> bytes:
    return _gif(frames, fps) if form == "gif" else _ffmpeg(frames, fps, form)


def _gif(frames: Array, fps: float) -> bytes:
    """Return an endless GIF. Its clock counts hundredths of a second, and equal frames in a row become one."""
    image = pillow()
    first, *others = (image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    first.save(buffer, FORMATS["gif"], save_all=True, append_images=others, duration=max(10, round(1000 / fps)), loop=0)
    return buffer.getvalue()


def _ffmpeg(frames: Array, fps: float, form: str) -> bytes:
    frames = _even(frames)
    height, width = frames.shape[1:3]
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]
    with tempfile.TemporaryDirectory(prefix="forebear-") as folder:
        file = Path(folder) / f"video.{form}"  # a film's index is written last, and that takes a file
        command = [ffmpeg(), "-v", "error", *given, "-an", *_CODECS[form], *exact, "-y", str(file)]
        try:
            done = subprocess.run(command, input=frames.data, capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired as err:
            raise StorageFailure(f"ffmpeg did not end within {TIMEOUT} s", code="ffmpeg-failed") from err
        if done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip()[-500:]
            raise StorageFailure(f"ffmpeg could not make the {form}: {message}", code="ffmpeg-failed")
        return file.read_bytes()


def _even(frames: Array) -> Array:
    """Return frames whose sides are even, as codecs with halved colours need; the last row or column is repeated."""
    import numpy as np  # loaded: the frames are of it

    height, width = frames.shape[1:3]
    if height % 2 == width % 2 == 0:
        return frames
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def ffmpeg() -> str:
    """Return the path of ffmpeg: the one that imageio-ffmpeg brings or finds.

    Raises:
        Unsupported: there is none.
    """
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # 30 ms that runs without films do not need

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as err:
        raise Unsupported(
            "a video other than gif needs ffmpeg: pip install 'forebear[media]'", code="needs-ffmpeg"
        ) from err
