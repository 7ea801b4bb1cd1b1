"""Python values become files without pickle, and come back."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forebear.artifacts.values import decode_value, encode_value
from forebear.errors import CorruptData, InvalidInput


@pytest.mark.parametrize(
    ("value", "path", "content"),
    [
        ("text ä", "n", "text ä".encode()),
        (b"\x00\xff", "n", b"\x00\xff"),
        (bytearray(b"ab"), "n", b"ab"),
        (memoryview(b"ab"), "n", b"ab"),
        ({"a": 1}, "n.json", b'{"a":1}'),
        ([1, "x", None, True], "n.json", b'[1,"x",null,true]'),
        ((1, 2), "n.json", b"[1,2]"),
        (1.5, "n.json", b"1.5"),
        (float("nan"), "n.json", b"null"),
        (None, "n.json", b"null"),
    ],
)
def test_plain_values(value: object, path: str, content: bytes) -> None:
    assert encode_value(value, "n") == (path, content)


def test_a_suffix_is_given_once() -> None:
    assert encode_value({}, "n.json")[0] == "n.json"
    assert encode_value({}, "n.txt")[0] == "n.txt.json"


def test_arrays_come_back() -> None:
    array = np.arange(6, dtype="float32").reshape(2, 3)
    path, content = encode_value(array, "weights")
    assert path == "weights.npy"
    found = decode_value(path, content)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_an_array_of_objects_would_need_pickle_and_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an array of object: it would need pickle"):
        encode_value(np.array([object()], dtype=object), "n")
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(CorruptData, match="allow_pickle"):
        decode_value("n.npy", buffer.getvalue())


def test_frames_and_tables_come_back() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for value in (frame, pa.Table.from_pandas(frame)):
        path, content = encode_value(value, "frame")
        assert path == "frame.parquet"
        assert decode_value(path, content).equals(frame)


def test_a_value_may_know_its_own_file() -> None:
    class Drawing:
        def artifact_file(self) -> tuple[str, bytes]:
            return ".svg", b"<svg/>"

    assert encode_value(Drawing(), "plot") == ("plot.svg", b"<svg/>")


@pytest.mark.parametrize("value", [object(), float("inf"), {1: 2}, [object()], lambda: 0])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        encode_value(value, "n")


def test_other_files_stay_bytes() -> None:
    assert decode_value("a.txt", b"x") == b"x"
    assert decode_value("json", b"x") == b"x"
    assert decode_value("a.json", json.dumps({"x": [1]}).encode()) == {"x": [1]}
