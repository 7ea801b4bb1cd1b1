"""Python values as files of an artifact: what `Artifact.add` writes and `Artifact.get` reads back.

Only forms that need no pickle: text, bytes, JSON, NumPy arrays (``.npy``) and data frames (Parquet). Media values have
files of their own beside them, see `forebear.artifacts.media`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from forebear.artifacts.metadata import normal_metadata
from forebear.errors import CorruptData, InvalidInput

if TYPE_CHECKING:
    from forebear.media.base import Media

_PLAIN = (bytes, bytearray, memoryview, str, dict, int, float, bool, type(None))
#: Packages whose values have a form that loses nothing; a histogram of an array would.
_DATA = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch", "jax", "jaxlib", "tensorflow", "cupy"})


@runtime_checkable
class FileValue(Protocol):
    """A value that knows its own files: suffix of its name, and content."""

    def artifact_file(self) -> tuple[str, bytes]:
        """Return the file name's suffix (with its dot) and the content."""
        ...


def media_value(value: Any) -> Media | None:
    """Return ``value`` as a media value if it is one, or has no other form: pictures, figures, lists of media."""
    if isinstance(value, _PLAIN) or type(value).__module__.partition(".")[0] in _DATA:
        return None
    from forebear.media.convert import media_of  # 2 ms, only for media

    return media_of(value)


def encode_value(value: Any, name: str) -> tuple[str, bytes]:
    """Return path and content for a value to be kept under ``name``.

    Raises:
        InvalidInput: no form without pickle is known for the value.
    """
    if isinstance(value, FileValue):
        suffix, content = value.artifact_file()
        return _with_suffix(name, suffix), content
    if isinstance(value, (bytes, bytearray, memoryview)):
        return name, bytes(value)
    if isinstance(value, str):
        return name, value.encode()
    if isinstance(value, (dict, list, tuple, int, float, bool)) or value is None:
        plain = normal_metadata({"value": value})["value"]
        return _with_suffix(name, ".json"), msgspec.json.encode(plain)
    module = type(value).__module__.partition(".")[0]
    if module == "numpy":
        return _with_suffix(name, ".npy"), _npy(value)
    if module in {"pandas", "polars", "pyarrow"}:
        return _with_suffix(name, ".parquet"), _parquet(value, module)
    raise InvalidInput(
        f"cannot add a {type(value).__name__}: write it to a file and add that, "
        "or pass text, bytes, JSON values, a NumPy array or a data frame",
        code="unknown-value",
    )


def decode_value(path: str, content: bytes) -> Any:
    """Return the value of a file that `encode_value` wrote; content of other files stays bytes.

    Raises:
        CorruptData: the file has the suffix of such a value, and is none.
    """
    reader = _READERS.get(path[path.rfind(".") :] if "." in path else "")
    if reader is None:
        return content
    try:
        return reader(content)
    except Exception as err:  # readers of arrays and frames raise what they like
        raise CorruptData(
            f"the file {path!r} is not what its name says ({type(err).__name__}: {err}); read() gives its bytes",
            code="value-form",
        ) from err


#: Suffixes that `Artifact.get` tries after the name itself.
SUFFIXES = (".json", ".npy", ".parquet")


def _with_suffix(name: str, suffix: str) -> str:
    return name if name.endswith(suffix) else name + suffix


def _npy(value: Any) -> bytes:
    import numpy as np  # loaded already: the caller made the array with it

    buffer = io.BytesIO()
    try:
        np.save(buffer, value, allow_pickle=False)
    except ValueError as err:
        raise InvalidInput(f"cannot add an array of {value.dtype}: it would need pickle", code="unknown-value") from err
    return buffer.getvalue()


def _parquet(value: Any, module: str) -> bytes:
    buffer = io.BytesIO()
    if module == "polars":
        value.write_parquet(buffer)
    elif module == "pandas":
        value.to_parquet(buffer)
    else:
        from pyarrow import parquet  # loaded already: the caller made the table with it

        parquet.write_table(value, buffer)
    return buffer.getvalue()


def _read_npy(content: bytes) -> Any:
    import numpy as np  # 100 ms, only for people who read arrays

    # Not np.load, which would also open archives. A forged shape must not take memory that the file does not fill.
    buffer = io.BytesIO(content)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    read = read_header.get(np.lib.format.read_magic(buffer))
    if read is not None:
        shape, _, dtype = read(buffer)
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize != len(content) - buffer.tell():
            raise ValueError(f"it has not the bytes of an array of shape {shape}")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)


def _read_parquet(content: bytes) -> Any:
    import pandas as pd  # 400 ms, only for people who read frames

    return pd.read_parquet(io.BytesIO(content))


_READERS: dict[str, Callable[[bytes], Any]] = {
    ".json": msgspec.json.decode,
    ".npy": _read_npy,
    ".parquet": _read_parquet,
}
